/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: what the kernel side costs those who are measured, and those who
 * are not.
 *
 * One thread asks itself over loopback, so nothing else is in the figures.
 * The kernel's run times contain the reading of its clock, twice for each
 * run; an empty program on the same tracepoint, in the same run, says how
 * much that is, and it is taken off.  What an empty program leaves out, the
 * way into it, is in the rows that compare whole exchanges.
 *
 * Medians of chunks, and of whole exchanges the fastest: the machine is
 * shared.
 */
#include "collector/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "collector/conn.h"
#include "common/err.h"
#include "tests/bench/bench.h"

enum { CHUNKS = 15, SLOW_HZ = 300 };

static const char request[] = "GET /orders/4711 HTTP/1.1\r\n"
			      "Host: orders.example.com\r\n"
			      "User-Agent: bench/1\r\n"
			      "Accept: application/json\r\n"
			      "Authorization: Bearer 0123456789abcdef\r\n"
			      "\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\n"
			       "Content-Type: application/json\r\n"
			       "Content-Length: 13\r\n"
			       "\r\n"
			       "{\"total\":117}";

struct bench {
	int client;
	int server;
	uint16_t port;
	uint32_t netns;
	struct probe *probe;
	struct conn_table *conns;
	int null_fd; /* of the empty program */
	uint64_t n_requests;
	uint64_t drain_ns;
};

/* Runs and ns, of our programs and of the empty one. */
struct cost {
	uint64_t n_runs;
	uint64_t run_ns;
	uint64_t null_runs;
	uint64_t null_ns;
};

static void fail(const char *what)
{
	fprintf(stderr, "probe_bench: %s: %s\n", what, err_describe(errno));
	exit(1);
}

static void connect_pair(struct bench *b)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	const int on = 1;
	struct stat st;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	b->client = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&addr, &len) < 0 ||
	    connect(b->client, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		fail("loopback");
	b->server = accept(listener, NULL, NULL);
	if (b->server < 0 || stat("/proc/self/ns/net", &st) < 0)
		fail("loopback");
	close(listener);
	setsockopt(b->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(b->server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	b->port = ntohs(addr.sin_port);
	b->netns = (uint32_t)st.st_ino;
}

static void exchange(const struct bench *b)
{
	char bytes[1024];

	if (write(b->client, request, sizeof(request) - 1) < 0 ||
	    read(b->server, bytes, sizeof(bytes)) <= 0 ||
	    write(b->server, response, sizeof(response) - 1) < 0 ||
	    read(b->client, bytes, sizeof(bytes)) <= 0)
		fail("exchange");
}

static void on_request(void *ctx, const struct request_record *r)
{
	struct bench *b = ctx;

	(void)r;
	b->n_requests++;
}

static void on_event(void *ctx, const struct sock_event *e)
{
	struct bench *b = ctx;

	conn_table_feed(b->conns, e);
}

static void drain(struct bench *b)
{
	uint64_t from_ns = bench_now_ns();

	if (probe_drain(b->probe, on_event, b, NULL) < 0)
		fail("drain");
	b->drain_ns += bench_now_ns() - from_ns;
}

/* The hooks of tier tp_btf that an exchange comes by. */
static const char *const hooks[] = { "sk_data_ready", "sock_recv_length",
				     "sock_send_length" };

enum { HOOKS = sizeof(hooks) / sizeof(hooks[0]) };

/* An empty program on a hook: its descriptor, and its link's; -1 if refused. */
static int attach_empty(const char *hook, int *ret_link)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_prog_load_opts opts = {
		.sz = sizeof(opts),
		.expected_attach_type = BPF_TRACE_RAW_TP,
	};
	int id = libbpf_find_vmlinux_btf_id(hook, BPF_TRACE_RAW_TP);
	int fd;

	if (id <= 0)
		return -1;
	opts.attach_btf_id = (uint32_t)id;
	fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "nothing", "GPL", nothing, 2,
			   &opts);
	*ret_link = fd < 0 ? -1 : bpf_raw_tracepoint_open(NULL, fd);
	return *ret_link < 0 ? -1 : fd;
}

static struct cost cost_now(const struct bench *b)
{
	struct probe_cost costs[PROBE_PROGRAMS_MAX];
	size_t n = probe_costs(b->probe, costs);
	struct bpf_prog_info info = { .run_cnt = 0 };
	uint32_t len = sizeof(info);
	struct cost c = { .n_runs = 0 };

	for (size_t i = 0; i < n; i++) {
		c.n_runs += costs[i].n_runs;
		c.run_ns += costs[i].run_ns;
	}
	if (bpf_obj_get_info_by_fd(b->null_fd, &info, &len) < 0)
		fail("the empty program");
	c.null_runs = info.run_cnt;
	c.null_ns = info.run_time_ns;
	return c;
}

static int compare(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *at)
{
	qsort(at, CHUNKS, sizeof(*at), compare);
	return at[CHUNKS / 2];
}

/* ns of an exchange: the fastest of many short chunks, as nobody disturbed. */
static double exchange_ns(struct bench *b, unsigned int n)
{
	uint64_t best_ns = UINT64_MAX;

	for (unsigned int c = 0; c < n / 10 * CHUNKS; c++) {
		uint64_t from_ns = bench_now_ns();

		for (unsigned int i = 0; i < 10; i++)
			exchange(b);
		from_ns = bench_now_ns() - from_ns;
		if (from_ns < best_ns)
			best_ns = from_ns;
	}
	return (double)best_ns / 10;
}

/* ns that the empty program takes by the kernel's reckoning. */
static double null_ns(struct bench *b, unsigned int n)
{
	double chunk[CHUNKS];

	for (size_t c = 0; c < CHUNKS; c++) {
		struct cost from = cost_now(b);
		struct cost to;

		for (unsigned int i = 0; i < n; i++)
			exchange(b);
		drain(b);
		to = cost_now(b);
		chunk[c] = (double)(to.null_ns - from.null_ns) /
			   (double)(to.null_runs - from.null_runs);
	}
	return median(chunk);
}

/*
 * ns that our programs take, without what null_ns is of them, for each run or
 * for each exchange.
 */
static double probe_ns(struct bench *b, unsigned int n, unsigned int hz,
		       double null, bool per_run)
{
	const struct timespec pause = { .tv_nsec = hz ? 1000000000 / hz : 0 };
	double chunk[CHUNKS];

	for (size_t c = 0; c < CHUNKS; c++) {
		struct cost from = cost_now(b);
		struct cost to;
		double runs;

		for (unsigned int i = 0; i < n; i++) {
			if (hz)
				nanosleep(&pause, NULL);
			exchange(b);
		}
		drain(b);
		to = cost_now(b);
		runs = (double)(to.n_runs - from.n_runs);
		chunk[c] = (double)(to.run_ns - from.run_ns) - runs * null;
		chunk[c] /= per_run ? runs : n;
	}
	return median(chunk);
}

static void watch_ourselves(struct bench *b)
{
	if (probe_listener_add(b->probe, b->netns, b->port, NULL) < 0 ||
	    probe_target_add(b->probe, (uint32_t)getpid(), 1, NULL) < 0)
		fail("watch");
}

/* ns of an exchange with an empty program on each hook; 0: not here. */
static double empty_exchange_ns(struct bench *b, unsigned int n)
{
	int links[HOOKS];
	double ns = 0;
	size_t k = 0;

	while (k < HOOKS && attach_empty(hooks[k], &links[k]) >= 0)
		k++;
	if (k == HOOKS)
		ns = exchange_ns(b, n);
	while (k > 0)
		close(links[--k]);
	return ns;
}

/* Programs that an exchange runs. */
static double runs_of_exchange(struct bench *b, unsigned int n)
{
	struct cost from = cost_now(b);

	for (unsigned int i = 0; i < n; i++)
		exchange(b);
	return (double)(cost_now(b).n_runs - from.n_runs) / n;
}

static void rows_of_others(struct bench *b, unsigned int n, double bare_ns,
			   double empty_ns, double *ret_null)
{
	double with_ns = exchange_ns(b, n);
	double run_ns;
	double runs;

	if (probe_stats_on(b->probe, NULL) < 0)
		fail("run-time statistics");
	*ret_null = null_ns(b, n);
	run_ns = probe_ns(b, n, 0, *ret_null, true);
	runs = runs_of_exchange(b, n);
	bench_row("probe: no target, whole exchange", with_ns / 1000, "us",
		  "without probe", with_ns / bare_ns, "-", true);
	bench_row("probe: no target, added to an event",
		  (with_ns - bare_ns) / runs, "ns/event", "empty programs",
		  (with_ns - bare_ns) / (empty_ns - bare_ns), "-", true);
	bench_row("probe: no target, an event", run_ns, "ns/event",
		  "accounting taken off", run_ns / *ret_null, "<= 60 ns",
		  run_ns <= 60);
	bench_row("probe: an empty program", *ret_null, "ns/event",
		  "accounting alone", NAN, "-", true);
}

static void rows_of_targets(struct bench *b, unsigned int n, double null)
{
	double fast_ns;
	double slow_ns;
	uint64_t n_before;
	uint64_t drain_before;

	watch_ourselves(b);
	exchange(b);
	drain(b);
	n_before = b->n_requests;
	drain_before = b->drain_ns;
	fast_ns = probe_ns(b, n, 0, null, false);
	if (b->n_requests - n_before != (uint64_t)n * CHUNKS)
		fprintf(stderr, "probe_bench: %u requests of %u seen\n",
			(unsigned int)(b->n_requests - n_before), n * CHUNKS);
	bench_row("probe: a target's request", fast_ns / 1000, "us/request",
		  "-", NAN, "<= 1.5 us", fast_ns <= 1500);
	bench_row("collector: drain and parse it",
		  (double)(b->drain_ns - drain_before) /
			  (double)(b->n_requests - n_before),
		  "ns/request", "-", NAN, "-", true);
	slow_ns = probe_ns(b, n / 20 < 20 ? n / 20 : 20, SLOW_HZ, null, false);
	bench_row("probe: a request, at 300 a second", slow_ns / 1000,
		  "us/request", "one after the other", slow_ns / fast_ns,
		  "<= 8 us", slow_ns <= 8000);
}

int main(int argc, char **argv)
{
	unsigned int n = bench_quick(argc, argv) ? 400 : 1000;
	struct bench b = { .probe = NULL };
	struct err err = { "" };
	double bare_ns;
	double empty_ns;
	double null = 0;
	int link;

	if (geteuid() != 0) {
		fprintf(stderr, "probe_bench: needs root\n");
		return 0;
	}
	connect_pair(&b);
	bare_ns = exchange_ns(&b, n);
	empty_ns = empty_exchange_ns(&b, n);
	if (empty_ns == 0) {
		fprintf(stderr, "probe_bench: needs Linux 6.3 or later\n");
		return 0;
	}
	if (conn_table_new(on_request, &b, &b.conns) < 0 ||
	    probe_open(PROBE_HOOKS_AUTO, &b.probe, &err) < 0) {
		fprintf(stderr, "probe_bench: %s\n", err.text);
		return 1;
	}
	b.null_fd = attach_empty("sk_data_ready", &link);
	rows_of_others(&b, n, bare_ns, empty_ns, &null);
	rows_of_targets(&b, n, null);
	conn_table_free(b.conns);
	probe_close(b.probe);
	return 0;
}
