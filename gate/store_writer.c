/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite store's writer: one thread, one transaction for all that waits.
 *
 * A commit costs one write to the disk whatever it holds, so jobs that queue
 * up while one commit runs share the next.  A job is answered only once its
 * group is durable.  Each job that needs it runs in a savepoint: one that is
 * refused leaves nothing behind and does not disturb the others.  An error of
 * the database takes the whole group back; then each of its jobs is tried
 * alone, so that one that cannot be done does not keep the others from it.
 */
#include <errno.h>
#include <stdlib.h>

#include "gate/sqlite.h"
#include "gate/store_sqlite.h"

enum { WAL_FRAME_BYTES = 8192 + 24 }; /* a page and its header */

int store_reserve(struct store *st, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&st->lock);
	if (st->stats.queue_depth >= LIMIT_STORE_QUEUE)
		rc = -EBUSY;
	else
		st->stats.queue_depth++;
	pthread_mutex_unlock(&st->lock);
	if (rc < 0)
		return err_set(
			err, rc,
			"store: %d writes are waiting already; try again",
			LIMIT_STORE_QUEUE);
	return 0;
}

void store_unreserve(struct store *st)
{
	pthread_mutex_lock(&st->lock);
	st->stats.queue_depth--;
	pthread_mutex_unlock(&st->lock);
}

static int job_do(struct store *st, struct store_job *job, struct err *err)
{
	pthread_cond_init(&job->done, NULL);
	pthread_mutex_lock(&st->lock);
	*st->last = job;
	st->last = &job->next;
	pthread_cond_signal(&st->work);
	while (!job->is_done)
		pthread_cond_wait(&job->done, &st->lock);
	pthread_mutex_unlock(&st->lock);
	pthread_cond_destroy(&job->done);
	if (job->rc < 0)
		return err_set(err, job->rc, "%s", job->err.text);
	return job->rc;
}

int store_do(struct store *st,
	     int (*run)(struct sqlite *, void *, struct err *), void *ctx,
	     size_t bytes, struct err *err)
{
	struct store_job job = {
		.run = run, .ctx = ctx, .bytes = bytes, .undo = true
	};

	return job_do(st, &job, err);
}

int store_do_checked(struct store *st,
		     int (*run)(struct sqlite *, void *, struct err *),
		     void *ctx, size_t bytes, struct err *err)
{
	struct store_job job = { .run = run, .ctx = ctx, .bytes = bytes };

	return job_do(st, &job, err);
}

static bool is_refusal(int rc)
{
	return rc == -EEXIST || rc == -ENOENT || rc == -ENODATA;
}

/* Run a constant statement that gives nothing. */
static int run(struct sqlite *db, const char *sql, struct err *err)
{
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	return rc < 0 ? rc : stmt_run(s, err);
}

/* One job, in a savepoint if need be.  Returns 0, or what ends the group. */
static int job_run(struct sqlite *db, struct store_job *job)
{
	int rc = 0;

	job->err.text[0] = '\0';
	if (job->undo)
		rc = run(db, "SAVEPOINT job", &job->err);
	if (rc < 0)
		return rc;
	job->rc = job->run(db, job->ctx, &job->err);
	if (job->rc < 0 && !is_refusal(job->rc))
		return job->rc;
	if (job->rc < 0 && job->undo)
		rc = run(db, "ROLLBACK TO job", &job->err);
	if (rc == 0 && job->undo)
		rc = run(db, "RELEASE job", &job->err);
	return rc;
}

/* Give every job of a group the error that ended it. */
static void group_fail(struct store_job *jobs, int rc, const struct err *err)
{
	for (struct store_job *job = jobs; job; job = job->next) {
		job->rc = rc;
		job->err = *err;
	}
}

/* Commit a group, all of it or nothing.  Returns 0 or what ended it. */
static int group_run(struct sqlite *db, struct store_job *jobs, struct err *err)
{
	int rc = run(db, "BEGIN IMMEDIATE", err);

	for (struct store_job *job = jobs; job && rc == 0; job = job->next) {
		rc = job_run(db, job);
		if (rc < 0)
			(void)err_set(err, rc, "%s", job->err.text);
	}
	if (rc == 0)
		rc = run(db, "COMMIT", err);
	/* SQLite has rolled back by itself after some errors */
	if (rc < 0 && sqlite_in_transaction(db))
		(void)run(db, "ROLLBACK", NULL); /* the first error counts */
	return rc;
}

/* A group, then each of its jobs alone if it could not be done. */
static size_t group_commit(struct sqlite *db, struct store_job *jobs)
{
	struct err err = { .text = "" };
	int rc = group_run(db, jobs, &err);
	size_t n_failed = rc < 0;

	if (rc == 0)
		return 0;
	if (!jobs->next) {
		group_fail(jobs, rc, &err);
		return n_failed;
	}
	for (struct store_job *job = jobs; job; job = job->next) {
		struct store_job *next = job->next;

		job->next = NULL;
		n_failed += group_commit(db, job);
		job->next = next;
	}
	return n_failed;
}

/* Take what waits, up to a group's bytes but one job at least; locked. */
static struct store_job *group_take(struct store *st)
{
	struct store_job *jobs = st->first;
	struct store_job **end = &st->first;
	size_t bytes = 0;

	while (*end && (bytes == 0 ||
			bytes + (*end)->bytes <= LIMIT_STORE_GROUP_BYTES)) {
		bytes += (*end)->bytes + 1;
		end = &(*end)->next;
	}
	st->first = *end;
	if (!st->first)
		st->last = &st->first;
	*end = NULL;
	return jobs;
}

/* Wake those whose work was in the group; locked. */
static void group_answer(struct store_job *jobs)
{
	struct store_job *next;

	for (struct store_job *job = jobs; job; job = next) {
		next = job->next; /* the job is gone once it is answered */
		job->is_done = true;
		pthread_cond_signal(&job->done);
	}
}

/*
 * Copy the log back once it is long, after those who waited have their
 * answer.  Readers may keep it from being emptied; when it has grown far it
 * is worth waiting for them.
 */
static void checkpoint(struct store *st)
{
	uint64_t n_pages = sqlite_wal_pages(st->db);

	if (n_pages >= LIMIT_SQLITE_WAL_PAGES)
		(void)sqlite_checkpoint(st->db,
					n_pages >= LIMIT_SQLITE_WAL_PAGES_MAX,
					NULL); /* the next commit would fail */
}

static void *writer_main(void *ctx)
{
	struct store *st = ctx;

	pthread_mutex_lock(&st->lock);
	for (;;) {
		struct store_job *jobs;
		size_t n_failed;

		while (!st->first && !st->closing)
			pthread_cond_wait(&st->work, &st->lock);
		if (!st->first)
			break;
		jobs = group_take(st);
		pthread_mutex_unlock(&st->lock);
		n_failed = group_commit(st->db, jobs);
		pthread_mutex_lock(&st->lock);
		st->stats.n_groups++;
		st->stats.n_failed += n_failed;
		st->stats.wal_bytes =
			sqlite_wal_pages(st->db) * WAL_FRAME_BYTES;
		group_answer(jobs);
		pthread_mutex_unlock(&st->lock);
		checkpoint(st);
		pthread_mutex_lock(&st->lock);
	}
	pthread_mutex_unlock(&st->lock);
	return NULL;
}

int store_writer_start(struct store *st, struct err *err)
{
	int code = pthread_create(&st->writer, NULL, writer_main, st);

	if (code != 0)
		return err_set(err, -ENOMEM, "store: no thread: %s",
			       err_describe(code));
	st->writer_runs = true;
	return 0;
}

void store_writer_stop(struct store *st)
{
	if (!st->writer_runs)
		return;
	pthread_mutex_lock(&st->lock);
	st->closing = true;
	pthread_cond_signal(&st->work);
	pthread_mutex_unlock(&st->lock);
	pthread_join(st->writer, NULL);
	st->writer_runs = false;
}
