/* SPDX-License-Identifier: Apache-2.0 */
/* Rollouts: begin, list, look at, stop. */
#include "gate/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/identity.h"
#include "common/json.h"
#include "common/limits.h"
#include "gate/gate.h"
#include "gate/judge.h"
#include "gate/request.h"
#include "gate/rollouts.h"

static int read_wish(const struct json *root, struct rollout_wish *to,
		     struct err *err)
{
	static const char *const keys[] = { "service", "baseline", "canary",
					    "attempt", "step",	   "policy",
					    NULL };
	uint64_t attempt = 0;
	uint64_t step = 0;
	struct json member;
	int rc;

	rc = json_want_object(root, err);
	if (rc == 0)
		rc = json_want_only(root, keys, err);
	if (rc == 0)
		rc = json_get_string(root, "service", LIMIT_JSON_BYTES,
				     &to->service, err);
	if (rc == 0)
		rc = json_get_string(root, "baseline", LIMIT_JSON_BYTES,
				     &to->baseline, err);
	if (rc == 0)
		rc = json_get_string(root, "canary", LIMIT_JSON_BYTES,
				     &to->canary, err);
	if (rc == 0)
		rc = json_get_string(root, "policy", LIMIT_JSON_BYTES,
				     &to->policy, err);
	if (rc == 0)
		rc = json_get_u64(root, "attempt", 1, LIMIT_ATTEMPT, &attempt,
				  err);
	if (rc == 0)
		rc = json_get_u64(root, "step", 0, LIMIT_STEP, &step, err);
	to->attempt = (uint32_t)attempt;
	to->step = (uint32_t)step;
	to->has_step = json_member(root, "step", &member);
	return rc;
}

int api_rollout_create(struct gate *g, const struct request *rq,
		       struct reply *rp)
{
	struct rollout_wish wish = { 0 };
	struct json_doc *doc = NULL;
	struct json root;
	struct store_rollout r;
	bool created = false;
	int rc;

	rc = json_parse(rq->body ? rq->body : "", rq->body_len, &doc, &root,
			&rp->err);
	if (rc < 0)
		goto out;
	rc = read_wish(&root, &wish, &rp->err);
	if (rc < 0)
		goto out;
	rc = rollouts_begin(g, rq, &wish, &r, &created, rp);
	if (rc < 0)
		goto out;
	rc = rollouts_write(g, rq, &r, &rp->body, rp);
	rp->status = created ? 201 : 200;
out:
	json_doc_free(doc);
	return rc;
}

int api_rollout_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	struct store_rollout r;
	int rc = rollouts_find(g, rq, SCOPE_READ, &r, rp);

	if (rc < 0)
		return rc;
	return rollouts_write(g, rq, &r, &rp->body, rp);
}

int api_rollout_stop(struct gate *g, const struct request *rq, struct reply *rp)
{
	static const char *const keys[] = { "reason", NULL };
	const char *reason = "stopped over the API";
	struct json_doc *doc = NULL;
	struct json root;
	struct store_rollout r;
	int rc;

	rc = rollouts_find(g, rq, SCOPE_DECIDE, &r, rp);
	if (rc == 0 && rq->body_len > 0) {
		rc = json_parse(rq->body, rq->body_len, &doc, &root, &rp->err);
		if (rc == 0)
			rc = json_want_object(&root, &rp->err);
		if (rc == 0)
			rc = json_want_only(&root, keys, &rp->err);
		if (rc == 0)
			rc = json_get_string(&root, "reason",
					     STORE_REASON_BYTES - 1, &reason,
					     &rp->err);
	}
	if (rc == 0)
		rc = store_stop_rollout(g->store, r.rollout_id, rq->now_ms,
					reason, &rp->err);
	if (rc < 0)
		goto out;
	judge_poke(g->judge);
	rc = store_get_rollout(g->store, r.rollout_id, &r, &rp->err);
	if (rc == 0)
		rc = rollouts_write(g, rq, &r, &rp->body, rp);
out:
	json_doc_free(doc);
	return rc;
}

int api_rollout_list(struct gate *g, const struct request *rq, struct reply *rp)
{
	struct rollouts_list *list = NULL;
	const char *service = request_query(rq, "service");
	int rc;

	if (rq->n_query > (service ? 1 : 0))
		return err_set(&rp->err, -EINVAL,
			       "unknown parameter: a list takes service alone");
	if (service && identity_check("service", service, &rp->err) < 0) {
		rp->fault = FAULT_BAD_IDENTITY;
		return -EINVAL;
	}
	rc = rollouts_list(g, rq, service, false, &list, &rp->err);
	if (rc < 0)
		return rc;
	buf_puts(&rp->body, "{\"rollouts\":[");
	for (size_t i = 0; i < list->n && rc == 0; i++) {
		buf_puts(&rp->body, i > 0 ? ",\n" : "\n");
		rc = rollouts_write(g, rq, &list->rows[i], &rp->body, rp);
	}
	buf_puts(&rp->body, "\n]}\n");
	free(list);
	return rc;
}
