/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite store's reading connections, borrowed for one statement each. */
#include <errno.h>
#include <time.h>

#include "gate/sqlite.h"
#include "gate/store_sqlite.h"

/* Wait until a connection is idle or may be opened; locked. */
static int reader_wait(struct store *st)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LIMIT_STORE_WAIT_MS / 1000;
	while (st->n_idle == 0 && st->n_readers == LIMIT_STORE_READERS)
		if (pthread_cond_timedwait(&st->reader_free, &st->lock,
					   &until) != 0)
			return -EBUSY;
	return 0;
}

int store_reader_take(struct store *st, struct sqlite **ret_db, struct err *err)
{
	struct sqlite *db = NULL;
	int rc;

	pthread_mutex_lock(&st->lock);
	rc = reader_wait(st);
	if (rc == 0 && st->n_idle > 0)
		db = st->idle[--st->n_idle];
	else if (rc == 0)
		st->n_readers++;
	pthread_mutex_unlock(&st->lock);
	if (rc < 0)
		return err_set(
			err, rc,
			"store: all of its %d readers are busy; try again",
			LIMIT_STORE_READERS);
	if (!db)
		rc = sqlite_open(st->path, SQLITE_ROLE_READER, &db, err);
	if (rc < 0) {
		pthread_mutex_lock(&st->lock);
		st->n_readers--;
		pthread_cond_signal(&st->reader_free);
		pthread_mutex_unlock(&st->lock);
		return rc;
	}
	*ret_db = db;
	return 0;
}

void store_reader_give(struct store *st, struct sqlite *db)
{
	pthread_mutex_lock(&st->lock);
	st->idle[st->n_idle++] = db;
	pthread_cond_signal(&st->reader_free);
	pthread_mutex_unlock(&st->lock);
}

void store_readers_close(struct store *st)
{
	while (st->n_idle > 0)
		sqlite_close(st->idle[--st->n_idle]);
}

int look_begin(struct store *st, const char *sql, struct look *l,
	       struct err *err)
{
	int rc;

	*l = (struct look){ .st = st };
	rc = store_reader_take(st, &l->db, err);
	if (rc < 0)
		return rc;
	rc = stmt_begin(l->db, sql, &l->s, err);
	if (rc < 0) {
		store_reader_give(st, l->db);
		l->db = NULL;
	}
	return rc;
}

void look_end(struct look *l)
{
	stmt_end(l->s);
	if (l->db)
		store_reader_give(l->st, l->db);
}

bool look_next(struct look *l, int *rc, struct err *err)
{
	int step = *rc == 0 ? stmt_step(l->s, err) : 0;

	if (step == 1)
		return true;
	if (step < 0)
		*rc = step;
	look_end(l);
	return false;
}

int look_rollout(struct store *st, const char *sql, int64_t rollout_id,
		 struct look *l, struct err *err)
{
	int rc = look_begin(st, sql, l, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(l->s, rollout_id / ROLLOUTS_PER_SERVICE);
	stmt_bind_i64(l->s, rollout_id);
	return 0;
}
