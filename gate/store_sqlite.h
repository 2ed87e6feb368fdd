/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_sqlite - what the files of the SQLite store share: its writer and its
 * readers.  For store_*.c alone.
 *
 * A change is a job: a function that runs in the writer's thread, inside the
 * group's transaction, and sees what the jobs before it in the group did.
 */
#ifndef GATE_STORE_SQLITE_H
#define GATE_STORE_SQLITE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/limits.h"
#include "gate/store.h"

struct sqlite;
struct stmt;

/* Numbers of a service's rollouts: service_id * this + 1, 2, ... */
enum { ROLLOUTS_PER_SERVICE = LIMIT_SERVICE_ROLLOUTS + 1 };

struct store_job {
	/*
	 * Make the change.  -EEXIST, -ENOENT and -ENODATA refuse this job and
	 * take back what it did; any other error ends the whole group.
	 */
	int (*run)(struct sqlite *db, void *ctx, struct err *err);
	void *ctx;
	size_t bytes; /* about what it writes */
	bool undo;    /* it may refuse after it has changed something */

	/* the writer's */
	struct store_job *next;
	pthread_cond_t done;
	bool is_done;
	int rc;
	struct err err;
};

struct store {
	char *path;
	bool began_empty;

	struct sqlite *db; /* the writer's alone, once it runs */
	pthread_t writer;
	bool writer_runs;

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t work;  /* there is a job, or closing */
	struct store_job *first;
	struct store_job **last; /* where the next job is hung */
	bool closing;
	struct store_stats stats;

	pthread_cond_t reader_free;
	size_t n_readers; /* open connections, idle or not */
	size_t n_idle;
	struct sqlite *idle[LIMIT_STORE_READERS];
};

/* store_writer.c: run the thread; end it after all that is queued. */
int store_writer_start(struct store *st, struct err *err);
void store_writer_stop(struct store *st);

/*
 * Have a job done.  Returns once its group is durable, or refused.
 * store_do() runs it in a savepoint; store_do_checked() saves that for a job
 * that refuses before it changes anything or not at all.
 */
int store_do(struct store *st,
	     int (*run)(struct sqlite *, void *, struct err *), void *ctx,
	     size_t bytes, struct err *err);
int store_do_checked(struct store *st,
		     int (*run)(struct sqlite *, void *, struct err *),
		     void *ctx, size_t bytes, struct err *err);

/*
 * store_pool.c: borrow a connection that reads; give it back.  Waits for one
 * up to LIMIT_STORE_WAIT_MS, then -EBUSY.
 */
int store_reader_take(struct store *st, struct sqlite **ret_db,
		      struct err *err);
void store_reader_give(struct store *st, struct sqlite *db);
void store_readers_close(struct store *st);

/* A statement on a borrowed connection. */
struct look {
	struct store *st;
	struct sqlite *db;
	struct stmt *s;
};

/* Begin one; look_rollout() binds what names a rollout.  End it in any case
   but that of an error here. */
int look_begin(struct store *st, const char *sql, struct look *l,
	       struct err *err);
int look_rollout(struct store *st, const char *sql, int64_t rollout_id,
		 struct look *l, struct err *err);
void look_end(struct look *l);

/*
 * Go to the next row of a walk, which ends the look where there is none:
 *
 *	while (look_next(&l, &rc, err))
 *		rc = visit(ctx, stmt_i64(l.s, 0));
 *	return rc;
 *
 *   rc  0, or what the visit of the last row came to, which ends the walk
 *       unless it is 0; receives 0, or an error of the store
 */
bool look_next(struct look *l, int *rc, struct err *err);

/* The service's number.  Returns 0, or -ENOENT without a message. */
int store_service_find(struct sqlite *db, const char *service,
		       int64_t *ret_service_id, struct err *err);

/* store_write.c: the same, given a number if it is new.  A job's call. */
int store_service_get(struct sqlite *db, const char *service,
		      int64_t *ret_service_id, struct err *err);

/*
 * store_decide.c: add a rollout with its first step, under the service's next
 * number; add a judged window.  A job's calls.
 */
int store_rollout_add(struct sqlite *db, const struct store_rollout *want,
		      int64_t service_id, int64_t *ret_rollout_id,
		      struct err *err);
int store_judged_add(struct sqlite *db, int64_t rollout_id,
		     const struct store_judged *j, struct err *err);

#endif /* GATE_STORE_SQLITE_H */
