/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "collector/measure.h"
#include "collector/options.h"
#include "collector/probe.h"
#include "collector/uplink.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"

struct loop {
	const struct options *options;
	const struct log *log;
	struct measure *measure;
	struct uplink *uplink;
	int epoll_fd;
	int timer_fd;
	int signal_fd;
	unsigned int n_silent; /* windows without a request, in a row */
	bool refused;	       /* some batch of this run was */
	int64_t cpu_us;	       /* own, as of the last window */
	uint64_t cpu_ns;       /* when that was */
};

static int watch(const struct loop *l, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int set_up(struct loop *l)
{
	struct itimerspec every = {
		.it_value.tv_nsec = PROBE_DRAIN_MS * 1000000,
		.it_interval.tv_nsec = PROBE_DRAIN_MS * 1000000,
	};
	sigset_t signals;
	int rc;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	l->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (l->epoll_fd < 0 || l->timer_fd < 0 || l->signal_fd < 0 ||
	    timerfd_settime(l->timer_fd, 0, &every, NULL) < 0)
		return -errno;
	rc = watch(l, l->timer_fd);
	return rc < 0 ? rc : watch(l, l->signal_fd);
}

int loop_new(const struct options *options, const struct log *log,
	     struct loop **ret_l, struct err *err)
{
	struct loop *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_set(err, -ENOMEM, "loop: no memory");
	l->options = options;
	l->log = log;
	l->epoll_fd = -1;
	l->timer_fd = -1;
	l->signal_fd = -1;
	rc = set_up(l);
	if (rc < 0) {
		loop_free(l);
		return err_set(err, rc, "loop: %s", err_describe(-rc));
	}
	*ret_l = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	if (l->timer_fd >= 0)
		close(l->timer_fd);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	free(l);
}

void loop_sealed(void *ctx, const struct batch *b, const void *bytes,
		 size_t len)
{
	struct loop *l = ctx;

	uplink_push(l->uplink, b->instance, bytes, len);
}

/* What an event is called in the log, and how bad it is. */
static const struct {
	const char *name;
	enum log_level level;
} uplink_names[] = {
	[UPLINK_DELIVERED] = { "delivering", LOG_INFO },
	[UPLINK_REFUSED] = { "batch_refused", LOG_WARN },
	[UPLINK_KEPT] = { "gate_unavailable", LOG_WARN },
	[UPLINK_VERSION] = { "gate_too_old", LOG_ERROR },
	[UPLINK_SPOOL_FULL] = { "spool_full", LOG_WARN },
	[UPLINK_SPOOL_FAILED] = { "spool_failed", LOG_ERROR },
	[UPLINK_CORRUPT] = { "spool_corrupt", LOG_ERROR },
	[UPLINK_SKEW] = { "clock_skew", LOG_WARN },
};

static void say_uplink(const struct loop *l, const struct uplink_event *e)
{
	struct uplink_counts counts = uplink_counts(l->uplink);
	struct log_line line;

	log_begin(&line, l->log, uplink_names[e->what].level,
		  uplink_names[e->what].name);
	if (e->instance[0] != '\0')
		log_text(&line, "instance", e->instance);
	if (e->code[0] != '\0')
		log_text(&line, "code", e->code);
	if (e->n > 0)
		log_u64(&line, "n", e->n);
	if (e->what == UPLINK_SKEW)
		log_i64(&line, "gate_ahead_ms", e->skew_ms);
	if (e->text[0] != '\0')
		log_text(&line, "text", e->text);
	log_u64(&line, "waiting", counts.n_waiting);
	log_end(&line);
}

/* Say what the uplink did, and count in batches what it lost. */
static void hear_uplink(struct loop *l)
{
	struct uplink_event e;

	while (uplink_next(l->uplink, &e)) {
		say_uplink(l, &e);
		if (e.what == UPLINK_REFUSED) {
			l->refused = true;
			measure_batches_lost(l->measure, e.instance,
					     LOSS_REFUSED, e.n, e.code);
		} else if (e.what == UPLINK_SPOOL_FULL ||
			   e.what == UPLINK_SPOOL_FAILED ||
			   e.what == UPLINK_CORRUPT) {
			measure_batches_lost(l->measure, e.instance,
					     LOSS_SPOOL_FULL, e.n, NULL);
		}
	}
}

/* A collector that measures nothing must not look like one that does. */
static void say_if_silent(struct loop *l)
{
	struct measure_counts c = measure_counts(l->measure);
	char why[200];

	if (c.window_requests > 0) {
		if (l->n_silent > 0)
			log_event(l->log, LOG_INFO, "measuring_again",
				  "requests were seen in the last window");
		l->n_silent = 0;
		return;
	}
	if (l->n_silent++ % LOOP_NOTHING_WINDOWS != 0)
		return;
	measure_why_nothing(l->measure, why, sizeof(why));
	log_event(l->log, LOG_WARN, "nothing_measured", why);
}

/* Pages that are in memory, from /proc/self/statm. */
static uint64_t own_rss_kib(void)
{
	char text[128];
	char *end;
	ssize_t n;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	(void)strtoull(text, &end, 10); /* the first number: all pages */
	return strtoull(end, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void say_cost(struct loop *l)
{
	struct measure_counts c = measure_counts(l->measure);
	uint64_t now_ns = clock_monotonic_ns();
	struct log_line line;
	struct rusage use;
	int64_t cpu_us;

	if (getrusage(RUSAGE_SELF, &use) < 0)
		return;
	cpu_us = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000L +
		 use.ru_utime.tv_usec + use.ru_stime.tv_usec;
	log_begin(&line, l->log, LOG_DEBUG, "own_cost");
	log_i64(&line, "cpu_us", cpu_us - l->cpu_us);
	log_u64(&line, "wall_us", (now_ns - l->cpu_ns) / 1000);
	log_u64(&line, "rss_kib", own_rss_kib());
	log_u64(&line, "requests", c.window_requests);
	log_u64(&line, "events", c.window_events);
	log_end(&line);
	l->cpu_us = cpu_us;
	l->cpu_ns = now_ns;
}

/*
 * --once: was the window worth anything, and does the gate have it?  In
 * words, because whoever runs it this way is looking.
 */
static int conclude_once(struct loop *l)
{
	struct measure_counts c = measure_counts(l->measure);
	struct uplink_counts u = uplink_counts(l->uplink);
	char text[320];
	char why[200];
	bool delivered = u.n_delivered > 0 && u.n_waiting == 0 && !l->refused;
	const char *how = delivered	? "delivered to the gate"
			  : l->refused	? "refused by the gate"
			  : u.n_waiting ? "not delivered: it waits in the "
					  "spool"
					: "not delivered";

	if (c.window_requests > 0) {
		snprintf(text, sizeof(text),
			 "%" PRIu64 " requests of %" PRIu64
			 " instances in one window of %" PRId64 " ms, %s",
			 c.window_requests, c.window_batches,
			 l->options->window_ms, how);
	} else {
		measure_why_nothing(l->measure, why, sizeof(why));
		snprintf(text, sizeof(text),
			 "nothing measured in one window of %" PRId64 " ms: %s",
			 l->options->window_ms, why);
	}
	log_event(l->log, LOG_INFO, "once", text);
	printf("%s\n", text);
	return delivered && c.window_requests > 0 ? 0 : 1;
}

/* The signal that came, or 0. */
static int wait_tick(struct loop *l)
{
	struct epoll_event events[2];
	struct signalfd_siginfo info;
	uint64_t ticks;
	int sig = 0;
	int n;

	n = epoll_wait(l->epoll_fd, events, 2, -1);
	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == l->signal_fd) {
			if (read(l->signal_fd, &info, sizeof(info)) ==
			    sizeof(info))
				sig = (int)info.ssi_signo;
		} else if (read(l->timer_fd, &ticks, sizeof(ticks)) < 0) {
			continue; /* it was read before it had expired */
		}
	}
	return sig;
}

static void finish(struct loop *l, uint64_t max_ms)
{
	struct uplink_counts counts;
	struct log_line line;

	uplink_finish(l->uplink, max_ms);
	hear_uplink(l);
	counts = uplink_counts(l->uplink);
	log_begin(&line, l->log, LOG_INFO, "ended");
	log_u64(&line, "delivered", counts.n_delivered);
	log_u64(&line, "waiting", counts.n_waiting);
	log_u64(&line, "requests", measure_counts(l->measure).n_requests);
	log_end(&line);
}

int loop_run(struct loop *l, struct measure *measure, struct uplink *uplink)
{
	char why[200];

	l->measure = measure;
	l->uplink = uplink;
	l->cpu_ns = clock_monotonic_ns();
	measure_scan(measure);
	measure_announce(measure);
	if (l->options->once && measure_targets(measure) == 0) {
		measure_why_nothing(measure, why, sizeof(why));
		log_event(l->log, LOG_ERROR, "once", why);
		printf("nothing measured: %s\n", why);
		return 1;
	}
	while (wait_tick(l) == 0) {
		hear_uplink(l);
		if (!measure_tick(measure))
			continue;
		say_if_silent(l);
		say_cost(l);
		if (l->options->once) {
			finish(l, LOOP_ONCE_MS);
			return conclude_once(l);
		}
	}
	measure_stop(measure);
	finish(l, LOOP_FINISH_MS);
	return l->options->once ? 1 : 0;
}
