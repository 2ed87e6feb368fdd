/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver - print every request that the collector's own code sees.
 *
 *	driver HOOKS PID PORT LOG
 *
 * Prints "ready TIER NOW" once it is attached.  When SIGTERM comes it writes
 *the requests to LOG, a line each:
 *
 *	PATH arrive read first last STATUS FLAGS
 *
 * and on its standard output what was lost and what each program cost.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/conn.h"
#include "collector/probe.h"
#include "common/err.h"

enum { WINDOW_MS = 1000 };

static const uint64_t NS_PER_MS = 1000000;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void print_request(void *ctx, const struct request_record *r)
{
	fprintf(ctx, "%s %ju %ju %ju %ju %d %u\n", r->path ? r->path : "*",
		(uintmax_t)r->arrive_ns, (uintmax_t)r->read_ns,
		(uintmax_t)r->first_ns, (uintmax_t)r->last_ns, (int)r->status,
		(unsigned int)r->flags);
}

static void feed(void *ctx, const struct sock_event *e)
{
	conn_table_feed(ctx, e);
}

static void run(struct probe *p, struct conn_table *t, struct err *err)
{
	struct pollfd signals = { .events = POLLIN };
	uint64_t window_ns = now_ns();
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals.fd = signalfd(-1, &set, 0);
	printf("ready %s %ju\n", probe_tier(p), (uintmax_t)now_ns());
	fflush(stdout);
	while (poll(&signals, 1, PROBE_DRAIN_MS) == 0) {
		if (probe_drain(p, feed, t, err) < 0)
			return;
		conn_table_tick(t, now_ns());
		if (now_ns() - window_ns < WINDOW_MS * NS_PER_MS)
			continue;
		window_ns = now_ns();
		conn_table_window_end(t, window_ns);
	}
	probe_drain(p, feed, t, err);
	close(signals.fd);
}

static void print_losses(const struct probe *p, const struct conn_table *t)
{
	struct probe_cost costs[PROBE_PROGRAMS_MAX];
	struct conn_counts counts = conn_table_counts(t);
	size_t n = probe_costs(p, costs);
	uint64_t loss[KLOSS_N];

	probe_losses(p, loss);
	printf("events %ju ring_full %ju no_memory %ju unreadable %ju "
	       "opaque %ju\n",
	       (uintmax_t)loss[KLOSS_SEEN], (uintmax_t)loss[KLOSS_RING_FULL],
	       (uintmax_t)loss[KLOSS_NO_MEMORY],
	       (uintmax_t)loss[KLOSS_UNREADABLE],
	       (uintmax_t)loss[KLOSS_OPAQUE]);
	printf("requests %ju unparsed %ju evicted %ju\n",
	       (uintmax_t)counts.n_requests, (uintmax_t)counts.n_unparsed,
	       (uintmax_t)counts.n_evicted);
	for (size_t i = 0; i < n; i++)
		printf("program %s runs %ju ns_per_run %ju missed %ju\n",
		       costs[i].program, (uintmax_t)costs[i].n_runs,
		       (uintmax_t)(costs[i].n_runs
					   ? costs[i].run_ns / costs[i].n_runs
					   : 0),
		       (uintmax_t)costs[i].n_recursion_misses);
}

/* Watch process pid on port of its own network namespace. */
static int watch(struct probe *p, const char *pid, const char *port,
		 struct err *err)
{
	char name[64];
	struct stat st;
	int rc;

	snprintf(name, sizeof(name), "/proc/%.20s/ns/net", pid);
	if (stat(name, &st) < 0)
		return err_set(err, -errno, "%s: %s", name,
			       err_describe(errno));
	rc = probe_listener_add(p, (uint32_t)st.st_ino,
				(uint16_t)strtoul(port, NULL, 10), err);
	if (rc < 0)
		return rc;
	return probe_target_add(p, (uint32_t)strtoul(pid, NULL, 10), 1, err);
}

int main(int argc, char **argv)
{
	struct err err = { .text = "" };
	enum probe_hooks hooks;
	struct probe *p = NULL;
	struct conn_table *t = NULL;
	FILE *log = NULL;
	int rc;

	if (argc != 5) {
		fprintf(stderr, "usage: driver HOOKS PID PORT LOG\n");
		return 2;
	}
	rc = probe_hooks_parse(argv[1], &hooks, &err);
	if (rc < 0)
		goto out;
	rc = probe_open(hooks, &p, &err);
	if (rc < 0)
		goto out;
	/* run times are for information: without them there are none */
	(void)probe_stats_on(p, NULL);
	rc = watch(p, argv[2], argv[3], &err);
	if (rc < 0)
		goto out;
	log = fopen(argv[4], "w");
	if (!log) {
		rc = err_set(&err, -errno, "%s: %s", argv[4],
			     err_describe(errno));
		goto out;
	}
	rc = conn_table_new(print_request, log, &t);
	if (rc < 0)
		goto out;
	run(p, t, &err);
	print_losses(p, t);
out:
	if (err.text[0])
		fprintf(stderr, "driver: %s\n", err.text);
	conn_table_free(t);
	probe_close(p);
	if (log && fclose(log) != 0)
		rc = -EIO;
	return rc < 0 || err.text[0];
}
