/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate: how long GET /v1/verdict takes at 200 requests/s while a fleet of 100
 * instances sends its batches, and what the gate holds in memory then.
 *
 * The gate is the program itself, as a child.  Requests are sent when their
 * time has come, whether the one before was answered or not, and a latency
 * counts from that time: a gate that stops for a while cannot hide it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/batch.h"
#include "common/clock.h"
#include "common/limits.h"
#include "tests/bench/bench.h"
#include "tests/story.h"

enum {
	N_BASELINE = 90,
	N_CANARY = 10,
	N_ASKING = 8, /* threads, a connection each */
	N_HEALTH = 2, /* that ask /healthz instead, as often each */
	PERIOD_NS = 40 * 1000 * 1000, /* between requests of one thread */
	N_IDLE = 200,		      /* connections beside */
	SECONDS = 10,
	QUICK_SECONDS = 3,
	MAX_REQUESTS = SECONDS * 25,
	REPLY_BYTES = 64 * 1024,
};

static const char verdict[] = "GET /v1/verdict?service=orders&baseline=v1"
			      "&canary=v2 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
static const char health[] = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
			     "\r\n";

/* --- HTTP, as little as does --- */

static int dial(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static bool send_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* Read one reply whole.  Was it 200? */
static bool take_reply(int fd)
{
	static __thread char reply[REPLY_BYTES];
	size_t have = 0;

	while (have < sizeof(reply) - 1) {
		ssize_t n = read(fd, reply + have, sizeof(reply) - 1 - have);
		const char *body, *length;

		if (n <= 0)
			return false;
		have += (size_t)n;
		reply[have] = '\0';
		body = strstr(reply, "\r\n\r\n");
		length = strstr(reply, "Content-Length: ");
		if (body && length &&
		    have >= (size_t)(body + 4 - reply) +
				    strtoul(length + 16, NULL, 10))
			return strncmp(reply, "HTTP/1.1 200", 12) == 0;
	}
	return false;
}

/* --- the fleet --- */

struct fleet {
	uint16_t port;
	struct story story;
	uint32_t n_batches;
	uint64_t n_stored;
	bool failed;
};

static bool post(int fd, const struct fleet *f, bool canary, uint32_t instance,
		 uint32_t window)
{
	struct arena *arena = NULL;
	struct batch *b;
	void *bytes = NULL;
	size_t len = 0;
	char head[160];
	bool ok = false;

	if (arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL) < 0)
		return false;
	b = story_batch(&f->story, canary, instance, window, arena);
	if (b && batch_encode(b, &bytes, &len, NULL) == 0) {
		int n = snprintf(head, sizeof(head),
				 "POST /v1/batches HTTP/1.1\r\nHost: "
				 "127.0.0.1\r\nContent-Length: %zu\r\n\r\n",
				 len);

		ok = send_all(fd, head, (size_t)n) &&
		     send_all(fd, bytes, len) && take_reply(fd);
	}
	free(bytes);
	arena_free(arena);
	return ok;
}

static void sleep_until(uint64_t at_ns)
{
	struct timespec ts = { .tv_sec = (time_t)(at_ns / 1000000000),
			       .tv_nsec = (long)(at_ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) ==
	       EINTR)
		;
}

/* Each window's batches spread over the one that follows it. */
static void *fleet_main(void *ctx)
{
	const uint32_t n = N_BASELINE + N_CANARY;
	const uint64_t step_ns = STORY_WINDOW_MS * UINT64_C(1000000) / n;
	struct fleet *f = ctx;
	int fd = dial(f->port);
	uint64_t at_ns = bench_now_ns();

	for (uint32_t i = 0; fd >= 0 && !f->failed && i < f->n_batches; i++) {
		uint32_t who = i % n;
		bool canary = who >= N_BASELINE;

		sleep_until(at_ns);
		at_ns += step_ns;
		f->failed = !post(fd, f, canary,
				  canary ? who - N_BASELINE : who, i / n);
		f->n_stored += !f->failed;
	}
	f->failed |= fd < 0;
	close(fd);
	return NULL;
}

/* --- those who ask --- */

struct asker {
	uint16_t port;
	const char *request;
	uint64_t begin_ns;
	uint32_t n;
	double took_ms[MAX_REQUESTS];
	bool failed;
};

static void *asker_main(void *ctx)
{
	struct asker *a = ctx;
	int fd = dial(a->port);

	for (uint32_t i = 0; fd >= 0 && !a->failed && i < a->n; i++) {
		uint64_t due_ns = a->begin_ns + (uint64_t)i * PERIOD_NS;

		sleep_until(due_ns);
		a->failed = !send_all(fd, a->request, strlen(a->request)) ||
			    !take_reply(fd);
		a->took_ms[i] = (double)(bench_now_ns() - due_ns) / 1e6;
	}
	a->failed |= fd < 0;
	close(fd);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The P99 over the requests of some askers; NAN if one of them failed. */
static double p99_ms(const struct asker *askers, size_t n)
{
	static double all[N_ASKING * MAX_REQUESTS];
	size_t n_all = 0;

	for (size_t i = 0; i < n; i++) {
		if (askers[i].failed)
			return NAN;
		memcpy(&all[n_all], askers[i].took_ms,
		       askers[i].n * sizeof(all[0]));
		n_all += askers[i].n;
	}
	qsort(all, n_all, sizeof(all[0]), by_value);
	return all[n_all - 1 - n_all / 100];
}

/* --- the gate --- */

struct child {
	pid_t pid;
	uint16_t port;
	FILE *out;
};

/* Begin the gate beside us: BUILD/tests/bench/gate_bench, BUILD/tailgated. */
static int child_start(const char *self, const char *store, struct child *c)
{
	char program[512], line[256] = "";
	const char *port;
	int fds[2];

	(void)snprintf(program, sizeof(program), "%.*s/../../tailgated",
		       (int)(strrchr(self, '/') - self), self);
	if (pipe(fds) < 0)
		return -1;
	c->pid = fork();
	if (c->pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl(program, program, "--store", store, "--listen",
		      "127.0.0.1:0", "--log-level", "warn", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	c->out = fdopen(fds[0], "r");
	if (c->pid < 0 || !c->out || !fgets(line, sizeof(line), c->out))
		return -1;
	port = strrchr(line, ':');
	c->port = port ? (uint16_t)strtoul(port + 1, NULL, 10) : 0;
	return c->port != 0 ? 0 : -1;
}

static void child_stop(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGTERM);
		waitpid(c->pid, NULL, 0);
	}
	if (c->out)
		fclose(c->out);
}

static double rss_mib(pid_t pid)
{
	char path[64], line[256];
	double kib = NAN;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kib = strtod(line + 6, NULL);
	if (f)
		fclose(f);
	return kib / 1024;
}

/* --- all of it --- */

static void report(const struct asker *askers, const struct fleet *f,
		   double seconds, double rss)
{
	double p99 = p99_ms(askers, N_ASKING);
	double peer = p99_ms(&askers[N_ASKING], N_HEALTH);
	double room = 150 + (N_IDLE + N_ASKING + N_HEALTH + 1) * 64 / 1024.0;
	char budget[32];

	if (isnan(p99) || isnan(peer) || f->failed) {
		fprintf(stderr, "gate_bench: a request was not answered 200\n");
		return;
	}
	bench_row("verdict P99 under ingest", p99, "ms", "/healthz, same time",
		  p99 / peer, "<= 5 ms", p99 <= 5);
	bench_row("gate: batches taken meanwhile",
		  (double)f->n_stored / seconds, "/s", "-", NAN, "-", true);
	(void)snprintf(budget, sizeof(budget), "<= %.0f MiB", room);
	bench_row("gate: RSS, 211 connections", rss, "MiB", "-", NAN, budget,
		  rss <= room);
}

static void run(const struct child *c, uint32_t seconds)
{
	static struct asker askers[N_ASKING + N_HEALTH];
	pthread_t threads[N_ASKING + N_HEALTH + 1];
	int64_t now = clock_realtime_ms();
	struct fleet f = { .port = c->port,
			   .n_batches = seconds * (N_BASELINE + N_CANARY) *
					1000 / STORY_WINDOW_MS,
			   .story = { .n_requests = 60 } };
	int idle[N_IDLE];
	size_t n = N_ASKING + N_HEALTH;
	double rss;

	/* the first window ended just now */
	f.story.begin_ms = now - now % STORY_WINDOW_MS - STORY_WINDOW_MS;
	for (int i = 0; i < N_IDLE; i++)
		idle[i] = dial(c->port);
	pthread_create(&threads[n], NULL, fleet_main, &f);
	for (size_t i = 0; i < n; i++) {
		askers[i] = (struct asker){
			.port = c->port,
			.request = i < N_ASKING ? verdict : health,
			.begin_ns = bench_now_ns() + i * PERIOD_NS / n,
			.n = seconds * 25,
		};
		pthread_create(&threads[i], NULL, asker_main, &askers[i]);
	}
	for (size_t i = 0; i <= n; i++)
		pthread_join(threads[i], NULL);
	rss = rss_mib(c->pid);
	for (int i = 0; i < N_IDLE; i++)
		close(idle[i]);
	report(askers, &f, seconds, rss);
}

int main(int argc, char **argv)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char dir[] = "/tmp/gate_bench.XXXXXX";
	char store[64], path[80];
	struct child c = { .pid = -1 };
	int rc;

	if (!mkdtemp(dir) || !strrchr(argv[0], '/'))
		return 1;
	(void)snprintf(store, sizeof(store), "%s/gate.db", dir);
	rc = child_start(argv[0], store, &c);
	if (rc == 0)
		run(&c, bench_quick(argc, argv) ? QUICK_SECONDS : SECONDS);
	child_stop(&c);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", store, ends[i]);
		(void)unlink(path);
	}
	rmdir(dir);
	return rc == 0 ? 0 : 1;
}
