/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/err.h"
#include "common/limits.h"

enum { STMT_MAX = 48 }; /* more than there are statements in the store */

struct stmt {
	sqlite3_stmt *handle;
	const char *sql; /* which constant it is */
	int n_bound;
	int failed; /* SQLite's code of the first bind that failed */
};

struct sqlite {
	sqlite3 *db;
	uint64_t wal_pages;
	size_t n_stmts;
	struct stmt stmts[STMT_MAX];
};

/* What a caller does next is decided by the primary code alone. */
static int errno_of(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_NOTADB:
		return -EPROTO;
	case SQLITE_TOOBIG:
		return -EMSGSIZE;
	default:
		return -EIO;
	}
}

static int fail(struct sqlite *db, int code, const char *doing, struct err *err)
{
	return err_set(err, errno_of(code), "store: %s: %s", doing,
		       db->db ? sqlite3_errmsg(db->db) : sqlite3_errstr(code));
}

static int on_commit(void *ctx, sqlite3 *db, const char *name, int n_pages)
{
	struct sqlite *s = ctx;

	(void)db;   /* ours */
	(void)name; /* there is only main */
	s->wal_pages = (uint64_t)n_pages;
	return SQLITE_OK;
}

/*
 * Debian 12's SQLite can corrupt a log that two connections reset at once, so
 * that only the writer ever checkpoints: readers neither do so when they
 * commit nor when they are the last to close.
 */
static int set_up(struct sqlite *s, enum sqlite_role role, struct err *err)
{
	int code = sqlite3_busy_timeout(s->db, LIMIT_SQLITE_BUSY_MS);

	if (code == SQLITE_OK && role == SQLITE_ROLE_READER)
		code = sqlite3_db_config(
			s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1,
					 NULL);
	if (code != SQLITE_OK)
		return fail(s, code, "set up", err);
	(void)sqlite3_extended_result_codes(s->db, 1); /* always OK */
	/* replaces the hook that would checkpoint by itself */
	(void)sqlite3_wal_hook(s->db, on_commit, s);
	return 0;
}

/* SQLite says that it could not open a file, and not why. */
static int fail_open(struct sqlite *s, int code, const char *path,
		     struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	struct stat st;

	if (dir && dir[0] != '\0' && stat(dir, &st) < 0)
		(void)err_set(err, errno_of(code),
			      "store: %s cannot be opened: %s: %s", path, dir,
			      err_describe(errno));
	free(dir);
	return fail(s, code, path, err); /* the first message stays */
}

int sqlite_open(const char *path, enum sqlite_role role, struct sqlite **ret_db,
		struct err *err)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	struct sqlite *s = calloc(1, sizeof(*s));
	int code;
	int rc;

	if (!s)
		return err_set(err, -ENOMEM, "store: no memory");
	/* a reader of a log needs the shared index, which it may create */
	flags |= SQLITE_OPEN_READWRITE;
	if (role == SQLITE_ROLE_WRITER)
		flags |= SQLITE_OPEN_CREATE;
	code = sqlite3_open_v2(path, &s->db, flags, NULL);
	rc = code == SQLITE_OK ? set_up(s, role, err)
			       : fail_open(s, code, path, err);
	if (rc == 0 && role == SQLITE_ROLE_READER)
		rc = sqlite_run(s, "PRAGMA query_only = 1", err);
	if (rc < 0) {
		sqlite_close(s);
		return rc;
	}
	*ret_db = s;
	return 0;
}

void sqlite_close(struct sqlite *db)
{
	int code;

	if (!db)
		return;
	for (size_t i = 0; i < db->n_stmts; i++)
		(void)sqlite3_finalize(db->stmts[i].handle); /* said before */
	code = sqlite3_close(db->db);
	assert(code == SQLITE_OK); /* else a statement was not finalized */
	free(db);
}

int sqlite_run(struct sqlite *db, const char *sql, struct err *err)
{
	int code = sqlite3_exec(db->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fail(db, code, "run", err);
}

int sqlite_number(struct sqlite *db, const char *sql, int64_t *ret_n,
		  struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db->db, sql, -1, &stmt, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret_n = sqlite3_column_int64(stmt, 0);
	else
		(void)fail(db, code, "read", err); /* before it is finalized */
	(void)sqlite3_finalize(stmt);		   /* repeats the step's code */
	return code == SQLITE_ROW ? 0 : errno_of(code);
}

bool sqlite_in_transaction(const struct sqlite *db)
{
	return !sqlite3_get_autocommit(db->db);
}

uint64_t sqlite_changes(const struct sqlite *db)
{
	return (uint64_t)sqlite3_changes64(db->db);
}

bool sqlite_writable(const struct sqlite *db)
{
	return sqlite3_db_readonly(db->db, "main") == 0;
}

uint64_t sqlite_wal_pages(const struct sqlite *db)
{
	return db->wal_pages;
}

int sqlite_checkpoint(struct sqlite *db, bool truncate, struct err *err)
{
	int n_pages = 0;
	int code =
		sqlite3_wal_checkpoint_v2(db->db, NULL,
					  truncate ? SQLITE_CHECKPOINT_TRUNCATE
						   : SQLITE_CHECKPOINT_PASSIVE,
					  &n_pages, NULL);

	if (code == SQLITE_OK && truncate)
		db->wal_pages = 0;
	if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY)
		return 0;
	return fail(db, code, "checkpoint", err);
}

int stmt_begin(struct sqlite *db, const char *sql, struct stmt **ret_q,
	       struct err *err)
{
	struct stmt *q = NULL;
	int code;

	for (size_t i = 0; i < db->n_stmts && !q; i++)
		if (db->stmts[i].sql == sql)
			q = &db->stmts[i];
	if (!q) {
		assert(db->n_stmts < STMT_MAX);
		q = &db->stmts[db->n_stmts];
		code = sqlite3_prepare_v3(db->db, sql, -1,
					  SQLITE_PREPARE_PERSISTENT, &q->handle,
					  NULL);
		if (code != SQLITE_OK)
			return fail(db, code, "prepare", err);
		q->sql = sql;
		db->n_stmts++;
	}
	q->n_bound = 0;
	q->failed = SQLITE_OK;
	*ret_q = q;
	return 0;
}

static void note(struct stmt *q, int code)
{
	if (q->failed == SQLITE_OK)
		q->failed = code;
}

void stmt_bind_i64(struct stmt *q, int64_t value)
{
	note(q, sqlite3_bind_int64(q->handle, ++q->n_bound, value));
}

void stmt_bind_text(struct stmt *q, const char *text)
{
	note(q, sqlite3_bind_text(q->handle, ++q->n_bound, text, -1,
				  SQLITE_STATIC));
}

void stmt_bind_bytes(struct stmt *q, const void *bytes, size_t len)
{
	note(q, sqlite3_bind_blob64(q->handle, ++q->n_bound, bytes, len,
				    SQLITE_STATIC));
}

int stmt_step(struct stmt *q, struct err *err)
{
	sqlite3 *db = sqlite3_db_handle(q->handle);
	int code = q->failed != SQLITE_OK ? q->failed : sqlite3_step(q->handle);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return err_set(err, errno_of(code), "store: %s", sqlite3_errmsg(db));
}

int stmt_run(struct stmt *q, struct err *err)
{
	int rc = stmt_step(q, err);

	stmt_end(q);
	return rc < 0 ? rc : 0;
}

int64_t stmt_i64(const struct stmt *q, int column)
{
	return sqlite3_column_int64(q->handle, column);
}

const char *stmt_text(const struct stmt *q, int column)
{
	const unsigned char *text = sqlite3_column_text(q->handle, column);

	return text ? (const char *)text : "";
}

const void *stmt_bytes(const struct stmt *q, int column, size_t *ret_len)
{
	const void *bytes = sqlite3_column_blob(q->handle, column);

	*ret_len = (size_t)sqlite3_column_bytes(q->handle, column);
	return bytes;
}

void stmt_end(struct stmt *q)
{
	if (!q)
		return;
	(void)sqlite3_reset(q->handle); /* repeats what the step said */
	(void)sqlite3_clear_bindings(q->handle); /* always OK */
}
