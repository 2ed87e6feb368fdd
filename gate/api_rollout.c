/* SPDX-License-Identifier: Apache-2.0 */
/* Rollouts: begin, list, look at, stop. */
#include "gate/api.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/identity.h"
#include "common/json.h"
#include "common/limits.h"
#include "gate/gate.h"
#include "gate/jobs.h"
#include "gate/judge.h"
#include "gate/request.h"
#include "gate/rollouts.h"

/* A time: text as it is, a number as its digits, which say the same. */
static int read_time(const struct json *root, const char *key, char *digits,
		     size_t room, const char **ret_text, struct err *err)
{
	struct json member;
	int64_t ms = 0;

	if (json_member(root, key, &member) &&
	    json_get_i64(root, key, &ms, NULL) == 0) {
		(void)!snprintf(digits, room, "%" PRId64, ms);
		*ret_text = digits;
		return 0;
	}
	return json_get_string(root, key, LIMIT_JSON_BYTES, ret_text, err);
}

/* A wish as its body says it; texts borrow from the document and from here. */
struct wish_body {
	struct rollout_wish wish;
	char from[24];
	char until[24];
};

static int read_wish(const struct json *root, struct wish_body *to,
		     struct err *err)
{
	static const char *const keys[] = { "service", "baseline", "canary",
					    "attempt", "step",	   "policy",
					    "from",    "until",	   NULL };
	static const struct {
		const char *key;
		size_t offset;
	} texts[] = {
		{ "service", offsetof(struct rollout_wish, service) },
		{ "baseline", offsetof(struct rollout_wish, baseline) },
		{ "canary", offsetof(struct rollout_wish, canary) },
		{ "policy", offsetof(struct rollout_wish, policy) },
	};
	struct rollout_wish *w = &to->wish;
	uint64_t attempt = 0;
	uint64_t step = 0;
	struct json member;
	int rc;

	rc = json_want_object(root, err);
	if (rc == 0)
		rc = json_want_only(root, keys, err);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && rc == 0; i++)
		rc = json_get_string(
			root, texts[i].key, LIMIT_JSON_BYTES,
			(const char **)((char *)w + texts[i].offset), err);
	if (rc == 0)
		rc = json_get_u64(root, "attempt", 1, LIMIT_ATTEMPT, &attempt,
				  err);
	if (rc == 0)
		rc = json_get_u64(root, "step", 0, LIMIT_STEP, &step, err);
	if (rc == 0)
		rc = read_time(root, "from", to->from, sizeof(to->from),
			       &w->from, err);
	if (rc == 0)
		rc = read_time(root, "until", to->until, sizeof(to->until),
			       &w->until, err);
	w->attempt = (uint32_t)attempt;
	w->step = (uint32_t)step;
	w->has_step = json_member(root, "step", &member);
	return rc;
}

/* Begin a rollout that is judged as its time goes by. */
static int create_live(struct gate *g, const struct request *rq,
		       const struct rollout_wish *wish, struct reply *rp)
{
	struct store_rollout r;
	bool created = false;
	int rc;

	if (request_query(rq, "wait"))
		return err_set(&rp->err, -EINVAL,
			       "wait: only with from and until; GET "
			       "/v1/verdict waits for a rollout's verdict");
	rc = rollouts_begin(g, rq, wish, &r, &created, rp);
	if (rc == 0)
		rc = rollouts_write(g, rq, &r, &rp->body, rp);
	rp->status = created ? 201 : 200;
	return rc;
}

/* Have a past time judged: now, or the request waits. */
static int create_past(struct gate *g, const struct request *rq,
		       const struct rollout_wish *wish, struct reply *rp)
{
	/* before looking, so that what changes meanwhile is not missed */
	uint64_t version = judge_version(g->judge);
	int64_t wait_ms = LIMIT_JOB_WAIT_MS;
	struct job_view job = { .state = JOB_DONE };
	struct store_rollout r;
	bool created = false;
	int rc = rollouts_read_wait(rq, &wait_ms, rp);

	if (rc == 0)
		rc = rollouts_judge_past(g, rq, wish, &r, &created, &job, rp);
	if (rc < 0)
		return rc;
	if (job_is_open(job.state)) {
		rollouts_write_open(rq, &job, version, wait_ms, rp);
		return 0;
	}
	rp->status = created ? 201 : 200;
	return rollouts_write(g, rq, &r, &rp->body, rp);
}

int api_rollout_create(struct gate *g, const struct request *rq,
		       struct reply *rp)
{
	static const char *const known[] = { "wait", NULL };
	struct wish_body body = { .from = "" };
	const struct rollout_wish *wish = &body.wish;
	struct json_doc *doc = NULL;
	struct json root;
	int rc = request_want_only(rq, known, &rp->err);

	if (rc < 0)
		return rc;

	rc = json_parse(rq->body ? rq->body : "", rq->body_len, &doc, &root,
			&rp->err);
	if (rc < 0)
		goto out;
	rc = read_wish(&root, &body, &rp->err);
	if (rc < 0)
		goto out;
	rc = wish->from || wish->until ? create_past(g, rq, wish, rp)
				       : create_live(g, rq, wish, rp);
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
	static const char *const known[] = { "service", NULL };
	const char *service = request_query(rq, "service");
	int rc = request_want_only(rq, known, &rp->err);

	if (rc < 0)
		return rc;
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
