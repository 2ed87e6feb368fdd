/* SPDX-License-Identifier: Apache-2.0 */
/* Judge a rollout again from what is stored, and say how that compares. */
#include "gate/api.h"

#include <inttypes.h>

#include "common/json_text.h"
#include "common/limits.h"
#include "gate/gate.h"
#include "gate/jobs.h"
#include "gate/judge.h"
#include "gate/judge_replay.h"
#include "gate/request.h"
#include "gate/rollouts.h"
#include "gate/work.h"
#include "stats/method.h"

/* "nothing" is no agreement: no window had a verdict yet. */
static const char *outcome_of(const struct replay *r)
{
	if (r->n_windows == 0)
		return "nothing";
	if (r->n_unexplained > 0)
		return "different";
	if (r->n_different > 0)
		return "other_method";
	return r->n_close > 0 ? "close" : "identical";
}

static void add_text(struct buf *b, const char *key, const char *text)
{
	buf_printf(b, ",\"%s\":", key);
	json_text_string(b, text);
}

static void write_replay(struct buf *b, const struct store_rollout *meta,
			 const struct replay *r)
{
	buf_printf(b, "{\"rollout\":%" PRId64, meta->rollout_id);
	add_text(b, "outcome", outcome_of(r));
	buf_printf(b,
		   ",\"method\":%d,\"judged_by_method\":%" PRIu32
		   ",\"other_method\":%" PRIu32 ",\"unexplained\":%" PRIu32,
		   METHOD_VERSION, r->method, r->n_other_method,
		   r->n_unexplained);
	buf_printf(b,
		   ",\"windows\":%" PRIu32 ",\"identical\":%" PRIu32
		   ",\"close\":%" PRIu32 ",\"different\":%" PRIu32
		   ",\"same_decision\":%s,\"largest_difference\":",
		   r->n_windows, r->n_identical, r->n_close, r->n_different,
		   r->same_decision ? "true" : "false");
	json_text_number(b, r->distance);
	buf_printf(b, ",\"first_from_ms\":%" PRId64 ",\"first_to_ms\":%" PRId64,
		   r->from_ms, r->to_ms);
	add_text(b, "first_field", r->first.field);
	add_text(b, "first_stored", r->first.stored);
	add_text(b, "first_recomputed", r->first.found);
	buf_puts(b, "}\n");
}

int api_replay_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	static const char *const known[] = { "wait", NULL };
	/* before looking, so that what changes meanwhile is not missed */
	uint64_t version = judge_version(g->judge);
	int64_t wait_ms = LIMIT_JOB_WAIT_MS;
	struct store_rollout meta = { 0 };
	struct job_view job = { .state = JOB_FAILED };
	struct replay replay;
	int rc = request_want_only(rq, known, &rp->err);

	if (rc == 0)
		rc = rollouts_read_wait(rq, &wait_ms, rp);
	if (rc == 0)
		rc = rollouts_find(g, rq, SCOPE_READ, &meta, rp);
	if (rc == 0)
		rc = jobs_ask(g->jobs, &work_replay, &meta, true, &job, &replay,
			      &rp->err);
	if (rc < 0)
		return rc;
	if (job_is_open(job.state))
		rollouts_write_open(rq, &job, version, wait_ms, rp);
	else if (job.state == JOB_FAILED)
		return err_set(&rp->err, job.rc, "%s", job.error.text);
	else
		write_replay(&rp->body, &meta, &replay);
	return 0;
}
