/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verdict rests on, as JSON: the windows that were judged with the
 * verdict after each and the batches the judge knew of then, and the state
 * they add up to, by route, instance and call path.
 */
#include "gate/api.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "common/json_text.h"
#include "common/limits.h"
#include "common/time_text.h"
#include "gate/gate.h"
#include "gate/judge.h"
#include "gate/request.h"
#include "gate/rollouts.h"
#include "stats/rollout.h"

/* One object of an array: the first has no comma before it. */
static void begin_object(struct buf *b, size_t i)
{
	buf_puts(b, i > 0 ? ",\n{" : "\n{");
}

static void add_key(struct buf *b, const char *key, bool first)
{
	buf_printf(b, "%s\"%s\":", first ? "" : ",", key);
}

static void add_text(struct buf *b, const char *key, const char *text,
		     bool first)
{
	add_key(b, key, first);
	json_text_string(b, text);
}

static void add_count(struct buf *b, const char *key, uint64_t n)
{
	add_key(b, key, false);
	buf_printf(b, "%" PRIu64, n);
}

/* A figure that is not there is 0, as in the verdict. */
static void add_number(struct buf *b, const char *key, double x)
{
	add_key(b, key, false);
	json_text_number(b, isfinite(x) ? x : 0.0);
}

/* A pair: baseline, then canary. */
static void add_pair(struct buf *b, const char *key, const double x[COHORT_N])
{
	add_key(b, key, false);
	buf_puts(b, "[");
	json_text_number(b, isfinite(x[0]) ? x[0] : 0.0);
	buf_puts(b, ",");
	json_text_number(b, isfinite(x[1]) ? x[1] : 0.0);
	buf_puts(b, "]");
}

static void add_counts(struct buf *b, const char *key,
		       const uint64_t n[COHORT_N])
{
	add_key(b, key, false);
	buf_printf(b, "[%" PRIu64 ",%" PRIu64 "]", n[0], n[1]);
}

struct windows {
	struct buf *out;
	size_t n;
};

static int write_window(void *ctx, const struct store_judged *j)
{
	struct windows *w = ctx;

	begin_object(w->out, w->n++);
	buf_printf(w->out,
		   "\"from_ms\":%" PRId64 ",\"to_ms\":%" PRId64
		   ",\"step\":%" PRIu32 ",\"history\":%s,\"final\":%s"
		   ",\"ingest_seq\":%" PRIu64 ",\"method\":%" PRIu32
		   ",\"arithmetic\":\"%08" PRIx32 "\"",
		   j->from_ms, j->to_ms, j->step, j->history ? "true" : "false",
		   j->final ? "true" : "false", j->ingest_seq, j->method,
		   j->arithmetic);
	add_key(w->out, "verdict", false);
	buf_puts(w->out, j->document[0] ? j->document : "{}");
	buf_puts(w->out, "}");
	return 0;
}

static void write_routes(struct buf *b, const struct rollout *r)
{
	for (size_t i = 0; i < rollout_n_routes(r); i++) {
		struct rollout_route_view v;

		rollout_route(r, i, &v);
		begin_object(b, i);
		add_text(b, "route", v.route, true);
		add_text(b, "verdict", verdict_word_name(v.word), false);
		add_key(b, "ignored", false);
		buf_puts(b, v.ignored ? "true" : "false");
		add_counts(b, "requests", v.n_requests);
		add_counts(b, "errors", v.n_errors);
		add_counts(b, "unanswered", v.n_unanswered);
		add_number(b, "throughput_ratio", v.throughput_ratio);
		add_pair(b, "p50_ms", v.p50_ms);
		add_pair(b, "p90_ms", v.p90_ms);
		add_pair(b, "p99_ms", v.p99_ms);
		add_pair(b, "p999_ms", v.p999_ms);
		add_number(b, "p99_ratio", v.p99_ratio);
		add_number(b, "p99_ratio_lo", v.p99_ratio_lo);
		add_number(b, "p99_ratio_hi", v.p99_ratio_hi);
		add_number(b, "shift_ms", v.shift_ms);
		add_number(b, "shift_lo_ms", v.shift_lo_ms);
		add_number(b, "shift_hi_ms", v.shift_hi_ms);
		add_number(b, "limit_ms", v.limit_ms);
		add_number(b, "floor_ratio", v.floor_ratio);
		add_number(b, "log_e_fail", v.log_e_fail);
		add_number(b, "log_e_pass", v.log_e_pass);
		buf_puts(b, "}");
	}
}

static void write_points(struct buf *b, const struct rollout *r)
{
	const struct rollout_point *points = NULL;
	size_t n = rollout_points(r, &points);

	for (size_t i = 0; i < n; i++) {
		begin_object(b, i);
		buf_printf(b, "\"from_ms\":%" PRId64, points[i].from_ms);
		add_pair(b, "p99_ms", points[i].p99_ms);
		add_counts(b, "requests", points[i].n_requests);
		buf_puts(b, "}");
	}
}

static const char *cohort_name(enum cohort c)
{
	return c == COHORT_CANARY ? "canary" : "baseline";
}

static void write_instances(struct buf *b, const struct rollout *r)
{
	for (size_t i = 0; i < rollout_n_instances(r); i++) {
		struct rollout_instance_view v;

		rollout_instance(r, i, &v);
		begin_object(b, i);
		add_text(b, "instance", v.name, true);
		add_text(b, "cohort", cohort_name(v.cohort), false);
		add_count(b, "requests", v.n_requests);
		add_count(b, "lost", v.n_lost);
		add_count(b, "restarts", v.n_restarts);
		add_key(b, "warm", false);
		buf_puts(b, v.warm ? "true" : "false");
		add_number(b, "p99_ms", v.p99_ms);
		buf_puts(b, "}");
	}
}

/* The functions from the root to a node, root first. */
static void write_path(struct buf *b, const struct rollout_path *paths,
		       uint32_t node)
{
	uint32_t stack[LIMIT_PATH_DEPTH];
	size_t n = 0;

	for (int32_t at = (int32_t)node;
	     at != BATCH_NO_PARENT && n < LIMIT_PATH_DEPTH;
	     at = paths[at].parent)
		stack[n++] = (uint32_t)at;
	buf_puts(b, "[");
	while (n > 0) {
		json_text_string(b, paths[stack[--n]].function);
		if (n > 0)
			buf_puts(b, ",");
	}
	buf_puts(b, "]");
}

static void write_findings(struct buf *b, const struct rollout *r)
{
	const struct rollout_finding *findings = NULL;
	const struct rollout_path *paths = NULL;
	size_t n = rollout_findings(r, &findings);

	(void)rollout_paths(r, &paths); /* finding.path is one of them */
	for (size_t i = 0; i < n; i++) {
		const struct rollout_finding *f = &findings[i];

		begin_object(b, i);
		add_text(b, "function", paths[f->path].function, true);
		add_text(b, "class", path_class_name(f->class), false);
		add_text(b, "of", f->function ? "function" : "call path",
			 false);
		add_count(b, "call_paths", f->n_paths);
		add_key(b, "call_path", false);
		write_path(b, paths, f->path);
		add_key(b, "gates", false);
		buf_puts(b, f->gates ? "true" : "false");
		add_pair(b, "share", f->share);
		add_pair(b, "self_share", f->self_share);
		add_pair(b, "cost_ns", f->cost_ns);
		add_number(b, "e_value", f->e_value);
		add_key(b, "instances", false);
		buf_printf(b, "[%" PRIu32 ",%" PRIu32 "]", f->n_instances[0],
			   f->n_instances[1]);
		buf_puts(b, "}");
	}
}

/* In place of the state: why there is none. */
static int write_gone(struct gate *g, const struct store_rollout *meta,
		      struct buf *b, struct err *err)
{
	char since[TIME_TEXT_BYTES];
	int64_t gone_before_ms = 0;
	int rc =
		store_trimmed_ms(g->store, meta->service, &gone_before_ms, err);

	if (rc < 0)
		return rc;
	buf_printf(b,
		   ",\n\"folded\":false,\n\"gone_before_ms\":%" PRId64
		   ",\n\"note\":\"The windows this verdict rests on are gone: "
		   "what was measured before ",
		   gone_before_ms);
	time_text_write(gone_before_ms, since);
	buf_puts(b, since);
	buf_puts(b, " was deleted when its retention was over. The verdicts "
		    "above are the ones that were written down.\"");
	return 0;
}

/* The state that the judged windows add up to. */
static int write_state(struct gate *g, const struct store_rollout *meta,
		       struct buf *b, struct err *err)
{
	struct rollout *r = NULL;
	struct err why = { "" };
	int rc = judge_fold_again(g->store, g->policies, meta, &r, NULL, &why);

	if (rc == -ENODATA)
		return write_gone(g, meta, b, err);
	if (rc < 0)
		return err_set(err, rc, "%s", why.text);
	buf_puts(b, ",\n\"folded\":true,\n\"routes\":[");
	write_routes(b, r);
	buf_puts(b, "\n],\n\"instances\":[");
	write_instances(b, r);
	buf_puts(b, "\n],\n\"hot_paths\":[");
	write_findings(b, r);
	buf_puts(b, "\n],\n\"points\":[");
	write_points(b, r);
	buf_puts(b, "\n]");
	rollout_free(r);
	return 0;
}

static int write_evidence(struct gate *g, const struct request *rq,
			  const struct store_rollout *meta, struct reply *rp)
{
	struct buf *b = &rp->body;
	struct windows w = { .out = b };
	int rc;

	buf_puts(b, "{\"rollout\":");
	rc = rollouts_write(g, rq, meta, b, rp);
	if (rc < 0)
		return rc;
	buf_puts(b, ",\n\"windows\":[");
	rc = store_each_judged(g->store, meta->rollout_id, write_window, &w,
			       &rp->err);
	if (rc < 0)
		return rc;
	buf_puts(b, "\n]");
	rc = write_state(g, meta, b, &rp->err);
	if (rc < 0)
		return rc;
	buf_puts(b, "}\n");
	return 0;
}

int api_evidence_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	struct store_rollout meta;
	int rc;

	rc = rollouts_find(g, rq, SCOPE_READ, &meta, rp);
	if (rc == 0)
		rc = rollouts_fold_take(g, &rp->err);
	if (rc < 0)
		return rc;
	rc = write_evidence(g, rq, &meta, rp);
	rollouts_fold_give(g);
	return rc;
}
