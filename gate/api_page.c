/* SPDX-License-Identifier: Apache-2.0 */
/* Pages for people: the list of rollouts, and the report on one. */
#include "gate/api.h"

#include <errno.h>
#include <stdlib.h>

#include "common/limits.h"
#include "gate/gate.h"
#include "gate/judge.h"
#include "gate/policies.h"
#include "gate/report.h"
#include "gate/request.h"
#include "gate/rollouts.h"
#include "stats/rollout.h"

static const char html_type[] = "text/html; charset=utf-8";

struct list {
	unsigned int n;
	struct verdict verdicts[LIMIT_LIST];
	struct report_entry entries[LIMIT_LIST];
};

/* The verdicts of rollouts; one that cannot be told is left out. */
static void ask_each(struct gate *g, const struct rollouts_list *rollouts,
		     struct list *l)
{
	for (size_t i = 0; i < rollouts->n; i++) {
		const struct store_rollout *r = &rollouts->rows[i];

		if (judge_verdict(g->judge, r, &l->verdicts[l->n], NULL) < 0)
			continue;
		l->entries[l->n] = (struct report_entry){
			.meta = r,
			.verdict = &l->verdicts[l->n],
		};
		l->n++;
	}
}

int api_page_list(struct gate *g, const struct request *rq, struct reply *rp)
{
	struct rollouts_list *rollouts = NULL;
	struct list *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return -ENOMEM;
	rc = rollouts_list(g, rq, NULL, false, &rollouts, &rp->err);
	if (rc == 0) {
		ask_each(g, rollouts, l);
		rc = report_write_list(&rp->body, l->entries, l->n, rq->now_ms,
				       &rp->err);
	}
	rp->content_type = html_type;
	free(rollouts);
	free(l);
	return rc;
}

/* The windows are gone and the verdict is not. */
static int write_stored(struct gate *g, const struct request *rq,
			const struct store_rollout *meta,
			const struct policy *policy, struct reply *rp)
{
	struct verdict v = { 0 };
	int64_t gone_before_ms = 0;
	int rc;

	rc = store_trimmed_ms(g->store, meta->service, &gone_before_ms,
			      &rp->err);
	if (rc == 0)
		rc = judge_verdict(g->judge, meta, &v, &rp->err);
	if (rc == 0)
		rc = report_write_stored(&rp->body, meta, policy, &v,
					 gone_before_ms, rq->now_ms, &rp->err);
	return rc;
}

static int write_report(struct gate *g, const struct request *rq,
			const struct store_rollout *meta, struct reply *rp)
{
	struct rollout *r = NULL;
	struct verdict v = { 0 };
	struct err why = { "" };
	struct policy policy;
	int rc;

	rp->content_type = html_type;
	rc = policies_get(g->policies, meta->policy, meta->policy_version,
			  &policy, &rp->err);
	if (rc < 0)
		return rc;
	rc = judge_fold_again(g->store, g->policies, meta, &r, &v, &why);
	if (rc == -ENODATA)
		return write_stored(g, rq, meta, &policy, rp);
	if (rc < 0)
		return err_set(&rp->err, rc, "%s", why.text);
	/* what the clock or somebody's stop changed since the last window */
	rc = judge_verdict(g->judge, meta, &v, &rp->err);
	if (rc == 0)
		rc = report_write(&rp->body, meta, &policy, r, &v, rq->now_ms,
				  &rp->err);
	rollout_free(r);
	return rc;
}

int api_page_report(struct gate *g, const struct request *rq, struct reply *rp)
{
	struct store_rollout meta;
	int rc;

	rc = rollouts_find(g, rq, SCOPE_READ, &meta, rp);
	if (rc == 0)
		rc = rollouts_fold_take(g, &rp->err);
	if (rc < 0)
		return rc;
	rc = write_report(g, rq, &meta, rp);
	rollouts_fold_give(g);
	return rc;
}

int api_page_download(struct gate *g, const struct request *rq,
		      struct reply *rp)
{
	int rc = api_page_report(g, rq, rp);

	if (rc == 0)
		rp->filename = "tailgate-report.html";
	return rc;
}
