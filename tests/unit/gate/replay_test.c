/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rollout judged again from what is stored, with the fold that the gate
 * has: after a restart, after somebody changed the file, and past retention.
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "gate/api.h"
#include "gate/auth.h"
#include "gate/gate.h"
#include "gate/jobs.h"
#include "gate/judge.h"
#include "gate/judge_replay.h"
#include "gate/policies.h"
#include "gate/request.h"
#include "gate/store.h"
#include "stats/method.h"
#include "tests/gate_room.h"
#include "tests/story.h"
#include "tests/test.h"

enum { N_WINDOWS = 12 };

/* A rollout of N_WINDOWS windows, the first four of them before it began. */
static int tell(struct gate_room *r)
{
	const struct store_rollout want = { .service = "orders",
					    .baseline = "v1",
					    .canary = "v2",
					    .attempt = 1,
					    .policy = "default",
					    .policy_version = 1,
					    .begun_ms = ROOM_T0 +
							4 * STORY_WINDOW_MS,
					    .step = 1 };
	int rc = store_begin_rollout(r->st, &want, &r->rollout, NULL, NULL);

	if (rc == 0)
		rc = gate_room_tell(r, 0, N_WINDOWS);
	judge_poke(r->j);
	judge_run(r->j, ROOM_T0 + ROOM_MIN);
	return rc;
}

static int replay(struct gate_room *r, struct replay *ret)
{
	struct err err = { "" };
	int rc = store_get_rollout(r->st, r->rollout.rollout_id, &r->rollout,
				   &err);

	if (rc == 0)
		rc = judge_replay(r->st, r->policies, &r->rollout, NULL, NULL,
				  ret, &err);
	if (rc < 0 && err.text[0] == '\0')
		test_fail(__FILE__, __LINE__, "%d without a reason", rc);
	return rc;
}

/* What somebody does to the file while the gate is down. */
static int alter(struct gate_room *r, const char *sql)
{
	sqlite3 *db = NULL;
	int rc;

	gate_room_down(r);
	rc = sqlite3_open(r->path, &db);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK && sqlite3_changes(db) != 1)
		rc = SQLITE_ERROR;
	sqlite3_close(db);
	return rc == SQLITE_OK ? gate_room_up(r, ROOM_T0 + ROOM_MIN) : -EIO;
}

static void a_restart_replays_to_the_bit(void)
{
	struct gate_room r;
	struct replay p;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	/* late: evidence, and never judged, now or again */
	CHECK_EQ(gate_room_put(&r, true, 7, 5), 0);
	gate_room_down(&r);
	CHECK_EQ(gate_room_up(&r, ROOM_T0 + ROOM_MIN), 0);
	CHECK_EQ(replay(&r, &p), 0);
	CHECK_EQ(p.n_windows, N_WINDOWS - 4);
	CHECK_EQ(p.n_identical, p.n_windows);
	CHECK(p.same_decision && p.distance == 0.0);
	CHECK(p.from_ms == 0 && p.first.field[0] == '\0');
	gate_room_close(&r);
}

static void the_verdict_of_the_clock_is_replayed_too(void)
{
	struct gate_room r;
	struct replay p;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	judge_run(r.j, ROOM_T0 + 100 * (int64_t)ROOM_MIN);
	CHECK_EQ(replay(&r, &p), 0);
	CHECK(r.rollout.closed);
	CHECK_EQ(p.n_windows, N_WINDOWS - 4 + 1);
	CHECK_EQ(p.n_identical, p.n_windows);
	/* and found where it is not what was said */
	CHECK_EQ(alter(&r, "UPDATE judged SET document ="
			   " json_set(document, '$.verdict', 'pass')"
			   " WHERE from_ms = to_ms"),
		 0);
	CHECK_EQ(replay(&r, &p), 0);
	CHECK_EQ(p.n_different, 1);
	CHECK(!p.same_decision && p.from_ms == p.to_ms);
	gate_room_close(&r);
}

static void what_was_altered_is_found_and_named(void)
{
	static const struct {
		const char *why;
		const char *sql;
		const char *field;
		bool same_decision;
	} cases[] = {
		{ "a figure", "'$.p99_canary_ms', 1.5", "p99_canary_ms", true },
		{ "a count", "'$.canary_requests', 1", "canary_requests",
		  true },
		{ "a word", "'$.code', 'WITHIN_LIMITS'", "code", false },
		{ "whose it is", "'$.canary', 'v3'", "canary", true },
		{ "the sentence", "'$.reason', 'all is well'", "reason", true },
	};
	char sql[256];
	struct gate_room r;
	struct replay p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(gate_room_open(&r), 0);
		CHECK_EQ(tell(&r), 0);
		(void)snprintf(
			sql, sizeof(sql),
			"UPDATE judged SET document ="
			" json_set(document, %s) WHERE from_ms = %" PRId64,
			cases[i].sql, ROOM_T0 + 6 * STORY_WINDOW_MS);
		CHECK_EQ(alter(&r, sql), 0);
		CHECK_EQ(replay(&r, &p), 0);
		if (p.n_different != 1 || p.n_identical != p.n_windows - 1 ||
		    p.same_decision != cases[i].same_decision ||
		    p.from_ms != ROOM_T0 + 6 * STORY_WINDOW_MS ||
		    p.to_ms != ROOM_T0 + 7 * STORY_WINDOW_MS ||
		    strcmp(p.first.field, cases[i].field) != 0)
			test_fail(__FILE__, __LINE__, "%s: %u, %s at %" PRId64,
				  cases[i].why, p.n_different, p.first.field,
				  p.from_ms);
		gate_room_close(&r);
	}
}

/* What an upgrade of the statistics leaves behind, and what it does not. */
static void another_method_explains_what_a_defect_does_not(void)
{
	static const struct {
		const char *why;
		const char *sql; /* what is set in one window */
		uint32_t n_other_method;
		uint32_t n_unexplained;
		uint32_t method;
	} cases[] = {
		{ "the same method and figures that differ",
		  "document = json_set(document, '$.p99_canary_ms', 1.5)", 0, 1,
		  METHOD_VERSION },
		{ "another one",
		  "method = 77, document ="
		  " json_set(document, '$.p99_canary_ms', 1.5)",
		  1, 0, 77 },
		{ "one that was not written down",
		  "method = NULL, arithmetic = NULL, document ="
		  " json_set(document, '$.p99_canary_ms', 1.5)",
		  1, 0, 0 },
		{ "another one, and nothing differs", "method = 77", 1, 0,
		  METHOD_VERSION },
		{ "figures that are close, with the same arithmetic",
		  "document = json_set(document, '$.shift_hi_ms',"
		  " (document ->> '$.shift_hi_ms') * (1 + 1e-12))",
		  0, 1, METHOD_VERSION },
		{ "with another arithmetic",
		  "arithmetic = 1, document = json_set(document,"
		  " '$.shift_hi_ms',"
		  " (document ->> '$.shift_hi_ms') * (1 + 1e-12))",
		  0, 0, METHOD_VERSION },
		{ "too far off for another arithmetic",
		  "arithmetic = 1, document = json_set(document,"
		  " '$.p99_canary_ms', 1.5)",
		  0, 1, METHOD_VERSION },
	};
	char sql[320];
	struct gate_room r;
	struct replay p;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(gate_room_open(&r), 0);
		CHECK_EQ(tell(&r), 0);
		(void)snprintf(sql, sizeof(sql),
			       "UPDATE judged SET %s WHERE from_ms = %" PRId64,
			       cases[i].sql, ROOM_T0 + 9 * STORY_WINDOW_MS);
		CHECK_EQ(alter(&r, sql), 0);
		CHECK_EQ(replay(&r, &p), 0);
		if (p.n_other_method != cases[i].n_other_method ||
		    p.n_unexplained != cases[i].n_unexplained ||
		    p.method != cases[i].method)
			test_fail(__FILE__, __LINE__, "%s: %u %u %u, %s",
				  cases[i].why, p.n_other_method,
				  p.n_unexplained, p.method, p.first.field);
		gate_room_close(&r);
	}
}

/* A defect is named even where an upgrade made earlier windows differ. */
static void what_nothing_explains_is_named_first(void)
{
	struct gate_room r;
	struct replay p;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	CHECK_EQ(alter(&r, "UPDATE judged SET method = 77, document ="
			   " json_set(document, '$.windows', 99)"
			   " WHERE from_ms = 1700000012000"),
		 0);
	CHECK_EQ(alter(&r, "UPDATE judged SET document ="
			   " json_set(document, '$.windows', 98)"
			   " WHERE from_ms = 1700000018000"),
		 0);
	CHECK_EQ(replay(&r, &p), 0);
	CHECK_EQ(p.n_different, 2);
	CHECK_EQ(p.n_unexplained, 1);
	CHECK_EQ(p.from_ms, 1700000018000);
	CHECK_EQ(p.method, METHOD_VERSION);
	gate_room_close(&r);
}

/* A batch that is gone or new changes what follows, not what came before. */
static void an_altered_batch_is_found_where_it_tells(void)
{
	struct gate_room r;
	struct replay p;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	CHECK_EQ(alter(&r, "DELETE FROM batch WHERE ingest_seq ="
			   " (SELECT max(ingest_seq) FROM batch"
			   "  WHERE from_ms = 1700000012000)"),
		 0);
	CHECK_EQ(replay(&r, &p), 0);
	CHECK_EQ(p.from_ms, ROOM_T0 + 6 * STORY_WINDOW_MS);
	CHECK_EQ(p.n_identical, 2);
	CHECK_EQ(p.n_different, N_WINDOWS - 4 - 2);
	gate_room_close(&r);
}

/* What a rollout learned from earlier ones is the same again. */
static void what_was_known_then_is_known_again(void)
{
	enum { LATER = 3600 }; /* windows of 2 s: two hours */
	struct gate_room r;
	struct store_rollout want;
	struct replay p;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	judge_run(r.j, ROOM_T0 + 100 * (int64_t)ROOM_MIN); /* it teaches */
	want = r.rollout;
	want.attempt = 2;
	want.begun_ms = ROOM_T0 + LATER * (int64_t)STORY_WINDOW_MS;
	CHECK_EQ(gate_room_tell(&r, LATER, 10), 0);
	CHECK_EQ(store_begin_rollout(r.st, &want, &r.rollout, NULL, NULL), 0);
	CHECK(r.rollout.lesson_seq > 0);
	judge_poke(r.j);
	judge_run(r.j, want.begun_ms + ROOM_MIN);
	gate_room_down(&r);
	CHECK_EQ(gate_room_up(&r, want.begun_ms + ROOM_MIN), 0);
	CHECK_EQ(replay(&r, &p), 0);
	CHECK(p.n_windows == 10 && p.n_identical == 10);
	gate_room_close(&r);
}

static int enough(void *ctx, uint32_t n_windows)
{
	(void)ctx;
	return n_windows == 3 ? -ECANCELED : 0;
}

static void a_replay_ends_when_it_is_told_to(void)
{
	struct gate_room r;
	struct replay p = { .n_windows = 77 };

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	CHECK_EQ(judge_replay(r.st, r.policies, &r.rollout, enough, NULL, &p,
			      NULL),
		 -ECANCELED);
	CHECK_EQ(p.n_windows, 77);
	gate_room_close(&r);
}

/* What an older gate permitted: judged by it to its end, and again. */
static void a_policy_that_is_no_longer_permitted_replays(void)
{
	struct gate_room r;
	struct replay p;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(alter(&r, "UPDATE policy SET document ="
			   " json_set(document, '$.margin', 15.5)"
			   " WHERE name = 'default' AND version = 1"),
		 0);
	CHECK_EQ(tell(&r), 0);
	CHECK_EQ(replay(&r, &p), 0);
	CHECK_EQ(p.n_windows, N_WINDOWS - 4);
	CHECK_EQ(p.n_identical, p.n_windows);
	gate_room_close(&r);
}

/* Ask until it is done, as a client does. */
static int ask(struct gate *g, const char *id, struct reply *rp)
{
	int rc;

	do {
		struct request rq = { .param = { id }, .auth = g->auth };

		memset(rp, 0, sizeof(*rp));
		rc = api_replay_get(g, &rq, rp);
		if (rp->status != 202)
			break;
		/* until then the request waits, and has what to say */
		if (!rp->wait || !strstr(rp->body.bytes, "\"windows\":"))
			rc = -EPROTO;
		buf_release(&rp->body);
	} while (rc == 0);
	return rc;
}

static void the_api_has_it_done_beside_the_requests(void)
{
	struct gate g = { .store = NULL };
	struct gate_room r;
	struct reply rp;
	char id[24];

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	CHECK_EQ(auth_open(NULL, &g.auth, NULL), 0);
	CHECK_EQ(jobs_open(r.st, r.policies, NULL, NULL, &g.jobs, NULL), 0);
	g.store = r.st;
	g.policies = r.policies;
	g.judge = r.j;
	(void)snprintf(id, sizeof(id), "%" PRId64, r.rollout.rollout_id);
	CHECK_EQ(ask(&g, id, &rp), 0);
	CHECK(strstr(rp.body.bytes, "\"outcome\":\"identical\"") != NULL);
	CHECK(strstr(rp.body.bytes, "\"other_method\":0,\"unexplained\":0"));
	buf_release(&rp.body);
	CHECK_EQ(ask(&g, "77", &rp), -ENOENT);
	buf_release(&rp.body);
	jobs_close(g.jobs);
	CHECK_EQ(jobs_open(r.st, r.policies, NULL, NULL, &g.jobs, NULL), 0);
	CHECK_EQ(store_stop_rollout(r.st, r.rollout.rollout_id,
				    ROOM_T0 + ROOM_MIN, "enough", NULL),
		 0);
	CHECK_EQ(store_trim(r.st, ROOM_T0 + STORY_WINDOW_MS, NULL, NULL), 0);
	CHECK_EQ(ask(&g, id, &rp), -ENODATA);
	CHECK(strstr(rp.err.text, "no longer kept") != NULL);
	buf_release(&rp.body);
	jobs_close(g.jobs);
	auth_close(g.auth);
	gate_room_close(&r);
}

static void what_retention_deleted_cannot_be_replayed(void)
{
	struct gate_room r;
	struct replay p = { .n_windows = 77 };

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	CHECK_EQ(store_stop_rollout(r.st, r.rollout.rollout_id,
				    ROOM_T0 + ROOM_MIN, "enough", NULL),
		 0);
	CHECK_EQ(store_trim(r.st, ROOM_T0 + STORY_WINDOW_MS, NULL, NULL), 0);
	CHECK_EQ(replay(&r, &p), -ENODATA);
	CHECK_EQ(p.n_windows, 77);
	gate_room_close(&r);
}

const struct test_case test_cases[] = {
	{ "replay: a restart replays to the bit",
	  a_restart_replays_to_the_bit },
	{ "replay: the verdict of the clock is replayed too",
	  the_verdict_of_the_clock_is_replayed_too },
	{ "replay: what was altered is found and named",
	  what_was_altered_is_found_and_named },
	{ "replay: another method explains what a defect does not",
	  another_method_explains_what_a_defect_does_not },
	{ "replay: what nothing explains is named first",
	  what_nothing_explains_is_named_first },
	{ "replay: an altered batch is found where it tells",
	  an_altered_batch_is_found_where_it_tells },
	{ "replay: what was known then is known again",
	  what_was_known_then_is_known_again },
	{ "replay: a policy that is no longer permitted replays",
	  a_policy_that_is_no_longer_permitted_replays },
	{ "replay: it ends when it is told to",
	  a_replay_ends_when_it_is_told_to },
	{ "replay: the API has it done beside the requests",
	  the_api_has_it_done_beside_the_requests },
	{ "replay: what retention deleted cannot be replayed",
	  what_retention_deleted_cannot_be_replayed },
	{ NULL, NULL },
};
