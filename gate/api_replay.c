/* SPDX-License-Identifier: Apache-2.0 */
/* Judge a rollout again from what is stored, and say how that compares. */
#include "gate/api.h"

#include <inttypes.h>

#include "common/json_text.h"
#include "gate/gate.h"
#include "gate/judge_replay.h"
#include "gate/request.h"
#include "gate/rollouts.h"
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
	struct store_rollout meta;
	struct replay replay;
	int rc = rollouts_find(g, rq, SCOPE_READ, &meta, rp);

	if (rc == 0)
		rc = rollouts_fold_take(g, &rp->err);
	if (rc < 0)
		return rc;
	rc = judge_replay(g->store, g->policies, &meta, &replay, &rp->err);
	if (rc == 0)
		write_replay(&rp->body, &meta, &replay);
	rollouts_fold_give(g);
	return rc;
}
