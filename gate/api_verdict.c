/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict on a rollout: create or get, then answer, perhaps later. */
#include "gate/api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "common/num.h"
#include "gate/document.h"
#include "gate/gate.h"
#include "gate/judge.h"
#include "gate/request.h"
#include "gate/rollouts.h"

static int read_number(const struct request *rq, const char *name, uint64_t min,
		       uint64_t max, uint32_t *ret_n, bool *ret_given,
		       struct reply *rp)
{
	const char *text = request_query(rq, name);
	uint64_t n;
	int rc;

	*ret_given = text != NULL;
	if (!text)
		return 0;
	rc = num_u64(name, text, min, max, &n, &rp->err);
	if (rc == 0)
		*ret_n = (uint32_t)n;
	return rc;
}

int api_verdict_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	static const char *const known[] = { "service", "baseline", "canary",
					     "attempt", "step",	    "policy",
					     "wait",	NULL };
	struct rollout_wish wish = {
		.service = request_query(rq, "service"),
		.baseline = request_query(rq, "baseline"),
		.canary = request_query(rq, "canary"),
		.policy = request_query(rq, "policy"),
	};
	struct store_rollout r;
	struct verdict v = { 0 };
	uint64_t version;
	int64_t wait_ms = 0;
	bool given;
	int rc;

	rc = request_want_only(rq, known, &rp->err);
	if (rc == 0)
		rc = read_number(rq, "attempt", 1, LIMIT_ATTEMPT, &wish.attempt,
				 &given, rp);
	if (rc == 0)
		rc = read_number(rq, "step", 0, LIMIT_STEP, &wish.step,
				 &wish.has_step, rp);
	if (rc == 0)
		rc = rollouts_read_wait(rq, &wait_ms, rp);
	if (rc < 0)
		return rc;

	/* before looking, so that what changes meanwhile is not missed */
	version = judge_version(g->judge);
	rc = rollouts_begin(g, rq, &wish, &r, NULL, rp);
	if (rc < 0)
		return rc;
	rc = judge_verdict(g->judge, &r, &v, &rp->err);
	if (rc < 0)
		return rc;
	if (!v.final && wait_ms > 0) {
		rp->wait = true;
		rp->wait_version = version;
		rp->wait_until_ms = rq->came_ms + wait_ms;
	}
	rc = verdict_document(&rp->body, &r, &v, rq->base_url, &rp->err);
	buf_puts(&rp->body, "\n");
	return rc;
}
