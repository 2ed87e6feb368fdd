/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Past time: what was stored is judged at once as it would have been, and
 * asked for over the API, with what must be refused.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "gate/api.h"
#include "gate/auth.h"
#include "gate/gate.h"
#include "gate/jobs.h"
#include "gate/judge.h"
#include "gate/judge_past.h"
#include "gate/judge_replay.h"
#include "gate/policies.h"
#include "gate/request.h"
#include "gate/store.h"
#include "stats/verdict.h"
#include "tests/gate_room.h"
#include "tests/story.h"
#include "tests/test.h"

#define NOW (ROOM_T0 + 60 * (int64_t)ROOM_MIN)

/* Judge from one window of the story until another. */
static int judge(struct gate_room *r, uint32_t from, uint32_t until,
		 struct verdict *ret_v)
{
	const struct store_rollout want = {
		.service = "orders",
		.baseline = "v1",
		.canary = "v2",
		.policy = "default",
		.policy_version = 1,
		.begun_ms = ROOM_T0 + (int64_t)from * STORY_WINDOW_MS,
		.until_ms = ROOM_T0 + (int64_t)until * STORY_WINDOW_MS,
		.step = 1,
	};
	int rc = judge_past(r->st, r->policies, &want, NULL, NULL, &r->rollout,
			    NULL);

	if (rc == 0 && ret_v)
		rc = judge_verdict(r->j, &r->rollout, ret_v, NULL);
	return rc;
}

static void a_past_time_is_judged_as_it_would_have_been(void)
{
	const struct store_rollout want = {
		.service = "orders",
		.baseline = "v1",
		.canary = "v2",
		.attempt = 1,
		.policy = "default",
		.policy_version = 1,
		.begun_ms = ROOM_T0 + 10 * STORY_WINDOW_MS,
		.step = 1,
	};
	struct gate_room r;
	struct store_rollout live;
	struct verdict then;
	struct verdict now;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(gate_room_tell(&r, 0, 40), 0);
	CHECK_EQ(store_begin_rollout(r.st, &want, &live, NULL, NULL), 0);
	judge_poke(r.j);
	judge_run(r.j, ROOM_T0 + 2 * ROOM_MIN);
	CHECK_EQ(judge_verdict(r.j, &live, &then, NULL), 0);
	CHECK_EQ(judge(&r, 10, 40, &now), 0);
	CHECK_EQ(then.word, VERDICT_FAIL);
	CHECK_EQ(now.word, VERDICT_FAIL);
	CHECK_EQ(now.windows, then.windows);
	CHECK(strcmp(now.reason, then.reason) == 0);
	/* and neither is taken for the other */
	CHECK(r.rollout.rollout_id != live.rollout_id);
	CHECK(r.rollout.attempt > LIMIT_ATTEMPT && r.rollout.closed);
	CHECK_EQ(r.rollout.until_ms, ROOM_T0 + 40 * STORY_WINDOW_MS);
	CHECK_EQ(store_find_rollout(r.st, "orders", "v1", "v2", 1, &live, NULL),
		 0);
	CHECK_EQ(live.until_ms, 0);
	gate_room_close(&r);
}

/* Whatever there is at the end is final, and missing data never passes. */
static void what_no_window_decides_the_clock_does(void)
{
	static const struct {
		const char *why;
		uint32_t from;
		uint32_t until;
		enum verdict_code code;
	} cases[] = {
		{ "nothing was sent", 1000, 2000, CODE_NO_DATA },
		{ "nothing, and not for long", 1000, 1005, CODE_NO_DATA },
		{ "the baseline alone", 500, 520, CODE_NO_DATA },
		{ "too little to tell", 0, 5, CODE_NOT_ENOUGH_REQUESTS },
	};
	struct gate_room r;
	struct verdict v;

	CHECK_EQ(gate_room_open(&r), 0);
	r.slow_ns = 0;
	CHECK_EQ(gate_room_tell(&r, 0, 40), 0);
	for (uint32_t w = 500; w < 520; w++)
		for (uint32_t i = 0; i < ROOM_BASELINE; i++)
			CHECK_EQ(gate_room_put(&r, false, i, w), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_EQ(judge(&r, cases[i].from, cases[i].until, &v), 0);
		if (v.word != VERDICT_INCONCLUSIVE || !v.final ||
		    !r.rollout.closed)
			test_fail(__FILE__, __LINE__, "%s: %s, %s",
				  cases[i].why, verdict_word_name(v.word),
				  v.reason);
		if (v.code != cases[i].code)
			test_fail(__FILE__, __LINE__, "%s: %s", cases[i].why,
				  verdict_code_name(v.code));
	}
	gate_room_close(&r);
}

static void windows_beyond_the_range_are_not_seen(void)
{
	struct gate_room r;
	struct verdict before;
	struct verdict after;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(gate_room_tell(&r, 0, 20), 0);
	CHECK_EQ(judge(&r, 10, 16, &before), 0);
	CHECK_EQ(before.windows, 6);
	CHECK_EQ(gate_room_tell(&r, 20, 100), 0);
	/* half a window more has no window more */
	r.rollout.until_ms += STORY_WINDOW_MS / 2;
	CHECK_EQ(judge_past(r.st, r.policies, &r.rollout, NULL, NULL,
			    &r.rollout, NULL),
		 0);
	CHECK_EQ(judge_verdict(r.j, &r.rollout, &after, NULL), 0);
	CHECK_EQ(after.windows, 6);
	CHECK_EQ(r.rollout.attempt, LIMIT_ATTEMPT + 2);
	gate_room_close(&r);
}

static void it_stands_after_a_restart_and_replays(void)
{
	struct gate_room r;
	struct verdict before;
	struct verdict after;
	struct replay p;

	CHECK_EQ(gate_room_open(&r), 0);
	r.slow_ns = 0; /* so that the clock decides */
	CHECK_EQ(gate_room_tell(&r, 0, 20), 0);
	CHECK_EQ(judge(&r, 5, 12, &before), 0);
	/* the judge has nothing to do with it, whatever comes */
	CHECK_EQ(gate_room_tell(&r, 20, 10), 0);
	judge_poke(r.j);
	judge_run(r.j, NOW);
	gate_room_down(&r);
	CHECK_EQ(gate_room_up(&r, NOW), 0);
	judge_run(r.j, NOW + LIMIT_JUDGE_SETTLE_MS);
	CHECK_EQ(judge_verdict(r.j, &r.rollout, &after, NULL), 0);
	CHECK_EQ(before.code, after.code);
	CHECK(strcmp(before.reason, after.reason) == 0);
	CHECK_EQ(judge_replay(r.st, r.policies, &r.rollout, NULL, NULL, &p,
			      NULL),
		 0);
	/* the clock's verdict fell together with the last window's */
	CHECK(p.n_windows == 7 && p.n_identical == p.n_windows);
	/* the same again is refused by the store, and found there */
	CHECK_EQ(judge(&r, 5, 12, NULL), -EEXIST);
	CHECK_EQ(store_find_past(r.st, &r.rollout, &r.rollout, NULL), 0);
	gate_room_close(&r);
}

/* Retention waits for open rollouts; one of the past is never open. */
static void it_does_not_hold_retention_up(void)
{
	struct gate_room r;
	uint64_t n = 0;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(gate_room_tell(&r, 0, 10), 0);
	CHECK_EQ(judge(&r, 2, 8, NULL), 0);
	CHECK_EQ(store_trim(r.st, NOW, &n, NULL), 0);
	CHECK_EQ(n, 10 * (ROOM_BASELINE + ROOM_CANARY));
	gate_room_close(&r);
}

/* --- over the API --- */

/* POST a body once; the answer, which the caller free()s, or NULL. */
static char *post_once(struct gate *g, const char *body, int64_t now_ms,
		       struct reply *rp, int *ret_rc)
{
	struct request rq = { .method = "POST",
			      .path = "/v1/rollouts",
			      .body = body,
			      .body_len = strlen(body),
			      .now_ms = now_ms,
			      .base_url = "http://gate",
			      .auth = g->auth };

	memset(rp, 0, sizeof(*rp));
	*ret_rc = api_rollout_create(g, &rq, rp);
	return buf_take(&rp->body, NULL);
}

/* The same until it is judged, as a client does. */
static char *post(struct gate *g, const char *body, int64_t now_ms,
		  struct reply *rp, int *ret_rc)
{
	char *text = NULL;

	do {
		free(text);
		text = post_once(g, body, now_ms, rp, ret_rc);
	} while (*ret_rc == 0 && rp->status == 202);
	return text;
}

/* A gate of that room; jobs and auth are to be closed. */
static int gate_of(const struct gate_room *r, struct gate *g)
{
	int rc = auth_open(NULL, &g->auth, NULL);

	g->store = r->st;
	g->policies = r->policies;
	g->judge = r->j;
	return rc < 0 ? rc
		      : jobs_open(r->st, r->policies, NULL, NULL, &g->jobs,
				  NULL);
}

#define WHO "{\"service\":\"orders\",\"baseline\":\"v1\",\"canary\":\"v2\","

static void a_range_that_cannot_be_judged_is_refused(void)
{
	static const struct {
		const char *range;
		const char *says;
	} cases[] = {
		{ "\"from\":1700000100000", "from and until go together" },
		{ "\"until\":1700000100000", "from and until go together" },
		{ "\"from\":1700000100000,\"until\":1700000100000",
		  "until is not after from" },
		{ "\"from\":1700000100000,\"until\":1700000099999",
		  "until is not after from" },
		{ "\"from\":1700000100000,\"until\":1700000109999",
		  "9 s apart and may be 10 to 21600" },
		{ "\"from\":1700000000000,\"until\":1700021600001",
		  "21600 s apart and may be" },
		{ "\"from\":1700003000000,\"until\":1700003585001",
		  "in the future or less than 15 s ago" },
		{ "\"from\":1700003000000,\"until\":1700009000000",
		  "in the future" },
		{ "\"from\":1700000009999,\"until\":1700000100000",
		  "from lies before 2023-11-14 22:13:30 UTC" },
		{ "\"from\":\"yesterday\",\"until\":1700000100000",
		  "from: \"yesterday\" is neither" },
		{ "\"from\":1700000100000,\"until\":\"2023-11-14\"",
		  "until: \"2023-11-14\" is neither" },
		{ "\"from\":-5,\"until\":1700000100000", "from: \"-5\"" },
		{ "\"from\":1700000100000,\"until\":1700000200000,"
		  "\"attempt\":2",
		  "attempt: the gate counts" },
	};
	struct gate_room r;
	struct gate g = { .store = NULL };

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(gate_room_tell(&r, 0, 10), 0);
	CHECK_EQ(store_trim(r.st, ROOM_T0 + 10000, NULL, NULL), 0);
	CHECK_EQ(gate_of(&r, &g), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct reply rp;
		char body[256];
		char *text;
		int rc;

		(void)snprintf(body, sizeof(body), WHO "%s}", cases[i].range);
		text = post(&g, body, NOW, &rp, &rc);
		if (rc != -EINVAL || rp.fault != FAULT_BAD_RANGE ||
		    !strstr(rp.err.text, cases[i].says))
			test_fail(__FILE__, __LINE__, "%s: %d %s",
				  cases[i].range, rc, rp.err.text);
		free(text);
	}
	jobs_close(g.jobs);
	auth_close(g.auth);
	gate_room_close(&r);
}

static void a_range_is_judged_once_and_then_found(void)
{
	static const char body[] = WHO
		"\"from\":\"2023-11-14T22:13:30Z\",\"until\":1700000040000}";
	struct gate_room r;
	struct gate g = { .store = NULL };
	struct reply rp;
	char *first;
	char *second;
	int rc;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(gate_room_tell(&r, 0, 20), 0);
	gate_room_down(&r);
	CHECK_EQ(gate_room_up(&r, NOW), 0);
	CHECK_EQ(gate_of(&r, &g), 0);
	/* spools may still hold some of it */
	first = post(&g, body, NOW + LIMIT_JUDGE_SETTLE_MS - 1, &rp, &rc);
	CHECK(rc == -EBUSY && strstr(rp.err.text, "may still come"));
	free(first);
	first = post(&g, body, NOW + LIMIT_JUDGE_SETTLE_MS, &rp, &rc);
	CHECK(rc == 0 && rp.status == 201 && first != NULL);
	CHECK(strstr(first, "\"begun_ms\":1700000010000,"
			    "\"until_ms\":1700000040000,") != NULL);
	CHECK(strstr(first, "\"closed\":true") != NULL);
	CHECK(strstr(first, "\"final\":true") != NULL);
	second = post(&g, body, NOW + LIMIT_JUDGE_SETTLE_MS, &rp, &rc);
	CHECK(rc == 0 && rp.status == 201 && second != NULL);
	CHECK(strcmp(first, second) == 0);
	free(second);
	/* once its job is forgotten it is found in the store */
	jobs_close(g.jobs);
	CHECK_EQ(jobs_open(r.st, r.policies, NULL, NULL, &g.jobs, NULL), 0);
	second = post_once(&g, body, NOW + LIMIT_JUDGE_SETTLE_MS, &rp, &rc);
	CHECK(rc == 0 && rp.status == 200 && second != NULL);
	CHECK(strcmp(first, second) == 0);
	free(first);
	free(second);
	jobs_close(g.jobs);
	auth_close(g.auth);
	gate_room_close(&r);
}

static int enough(void *ctx, uint32_t n_windows)
{
	(void)ctx;
	return n_windows == 3 ? -ECANCELED : 0;
}

/* What the end of the gate cuts off leaves nothing, and is asked for again. */
static void what_is_cut_off_is_judged_when_asked_again(void)
{
	const struct store_rollout want = {
		.service = "orders",
		.baseline = "v1",
		.canary = "v2",
		.policy = "default",
		.policy_version = 1,
		.begun_ms = ROOM_T0 + 10 * STORY_WINDOW_MS,
		.until_ms = ROOM_T0 + 20 * STORY_WINDOW_MS,
		.step = 1,
	};
	struct store_rollout found;
	struct gate_room r;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(gate_room_tell(&r, 0, 20), 0);
	CHECK_EQ(
		judge_past(r.st, r.policies, &want, enough, NULL, &found, NULL),
		-ECANCELED);
	CHECK_EQ(store_find_past(r.st, &want, &found, NULL), -ENOENT);
	gate_room_down(&r);
	CHECK_EQ(gate_room_up(&r, NOW), 0);
	CHECK_EQ(judge(&r, 10, 20, NULL), 0);
	CHECK_EQ(store_find_past(r.st, &want, &found, NULL), 0);
	gate_room_close(&r);
}

static void a_live_rollout_has_nothing_to_wait_for(void)
{
	struct gate g = { .store = NULL };
	struct request rq = { .body = WHO "\"attempt\":1}",
			      .n_query = 1,
			      .query = { { "wait", "5" } } };
	struct gate_room r;
	struct reply rp = { .status = 0 };

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(gate_of(&r, &g), 0);
	rq.body_len = strlen(rq.body);
	rq.auth = g.auth;
	CHECK_EQ(api_rollout_create(&g, &rq, &rp), -EINVAL);
	CHECK(strstr(rp.err.text, "only with from and until") != NULL);
	rq.query[0].name = "wiat";
	memset(&rp, 0, sizeof(rp));
	CHECK_EQ(api_rollout_create(&g, &rq, &rp), -EINVAL);
	CHECK(strstr(rp.err.text, "wiat") != NULL);
	jobs_close(g.jobs);
	auth_close(g.auth);
	gate_room_close(&r);
}

const struct test_case test_cases[] = {
	{ "past: a past time is judged as it would have been",
	  a_past_time_is_judged_as_it_would_have_been },
	{ "past: what no window decides the clock does, and it never passes",
	  what_no_window_decides_the_clock_does },
	{ "past: windows beyond the range are not seen",
	  windows_beyond_the_range_are_not_seen },
	{ "past: it stands after a restart and replays",
	  it_stands_after_a_restart_and_replays },
	{ "past: it does not hold retention up",
	  it_does_not_hold_retention_up },
	{ "past: a range that cannot be judged is refused",
	  a_range_that_cannot_be_judged_is_refused },
	{ "past: a range is judged once and then found",
	  a_range_is_judged_once_and_then_found },
	{ "past: what is cut off is judged when asked again",
	  what_is_cut_off_is_judged_when_asked_again },
	{ "past: a live rollout has nothing to wait for",
	  a_live_rollout_has_nothing_to_wait_for },
	{ NULL, NULL },
};
