/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is reported of a rollout while its windows are there, and once
 * retention has deleted them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/batch.h"
#include "gate/api.h"
#include "gate/auth.h"
#include "gate/gate.h"
#include "gate/judge.h"
#include "gate/policies.h"
#include "gate/request.h"
#include "gate/store.h"
#include "tests/story.h"
#include "tests/test.h"

#define T0 INT64_C(1700000000000) /* 2023-11-14 22:13:20 UTC */

enum { MIN = 60000, ARENA_BYTES = 4 * 1024 * 1024 };

struct room {
	char dir[64];
	char path[80];
	struct gate g;
	struct store_rollout rollout;
	char id[24];
};

static int room_open(struct room *r)
{
	int rc;

	memset(r, 0, sizeof(*r));
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/api_page_test.XXXXXX");
	if (!mkdtemp(r->dir))
		return -errno;
	(void)snprintf(r->path, sizeof(r->path), "%s/store.db", r->dir);
	rc = auth_open(NULL, &r->g.auth, NULL);
	if (rc == 0)
		rc = store_open(r->path, &r->g.store, NULL);
	if (rc == 0)
		rc = policies_open(NULL, r->g.store, T0, &r->g.policies, NULL);
	if (rc == 0)
		rc = judge_new(r->g.store, r->g.policies, T0, &r->g.judge,
			       NULL);
	return rc;
}

static void room_close(struct room *r)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[96];

	judge_stop(r->g.judge);
	policies_close(r->g.policies);
	store_close(r->g.store);
	auth_close(r->g.auth);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", r->path, ends[i]);
		(void)unlink(path);
	}
	(void)rmdir(r->dir);
}

/* A rollout with one window judged and then stopped. */
static int tell(struct room *r)
{
	static const struct story story = { .n_requests = 10, .begin_ms = T0 };
	const struct store_rollout want = { .service = "orders",
					    .baseline = "v1",
					    .canary = "v2",
					    .attempt = 1,
					    .policy = "default",
					    .policy_version = 1,
					    .begun_ms = T0,
					    .step = 1 };
	int rc =
		store_begin_rollout(r->g.store, &want, &r->rollout, NULL, NULL);

	for (int canary = 0; rc == 0 && canary < 2; canary++) {
		struct arena *arena = NULL;
		struct batch *b;
		void *bytes = NULL;
		size_t len = 0;

		rc = arena_new(ARENA_BYTES, &arena, NULL);
		if (rc < 0)
			break;
		b = story_batch(&story, canary == 1, 0, 0, arena);
		rc = b ? batch_encode(b, &bytes, &len, NULL) : -ENOMEM;
		if (rc == 0)
			rc = store_put_batch(r->g.store, b, bytes, len,
					     T0 + STORY_WINDOW_MS, NULL, NULL);
		free(bytes);
		arena_free(arena);
	}
	if (rc < 0)
		return rc;
	judge_run(r->g.judge, T0 + MIN);
	rc = store_stop_rollout(r->g.store, r->rollout.rollout_id, T0 + MIN,
				"enough seen", NULL);
	(void)snprintf(r->id, sizeof(r->id), "%lld",
		       (long long)r->rollout.rollout_id);
	return rc;
}

/* Ask a handler; the text of its answer, which the caller free()s, or NULL. */
static char *ask(struct room *r,
		 int (*handle)(struct gate *g, const struct request *rq,
			       struct reply *rp))
{
	struct request rq = { .method = "GET",
			      .path = "",
			      .param = { r->id },
			      .now_ms = T0 + 10 * (int64_t)MIN,
			      .base_url = "http://gate",
			      .auth = r->g.auth };
	struct reply rp = { .body = { .max = 0 } };
	int rc = handle(&r->g, &rq, &rp);

	if (rc < 0) {
		test_fail(__FILE__, __LINE__, "%d: %s", rc, rp.err.text);
		buf_release(&rp.body);
		return NULL;
	}
	return buf_take(&rp.body, NULL);
}

/* Is each of these words in the answer, and none of those? */
static void check_answer(struct room *r,
			 int (*handle)(struct gate *g, const struct request *rq,
				       struct reply *rp),
			 const char *const *has, const char *const *lacks)
{
	char *text = ask(r, handle);

	for (; text && *has; has++)
		if (!strstr(text, *has))
			test_fail(__FILE__, __LINE__, "no \"%s\" in %s", *has,
				  text);
	for (; text && *lacks; lacks++)
		if (strstr(text, *lacks))
			test_fail(__FILE__, __LINE__, "\"%s\" in %s", *lacks,
				  text);
	free(text);
}

static void windows_that_are_there_are_reported(void)
{
	static const char *const page[] = { "enough seen", "GET /orders/{}",
					    "Differential flame graph", NULL };
	static const char *const evidence[] = { "\"folded\":true",
						"\"GET /orders/{}\"", NULL };
	static const char *const gone[] = { "are gone", NULL };
	struct room r;

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	check_answer(&r, api_page_report, page, gone);
	check_answer(&r, api_evidence_get, evidence, gone);
	room_close(&r);
}

static void deleted_windows_leave_the_stored_verdict(void)
{
	static const char *const page[] = {
		"<div class=\"big\">inconclusive</div>",
		"enough seen",
		"windows it rests on are gone",
		"2023-11-14 22:14:20 UTC",
		"</html>",
		NULL,
	};
	static const char *const no_figures[] = { "GET /orders/{}",
						  "flame graph</h2>", NULL };
	static const char *const evidence[] = {
		"\"folded\":false",
		"\"gone_before_ms\":1700000060000",
		"gone: what was measured before 2023-11-14 22:14:20 UTC",
		"\"ingest_seq\":2",
		"\"reason\":\"The rollout was stopped: enough seen.\"",
		NULL,
	};
	static const char *const no_state[] = { "\"routes\"", NULL };
	struct room r;
	uint64_t n = 0;

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(tell(&r), 0);
	CHECK_EQ(store_trim(r.g.store, T0 + MIN, &n, NULL), 0);
	CHECK_EQ(n, 2);
	check_answer(&r, api_page_report, page, no_figures);
	check_answer(&r, api_page_download, page, no_figures);
	check_answer(&r, api_evidence_get, evidence, no_state);
	CHECK_EQ(atomic_load(&r.g.n_reports), 0);
	room_close(&r);
}

const struct test_case test_cases[] = {
	{ "report: windows that are there are reported",
	  windows_that_are_there_are_reported },
	{ "report: deleted windows leave the stored verdict and say since when",
	  deleted_windows_leave_the_stored_verdict },
	{ NULL, NULL },
};
