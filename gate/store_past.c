/* SPDX-License-Identifier: Apache-2.0 */
/* What is written of past time: a rollout and its windows, at one go. */
#include "gate/sqlite.h"
#include "gate/store_sqlite.h"

struct put_past {
	const struct store_past *p;
	struct store_rollout rollout; /* as it is written */
};

/* The attempt that follows, above all that a caller may ask for. */
static int past_attempt(struct sqlite *db, int64_t service_id,
			struct store_rollout *r, struct err *err)
{
	static const char sql[] =
		"SELECT max(attempt) FROM rollout"
		" WHERE service_id = ? AND baseline = ? AND canary = ?";
	struct stmt *s = NULL;
	int64_t last;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, service_id);
	stmt_bind_text(s, r->baseline);
	stmt_bind_text(s, r->canary);
	rc = stmt_step(s, err);
	last = rc == 1 ? stmt_i64(s, 0) : 0; /* no rollout: NULL, which is 0 */
	stmt_end(s);
	if (rc < 0)
		return rc;
	/* a service cannot have so many rollouts that this overflows */
	r->attempt =
		(uint32_t)(last < LIMIT_ATTEMPT ? LIMIT_ATTEMPT : last) + 1;
	return 0;
}

static int put_past_run(struct sqlite *db, void *ctx, struct err *err)
{
	struct put_past *put = ctx;
	const struct store_past *p = put->p;
	struct store_rollout *r = &put->rollout;
	int64_t service_id = 0;
	int rc;

	*r = p->want;
	rc = store_service_get(db, r->service, &service_id, err);
	if (rc == 0)
		rc = past_attempt(db, service_id, r, err);
	if (rc == 0)
		rc = store_rollout_add(db, r, service_id, &r->rollout_id, err);
	for (size_t i = 0; i < p->n && rc == 0; i++) {
		struct store_judged j;

		rc = p->judged(p->ctx, r, i, &j, err);
		if (rc == 0)
			rc = store_judged_add(db, r->rollout_id, &j, err);
	}
	return rc;
}

int store_put_past(struct store *st, const struct store_past *p,
		   struct store_rollout *ret_r, struct err *err)
{
	struct put_past put = { .p = p };
	int rc = store_do(st, put_past_run, &put, p->n * LIMIT_RECORD_BYTES,
			  err);

	return rc < 0 ? rc
		      : store_get_rollout(st, put.rollout.rollout_id, ret_r,
					  err);
}
