/* SPDX-License-Identifier: Apache-2.0 */
/* store: what rollouts taught, and which later ones know it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gate/store.h"
#include "tests/test.h"
#include "tests/unit/gate/store_room.h"

/* A store that has one policy. */
static int with_policy(struct room *r)
{
	uint32_t version = 0;
	int rc = room_open(r);

	if (rc == 0)
		rc = store_put_policy(r->st, "default", "{}", 1, &version,
				      NULL);
	return rc;
}

/* Begin a rollout from a baseline; its canary is always another. */
static int begin(struct room *r, const char *baseline, const char *canary,
		 struct store_rollout *ret_r)
{
	struct store_rollout want = { .service = "orders",
				      .attempt = 1,
				      .policy = "default",
				      .policy_version = 1,
				      .begun_ms = 1000,
				      .step = 1 };

	(void)snprintf(want.baseline, sizeof(want.baseline), "%s", baseline);
	(void)snprintf(want.canary, sizeof(want.canary), "%s", canary);
	return store_begin_rollout(r->st, &want, ret_r, NULL, NULL);
}

struct seen_lessons {
	int n;
	int64_t first_seq;
	int64_t sum; /* of variances */
};

static int see_lesson(void *ctx, const struct store_lesson *l)
{
	struct seen_lessons *s = ctx;

	if (s->n++ == 0)
		s->first_seq = l->seq;
	s->sum += l->value * l->df;
	return strcmp(l->subject, "GET /") == 0 ? 0 : -EINVAL;
}

/* The last begins after both others taught. */
static void rollout_knows_what_was_taught_before_it_began(void)
{
	const struct store_lesson two[] = {
		{ .subject = "GET /", .level = 0, .value = 7, .df = 2 },
		{ .subject = "GET /", .level = 3, .value = 9, .df = 2 },
	};
	struct store_lesson one = two[0];
	struct seen_lessons s = { 0 };
	struct store_rollout a, b, c;
	struct room r;
	int64_t seq = 7;

	CHECK_EQ(with_policy(&r), 0);
	CHECK_EQ(begin(&r, "v1", "v2", &a), 0);
	CHECK_EQ(store_put_lessons(r.st, a.rollout_id, two, 2, NULL), 0);
	CHECK_EQ(begin(&r, "v1", "v3", &b), 0);
	one.value = 100;
	CHECK_EQ(store_put_lessons(r.st, b.rollout_id, &one, 1, NULL), 0);
	CHECK_EQ(begin(&r, "v1", "v4", &c), 0);
	CHECK_EQ(room_reopen(&r), 0);
	CHECK_EQ(store_each_lesson(r.st, "orders", a.lesson_seq, 9, see_lesson,
				   &s, NULL),
		 0);
	CHECK_EQ(s.n, 0);
	CHECK_EQ(store_each_lesson(r.st, "orders", b.lesson_seq, 9, see_lesson,
				   &s, NULL),
		 0);
	CHECK_EQ(s.n, 2);
	CHECK_EQ(s.sum, 32);
	/* both rollouts had the same baseline: its newest lessons alone */
	s = (struct seen_lessons){ 0 };
	CHECK_EQ(store_each_lesson(r.st, "orders", c.lesson_seq, 9, see_lesson,
				   &s, NULL),
		 0);
	CHECK_EQ(s.n, 1);
	CHECK_EQ(s.first_seq, 2);
	CHECK_EQ(s.sum, 200);
	/* of the past that is known which the newest rollout knew then */
	CHECK_EQ(store_known_lesson(r.st, "orders", 999, &seq, NULL), 0);
	CHECK_EQ(seq, 0);
	CHECK_EQ(store_known_lesson(r.st, "orders", 1000, &seq, NULL), 0);
	CHECK_EQ(seq, 2);
	CHECK_EQ(store_known_lesson(r.st, "nobody", 1000, &seq, NULL), 0);
	CHECK_EQ(seq, 0);
	/* a lesson of no rollout, and nothing to teach */
	CHECK_EQ(store_put_lessons(r.st, 1000999, &one, 1, NULL), -EEXIST);
	CHECK_EQ(store_put_lessons(r.st, c.rollout_id, NULL, 0, NULL), 0);
	room_close(&r);
}

const struct test_case test_cases[] = {
	{ "store: a rollout knows what was taught before it began",
	  rollout_knows_what_was_taught_before_it_began },
	{ NULL, NULL },
};
