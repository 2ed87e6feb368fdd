/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: list, look at, put, retire. */
#include "gate/api.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/json_text.h"
#include "common/num.h"
#include "gate/gate.h"
#include "gate/policies.h"
#include "gate/request.h"
#include "gate/store.h"

/* What a visit needs to write policies. */
struct writing {
	const struct request *rq;
	struct buf *out;
	size_t n;
};

/* The services of a policy, as far as the caller may know of them. */
static void write_services(struct writing *w, const struct policy_text *t)
{
	size_t n = 0;

	buf_puts(w->out, ",\"services\":[");
	for (size_t i = 0; i < t->n_services; i++) {
		if (!request_may(w->rq, SCOPE_READ, t->services[i]))
			continue;
		buf_puts(w->out, n++ ? "," : "");
		json_text_string(w->out, t->services[i]);
	}
	buf_puts(w->out, "]");
}

static void write_policy(struct writing *w, const struct policy_text *t,
			 const char *source)
{
	buf_puts(w->out, "{\"name\":");
	json_text_string(w->out, t->policy.name);
	buf_printf(w->out, ",\"version\":%" PRIu32 ",\"source\":\"%s\"",
		   t->policy.version, source);
	write_services(w, t);
	buf_puts(w->out, ",\"policy\":");
	policy_text_print(w->out, &t->policy);
}

static int write_entry(void *ctx, const struct policies_entry *e)
{
	struct writing *w = ctx;

	buf_puts(w->out, w->n++ ? ",\n" : "");
	write_policy(w, &e->text, policies_source_name(e->source));
	if (e->has_aside)
		buf_printf(w->out, ",\"aside_version\":%" PRIu32, e->aside);
	if (e->refused.text[0]) {
		buf_puts(w->out, ",\"refused\":");
		json_text_string(w->out, e->refused.text);
	}
	buf_puts(w->out, "}");
	return 0;
}

static const char *const no_parameter[] = { NULL };
static const char *const version_alone[] = { "version", NULL };

int api_policy_list(struct gate *g, const struct request *rq, struct reply *rp)
{
	struct writing w = { .rq = rq, .out = &rp->body };
	int rc = request_want_only(rq, no_parameter, &rp->err);

	if (rc < 0)
		return rc;
	buf_puts(&rp->body, "{\"policies\":[\n");
	(void)policies_each(g->policies, NULL, write_entry, &w); /* > 0 */
	buf_puts(&rp->body, "\n]}\n");
	return 0;
}

/* The one that holds now. */
static int get_now(struct gate *g, const struct request *rq, struct reply *rp)
{
	struct writing w = { .rq = rq, .out = &rp->body };
	struct policy none;

	if (policies_each(g->policies, rq->param[0], write_entry, &w) == 0)
		return policies_get(g->policies, rq->param[0], 0, &none,
				    &rp->err); /* says which there are */
	buf_puts(&rp->body, "\n");
	return 0;
}

int api_policy_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	const char *version = request_query(rq, "version");
	struct writing w = { .rq = rq, .out = &rp->body };
	struct policy_text t = { .n_services = 0 };
	uint64_t n = 0;
	int rc = request_want_only(rq, version_alone, &rp->err);

	if (rc == 0 && version)
		rc = num_u64("version", version, 1, UINT32_MAX, &n, &rp->err);
	if (rc < 0 || !version)
		return rc < 0 ? rc : get_now(g, rq, rp);
	rc = policies_get(g->policies, rq->param[0], (uint32_t)n, &t.policy,
			  &rp->err);
	if (rc < 0)
		return rc;
	write_policy(&w, &t, "kept");
	buf_puts(&rp->body, "}\n");
	return 0;
}

static int write_version(void *ctx, uint32_t version, int64_t kept_ms)
{
	struct writing *w = ctx;

	buf_printf(w->out,
		   "%s\n{\"version\":%" PRIu32 ",\"kept_ms\":%" PRId64 "}",
		   w->n++ ? "," : "", version, kept_ms);
	return 0;
}

int api_policy_versions(struct gate *g, const struct request *rq,
			struct reply *rp)
{
	struct writing w = { .rq = rq, .out = &rp->body };
	int rc = request_want_only(rq, no_parameter, &rp->err);

	if (rc < 0)
		return rc;
	buf_puts(&rp->body, "{\"name\":");
	json_text_string(&rp->body, rq->param[0]);
	buf_puts(&rp->body, ",\"versions\":[");
	rc = store_each_policy_version(g->store, rq->param[0], write_version,
				       &w, &rp->err);
	buf_puts(&rp->body, "\n]}\n");
	if (rc == 0 && w.n == 0)
		rc = err_set(&rp->err, -ENOENT,
			     "there never was a policy %.80s", rq->param[0]);
	return rc;
}

/* A change that cannot be, and a document that is no policy. */
static int fault_change(int rc, struct reply *rp)
{
	if (rc == -EEXIST)
		rp->fault = FAULT_POLICY_CONFLICT;
	else if (rc == -EINVAL)
		rp->fault = FAULT_BAD_POLICY;
	return rc;
}

int api_policy_put(struct gate *g, const struct request *rq, struct reply *rp)
{
	bool created = false;
	int rc = request_want_only(rq, no_parameter, &rp->err);

	if (rc < 0)
		return rc;
	rc = policies_put(g->policies, rq->param[0], rq->body ? rq->body : "",
			  rq->body_len, rq->now_ms, &created, &rp->err);
	if (rc < 0)
		return fault_change(rc, rp);
	rp->status = created ? 201 : 200;
	return get_now(g, rq, rp);
}

int api_policy_retire(struct gate *g, const struct request *rq,
		      struct reply *rp)
{
	int rc = request_want_only(rq, no_parameter, &rp->err);

	if (rc < 0)
		return rc;
	rc = policies_retire(g->policies, rq->param[0], rq->now_ms, &rp->err);
	if (rc < 0)
		return fault_change(rc, rp);
	buf_puts(&rp->body, "{\"retired\":");
	json_text_string(&rp->body, rq->param[0]);
	buf_puts(&rp->body, "}\n");
	return 0;
}
