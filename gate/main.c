/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailgated - the gate: takes batches, judges rollouts, answers over HTTP.
 *
 * Exit status: 0 after SIGTERM or SIGINT, 1 if it cannot start, 2 for a
 * command line that is wrong.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/drop.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/version.h"
#include "gate/auth.h"
#include "gate/gate.h"
#include "gate/http.h"
#include "gate/jobs.h"
#include "gate/judge.h"
#include "gate/options.h"
#include "gate/policies.h"
#include "gate/store.h"

enum { TRIM_PERIOD_S = 60 };

/* A file for each connection: as many as the machine lets us have. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	/* where it stays low, connections beyond it wait to be accepted */
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* What ends the program is waited for, in every thread. */
static void block_signals(sigset_t *ret_set)
{
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGINT);
	/* one that hung up is told by the write that fails */
	sigaddset(ret_set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, ret_set, NULL);
	sigdelset(ret_set, SIGPIPE); /* blocked for ever, never waited for */
}

static int give_up_privileges(struct err *err)
{
	static const char *const none[] = { NULL };
	int rc = drop_capabilities(none, err);

	return rc < 0 ? rc : drop_syscalls(none, err);
}

/* Requests wait for the judge's next version; what else they wait for is one.
 */
static void wake_waiters(void *judge)
{
	judge_wake(judge);
}

/* Make everything, in the order in which one needs the other. */
static int start(struct gate *g, const struct options *o, struct err *err)
{
	const struct http_options http = { .listen = o->listen };
	int rc;

	rc = auth_open(o->token_file, &g->auth, err);
	if (rc == 0)
		rc = give_up_privileges(err);
	if (rc == 0)
		rc = store_open(o->store, &g->store, err);
	if (rc == 0)
		rc = policies_open(o->policy_dir, g->store, g->started_ms,
				   &g->policies, err);
	if (rc == 0)
		rc = judge_start(g->store, g->policies, &g->judge, err);
	if (rc == 0)
		rc = jobs_open(g->store, g->policies, wake_waiters, g->judge,
			       &g->jobs, err);
	if (rc == 0)
		rc = http_start(&http, g, &g->http, err);
	if (rc == 0)
		judge_on_change(g->judge, http_wake, g->http);
	return rc;
}

/* End everything; half of it may not be there. */
static void stop(struct gate *g)
{
	if (g->judge)
		judge_on_change(g->judge, NULL, NULL);
	http_stop(g->http);
	jobs_close(g->jobs);
	judge_stop(g->judge);
	policies_close(g->policies);
	store_close(g->store);
	auth_close(g->auth);
}

/* What was put by an older gate, and by which no rollout begins now. */
static void say_refused(const struct gate *g, const struct policies_entry *e)
{
	struct log_line line;

	log_begin(&line, g->log, LOG_WARN, "policy_refused");
	log_text(&line, "policy", e->text.policy.name);
	log_u64(&line, "version", e->text.policy.version);
	log_text(&line, "reason", e->refused.text);
	log_end(&line);
}

/* What was put and does not hold, because a file has its name. */
static int say_policy(void *ctx, const struct policies_entry *e)
{
	const struct gate *g = ctx;
	struct log_line line;

	if (e->refused.text[0])
		say_refused(g, e);
	if (!e->has_aside)
		return 0;
	log_begin(&line, g->log, LOG_WARN, "policy_aside");
	log_text(&line, "policy", e->text.policy.name);
	log_u64(&line, "holds_version", e->text.policy.version);
	log_u64(&line, "aside_version", e->aside);
	log_text(&line, "reason", "a file of --policy-dir has its name");
	log_end(&line);
	return 0;
}

static void say_start(const struct gate *g, const struct options *o)
{
	struct log_line line;

	printf("tailgated: listening on http://%s\n", http_address(g->http));
	fflush(stdout);
	log_begin(&line, g->log, LOG_INFO, "started");
	log_text(&line, "version", TAILGATE_VERSION);
	log_text(&line, "listen", http_address(g->http));
	log_text(&line, "store", o->store);
	log_text(&line, "access", auth_is_open(g->auth) ? "open" : "tokens");
	log_i64(&line, "retention_ms", o->retention_ms);
	if (o->retention_bytes > 0)
		log_u64(&line, "retention_bytes", o->retention_bytes);
	log_end(&line);
}

static void say_trimmed(const struct gate *g, const char *why, uint64_t n)
{
	struct log_line line;

	if (n == 0)
		return;
	log_begin(&line, g->log, LOG_INFO, "retention");
	log_u64(&line, "n_batches", n);
	log_text(&line, "because", why);
	log_end(&line);
}

static void trim(const struct gate *g, const struct options *o)
{
	struct err err = { "" };
	uint64_t n_old = 0;
	uint64_t n_large = 0;
	int rc = store_trim(g->store, clock_realtime_ms() - o->retention_ms,
			    &n_old, &err);

	if (rc == 0 && o->retention_bytes > 0)
		rc = store_shrink(g->store, o->retention_bytes, &n_large, &err);
	if (rc < 0)
		log_event(g->log, LOG_WARN, "retention_failed", err.text);
	say_trimmed(g, "--retention", n_old);
	say_trimmed(g, "--retention-bytes", n_large);
}

static void run(const struct gate *g, const struct options *o,
		const sigset_t *signals)
{
	static const struct timespec period = { .tv_sec = TRIM_PERIOD_S };
	int got;

	for (;;) {
		got = sigtimedwait(signals, NULL, &period);
		if (got > 0)
			break;
		if (errno == EAGAIN)
			trim(g, o);
	}
	log_event(g->log, LOG_INFO, "stopping",
		  got == SIGTERM ? "SIGTERM" : "SIGINT");
}

int main(int argc, char **argv)
{
	struct log log = { .fd = STDERR_FILENO, .level = LOG_INFO };
	struct gate gate = { .log = &log };
	struct err err = { "" };
	struct options o;
	sigset_t signals;
	int rc;

	if (options_parse(argc, argv, &o, &err) < 0) {
		fprintf(stderr, "tailgated: %s\n", err.text);
		return 2;
	}
	if (o.help || o.version) {
		puts(o.help ? options_usage : "tailgated " TAILGATE_VERSION);
		return 0;
	}
	log.level = o.log_level;
	gate.base_url = o.base_url;
	gate.started_ms = clock_realtime_ms();
	raise_file_limit();
	block_signals(&signals);

	rc = start(&gate, &o, &err);
	if (rc < 0) {
		log_event(&log, LOG_ERROR, "cannot_start", err.text);
	} else {
		say_start(&gate, &o);
		(void)policies_each(gate.policies, NULL, say_policy, &gate);
		run(&gate, &o, &signals);
	}
	stop(&gate);
	return rc < 0 ? 1 : 0;
}
