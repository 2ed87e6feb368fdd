/* SPDX-License-Identifier: Apache-2.0 */
/* Stores that older gates left behind: what they hold is read, and kept. */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate/migrate.h"
#include "gate/store.h"
#include "tests/test.h"
#include "tests/unit/gate/store_room.h"

/* A rollout of one window, as the schema of 0004 has it. */
static const char old_rows[] =
	"INSERT INTO service (service_id, name) VALUES (3, 'orders');"
	"INSERT INTO policy (name, version, kept_ms, document)"
	" VALUES ('default', 1, 1, '{}');"
	"INSERT INTO rollout (service_id, rollout_id, baseline, canary,"
	" attempt, policy, policy_version, begun_ms)"
	" VALUES (3, 3000001, 'v1', 'v2', 1, 'default', 1, 1000);"
	"INSERT INTO step (service_id, rollout_id, step, begun_ms)"
	" VALUES (3, 3000001, 1, 1000);"
	"INSERT INTO judged (service_id, rollout_id, from_ms, to_ms, step,"
	" history, ingest_seq, final, closes, document)"
	" VALUES (3, 3000001, 2000, 4000, 1, 0, 7, 0, 0, '{\"n\":1}');";

/* Replace the room's store by one of an older gate. */
static int go_back(struct room *r, int version, const char *rows)
{
	sqlite3 *db = NULL;
	int code;

	store_close(r->st);
	r->st = NULL;
	if (unlink(r->path) < 0)
		return -errno;
	code = sqlite3_open(r->path, &db);
	for (const struct migration *m = migrations;
	     m->sql && m->version <= version && code == SQLITE_OK; m++)
		code = sqlite3_exec(db, m->sql, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, rows, NULL, NULL, NULL);
	sqlite3_close(db);
	return code == SQLITE_OK ? store_open(r->path, &r->st, &r->err) : -EIO;
}

static int copy_judged(void *ctx, const struct store_judged *j)
{
	*(struct store_judged *)ctx = *j;
	return 0;
}

static void verdicts_from_before_methods_have_none(void)
{
	struct store_judged j = { .method = 9, .arithmetic = 9 };
	struct store_rollout rollout;
	char *document = NULL;
	uint32_t method = 9;
	struct room r;

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(go_back(&r, 4, old_rows), 0);
	CHECK_EQ(store_get_rollout(r.st, 3000001, &rollout, NULL), 0);
	CHECK_EQ(store_each_judged(r.st, 3000001, copy_judged, &j, NULL), 0);
	CHECK(j.ingest_seq == 7 && j.method == 0 && j.arithmetic == 0);
	CHECK_EQ(store_last_document(r.st, 3000001, &document, &method, NULL),
		 0);
	CHECK_EQ(method, 0);
	CHECK(strcmp(document, "{\"n\":1}") == 0);
	free(document);
	/* and new windows of it have one */
	j = (struct store_judged){ .from_ms = 4000,
				   .to_ms = 6000,
				   .step = 1,
				   .document = "{}",
				   .method = 1,
				   .arithmetic = 2 };
	CHECK_EQ(store_put_judged(r.st, 3000001, &j, NULL), 0);
	CHECK_EQ(store_each_judged(r.st, 3000001, copy_judged, &j, NULL), 0);
	CHECK(j.method == 1 && j.arithmetic == 2);
	room_close(&r);
}

const struct test_case test_cases[] = {
	{ "store: verdicts from before methods have none",
	  verdicts_from_before_methods_have_none },
	{ NULL, NULL },
};
