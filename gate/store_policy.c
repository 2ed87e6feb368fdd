/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies in the SQLite store: the versions of each name, and what was said
 * of it over the API.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gate/sqlite.h"
#include "gate/store_sqlite.h"

/* --- versions --- */

struct keep {
	const char *name;
	const char *document;
	int64_t at_ms;
	int64_t version;
};

/* Which version has this document, 0 if none, and which is the last. */
static int version_find(struct sqlite *db, struct keep *k, int64_t *ret_last,
			struct err *err)
{
	static const char sql[] =
		"SELECT coalesce(max(version), 0),"
		" coalesce(max(version) FILTER (WHERE document = ?2), 0)"
		" FROM policy WHERE name = ?1";
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(s, k->name);
	stmt_bind_text(s, k->document);
	rc = stmt_step(s, err);
	if (rc == 1) {
		*ret_last = stmt_i64(s, 0);
		k->version = stmt_i64(s, 1);
	}
	stmt_end(s);
	return rc < 0 ? rc : 0;
}

static int keep_run(struct sqlite *db, void *ctx, struct err *err)
{
	static const char sql[] =
		"INSERT INTO policy (name, version, kept_ms, document)"
		" VALUES (?, ?, ?, ?)";
	struct keep *k = ctx;
	struct stmt *s = NULL;
	int64_t last = 0;
	int rc = version_find(db, k, &last, err);

	if (rc < 0 || k->version > 0)
		return rc;
	rc = stmt_begin(db, sql, &s, err);
	if (rc < 0)
		return rc;
	k->version = last + 1;
	stmt_bind_text(s, k->name);
	stmt_bind_i64(s, k->version);
	stmt_bind_i64(s, k->at_ms);
	stmt_bind_text(s, k->document);
	return stmt_run(s, err);
}

int store_put_policy(struct store *st, const char *name, const char *document,
		     int64_t at_ms, uint32_t *ret_version, struct err *err)
{
	struct keep k = { .name = name, .document = document, .at_ms = at_ms };
	int rc = store_do(st, keep_run, &k, 0, err);

	if (rc == 0)
		*ret_version = (uint32_t)k.version;
	return rc;
}

int store_each_policy_version(struct store *st, const char *name,
			      int (*visit)(void *ctx, uint32_t version,
					   int64_t kept_ms),
			      void *ctx, struct err *err)
{
	static const char sql[] = "SELECT version, kept_ms FROM policy"
				  " WHERE name = ? ORDER BY version";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, name);
	while (look_next(&l, &rc, err))
		rc = visit(ctx, (uint32_t)stmt_i64(l.s, 0), stmt_i64(l.s, 1));
	return rc;
}

/* --- what was said over the API --- */

static int said_run(struct sqlite *db, void *ctx, struct err *err)
{
	static const char sql[] =
		"INSERT INTO policy_put (name, put_seq, put_ms, version,"
		" services) SELECT ?1, coalesce(max(put_seq), 0) + 1, ?2,"
		" nullif(?3, 0), ?4 FROM policy_put WHERE name = ?1";
	const struct store_policy_said *said = ctx;
	struct stmt *s = NULL;
	int rc = stmt_begin(db, sql, &s, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(s, said->name);
	stmt_bind_i64(s, said->said_ms);
	stmt_bind_i64(s, said->version);
	stmt_bind_text(s, said->services);
	return stmt_run(s, err);
}

int store_say_policy(struct store *st, const struct store_policy_said *said,
		     struct err *err)
{
	struct store_policy_said copy = *said;

	return store_do(st, said_run, &copy, 0, err);
}

int store_each_policy_said(struct store *st,
			   int (*visit)(void *ctx,
					const struct store_policy_said *said),
			   void *ctx, struct err *err)
{
	static const char sql[] =
		"SELECT name, put_ms, coalesce(version, 0), services"
		" FROM policy_put p WHERE put_seq ="
		" (SELECT max(q.put_seq) FROM policy_put q"
		"  WHERE q.name = p.name) ORDER BY name";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	while (look_next(&l, &rc, err)) {
		const struct store_policy_said said = {
			.name = stmt_text(l.s, 0),
			.said_ms = stmt_i64(l.s, 1),
			.version = (uint32_t)stmt_i64(l.s, 2),
			.services = stmt_text(l.s, 3),
		};

		rc = visit(ctx, &said);
	}
	return rc;
}
