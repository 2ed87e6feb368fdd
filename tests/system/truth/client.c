/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - load for server.c: so many connections, each on a fixed schedule.
 *
 *	client PORT CONNECTIONS RATE COUNT HOW STYLE[,STYLE...] DELAYS
 *
 *   RATE    requests a second, all connections together
 *   COUNT   requests of each connection
 *   HOW     keep      one request after another on a kept connection
 *	     close     a connection for each request
 *	     pipeline  three requests in one send
 *	     split     each request in two sends, 2 ms apart
 *	     slow      the answer is taken at 64 KiB each 2 ms
 *	     wait      keep, but connects first and begins when a line comes
 *		       on its standard input
 *   DELAYS  spread  200 us to 2 ms, one in fifty 20 ms
 *	     long    20 to 40 ms; or so many us
 *
 * Requests of one connection are never late on purpose: those behind
 * schedule follow at once.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, STYLES_MAX = 8, PIPELINED = 3 };

struct plan {
	unsigned int port;
	unsigned int n_connections;
	unsigned int rate;
	unsigned int count;
	const char *how;
	const char *styles[STYLES_MAX];
	unsigned int n_styles;
	const char *delays;
	pthread_barrier_t start;
};

struct worker {
	struct plan *plan;
	unsigned int number;
	unsigned int seed;
	int fd;
	unsigned int n_bad;
};

static int connect_to(unsigned int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static void pause_us(uint64_t us)
{
	struct timespec ts = { .tv_sec = (time_t)(us / 1000000),
			       .tv_nsec = (long)(us % 1000000) * 1000 };

	while (nanosleep(&ts, &ts) < 0)
		;
}

static unsigned int delay_us(struct worker *w)
{
	unsigned int at = (unsigned int)rand_r(&w->seed);

	if (strcmp(w->plan->delays, "long") == 0)
		return 20000 + at % 20000;
	if (strcmp(w->plan->delays, "spread") != 0)
		return (unsigned int)strtoul(w->plan->delays, NULL, 10);
	return at % 50 == 0 ? 20000 : 200 + at / 50 % 1800;
}

static bool is_how(const struct worker *w, const char *how)
{
	return strcmp(w->plan->how, how) == 0;
}

/* Read, byte for byte, until text ends with end; false if it never does. */
static bool read_until(struct worker *w, char *text, size_t size,
		       const char *end)
{
	size_t len = 0;

	do {
		if (len == size - 1 || read(w->fd, text + len, 1) != 1)
			return false;
		text[++len] = '\0';
	} while (!strstr(text, end));
	return true;
}

/* Take one answer up to its end.  False if there is none. */
static bool take_answer(struct worker *w)
{
	char head[512];
	char bytes[65536];
	size_t left;
	const char *length;

	if (!read_until(w, head, sizeof(head), "\r\n\r\n"))
		return false;
	length = strstr(head, "Content-Length: ");
	if (!length)
		return read_until(w, head, sizeof(head), "\r\n0\r\n\r\n");
	left = strtoul(length + strlen("Content-Length: "), NULL, 10);
	while (left > 0) {
		ssize_t n = read(w->fd, bytes,
				 left < sizeof(bytes) ? left : sizeof(bytes));

		if (n <= 0)
			return false;
		left -= (size_t)n;
		if (is_how(w, "slow"))
			pause_us(2000);
	}
	return true;
}

/* One request, or the requests of one send.  False if the server closed. */
static bool exchange(struct worker *w, unsigned int seq)
{
	unsigned int n = is_how(w, "pipeline") ? PIPELINED : 1;
	char out[1024];
	size_t len = 0;
	size_t first;

	for (unsigned int i = 0; i < n; i++) {
		unsigned int id = w->number * 1000000 + seq * n + i;

		len += (size_t)snprintf(
			out + len, sizeof(out) - len,
			"GET /%u/%u/%s HTTP/1.1\r\nHost: truth\r\n\r\n", id,
			delay_us(w),
			w->plan->styles[(seq + i) % w->plan->n_styles]);
	}
	first = is_how(w, "split") ? len / 3 : len;
	if (send(w->fd, out, first, MSG_NOSIGNAL) != (ssize_t)first)
		return false;
	if (first < len) {
		pause_us(2000);
		if (send(w->fd, out + first, len - first, MSG_NOSIGNAL) < 0)
			return false;
	}
	while (n-- > 0) {
		if (!take_answer(w))
			return false;
	}
	return true;
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct plan *plan = w->plan;
	uint64_t step_us = (uint64_t)plan->n_connections * 1000000 / plan->rate;
	uint64_t from_us;

	pthread_barrier_wait(&plan->start);
	from_us = now_us();
	for (unsigned int seq = 0; seq < plan->count; seq++) {
		uint64_t due_us = from_us + seq * step_us;
		uint64_t at_us = now_us();

		if (due_us > at_us)
			pause_us(due_us - at_us);
		if (w->fd < 0)
			w->fd = connect_to(plan->port);
		if (w->fd < 0 || !exchange(w, seq)) {
			w->n_bad++;
			close(w->fd);
			w->fd = -1;
		} else if (is_how(w, "close")) {
			close(w->fd);
			w->fd = -1;
		}
	}
	close(w->fd);
	return NULL;
}

static void read_plan(struct plan *plan, char **argv)
{
	char *save = NULL;

	plan->port = (unsigned int)strtoul(argv[1], NULL, 10);
	plan->n_connections = (unsigned int)strtoul(argv[2], NULL, 10);
	plan->rate = (unsigned int)strtoul(argv[3], NULL, 10);
	plan->count = (unsigned int)strtoul(argv[4], NULL, 10);
	plan->how = argv[5];
	for (char *s = strtok_r(argv[6], ",", &save);
	     s && plan->n_styles < STYLES_MAX; s = strtok_r(NULL, ",", &save))
		plan->styles[plan->n_styles++] = s;
	plan->delays = argv[7];
}

int main(int argc, char **argv)
{
	static struct worker workers[CONNECTIONS_MAX];
	static pthread_t threads[CONNECTIONS_MAX];
	struct plan plan = { .n_styles = 0 };
	unsigned int n_bad = 0;
	char line[8];

	if (argc != 8) {
		fprintf(stderr, "usage: client PORT CONNECTIONS RATE COUNT "
				"HOW STYLES DELAYS\n");
		return 2;
	}
	read_plan(&plan, argv);
	if (plan.n_connections == 0 || plan.n_connections > CONNECTIONS_MAX ||
	    plan.rate == 0 || plan.n_styles == 0)
		return 2;
	pthread_barrier_init(&plan.start, NULL, plan.n_connections);
	for (unsigned int i = 0; i < plan.n_connections; i++) {
		workers[i] = (struct worker){
			.plan = &plan, .number = i, .seed = i + 1, .fd = -1
		};
		if (strcmp(plan.how, "wait") == 0)
			workers[i].fd = connect_to(plan.port);
	}
	if (strcmp(plan.how, "wait") == 0) {
		printf("connected\n");
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			return 1;
	}
	for (unsigned int i = 0; i < plan.n_connections; i++) {
		if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0)
			return 1;
	}
	for (unsigned int i = 0; i < plan.n_connections; i++) {
		pthread_join(threads[i], NULL);
		n_bad += workers[i].n_bad;
	}
	printf("%u without an answer\n", n_bad);
	return 0;
}
