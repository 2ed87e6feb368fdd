/* SPDX-License-Identifier: Apache-2.0 */
/* Backtests: begin one, and look how far it is and what came of it. */
#include "gate/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/identity.h"
#include "common/json_text.h"
#include "common/num.h"
#include "gate/backtest.h"
#include "gate/gate.h"
#include "gate/jobs.h"
#include "gate/policies.h"
#include "gate/request.h"
#include "gate/rollouts.h"
#include "gate/work.h"
#include "stats/policy_text.h"
#include "stats/proportion.h"

enum { SPLITS = 100, DAYS = 30 };

#define DAY_MS INT64_C(86400000)

static const double interval_level = 0.95;

/* --- beginning --- */

/* The policy of the body, or without one that of the service. */
static int read_policy(struct gate *g, const struct request *rq,
		       struct backtest_wish *w, struct reply *rp)
{
	struct policy_text t = { .n_services = 0 };
	struct json_place at;
	int rc = 0;

	if (rq->body_len == 0) {
		rc = policies_bound(g->policies, w->service, &w->policy,
				    &rp->err);
		if (rc < 0)
			rp->fault = FAULT_BAD_POLICY;
		return rc;
	}
	rc = policy_text_parse("candidate", rq->body, rq->body_len, &t, &at,
			       &rp->err);
	if (rc == 0)
		w->policy = t.policy;
	else if (rc != -ENOMEM)
		rp->fault = FAULT_BAD_POLICY;
	policy_text_release(&t);
	return rc;
}

static int read_numbers(const struct request *rq, struct backtest_wish *w,
			struct reply *rp)
{
	const char *last = request_query(rq, "last");
	const char *splits = request_query(rq, "splits");
	const char *seed = request_query(rq, "seed");
	int64_t last_ms = DAYS * DAY_MS;
	uint64_t n_splits = SPLITS;
	int rc = 0;

	w->seed = 1;
	if (last)
		rc = num_duration_ms("last", last, LIMIT_PAST_MIN_MS,
				     LIMIT_BACKTEST_DAYS * DAY_MS, &last_ms,
				     &rp->err);
	if (rc == 0 && splits)
		rc = num_u64("splits", splits, 0, LIMIT_BACKTEST_SPLITS,
			     &n_splits, &rp->err);
	if (rc == 0 && seed)
		rc = num_u64("seed", seed, 0, LIMIT_BACKTEST_SEED, &w->seed,
			     &rp->err);
	w->n_splits = (uint32_t)n_splits;
	/* what is younger may not have come yet */
	w->until_ms = rq->now_ms - LIMIT_JUDGE_WATERMARK_MS;
	w->from_ms = rq->now_ms - last_ms;
	return rc;
}

static int read_wish(struct gate *g, const struct request *rq,
		     struct backtest_wish *w, struct reply *rp)
{
	static const char *const known[] = { "service", "last", "splits",
					     "seed", NULL };
	const char *service = request_query(rq, "service");
	int rc = request_want_only(rq, known, &rp->err);

	if (rc < 0)
		return rc;
	if (identity_check("service", service, &rp->err) < 0) {
		rp->fault = FAULT_BAD_IDENTITY;
		return -EINVAL;
	}
	if (!request_may(rq, SCOPE_READ, service))
		return err_set(&rp->err, -EPERM,
			       "the token has no grant for service %.100s",
			       service);
	memcpy(w->service, service, strlen(service) + 1);
	rc = read_numbers(rq, w, rp);
	return rc < 0 ? rc : read_policy(g, rq, w, rp);
}

int api_backtest_begin(struct gate *g, const struct request *rq,
		       struct reply *rp)
{
	struct backtest_wish wish = { .seed = 0 };
	uint64_t id = 0;
	int rc = read_wish(g, rq, &wish, rp);

	if (rc == 0)
		rc = jobs_begin(g->jobs, &work_backtest, &wish, &id, &rp->err);
	if (rc < 0)
		return rc;
	buf_printf(&rp->body, "{\"id\":%" PRIu64 "}\n", id);
	rp->status = 201;
	return 0;
}

/* --- looking --- */

static void add_text(struct buf *b, const char *key, const char *text)
{
	buf_printf(b, "\"%s\":", key);
	json_text_string(b, text);
	buf_puts(b, ",");
}

static void add_count(struct buf *b, const char *key, uint64_t n)
{
	buf_printf(b, "\"%s\":%" PRIu64 ",", key, n);
}

static void write_verdict(struct buf *b, const char *key,
			  const struct backtest_verdict *v)
{
	buf_printf(b, "\"%s\":{", key);
	add_text(b, "verdict", verdict_word_name(v->word));
	add_text(b, "code", verdict_code_name(v->code));
	add_text(b, "route", v->route);
	buf_printf(b, "\"windows\":%" PRIu32 "}", v->windows);
}

static void write_rollout(struct buf *b, const struct backtest_rollout *r)
{
	buf_printf(b, "{\"id\":%" PRId64 ",", r->meta.rollout_id);
	add_text(b, "baseline", r->meta.baseline);
	add_text(b, "canary", r->meta.canary);
	add_count(b, "attempt", r->meta.attempt);
	add_count(b, "begun_ms", (uint64_t)r->meta.begun_ms);
	write_verdict(b, "then", &r->then);
	buf_puts(b, ",");
	write_verdict(b, "now", &r->now);
	buf_puts(b, "}");
}

static void write_named(struct buf *b, const struct backtest_split *s)
{
	buf_puts(b, "{");
	add_text(b, "revision", s->revision);
	add_count(b, "from_ms", (uint64_t)s->from_ms);
	add_count(b, "until_ms", (uint64_t)s->until_ms);
	add_count(b, "canary_instances", s->n_canary);
	add_count(b, "instances", s->n_instances);
	write_verdict(b, "now", &s->now);
	buf_puts(b, "}");
}

/* The share of splits that failed, 0 to 1 where there are none. */
static void write_share(struct buf *b, const struct backtest *r)
{
	double lo = 0.0;
	double hi = 1.0;
	double share =
		r->n_splits > 0 ? (double)r->n_fail / (double)r->n_splits : 0.0;

	(void)proportion_interval(r->n_fail, r->n_splits, interval_level, &lo,
				  &hi);
	buf_puts(b, "\"fail_share\":");
	json_text_number(b, share);
	buf_puts(b, ",\"fail_share_lo\":");
	json_text_number(b, lo);
	buf_puts(b, ",\"fail_share_hi\":");
	json_text_number(b, hi);
	buf_puts(b, ",");
}

static void write_result(struct buf *b, const struct backtest *r)
{
	add_count(b, "done", r->done);
	add_count(b, "total", r->total);
	add_count(b, "windows", r->n_windows);
	buf_printf(b, "\"capped\":%s,", r->capped ? "true" : "false");
	add_count(b, "reaches_back_to_ms", (uint64_t)r->reach_ms);
	add_count(b, "hours_with_batches", r->n_hours);
	buf_printf(b, "\"trimmed\":%s,", r->trimmed ? "true" : "false");
	add_count(b, "rollouts_gone", r->n_gone);
	add_count(b, "splits", r->n_splits);
	add_count(b, "pass", r->n_pass);
	add_count(b, "fail", r->n_fail);
	add_count(b, "undecided", r->n_undecided);
	write_share(b, r);
	buf_puts(b, "\"rollouts\":[");
	for (uint32_t i = 0; i < r->n_rollouts; i++) {
		buf_puts(b, i > 0 ? ",\n" : "\n");
		write_rollout(b, &r->rollouts[i]);
	}
	buf_puts(b, "\n],\"failed\":[");
	for (uint32_t i = 0; i < r->n_named; i++) {
		buf_puts(b, i > 0 ? ",\n" : "\n");
		write_named(b, &r->named[i]);
	}
	buf_puts(b, "\n]");
}

/* One backtest as it is now. */
struct backtest_view {
	struct job_view job;
	struct backtest_wish wish;
	struct backtest result; /* so far */
};

static void write_view(struct buf *b, const struct backtest_view *v)
{
	buf_puts(b, "{");
	add_count(b, "id", v->job.id);
	add_text(b, "state", job_state_name(v->job.state));
	add_text(b, "error", v->job.error.text);
	add_text(b, "service", v->wish.service);
	add_text(b, "policy", v->wish.policy.name);
	add_count(b, "from_ms", (uint64_t)v->wish.from_ms);
	add_count(b, "until_ms", (uint64_t)v->wish.until_ms);
	add_count(b, "seed", v->wish.seed);
	add_count(b, "splits_asked", v->wish.n_splits);
	write_result(b, &v->result);
	buf_puts(b, "}\n");
}

int api_backtest_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	struct backtest_view *v = calloc(1, sizeof(*v));
	uint64_t id = 0;
	int rc = v ? 0 : -ENOMEM;

	if (rc == 0 &&
	    num_u64("backtest", rq->param[0], 1, INT64_MAX, &id, NULL) < 0)
		rc = err_set(&rp->err, -ENOENT,
			     "backtest \"%.40s\": its number is wanted",
			     rq->param[0] ? rq->param[0] : "");
	if (rc == 0)
		rc = jobs_look(g->jobs, &work_backtest, id, &v->job, &v->wish,
			       &v->result, &rp->err);
	/* one that may not be seen looks like one that is not there */
	if (rc == 0 && !request_may(rq, SCOPE_READ, v->wish.service))
		rc = err_set(&rp->err, -ENOENT, "there is no backtest %" PRIu64,
			     id);
	if (rc == 0) {
		v->result.n_windows = v->job.n_windows;
		write_view(&rp->body, v);
	}
	free(v);
	return rc;
}
