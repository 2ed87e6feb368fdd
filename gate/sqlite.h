/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite - connections and statements of SQLite, in our error codes.
 *
 * The only module that knows the library.  A statement is named by its text,
 * a constant: the first use on a connection prepares it, later ones find it
 * by address.  A connection belongs to one thread at a time.
 *
 * Errors: -EBUSY (locked by somebody for longer than LIMIT_SQLITE_BUSY_MS),
 * -ENOSPC, -EROFS (the file cannot be written), -ENOMEM, -EEXIST (a
 * constraint refused the row), -EPROTO (the file is no database), and -EIO
 * for the rest.  err says what SQLite says.
 */
#ifndef GATE_SQLITE_H
#define GATE_SQLITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct stmt;
struct sqlite;

enum sqlite_role {
	SQLITE_ROLE_WRITER, /* makes the file if need be, and alone checkpoints
			     */
	SQLITE_ROLE_READER, /* cannot write, never checkpoints, not even closing
			     */
};

/* Open a file.  The caller owns *ret_db: sqlite_close(). */
int sqlite_open(const char *path, enum sqlite_role role, struct sqlite **ret_db,
		struct err *err);
void sqlite_close(struct sqlite *db);

/* Can the file be written?  It is opened all the same where it cannot. */
bool sqlite_writable(const struct sqlite *db);

/* Run statements whose rows nobody wants and that take no values. */
int sqlite_run(struct sqlite *db, const char *sql, struct err *err);

/* The first column of the first row of a query without values. */
int sqlite_number(struct sqlite *db, const char *sql, int64_t *ret_n,
		  struct err *err);

/* Is a transaction open?  A hard error may have ended it. */
bool sqlite_in_transaction(const struct sqlite *db);

/* How many rows the last statement that changes rows did change. */
uint64_t sqlite_changes(const struct sqlite *db);

/* Pages in the write-ahead log when this connection last committed. */
uint64_t sqlite_wal_pages(const struct sqlite *db);

/*
 * Copy the log back into the file as far as readers permit; empty it if all
 * was copied and truncate is set.  A reader in the way is no error.
 */
int sqlite_checkpoint(struct sqlite *db, bool truncate, struct err *err);

/*
 * Begin a statement with no values bound.  sql is a constant.  The statement
 * is borrowed: end it with stmt_end() before it is begun again.
 */
int stmt_begin(struct sqlite *db, const char *sql, struct stmt **ret_q,
	       struct err *err);

/* Bind values in the order of their marks; bytes must outlive the query. */
void stmt_bind_i64(struct stmt *q, int64_t value);
void stmt_bind_text(struct stmt *q, const char *text);
void stmt_bind_bytes(struct stmt *q, const void *bytes, size_t len);

/* The next row.  Returns 1, 0 if there is none, or an error. */
int stmt_step(struct stmt *q, struct err *err);

/* Run a statement that gives no row, and end it. */
int stmt_run(struct stmt *q, struct err *err);

/* Columns of the row, from 0.  Text and bytes live until the next step. */
int64_t stmt_i64(const struct stmt *q, int column);
const char *stmt_text(const struct stmt *q, int column);
const void *stmt_bytes(const struct stmt *q, int column, size_t *ret_len);

/* Done with the statement.  stmt_end(NULL) does nothing. */
void stmt_end(struct stmt *q);

#endif /* GATE_SQLITE_H */
