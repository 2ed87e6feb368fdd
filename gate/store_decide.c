/* SPDX-License-Identifier: Apache-2.0 */
/* What is written of decisions: rows are added, and never changed. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gate/sqlite.h"
#include "gate/store_sqlite.h"

/* Begin a statement whose first two values name a rollout. */
static int rollout_stmt(struct sqlite *db, const char *sql, int64_t rollout_id,
			struct stmt **ret_s, struct err *err)
{
	int rc = stmt_begin(db, sql, ret_s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(*ret_s, rollout_id / ROLLOUTS_PER_SERVICE);
	stmt_bind_i64(*ret_s, rollout_id);
	return 0;
}

/* Returns 0, or -ENOENT with a message if there is no such rollout. */
static int rollout_check(struct sqlite *db, int64_t rollout_id, struct err *err)
{
	static const char sql[] = "SELECT 1 FROM rollout"
				  " WHERE service_id = ? AND rollout_id = ?";
	struct stmt *s = NULL;
	int rc = rollout_stmt(db, sql, rollout_id, &s, err);

	if (rc < 0)
		return rc;
	rc = stmt_step(s, err);
	stmt_end(s);
	if (rc == 0)
		return err_set(err, -ENOENT, "store: no rollout %" PRId64,
			       rollout_id);
	return rc < 0 ? rc : 0;
}

/* The number of a service's newest lesson, 0 before the first. */
static int lesson_newest(struct sqlite *db, int64_t service_id,
			 int64_t *ret_seq, struct err *err)
{
	static const char sql[] = "SELECT max(lesson_seq) FROM lesson"
				  " WHERE service_id = ?";
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, service_id);
	rc = stmt_step(s, err);
	*ret_seq = rc == 1 ? stmt_i64(s, 0) : 0; /* none: NULL, which is 0 */
	stmt_end(s);
	return rc < 0 ? rc : 0;
}

/* --- rollouts --- */

struct begin {
	const struct store_rollout *want;
	int64_t rollout_id;
	bool created;
};

static int rollout_number(struct sqlite *db, int64_t service_id,
			  int64_t *ret_rollout_id, struct err *err)
{
	static const char sql[] = "SELECT max(rollout_id) FROM rollout"
				  " WHERE service_id = ?";
	int64_t base = service_id * ROLLOUTS_PER_SERVICE;
	struct stmt *s = NULL;
	int64_t last;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, service_id);
	rc = stmt_step(s, err);
	last = rc == 1 ? stmt_i64(s, 0) : 0; /* no rollout: NULL, which is 0 */
	stmt_end(s);
	if (rc < 0)
		return rc;
	if (last == 0)
		last = base;
	if (last - base >= LIMIT_SERVICE_ROLLOUTS)
		return err_set(err, -ENOSPC,
			       "store: the service has had %d rollouts and "
			       "can have no more",
			       LIMIT_SERVICE_ROLLOUTS);
	*ret_rollout_id = last + 1;
	return 0;
}

static int step_insert(struct sqlite *db, int64_t rollout_id, uint32_t step,
		       int64_t at_ms, struct err *err)
{
	static const char sql[] =
		"INSERT INTO step (service_id, rollout_id, step, begun_ms)"
		" VALUES (?, ?, ?, ?)";
	struct stmt *s = NULL;
	int rc = rollout_stmt(db, sql, rollout_id, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, step);
	stmt_bind_i64(s, at_ms);
	return stmt_run(s, err);
}

static int rollout_insert(struct sqlite *db, const struct store_rollout *want,
			  int64_t rollout_id, struct err *err)
{
	static const char sql[] =
		"INSERT INTO rollout (service_id, rollout_id, baseline,"
		" canary, attempt, policy, policy_version, begun_ms, until_ms,"
		" lesson_seq)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0), ?)";
	struct stmt *s = NULL;
	int64_t lesson_seq = want->lesson_seq;
	int rc = 0;

	/* one over past time does not know more than was known then */
	if (want->until_ms == 0)
		rc = lesson_newest(db, rollout_id / ROLLOUTS_PER_SERVICE,
				   &lesson_seq, err);

	if (rc == 0)
		rc = rollout_stmt(db, sql, rollout_id, &s, err);
	if (rc < 0)
		return rc;
	stmt_bind_text(s, want->baseline);
	stmt_bind_text(s, want->canary);
	stmt_bind_i64(s, want->attempt);
	stmt_bind_text(s, want->policy);
	stmt_bind_i64(s, want->policy_version);
	stmt_bind_i64(s, want->begun_ms);
	stmt_bind_i64(s, want->until_ms);
	stmt_bind_i64(s, lesson_seq);
	return stmt_run(s, err);
}

int store_rollout_add(struct sqlite *db, const struct store_rollout *want,
		      int64_t service_id, int64_t *ret_rollout_id,
		      struct err *err)
{
	int64_t rollout_id = 0;
	int rc = rollout_number(db, service_id, &rollout_id, err);

	if (rc == 0)
		rc = rollout_insert(db, want, rollout_id, err);
	if (rc == 0)
		rc = step_insert(db, rollout_id, want->step, want->begun_ms,
				 err);
	if (rc == 0)
		*ret_rollout_id = rollout_id;
	return rc;
}

static int begin_run(struct sqlite *db, void *ctx, struct err *err)
{
	static const char find[] =
		"SELECT rollout_id FROM rollout WHERE service_id = ?"
		" AND baseline = ? AND canary = ? AND attempt = ?";
	struct begin *b = ctx;
	struct stmt *s = NULL;
	int64_t service_id = 0;
	int rc;

	b->created = false;
	rc = store_service_get(db, b->want->service, &service_id, err);
	if (rc == 0)
		rc = stmt_begin(db, find, &s, err);
	if (rc < 0)
		return rc;
	stmt_bind_i64(s, service_id);
	stmt_bind_text(s, b->want->baseline);
	stmt_bind_text(s, b->want->canary);
	stmt_bind_i64(s, b->want->attempt);
	rc = stmt_step(s, err);
	if (rc == 1)
		b->rollout_id = stmt_i64(s, 0);
	stmt_end(s);
	if (rc != 0)
		return rc < 0 ? rc : 0;

	b->created = true;
	return store_rollout_add(db, b->want, service_id, &b->rollout_id, err);
}

int store_begin_rollout(struct store *st, const struct store_rollout *want,
			struct store_rollout *ret_r, bool *ret_created,
			struct err *err)
{
	struct begin b = { .want = want };
	int rc = store_do(st, begin_run, &b, 0, err);

	if (rc == 0)
		rc = store_get_rollout(st, b.rollout_id, ret_r, err);
	if (rc == 0 && ret_created)
		*ret_created = b.created;
	return rc;
}

/* --- steps and stops --- */

struct mark {
	int64_t rollout_id;
	int64_t at_ms;
	uint32_t step;
	const char *reason;
};

static int step_run(struct sqlite *db, void *ctx, struct err *err)
{
	static const char newest[] = "SELECT max(step) FROM step"
				     " WHERE service_id = ? AND rollout_id = ?";
	const struct mark *m = ctx;
	struct stmt *s = NULL;
	int64_t last;
	int rc = rollout_check(db, m->rollout_id, err);

	if (rc == 0)
		rc = rollout_stmt(db, newest, m->rollout_id, &s, err);
	if (rc < 0)
		return rc;
	rc = stmt_step(s, err);
	last = rc == 1 ? stmt_i64(s, 0) : 0; /* each rollout has one */
	stmt_end(s);
	if (rc < 0)
		return rc;
	if (m->step <= last)
		return 0;
	return step_insert(db, m->rollout_id, m->step, m->at_ms, err);
}

int store_begin_step(struct store *st, int64_t rollout_id, uint32_t step,
		     int64_t at_ms, struct err *err)
{
	struct mark m = { .rollout_id = rollout_id,
			  .at_ms = at_ms,
			  .step = step };

	return store_do(st, step_run, &m, 0, err);
}

static int stop_run(struct sqlite *db, void *ctx, struct err *err)
{
	static const char sql[] =
		"INSERT OR IGNORE INTO stop"
		" (service_id, rollout_id, stopped_ms, reason)"
		" VALUES (?, ?, ?, ?)";
	const struct mark *m = ctx;
	struct stmt *s = NULL;
	int rc = rollout_check(db, m->rollout_id, err);

	if (rc == 0)
		rc = rollout_stmt(db, sql, m->rollout_id, &s, err);
	if (rc < 0)
		return rc;
	stmt_bind_i64(s, m->at_ms);
	stmt_bind_text(s, m->reason);
	return stmt_run(s, err);
}

int store_stop_rollout(struct store *st, int64_t rollout_id, int64_t at_ms,
		       const char *reason, struct err *err)
{
	char cut[STORE_REASON_BYTES];
	struct mark m = { .rollout_id = rollout_id,
			  .at_ms = at_ms,
			  .reason = cut };
	size_t len = strnlen(reason, sizeof(cut) - 1);

	/* not in the middle of a character */
	while (reason[len] != '\0' && len > 0 &&
	       ((unsigned char)reason[len] & 0xc0) == 0x80)
		len--;
	memcpy(cut, reason, len);
	cut[len] = '\0';
	return store_do(st, stop_run, &m, 0, err);
}

/* --- judged windows --- */

struct judged {
	int64_t rollout_id;
	const struct store_judged *j;
};

static int closed_check(struct sqlite *db, int64_t rollout_id, struct err *err)
{
	static const char sql[] =
		"SELECT 1 FROM judged"
		" WHERE service_id = ? AND rollout_id = ? AND closes = 1";
	struct stmt *s = NULL;
	int rc = rollout_stmt(db, sql, rollout_id, &s, err);

	if (rc < 0)
		return rc;
	rc = stmt_step(s, err);
	stmt_end(s);
	if (rc == 1)
		return err_set(err, -EEXIST,
			       "store: rollout %" PRId64 " is closed",
			       rollout_id);
	return rc;
}

int store_judged_add(struct sqlite *db, int64_t rollout_id,
		     const struct store_judged *j, struct err *err)
{
	static const char sql[] =
		"INSERT INTO judged (service_id, rollout_id, from_ms, to_ms,"
		" step, history, ingest_seq, final, closes, document, method,"
		" arithmetic)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, 0),"
		" nullif(?, 0))";
	struct stmt *s = NULL;
	int rc = rollout_stmt(db, sql, rollout_id, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, j->from_ms);
	stmt_bind_i64(s, j->to_ms);
	stmt_bind_i64(s, j->step);
	stmt_bind_i64(s, j->history);
	stmt_bind_i64(s, (int64_t)j->ingest_seq);
	stmt_bind_i64(s, j->final);
	stmt_bind_i64(s, j->closes);
	stmt_bind_text(s, j->document);
	stmt_bind_i64(s, j->method);
	stmt_bind_i64(s, j->arithmetic);
	return stmt_run(s, err);
}

static int judged_run(struct sqlite *db, void *ctx, struct err *err)
{
	const struct judged *w = ctx;
	int rc = rollout_check(db, w->rollout_id, err);

	if (rc == 0)
		rc = closed_check(db, w->rollout_id, err);
	if (rc == 0)
		rc = store_judged_add(db, w->rollout_id, w->j, err);
	return rc;
}

int store_put_judged(struct store *st, int64_t rollout_id,
		     const struct store_judged *j, struct err *err)
{
	struct judged w = { .rollout_id = rollout_id, .j = j };

	return store_do(st, judged_run, &w, strlen(j->document), err);
}

/* --- lessons --- */

struct teach {
	int64_t rollout_id;
	const struct store_lesson *lessons;
	size_t n;
};

static int teach_run(struct sqlite *db, void *ctx, struct err *err)
{
	static const char sql[] =
		"INSERT INTO lesson (service_id, lesson_seq, kind, subject,"
		" level, value, df, rollout_id)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
	const struct teach *t = ctx;
	int64_t service_id = t->rollout_id / ROLLOUTS_PER_SERVICE;
	int64_t seq = 0;
	int rc = lesson_newest(db, service_id, &seq, err);

	for (size_t i = 0; i < t->n && rc == 0; i++) {
		struct stmt *s = NULL;

		rc = stmt_begin(db, sql, &s, err);
		if (rc < 0)
			return rc;
		stmt_bind_i64(s, service_id);
		stmt_bind_i64(s, seq + 1);
		stmt_bind_i64(s, t->lessons[i].kind);
		stmt_bind_text(s, t->lessons[i].subject);
		stmt_bind_i64(s, t->lessons[i].level);
		stmt_bind_i64(s, t->lessons[i].value);
		stmt_bind_i64(s, t->lessons[i].df);
		stmt_bind_i64(s, t->rollout_id);
		rc = stmt_run(s, err);
	}
	return rc;
}

int store_put_lessons(struct store *st, int64_t rollout_id,
		      const struct store_lesson *lessons, size_t n,
		      struct err *err)
{
	struct teach t = { .rollout_id = rollout_id,
			   .lessons = lessons,
			   .n = n };

	return n == 0 ? 0 : store_do(st, teach_run, &t, 128 * n, err);
}
