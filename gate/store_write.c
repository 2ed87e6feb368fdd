/* SPDX-License-Identifier: Apache-2.0 */
/* What is written of observations: batches. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/batch.h"
#include "gate/sqlite.h"
#include "gate/store_sqlite.h"

/* Run a query for one number; 0 and -ENOENT without a message if no row. */
static int number(struct stmt *s, int64_t *ret_n, struct err *err)
{
	int rc = stmt_step(s, err);

	if (rc == 1)
		*ret_n = stmt_i64(s, 0);
	stmt_end(s);
	return rc == 1 ? 0 : rc == 0 ? -ENOENT : rc;
}

int store_service_find(struct sqlite *db, const char *service,
		       int64_t *ret_service_id, struct err *err)
{
	static const char sql[] =
		"SELECT service_id FROM service WHERE name = ?";
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(s, service);
	return number(s, ret_service_id, err);
}

int store_service_get(struct sqlite *db, const char *service,
		      int64_t *ret_service_id, struct err *err)
{
	static const char sql[] = "INSERT INTO service (name) VALUES (?)"
				  " RETURNING service_id";
	struct stmt *s = NULL;
	int rc = store_service_find(db, service, ret_service_id, err);

	if (rc != -ENOENT)
		return rc;
	rc = stmt_begin(db, sql, &s, err);
	if (rc < 0)
		return rc;
	stmt_bind_text(s, service);
	return number(s, ret_service_id, err);
}

/* Bind what names an instance. */
static int instance_query(struct sqlite *db, const char *sql,
			  int64_t service_id, const struct batch *b,
			  int64_t *ret_instance_id, struct err *err)
{
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, service_id);
	stmt_bind_text(s, b->revision);
	stmt_bind_text(s, b->instance);
	return number(s, ret_instance_id, err);
}

static int instance_get(struct sqlite *db, int64_t service_id,
			const struct batch *b, int64_t *ret_instance_id,
			struct err *err)
{
	static const char find[] =
		"SELECT instance_id FROM instance"
		" WHERE service_id = ? AND revision = ? AND name = ?";
	static const char add[] =
		"INSERT INTO instance (service_id, revision, name, instance_id)"
		" VALUES (?1, ?2, ?3,"
		"  (SELECT coalesce(max(instance_id), 0) + 1 FROM instance"
		"   WHERE service_id = ?1))"
		" RETURNING instance_id";
	int rc;

	rc = instance_query(db, find, service_id, b, ret_instance_id, err);
	if (rc == -ENOENT)
		rc = instance_query(db, add, service_id, b, ret_instance_id,
				    err);
	return rc;
}

struct put {
	const struct batch *batch;
	const void *bytes;
	size_t len;
	int64_t now_ms;
	int64_t service_id;
	int64_t instance_id;
	bool is_new;
};

/* Returns 1 if the batch is there already, 0 if not, or an error. */
static int batch_find(struct sqlite *db, const struct put *p, struct err *err)
{
	static const char sql[] =
		"SELECT 1 FROM batch WHERE service_id = ? AND instance_id = ?"
		" AND stream_id = ? AND seq = ?";
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, p->service_id);
	stmt_bind_i64(s, p->instance_id);
	stmt_bind_i64(s, (int64_t)p->batch->stream_id);
	stmt_bind_i64(s, (int64_t)p->batch->seq);
	rc = stmt_step(s, err);
	stmt_end(s);
	return rc;
}

/*
 * Refuse a batch whose time is covered: two collectors measure the instance,
 * or one counts a window twice.  No batch is longer than the longest window,
 * which bounds where one that reaches into this one can begin.
 */
static int check_cover(struct sqlite *db, const struct put *p, struct err *err)
{
	static const char sql[] =
		"SELECT stream_id, seq, from_ms, to_ms FROM batch"
		" WHERE service_id = ? AND instance_id = ?"
		" AND from_ms > ? AND from_ms < ? AND to_ms > ? LIMIT 1";
	const struct batch *b = p->batch;
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, p->service_id);
	stmt_bind_i64(s, p->instance_id);
	stmt_bind_i64(s, b->from_ms - LIMIT_WINDOW_MAX_MS);
	stmt_bind_i64(s, b->to_ms);
	stmt_bind_i64(s, b->from_ms);
	rc = stmt_step(s, err);
	if (rc == 1)
		rc = err_set(err, -EEXIST,
			     "batch: instance %.64s: %" PRId64 "..%" PRId64
			     " ms is covered by seq %" PRId64
			     " of stream %016" PRIx64 " already",
			     b->instance, stmt_i64(s, 2), stmt_i64(s, 3),
			     stmt_i64(s, 1), (uint64_t)stmt_i64(s, 0));
	stmt_end(s);
	return rc;
}

/* The number that follows in the service's count of batches. */
static int next_seq(struct sqlite *db, int64_t service_id, int64_t *ret_seq,
		    struct err *err)
{
	static const char sql[] =
		"UPDATE service SET ingest_seq = ingest_seq + 1"
		" WHERE service_id = ? RETURNING ingest_seq";
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, service_id);
	return number(s, ret_seq, err);
}

static int batch_insert(struct sqlite *db, const struct put *p,
			int64_t ingest_seq, struct err *err)
{
	static const char sql[] =
		"INSERT INTO batch (service_id, instance_id, stream_id, seq,"
		" ingest_seq, received_ms, from_ms, to_ms, body)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(s, p->service_id);
	stmt_bind_i64(s, p->instance_id);
	stmt_bind_i64(s, (int64_t)p->batch->stream_id);
	stmt_bind_i64(s, (int64_t)p->batch->seq);
	stmt_bind_i64(s, ingest_seq);
	stmt_bind_i64(s, p->now_ms);
	stmt_bind_i64(s, p->batch->from_ms);
	stmt_bind_i64(s, p->batch->to_ms);
	stmt_bind_bytes(s, p->bytes, p->len);
	return stmt_run(s, err);
}

/*
 * Only an instance that was there before can refuse a batch, so that nothing
 * has been changed when one is refused.
 */
static int put_run(struct sqlite *db, void *ctx, struct err *err)
{
	struct put *p = ctx;
	int64_t ingest_seq = 0;
	int rc;

	rc = store_service_get(db, p->batch->service, &p->service_id, err);
	if (rc < 0)
		return rc;
	rc = instance_get(db, p->service_id, p->batch, &p->instance_id, err);
	if (rc < 0)
		return rc;
	rc = batch_find(db, p, err);
	p->is_new = rc == 0;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = check_cover(db, p, err);
	if (rc < 0)
		return rc;
	rc = next_seq(db, p->service_id, &ingest_seq, err);
	if (rc < 0)
		return rc;
	return batch_insert(db, p, ingest_seq, err);
}

int store_put_batch(struct store *st, const struct batch *b, const void *bytes,
		    size_t len, int64_t now_ms, bool *ret_new, struct err *err)
{
	struct put p = {
		.batch = b, .bytes = bytes, .len = len, .now_ms = now_ms
	};
	int rc = store_do_checked(st, put_run, &p, len, err);

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&st->lock);
	if (p.is_new)
		st->stats.n_batches++;
	else
		st->stats.n_repeats++;
	pthread_mutex_unlock(&st->lock);
	if (ret_new)
		*ret_new = p.is_new;
	return 0;
}
