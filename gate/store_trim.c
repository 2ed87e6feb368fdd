/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention: which batches are deleted, how the room is given back, and how far
 * what is left reaches back.
 */
#include <errno.h>

#include "gate/sqlite.h"
#include "gate/store_sqlite.h"

/*
 * The services that have batches to delete, and up to when: not what an open
 * rollout has seen, nor what it learned from before it began.
 */
static const char trim_sql[] =
	"SELECT c.service_id, c.cut_ms FROM"
	" (SELECT s.service_id, min(?1, coalesce("
	"   (SELECT min(r.begun_ms) - ?2 FROM rollout r"
	"    WHERE r.service_id = s.service_id"
	"    AND NOT EXISTS (SELECT 1 FROM stop x"
	"     WHERE x.service_id = r.service_id"
	"     AND x.rollout_id = r.rollout_id)"
	"    AND NOT EXISTS (SELECT 1 FROM judged j"
	"     WHERE j.service_id = r.service_id"
	"     AND j.rollout_id = r.rollout_id AND j.closes = 1)),"
	"   ?1)) AS cut_ms"
	"  FROM service s) c"
	" WHERE EXISTS (SELECT 1 FROM batch b"
	"  WHERE b.service_id = c.service_id AND b.from_ms < c.cut_ms"
	"  AND b.to_ms <= c.cut_ms)"
	" LIMIT 1";

struct trim {
	int64_t before_ms;
	uint64_t n_deleted;
	uint64_t n_in_all;
	int64_t n_free; /* pages */
};

/* Two numbers, bound in order; the statement changes rows. */
static int change(struct sqlite *db, const char *sql, int64_t a, int64_t b,
		  uint64_t *ret_n, struct err *err)
{
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, a);
	stmt_bind_i64(s, b);
	rc = stmt_run(s, err);
	*ret_n = sqlite_changes(db);
	return rc;
}

static int trim_run(struct sqlite *db, void *ctx, struct err *err)
{
	static const char delete_sql[] =
		"DELETE FROM batch WHERE rowid IN"
		" (SELECT rowid FROM batch WHERE service_id = ?1"
		"  AND from_ms < ?2 AND to_ms <= ?2 LIMIT 500)";
	static const char note_sql[] =
		"UPDATE service SET trimmed_ms = max(trimmed_ms, ?2)"
		" WHERE service_id = ?1";
	struct trim *t = ctx;
	struct stmt *s = NULL;
	int64_t service_id;
	int64_t cut_ms;
	uint64_t n = 0;
	int rc;

	t->n_deleted = 0;
	rc = stmt_begin(db, trim_sql, &s, err);
	if (rc < 0)
		return rc;
	stmt_bind_i64(s, t->before_ms);
	stmt_bind_i64(s, LIMIT_JUDGE_HISTORY_MS);
	rc = stmt_step(s, err);
	service_id = rc == 1 ? stmt_i64(s, 0) : 0;
	cut_ms = rc == 1 ? stmt_i64(s, 1) : 0;
	stmt_end(s);
	if (rc <= 0)
		return rc;
	rc = change(db, delete_sql, service_id, cut_ms, &t->n_deleted, err);
	if (rc < 0)
		return rc;
	return change(db, note_sql, service_id, cut_ms, &n, err);
}

static int vacuum_run(struct sqlite *db, void *ctx, struct err *err)
{
	struct trim *t = ctx;
	int rc = sqlite_run(db, "PRAGMA incremental_vacuum(2000)", err);

	if (rc < 0)
		return rc;
	return sqlite_number(db, "PRAGMA freelist_count", &t->n_free, err);
}

_Static_assert(LIMIT_TRIM_ROWS == 500 && LIMIT_TRIM_PAGES == 2000,
	       "the statements above have these numbers in them");

/* Delete all that t permits, in many short commits. */
static int trim_all(struct store *st, struct trim *t, struct err *err)
{
	int rc;

	do {
		rc = store_do(st, trim_run, t, 0, err);
		if (rc == 0)
			t->n_in_all += t->n_deleted;
	} while (rc == 0 && t->n_deleted > 0);
	return rc;
}

/* Give free pages back to the file system. */
static int vacuum_all(struct store *st, struct trim *t, struct err *err)
{
	int64_t n_free;
	int rc;

	t->n_free = INT64_MAX;
	do {
		n_free = t->n_free;
		rc = store_do(st, vacuum_run, t, 0, err);
	} while (rc == 0 && t->n_free > 0 && t->n_free < n_free);
	return rc;
}

int store_trim(struct store *st, int64_t before_ms, uint64_t *ret_n,
	       struct err *err)
{
	struct trim t = { .before_ms = before_ms };
	int rc = trim_all(st, &t, err);

	if (rc == 0 && t.n_in_all > 0)
		rc = vacuum_all(st, &t, err);
	if (rc == 0 && ret_n)
		*ret_n = t.n_in_all;
	return rc;
}

/* --- by size --- */

/* Bytes of the pages in use: what is free is given back or used again. */
static const char used_sql[] =
	"SELECT (c.page_count - f.freelist_count) * s.page_size"
	" FROM pragma_page_count c, pragma_freelist_count f,"
	" pragma_page_size s";

int store_size(struct store *st, uint64_t *ret_bytes, struct err *err)
{
	struct look l;
	int rc = look_begin(st, used_sql, &l, err);

	if (rc < 0)
		return rc;
	rc = stmt_step(l.s, err);
	if (rc == 1)
		*ret_bytes = (uint64_t)stmt_i64(l.s, 0);
	look_end(&l);
	return rc < 0 ? rc : 0;
}

/* When the oldest and the newest batch begin; 0 and 0 if there are none. */
static int find_ends(struct store *st, int64_t *ret_oldest_ms,
		     int64_t *ret_newest_ms, struct err *err)
{
	/* of each service by its index: it has no other way to the oldest */
	static const char sql[] =
		"SELECT min((SELECT min(b.from_ms) FROM batch b"
		"  WHERE b.service_id = s.service_id)),"
		" max((SELECT max(b.from_ms) FROM batch b"
		"  WHERE b.service_id = s.service_id)) FROM service s";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	rc = stmt_step(l.s, err);
	if (rc == 1) { /* NULL is 0 */
		*ret_oldest_ms = stmt_i64(l.s, 0);
		*ret_newest_ms = stmt_i64(l.s, 1);
	}
	look_end(&l);
	return rc < 0 ? rc : 0;
}

int store_shrink(struct store *st, uint64_t max_bytes, uint64_t *ret_n,
		 struct err *err)
{
	struct trim t = { .n_in_all = 0 };
	uint64_t used = 0;
	int64_t newest_ms = 0;
	int64_t step_ms;
	int rc = store_size(st, &used, err);

	if (rc == 0 && used > max_bytes)
		rc = find_ends(st, &t.before_ms, &newest_ms, err);
	/* a little at a time, so that little more goes than must */
	step_ms = (newest_ms - t.before_ms) / LIMIT_SHRINK_STEPS + 1;
	while (rc == 0 && used > max_bytes && t.before_ms < newest_ms) {
		t.before_ms += step_ms;
		rc = trim_all(st, &t, err);
		if (rc == 0)
			rc = store_size(st, &used, err);
	}
	if (rc == 0 && t.n_in_all > 0)
		rc = vacuum_all(st, &t, err);
	if (rc == 0 && ret_n)
		*ret_n = t.n_in_all;
	return rc;
}

/* --- what is left --- */

int store_reach(struct store *st, const char *service, int64_t from_ms,
		int64_t to_ms, int64_t *ret_first_ms, uint32_t *ret_n_hours,
		struct err *err)
{
	/* from the first of an hour to the first after it: a look each */
	static const char sql[] =
		"WITH RECURSIVE one(id) AS MATERIALIZED"
		" (SELECT service_id FROM service WHERE name = ?1),"
		" first(at) AS (SELECT (SELECT min(from_ms) FROM batch"
		"   WHERE service_id = (SELECT id FROM one) AND from_ms >= ?2)"
		"  UNION ALL SELECT (SELECT min(from_ms) FROM batch"
		"   WHERE service_id = (SELECT id FROM one)"
		"   AND from_ms >= (at / 3600000 + 1) * 3600000)"
		"  FROM first WHERE at < ?3)"
		" SELECT min(at), count(at) FROM first WHERE at < ?3";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, service);
	stmt_bind_i64(l.s, from_ms);
	stmt_bind_i64(l.s, to_ms);
	rc = stmt_step(l.s, err);
	if (rc == 1) { /* NULL is 0 */
		*ret_first_ms = stmt_i64(l.s, 0);
		*ret_n_hours = (uint32_t)stmt_i64(l.s, 1);
	}
	look_end(&l);
	return rc < 0 ? rc : 0;
}
