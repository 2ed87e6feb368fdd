/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server - an HTTP server that does what it is told and notes when.
 *
 *	server PORT WORKERS CALL LOG
 *
 *   WORKERS  0: a thread for each connection; else so many threads share all
 *	      connections, and a request waits in its socket for one of them
 *   CALL     how it reads: read, readv, recvfrom, recvmsg or peek
 *   LOG      written when SIGTERM comes, a line for each request:
 *	      PATH arrive read first last
 *
 * A path is /ID/DELAY_US/STYLE; STYLE says how the answer is written:
 *
 *   write writev sendto sendmsg   head and body of 100 bytes, the latter two
 *	      of writev and sendmsg in separate pieces
 *   split    head and body in two writes, 2 ms apart
 *   chunked  three chunks and their end in four writes
 *   file     head by write, body by sendfile
 *   large    4 MiB in writes of 64 KiB
 *   none     no answer: the connection is closed
 *
 * Times are CLOCK_MONOTONIC in ns, taken after the call concerned; arrive is
 * the network's own stamp of the packet (SO_TIMESTAMPNS), 0 unless CALL is
 * recvmsg.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
	STAMPS_MAX = 200000,
	PATH_BYTES = 40,
	IN_BYTES = 16384,
	BODY_BYTES = 100,
	LARGE_BYTES = 4 << 20,
	PIECE_BYTES = 64 << 10,
	STYLE_BYTES = 12,
};

struct stamp {
	char path[PATH_BYTES];
	uint64_t arrive_ns;
	uint64_t read_ns;
	uint64_t first_ns;
	uint64_t last_ns;
};

/* A connection: bytes that were read and not yet used. */
struct peer {
	int fd;
	char in[IN_BYTES];
	size_t len;
	uint64_t arrive_ns; /* of the first of them */
	uint64_t read_ns;
};

static struct stamp stamps[STAMPS_MAX];
static atomic_size_t n_stamps;
static char piece[PIECE_BYTES];
static const char *call;
static int body_fd;
static int epoll_fd = -1;

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void pause_us(uint64_t us)
{
	struct timespec ts = { .tv_sec = (time_t)(us / 1000000),
			       .tv_nsec = (long)(us % 1000000) * 1000 };

	while (nanosleep(&ts, &ts) < 0)
		;
}

/* The packet's stamp, moved to the monotonic clock; 0 if there is none. */
static uint64_t stamp_of(struct msghdr *msg)
{
	uint64_t ahead = now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
	struct timespec ts;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET ||
		    c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec -
		       ahead;
	}
	return 0;
}

static ssize_t take_bytes(int fd, char *at, size_t room, uint64_t *ret_arrive)
{
	/* two pieces, the first so short that a head never fits */
	struct iovec two[2] = { { at, 16 }, { at + 16, room - 16 } };
	char control[128];
	struct msghdr msg = { .msg_iov = two,
			      .msg_iovlen = 2,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;

	*ret_arrive = 0;
	if (strcmp(call, "read") == 0)
		return read(fd, at, room);
	if (strcmp(call, "readv") == 0)
		return readv(fd, two, 2);
	if (strcmp(call, "peek") == 0)
		recv(fd, at, room, MSG_PEEK);
	if (strcmp(call, "recvmsg") != 0)
		return recv(fd, at, room, 0);
	n = recvmsg(fd, &msg, 0);
	if (n > 0)
		*ret_arrive = stamp_of(&msg);
	return n;
}

static bool put(struct stamp *s, ssize_t n)
{
	s->last_ns = now_ns(CLOCK_MONOTONIC);
	if (s->first_ns == 0)
		s->first_ns = s->last_ns;
	return n > 0;
}

static bool put_pieces(int fd, struct stamp *s, char *head, size_t len,
		       bool with_msg)
{
	struct iovec two[2] = { { head, len }, { piece, BODY_BYTES } };
	struct msghdr msg = { .msg_iov = two, .msg_iovlen = 2 };

	return put(s, with_msg ? sendmsg(fd, &msg, MSG_NOSIGNAL)
			       : writev(fd, two, 2));
}

static bool put_large(int fd, struct stamp *s)
{
	for (size_t i = 0; i < LARGE_BYTES / PIECE_BYTES; i++) {
		if (!put(s, write(fd, piece, PIECE_BYTES)))
			return false;
	}
	return true;
}

static bool put_chunks(int fd, struct stamp *s)
{
	char chunk[256];
	int len = snprintf(chunk, sizeof(chunk), "64\r\n%.100s\r\n", piece);

	for (int i = 0; i < 3; i++) {
		if (!put(s, write(fd, chunk, (size_t)len)))
			return false;
		pause_us(1000);
	}
	return put(s, write(fd, "0\r\n\r\n", 5));
}

static bool answer(int fd, const char *style, struct stamp *s)
{
	size_t body = strcmp(style, "large") == 0 ? LARGE_BYTES : BODY_BYTES;
	off_t from = 0;
	char head[512];
	int len;
	size_t n;

	if (strcmp(style, "none") == 0)
		return false;
	if (strcmp(style, "chunked") == 0)
		len = snprintf(head, sizeof(head),
			       "HTTP/1.1 200 OK\r\n"
			       "Transfer-Encoding: chunked\r\n\r\n");
	else
		len = snprintf(head, sizeof(head),
			       "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			       body);
	n = (size_t)len;
	if (strcmp(style, "writev") == 0 || strcmp(style, "sendmsg") == 0)
		return put_pieces(fd, s, head, n, style[0] == 's');
	if (strcmp(style, "write") == 0 || strcmp(style, "sendto") == 0) {
		memcpy(head + n, piece, BODY_BYTES);
		n += BODY_BYTES;
		return put(s, style[0] == 'w' ? write(fd, head, n)
					      : send(fd, head, n, 0));
	}
	if (!put(s, write(fd, head, n)))
		return false;
	if (strcmp(style, "chunked") == 0)
		return put_chunks(fd, s);
	if (strcmp(style, "file") == 0)
		return put(s, sendfile(fd, body_fd, &from, BODY_BYTES));
	if (strcmp(style, "large") == 0)
		return put_large(fd, s);
	pause_us(2000);
	return put(s, write(fd, piece, BODY_BYTES));
}

/* Answer one request; false if the connection is over. */
static bool serve(struct peer *p, const char *head)
{
	size_t i = atomic_fetch_add(&n_stamps, 1);
	struct stamp *s = &stamps[i < STAMPS_MAX ? i : STAMPS_MAX - 1];
	const char *path = strchr(head, ' ');
	const char *delay;
	const char *style;
	char style_name[STYLE_BYTES];

	if (!path)
		return false;
	path++;
	memset(s, 0, sizeof(*s));
	snprintf(s->path, sizeof(s->path), "%.*s", (int)strcspn(path, " "),
		 path);
	s->arrive_ns = p->arrive_ns;
	s->read_ns = p->read_ns;
	delay = strchr(s->path + 1, '/');
	style = delay ? strchr(delay + 1, '/') : NULL;
	if (!style)
		return false;
	pause_us(strtoul(delay + 1, NULL, 10));
	snprintf(style_name, sizeof(style_name), "%s", style + 1);
	return answer(p->fd, style_name, s);
}

/* Read once and answer what is whole.  False if the connection is over. */
static bool serve_ready(struct peer *p)
{
	uint64_t arrive_ns;
	ssize_t n = take_bytes(p->fd, p->in + p->len, IN_BYTES - 1 - p->len,
			       &arrive_ns);
	uint64_t at_ns = now_ns(CLOCK_MONOTONIC);
	char *end;

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	if (p->len == 0) {
		p->read_ns = at_ns;
		p->arrive_ns = arrive_ns;
	}
	p->len += (size_t)n;
	p->in[p->len] = '\0';
	while ((end = strstr(p->in, "\r\n\r\n")) != NULL) {
		size_t used = (size_t)(end - p->in) + 4;

		if (!serve(p, p->in))
			return false;
		p->len -= used;
		memmove(p->in, p->in + used, p->len + 1);
	}
	return p->len < IN_BYTES - 1;
}

static void peer_close(struct peer *p)
{
	close(p->fd);
	free(p);
}

static void *serve_one(void *arg)
{
	struct peer *p = arg;

	while (serve_ready(p))
		;
	peer_close(p);
	return NULL;
}

static void *serve_all(void *arg)
{
	(void)arg;
	for (;;) {
		struct epoll_event e;
		struct peer *p;

		if (epoll_wait(epoll_fd, &e, 1, -1) != 1)
			continue;
		p = e.data.ptr;
		if (!serve_ready(p)) {
			peer_close(p);
			continue;
		}
		e.events = EPOLLIN | EPOLLONESHOT;
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, p->fd, &e);
	}
	return NULL;
}

static void start_thread(void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, run, arg) != 0)
		abort();
	pthread_attr_destroy(&attr);
}

static void *accept_all(void *arg)
{
	int listen_fd = *(int *)arg;
	const int on = 1;

	for (;;) {
		struct peer *p = calloc(1, sizeof(*p));
		struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT,
					 .data.ptr = p };

		if (!p)
			abort();
		p->fd = accept(listen_fd, NULL, NULL);
		if (p->fd < 0) {
			free(p);
			continue;
		}
		setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (epoll_fd < 0)
			start_thread(serve_one, p);
		else
			epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->fd, &e);
	}
	return NULL;
}

static int listen_on(unsigned int port)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* before the first packet: connections inherit it */
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 512) < 0) {
		perror("listen");
		exit(1);
	}
	return fd;
}

static int write_log(const char *name)
{
	FILE *f = fopen(name, "w");
	size_t n = n_stamps;

	if (!f)
		return 1;
	for (size_t i = 0; i < n && i < STAMPS_MAX; i++) {
		const struct stamp *s = &stamps[i];

		fprintf(f, "%s %ju %ju %ju %ju\n", s->path,
			(uintmax_t)s->arrive_ns, (uintmax_t)s->read_ns,
			(uintmax_t)s->first_ns, (uintmax_t)s->last_ns);
	}
	return fclose(f) != 0;
}

int main(int argc, char **argv)
{
	/* what is between a call and its stamp should be nothing else */
	struct sched_param rt = { .sched_priority = 1 };
	char name[] = "/tmp/truth-XXXXXX";
	sigset_t signals;
	int listen_fd;
	int signal_got;

	if (argc != 5) {
		fprintf(stderr, "usage: server PORT WORKERS CALL LOG\n");
		return 2;
	}
	/* where that is not allowed the stamps are only noisier */
	(void)sched_setscheduler(0, SCHED_RR, &rt);
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE); /* a client that left is no news */
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	memset(piece, 'x', sizeof(piece));
	body_fd = mkstemp(name);
	if (body_fd < 0 || write(body_fd, piece, BODY_BYTES) != BODY_BYTES)
		return 1;
	unlink(name);
	call = argv[3];
	listen_fd = listen_on((unsigned int)strtoul(argv[1], NULL, 10));
	if (strtoul(argv[2], NULL, 10) > 0)
		epoll_fd = epoll_create1(0);
	for (unsigned long i = 0; i < strtoul(argv[2], NULL, 10); i++)
		start_thread(serve_all, NULL);
	start_thread(accept_all, &listen_fd);
	printf("ready\n");
	fflush(stdout);
	sigwait(&signals, &signal_got);
	return write_log(argv[4]);
}
