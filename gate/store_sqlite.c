/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQLite store's file: opening, recognising and migrating it.
 *
 * A migration is a transaction of its own that ends by setting user_version,
 * so that a gate killed half way through finds the version before it.
 */
#include "gate/store_sqlite.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "gate/migrate.h"
#include "gate/sqlite.h"

enum { APPLICATION_ID = 0x54475431 }; /* "TGT1", set by 0001 */

/* Is the file ours, or nobody's yet?  ret_version is 0 for the latter. */
static int recognise(struct sqlite *db, const char *path, int64_t *ret_version,
		     struct err *err)
{
	int64_t application = 0;
	int64_t version = 0;
	int64_t n_objects = 0;
	struct err why = { "" };
	int rc;

	rc = sqlite_number(db, "PRAGMA application_id", &application, &why);
	if (rc == -EPROTO)
		return err_set(err, rc,
			       "store: %s is not a database: name a store of a "
			       "gate, or a file that is not there yet",
			       path);
	if (rc < 0)
		return err_set(err, rc, "%s", why.text);
	rc = sqlite_number(db, "PRAGMA user_version", &version, err);
	if (rc == 0)
		rc = sqlite_number(db, "SELECT count(*) FROM sqlite_schema",
				   &n_objects, err);
	if (rc < 0)
		return rc;
	if (application == 0 && version == 0 && n_objects == 0) {
		*ret_version = 0;
		return 0;
	}
	if (application != APPLICATION_ID || version < 1)
		return err_set(err, -EPROTO,
			       "store: %s is another program's database "
			       "(application_id %" PRId64 ")",
			       path, application);
	*ret_version = version;
	return 0;
}

static int migrate(struct sqlite *db, const char *path, int64_t version,
		   struct err *err)
{
	const struct migration *m = migrations;
	int rc;

	for (; m->sql; m++) {
		if (m->version <= version)
			continue;
		rc = sqlite_run(db, m->sql, err);
		if (rc < 0) {
			if (sqlite_in_transaction(db))
				(void)sqlite_run(db, "ROLLBACK", NULL);
			return rc;
		}
	}
	if (version > m[-1].version)
		return err_set(err, -EPROTO,
			       "store: %s has schema %" PRId64
			       ", this gate knows %d: use a newer gate",
			       path, version, m[-1].version);
	return 0;
}

/*
 * FULL: a commit is on the disk when it is answered.  Deleted rows are not
 * overwritten with zeroes, which Debian's SQLite does by default and which
 * would write what retention deletes once more.
 */
static const char set_up_sql[] = "PRAGMA journal_mode = WAL;"
				 "PRAGMA synchronous = FULL;"
				 "PRAGMA foreign_keys = ON;"
				 "PRAGMA secure_delete = OFF;"
				 "PRAGMA journal_size_limit = 67108864;";

static int prepare_file(struct store *st, struct err *err)
{
	int64_t version = 0;
	int64_t n_batches = 0;
	int rc;

	/* first: a log in a directory that is read only cannot be opened */
	if (!sqlite_writable(st->db))
		return err_set(err, -EROFS, "store: %s cannot be written",
			       st->path);
	/* before anything is written: another's file is left as it was */
	rc = recognise(st->db, st->path, &version, err);
	if (rc < 0)
		return rc;
	rc = migrate(st->db, st->path, version, err);
	if (rc < 0)
		return rc;
	rc = sqlite_run(st->db, set_up_sql, err);
	if (rc < 0)
		return rc;
	rc = sqlite_number(st->db, "SELECT EXISTS (SELECT 1 FROM batch)",
			   &n_batches, err);
	st->began_empty = n_batches == 0;
	return rc;
}

int store_open(const char *path, struct store **ret_st, struct err *err)
{
	struct store *st = calloc(1, sizeof(*st));
	int rc;

	if (!st)
		return err_set(err, -ENOMEM, "store: no memory");
	st->last = &st->first;
	pthread_mutex_init(&st->lock, NULL);
	pthread_cond_init(&st->work, NULL);
	pthread_cond_init(&st->reader_free, NULL);
	st->path = strdup(path);
	if (!st->path) {
		rc = err_set(err, -ENOMEM, "store: no memory");
		goto out;
	}
	rc = sqlite_open(path, SQLITE_ROLE_WRITER, &st->db, err);
	if (rc < 0)
		goto out;
	rc = prepare_file(st, err);
	if (rc < 0)
		goto out;
	rc = store_writer_start(st, err);
out:
	if (rc < 0)
		store_close(st);
	else
		*ret_st = st;
	return rc;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	store_writer_stop(st);
	store_readers_close(st);
	/* last: it checkpoints, and nobody is in its way */
	sqlite_close(st->db);
	pthread_cond_destroy(&st->reader_free);
	pthread_cond_destroy(&st->work);
	pthread_mutex_destroy(&st->lock);
	free(st->path);
	free(st);
}

bool store_began_empty(const struct store *st)
{
	return st->began_empty;
}

void store_stats(struct store *st, struct store_stats *ret_stats)
{
	pthread_mutex_lock(&st->lock);
	*ret_stats = st->stats;
	pthread_mutex_unlock(&st->lock);
}
