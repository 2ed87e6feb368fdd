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
#include "common/limits.h"
#include "common/num.h"
#include "common/time_text.h"
#include "gate/document.h"
#include "gate/gate.h"
#include "gate/jobs.h"
#include "gate/judge.h"
#include "gate/policies.h"
#include "gate/request.h"
#include "gate/work.h"
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
	struct policy bound;
	struct policy policy;

	if (policies_bound(g->policies, w->service, &bound, &rp->err) < 0)
		return refuse(rp, FAULT_BAD_POLICY);
	policy = bound;
	if (w->policy && strcmp(w->policy, bound.name) != 0) {
		if (policies_get(g->policies, w->policy, 0, &policy, &rp->err) <
			    0 ||
		    policy_tightens(&bound, &policy, &rp->err) < 0)
			return refuse(rp, FAULT_BAD_POLICY);
	}
	snprintf(to->policy, sizeof(to->policy), "%s", policy.name);
	to->policy_version = policy.version;
	return 0;
}

/* What is new in the store for this wish. */
static int want_write(struct gate *g, const struct rollout_wish *w,
		      struct store_rollout *want, struct reply *rp)
{
	snprintf(want->service, sizeof(want->service), "%s", w->service);
	snprintf(want->baseline, sizeof(want->baseline), "%s", w->baseline);
	snprintf(want->canary, sizeof(want->canary), "%s", w->canary);
	want->attempt = w->attempt ? w->attempt : FIRST_ATTEMPT;
	want->step = w->has_step ? w->step : FIRST_STEP;
	return choose_policy(g, w, want, rp);
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
	want.begun_ms = rq->now_ms;
	rc = want_write(g, w, &want, rp);
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

static int refuse_range(struct reply *rp, const char *why)
{
	err_set(&rp->err, -EINVAL, "%s", why);
	return refuse(rp, FAULT_BAD_RANGE);
}

/* Is it a time that can be judged now? */
static int check_range(struct gate *g, const struct request *rq,
		       const struct store_rollout *want, struct reply *rp)
{
	int64_t length_ms = want->until_ms - want->begun_ms;
	char since[TIME_TEXT_BYTES];
	char why[160];
	int64_t kept_ms = 0;
	int rc;

	if (length_ms <= 0)
		return refuse_range(rp, "until is not after from");
	if (length_ms < LIMIT_PAST_MIN_MS || length_ms > LIMIT_PAST_MS) {
		snprintf(why, sizeof(why),
			 "from and until are %" PRId64
			 " s apart and may be %d to %d",
			 length_ms / 1000, LIMIT_PAST_MIN_MS / 1000,
			 LIMIT_PAST_MS / 1000);
		return refuse_range(rp, why);
	}
	if (want->until_ms > rq->now_ms - LIMIT_JUDGE_WATERMARK_MS) {
		snprintf(why, sizeof(why),
			 "until lies in the future or less than %d s ago: "
			 "batches of that time may still come",
			 LIMIT_JUDGE_WATERMARK_MS / 1000);
		return refuse_range(rp, why);
	}
	rc = store_trimmed_ms(g->store, want->service, &kept_ms, &rp->err);
	if (rc < 0 || want->begun_ms >= kept_ms)
		return rc;
	time_text_write(kept_ms, since);
	snprintf(why, sizeof(why),
		 "from lies before %s: older batches were deleted when their "
		 "retention was over",
		 since);
	return refuse_range(rp, why);
}

static int read_range(const struct rollout_wish *w, struct store_rollout *want,
		      struct reply *rp)
{
	if (!w->from || !w->until)
		return refuse_range(rp, "from and until go together");
	if (w->attempt != 0)
		return refuse_range(rp, "attempt: the gate counts those of "
					"past time itself, from 1001");
	if (time_text_read("from", w->from, &want->begun_ms, &rp->err) < 0 ||
	    time_text_read("until", w->until, &want->until_ms, &rp->err) < 0)
		return refuse(rp, FAULT_BAD_RANGE);
	return 0;
}

/* Begin the job for it, unless somebody has. */
static int begin_past(struct gate *g, const struct request *rq,
		      const struct store_rollout *want,
		      struct store_rollout *ret_r, struct job_view *ret_job,
		      struct reply *rp)
{
	int rc = check_range(g, rq, want, rp);

	if (rc == 0 && !judge_settled(g->judge, rq->now_ms))
		rc = err_set(&rp->err, -EBUSY,
			     "the gate came up less than %d s ago, and "
			     "batches of that time may still come; try again",
			     LIMIT_JUDGE_SETTLE_MS / 1000);
	if (rc == 0)
		rc = jobs_ask(g->jobs, &work_past, want, true, ret_job, ret_r,
			      &rp->err);
	return rc;
}

/* What came of a job that is over. */
static int end_past(struct gate *g, const struct store_rollout *want,
		    const struct job_view *job, struct store_rollout *ret_r,
		    bool *ret_created, struct reply *rp)
{
	if (job->state == JOB_DONE) {
		*ret_created = true;
		return 0; /* ret_r is its result */
	}
	if (job->rc == -EEXIST) /* another gate was first */
		return store_find_past(g->store, want, ret_r, &rp->err);
	return err_set(&rp->err, job->rc < 0 ? job->rc : -EBUSY, "%s",
		       job->error.text);
}

/* Get it from its job, from the store, or begin it; in that order. */
static int find_past(struct gate *g, const struct request *rq,
		     const struct store_rollout *want,
		     struct store_rollout *ret_r, bool *ret_created,
		     struct job_view *ret_job, struct reply *rp)
{
	struct err why = { "" };
	int rc = jobs_ask(g->jobs, &work_past, want, false, ret_job, ret_r,
			  &why);

	if (rc == -ENOENT) {
		ret_job->state = JOB_DONE;
		rc = store_find_past(g->store, want, ret_r, &why);
		if (rc == 0)
			return 0;
		if (rc != -ENOENT)
			return err_set(&rp->err, rc, "%s", why.text);
		rc = begin_past(g, rq, want, ret_r, ret_job, rp);
	}
	if (rc < 0 || job_is_open(ret_job->state))
		return rc;
	return end_past(g, want, ret_job, ret_r, ret_created, rp);
}

int rollouts_judge_past(struct gate *g, const struct request *rq,
			const struct rollout_wish *w,
			struct store_rollout *ret_r, bool *ret_created,
			struct job_view *ret_job, struct reply *rp)
{
	struct store_rollout want = { 0 };
	int rc = check_identities(w, rp);

	if (rc < 0)
		return rc;
	if (!request_may(rq, SCOPE_DECIDE, w->service))
		return err_set(&rp->err, -EPERM,
			       "the token may not judge service %.100s",
			       w->service);
	rc = read_range(w, &want, rp);
	if (rc == 0)
		rc = want_write(g, w, &want, rp);
	*ret_created = false;
	return rc < 0 ? rc
		      : find_past(g, rq, &want, ret_r, ret_created, ret_job,
				  rp);
}

int rollouts_read_wait(const struct request *rq, int64_t *ret_ms,
		       struct reply *rp)
{
	const char *text = request_query(rq, "wait");
	char with_unit[24];

	if (!text)
		return 0;
	/* "25" is seconds, as Argo's own time-outs are */
	if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text) &&
	    strlen(text) < sizeof(with_unit) - 1) {
		snprintf(with_unit, sizeof(with_unit), "%ss", text);
		text = with_unit;
	}
	return num_duration_ms("wait", text, 0, LIMIT_VERDICT_WAIT_MS, ret_ms,
			       &rp->err);
}

void rollouts_write_open(const struct request *rq, const struct job_view *job,
			 uint64_t version, int64_t wait_ms, struct reply *rp)
{
	buf_printf(&rp->body, "{\"state\":\"%s\",\"windows\":%" PRIu64 "}\n",
		   job_state_name(job->state), job->n_windows);
	rp->status = 202;
	if (wait_ms > 0) {
		rp->wait = true;
		rp->wait_version = version;
		rp->wait_until_ms = rq->came_ms + wait_ms;
	}
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

int rollouts_fold_take(struct gate *g, struct err *err)
{
	if (atomic_fetch_add(&g->n_reports, 1) < LIMIT_REPORTS)
		return 0;
	atomic_fetch_sub(&g->n_reports, 1);
	return err_set(err, -EBUSY,
		       "%d rollouts are being folded again; try again",
		       LIMIT_REPORTS);
}

void rollouts_fold_give(struct gate *g)
{
	atomic_fetch_sub(&g->n_reports, 1);
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
		   ",\"until_ms\":%" PRId64 ",\"step\":%" PRIu32
		   ",\"step_ms\":%" PRId64 ",\"stopped\":%s,\"closed\":%s",
		   r->policy_version, r->begun_ms, r->until_ms, r->step,
		   r->step_ms, r->stopped ? "true" : "false",
		   r->closed ? "true" : "false");
	write_member(out, "stop_reason", r->stop_reason);
	buf_puts(out, ",\"verdict\":");
	buf_add(out, document.bytes, document.len);
	buf_puts(out, "}");
out:
	buf_release(&document);
	return rc;
}
