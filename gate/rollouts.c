/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/rollouts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/identity.h"
#include "common/json_text.h"
#include "common/num.h"
#include "gate/document.h"
#include "gate/gate.h"
#include "gate/judge.h"
#include "gate/policies.h"
#include "gate/request.h"
#include "stats/verdict.h"

enum { FIRST_ATTEMPT = 1, FIRST_STEP = 1 };

static int refuse(struct reply *rp, enum fault f)
{
	rp->fault = f;
	return -EINVAL;
}

static int check_identities(const struct rollout_wish *w, struct reply *rp)
{
	if (identity_check("service", w->service, &rp->err) < 0 ||
	    identity_check("baseline", w->baseline, &rp->err) < 0 ||
	    identity_check("canary", w->canary, &rp->err) < 0)
		return refuse(rp, FAULT_BAD_IDENTITY);
	if (strcmp(w->baseline, w->canary) == 0) {
		err_set(&rp->err, -EINVAL,
			"baseline and canary are both \"%.100s\": there is "
			"nothing to compare",
			w->canary);
		return refuse(rp, FAULT_SAME_REVISION);
	}
	return 0;
}

/* The policy a new rollout is judged by: the bound one, or a tighter one. */
static int choose_policy(struct gate *g, const struct rollout_wish *w,
			 struct store_rollout *to, struct reply *rp)
{
	const struct policy *bound = policies_bound(g->policies, w->service);
	struct policy policy = *bound;

	if (w->policy && strcmp(w->policy, bound->name) != 0) {
		if (policies_get(g->policies, w->policy, 0, &policy, &rp->err) <
			    0 ||
		    policy_tightens(bound, &policy, &rp->err) < 0)
			return refuse(rp, FAULT_BAD_POLICY);
	}
	snprintf(to->policy, sizeof(to->policy), "%s", policy.name);
	to->policy_version = policy.version;
	return 0;
}

static int create(struct gate *g, const struct request *rq,
		  const struct rollout_wish *w, struct store_rollout *ret_r,
		  bool *ret_created, struct reply *rp)
{
	struct store_rollout want = { 0 };
	int rc;

	if (!request_may(rq, SCOPE_DECIDE, w->service))
		return err_set(&rp->err, -EPERM,
			       "no such rollout, and the token may not begin "
			       "one of %.100s",
			       w->service);
	snprintf(want.service, sizeof(want.service), "%s", w->service);
	snprintf(want.baseline, sizeof(want.baseline), "%s", w->baseline);
	snprintf(want.canary, sizeof(want.canary), "%s", w->canary);
	want.attempt = w->attempt ? w->attempt : FIRST_ATTEMPT;
	want.step = w->has_step ? w->step : FIRST_STEP;
	want.begun_ms = rq->now_ms;
	rc = choose_policy(g, w, &want, rp);
	if (rc < 0)
		return rc;
	rc = store_begin_rollout(g->store, &want, ret_r, ret_created, &rp->err);
	if (rc == 0)
		judge_poke(g->judge);
	return rc;
}

/* Bring a rollout that is there to what the caller asks for. */
static int adapt(struct gate *g, const struct request *rq,
		 const struct rollout_wish *w, struct store_rollout *r,
		 struct reply *rp)
{
	int rc;

	if (w->policy && strcmp(w->policy, r->policy) != 0) {
		err_set(&rp->err, -EINVAL,
			"policy \"%.63s\": rollout %" PRId64
			" began with %s@%" PRIu32 " and keeps it",
			w->policy, r->rollout_id, r->policy, r->policy_version);
		return refuse(rp, FAULT_BAD_POLICY);
	}
	if (!w->has_step || w->step <= r->step || r->stopped)
		return 0;
	if (!request_may(rq, SCOPE_DECIDE, r->service))
		return err_set(&rp->err, -EPERM,
			       "rollout %" PRId64 " is at step %" PRIu32
			       ", and the token may not begin step %" PRIu32,
			       r->rollout_id, r->step, w->step);
	rc = store_begin_step(g->store, r->rollout_id, w->step, rq->now_ms,
			      &rp->err);
	if (rc < 0)
		return rc;
	judge_poke(g->judge);
	return store_get_rollout(g->store, r->rollout_id, r, &rp->err);
}

int rollouts_begin(struct gate *g, const struct request *rq,
		   const struct rollout_wish *w, struct store_rollout *ret_r,
		   bool *ret_created, struct reply *rp)
{
	struct err none = { "" };
	bool created = false;
	int rc;

	rc = check_identities(w, rp);
	if (rc < 0)
		return rc;
	if (!request_may(rq, SCOPE_READ, w->service))
		return err_set(&rp->err, -EPERM,
			       "the token has no grant for service %.100s",
			       w->service);
	rc = store_find_rollout(g->store, w->service, w->baseline, w->canary,
				w->attempt ? w->attempt : FIRST_ATTEMPT, ret_r,
				&none);
	if (rc == -ENOENT)
		rc = create(g, rq, w, ret_r, &created, rp);
	else if (rc < 0)
		return err_set(&rp->err, rc, "%s", none.text);
	/* somebody else may have begun it in between, with another step */
	if (rc == 0 && !created)
		rc = adapt(g, rq, w, ret_r, rp);
	if (rc == 0 && ret_created)
		*ret_created = created;
	return rc;
}

int rollouts_find(struct gate *g, const struct request *rq, enum scope scope,
		  struct store_rollout *ret_r, struct reply *rp)
{
	int64_t id;

	if (num_i64("rollout", rq->param[0], 1, INT64_MAX, &id, NULL) < 0)
		return err_set(&rp->err, -ENOENT,
			       "rollout \"%.40s\": its number is wanted",
			       rq->param[0] ? rq->param[0] : "");
	if (store_get_rollout(g->store, id, ret_r, NULL) == 0 &&
	    request_may(rq, scope, ret_r->service))
		return 0;
	/* one that may not be seen looks like one that is not there */
	return err_set(&rp->err, -ENOENT, "there is no rollout %" PRId64, id);
}

struct collect {
	const struct request *rq;
	struct rollouts_list *list;
};

static int collect_one(void *ctx, const struct store_rollout *r)
{
	struct collect *c = ctx;

	if (c->list->n < LIMIT_LIST &&
	    request_may(c->rq, SCOPE_READ, r->service))
		c->list->rows[c->list->n++] = *r;
	return 0;
}

int rollouts_list(struct gate *g, const struct request *rq, const char *service,
		  bool open_only, struct rollouts_list **ret_list,
		  struct err *err)
{
	struct collect c = { .rq = rq };
	int rc;

	c.list = calloc(1, sizeof(*c.list));
	if (!c.list)
		return err_set(err, -ENOMEM, "list of rollouts: no memory");
	rc = store_each_rollout(g->store, service, open_only, LIMIT_LIST,
				collect_one, &c, err);
	if (rc < 0)
		free(c.list);
	else
		*ret_list = c.list;
	return rc;
}

static void write_member(struct buf *out, const char *key, const char *text)
{
	buf_printf(out, ",\"%s\":", key);
	json_text_string(out, text);
}

int rollouts_write(struct gate *g, const struct request *rq,
		   const struct store_rollout *r, struct buf *out,
		   struct reply *rp)
{
	struct verdict v = { 0 };
	struct buf document = { 0 };
	int rc;

	rc = judge_verdict(g->judge, r, &v, &rp->err);
	if (rc == 0)
		rc = verdict_document(&document, r, &v, rq->base_url, &rp->err);
	if (rc < 0)
		goto out;
	buf_printf(out, "{\"id\":%" PRId64, r->rollout_id);
	write_member(out, "service", r->service);
	write_member(out, "baseline", r->baseline);
	write_member(out, "canary", r->canary);
	buf_printf(out, ",\"attempt\":%" PRIu32, r->attempt);
	write_member(out, "policy", r->policy);
	buf_printf(out,
		   ",\"policy_version\":%" PRIu32 ",\"begun_ms\":%" PRId64
		   ",\"step\":%" PRIu32 ",\"step_ms\":%" PRId64
		   ",\"stopped\":%s,\"closed\":%s",
		   r->policy_version, r->begun_ms, r->step, r->step_ms,
		   r->stopped ? "true" : "false", r->closed ? "true" : "false");
	write_member(out, "stop_reason", r->stop_reason);
	buf_puts(out, ",\"verdict\":");
	buf_add(out, document.bytes, document.len);
	buf_puts(out, "}");
out:
	buf_release(&document);
	return rc;
}
