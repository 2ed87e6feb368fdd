/* SPDX-License-Identifier: Apache-2.0 */
/* store: what is kept, what is refused, and what each refusal says. */
#include "gate/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/batch.h"
#include "common/err.h"
#include "common/limits.h"
#include "tests/test.h"
#include "tests/unit/gate/store_room.h"

enum { T0 = 1000000 }; /* ms; any time will do */

/* Store a batch of one window; its body is the text. */
static int put(struct room *r, const char *revision, const char *instance,
	       uint64_t stream, uint64_t seq, int64_t from_ms, int64_t length,
	       bool *ret_new)
{
	struct batch b = { .service = "orders",
			   .revision = revision,
			   .instance = instance,
			   .stream_id = stream,
			   .seq = seq,
			   .from_ms = from_ms,
			   .to_ms = from_ms + length };

	r->err.text[0] = '\0';
	return store_put_batch(r->st, &b, instance, strlen(instance),
			       from_ms + length, ret_new, &r->err);
}

/* What a walk over batches saw, as text: "instance:seq@from " ... */
struct seen {
	char text[512];
	size_t len;
};

static int see(void *ctx, const struct store_batch *b)
{
	struct seen *s = ctx;

	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len,
				   "%s=%.*s:%llu@%lld ", b->instance,
				   (int)b->len, (const char *)b->bytes,
				   (unsigned long long)b->ingest_seq,
				   (long long)b->from_ms);
	return 0;
}

static void batches_come_back_in_order_of_time_and_instance(void)
{
	struct room r;
	struct seen s = { .len = 0 };
	uint64_t seq = 9;
	int64_t length = 9;
	int64_t first = 9;

	CHECK_EQ(room_open(&r), 0);
	CHECK(store_began_empty(r.st));
	CHECK_EQ(store_last_seq(r.st, "orders", &seq, NULL), 0);
	CHECK_EQ(seq, 0);
	CHECK_EQ(put(&r, "v1", "b", 1, 0, T0 + 2000, 2000, NULL), 0);
	CHECK_EQ(put(&r, "v1", "a", 2, 0, T0, 2000, NULL), 0);
	CHECK_EQ(put(&r, "v2", "c", 3, 0, T0, 2000, NULL), 0);
	CHECK_EQ(put(&r, "v1", "a", 2, 1, T0 + 2000, 2000, NULL), 0);
	CHECK_EQ(store_each_batch(r.st, "orders", "v1", T0, T0 + 4000, 0, see,
				  &s, NULL),
		 0);
	CHECK(strcmp(s.text, "a=a:2@1000000 b=b:1@1002000 a=a:4@1002000 ") ==
	      0);
	s.len = 0;
	CHECK_EQ(store_each_batch(r.st, "orders", NULL, T0, T0 + 2000, 3, see,
				  &s, NULL),
		 0);
	CHECK(strcmp(s.text, "a=a:2@1000000 c=c:3@1000000 ") == 0);
	s.text[0] = '\0';
	CHECK_EQ(store_each_batch(r.st, "nobody", NULL, 0, INT64_MAX, 0, see,
				  &s, NULL),
		 0);
	CHECK(s.text[0] == '\0');
	CHECK_EQ(store_last_seq(r.st, "orders", &seq, NULL), 0);
	CHECK_EQ(seq, 4);
	CHECK_EQ(store_find_window(r.st, "orders", "v1", "v2", T0, T0 + 9000,
				   &length, &first, NULL),
		 0);
	CHECK_EQ(length, 2000);
	CHECK_EQ(first, T0);
	CHECK_EQ(store_find_window(r.st, "orders", "v9", NULL, T0, T0 + 9000,
				   &length, &first, NULL),
		 0);
	CHECK_EQ(length, 0);
	room_close(&r);
}

static void repeat_changes_nothing_and_overlap_is_refused(void)
{
	struct room r;
	bool is_new = false;
	uint64_t seq = 0;

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(put(&r, "v1", "a", 1, 0, T0, 2000, &is_new), 0);
	CHECK(is_new);
	CHECK_EQ(put(&r, "v1", "a", 1, 0, T0, 2000, &is_new), 0);
	CHECK(!is_new);
	/* another stream, inside, around and across the end */
	CHECK_EQ(put(&r, "v1", "a", 2, 0, T0, 2000, &is_new), -EEXIST);
	CHECK(strstr(r.err.text, "instance a"));
	CHECK_EQ(put(&r, "v1", "a", 2, 0, T0 - 1000, 60000, NULL), -EEXIST);
	CHECK_EQ(put(&r, "v1", "a", 2, 0, T0 + 1999, 1000, NULL), -EEXIST);
	/* the same stream, the same time again */
	CHECK_EQ(put(&r, "v1", "a", 1, 1, T0, 2000, NULL), -EEXIST);
	/* next to it, and another instance, are free */
	CHECK_EQ(put(&r, "v1", "a", 2, 0, T0 + 2000, 2000, NULL), 0);
	CHECK_EQ(put(&r, "v1", "a", 2, 1, T0 - 2000, 2000, NULL), 0);
	CHECK_EQ(put(&r, "v1", "b", 2, 0, T0, 2000, NULL), 0);
	CHECK_EQ(put(&r, "v2", "a", 2, 0, T0, 2000, NULL), 0);
	/* refusals took no number */
	CHECK_EQ(store_last_seq(r.st, "orders", &seq, NULL), 0);
	CHECK_EQ(seq, 5);
	room_close(&r);
}

static void full_queue_refuses_at_once(void)
{
	struct room r;
	struct store_stats stats;
	struct err err = { .text = "" };

	CHECK_EQ(room_open(&r), 0);
	for (int i = 0; i < LIMIT_STORE_QUEUE; i++)
		CHECK_EQ(store_reserve(r.st, NULL), 0);
	CHECK_EQ(store_reserve(r.st, &err), -EBUSY);
	CHECK(err.text[0] != '\0');
	store_stats(r.st, &stats);
	CHECK_EQ(stats.queue_depth, LIMIT_STORE_QUEUE);
	store_unreserve(r.st);
	CHECK_EQ(store_reserve(r.st, NULL), 0);
	room_close(&r);
}

static int begin(struct room *r, const char *canary, uint32_t attempt,
		 struct store_rollout *ret_r, bool *ret_created)
{
	struct store_rollout want = { .service = "orders",
				      .baseline = "v1",
				      .attempt = attempt,
				      .policy = "default",
				      .policy_version = 1,
				      .begun_ms = T0,
				      .step = 1 };

	(void)snprintf(want.canary, sizeof(want.canary), "%s", canary);
	return store_begin_rollout(r->st, &want, ret_r, ret_created, NULL);
}

static bool same(const struct store_rollout *a, const struct store_rollout *b)
{
	return a->rollout_id == b->rollout_id &&
	       strcmp(a->service, b->service) == 0 &&
	       strcmp(a->baseline, b->baseline) == 0 &&
	       strcmp(a->canary, b->canary) == 0 && a->attempt == b->attempt &&
	       strcmp(a->policy, b->policy) == 0 &&
	       a->policy_version == b->policy_version &&
	       a->begun_ms == b->begun_ms && a->step == b->step &&
	       a->step_ms == b->step_ms && a->closed == b->closed &&
	       a->stopped == b->stopped;
}

static int with_policy(struct room *r)
{
	uint32_t version = 0;
	int rc = room_open(r);

	if (rc == 0)
		rc = store_put_policy(r->st, "default", "{}", T0, &version,
				      NULL);
	return rc;
}

static void rollout_is_begun_once(void)
{
	struct store_rollout a, b;
	struct room r;
	bool created = false;
	struct err err = { .text = "" };

	CHECK_EQ(with_policy(&r), 0);
	CHECK_EQ(begin(&r, "v2", 1, &a, &created), 0);
	CHECK(created);
	CHECK_EQ(a.rollout_id, 1000001); /* the first of service 1 */
	CHECK_EQ(a.step, 1);
	CHECK_EQ(a.step_ms, T0);
	CHECK(!a.closed && !a.stopped);
	CHECK_EQ(begin(&r, "v2", 1, &b, &created), 0);
	CHECK(!created);
	CHECK(same(&a, &b));
	CHECK_EQ(begin(&r, "v2", 2, &b, &created), 0);
	CHECK(created);
	CHECK_EQ(b.rollout_id, 1000002);
	CHECK_EQ(store_find_rollout(r.st, "orders", "v1", "v2", 2, &a, NULL),
		 0);
	CHECK_EQ(a.rollout_id, b.rollout_id);
	CHECK_EQ(store_find_rollout(r.st, "orders", "v1", "v3", 1, &a, &err),
		 -ENOENT);
	CHECK(strstr(err.text, "v3"));
	CHECK_EQ(store_get_rollout(r.st, 42, &a, NULL), -ENOENT);
	/* equal revisions and an unknown policy break the schema's rules */
	CHECK_EQ(begin(&r, "v1", 1, &a, NULL), -EEXIST);
	room_close(&r);
}

static int count_rollout(void *ctx, const struct store_rollout *r)
{
	(void)r;
	++*(int *)ctx;
	return 0;
}

static int stop_at_first(void *ctx, const struct store_rollout *r)
{
	*(int64_t *)ctx = r->rollout_id;
	return 7;
}

static int n_rollouts(struct room *r, bool open_only)
{
	int n = 0;

	if (store_each_rollout(r->st, NULL, open_only, 100, count_rollout, &n,
			       NULL) != 0)
		return -1;
	return n;
}

static void steps_and_stops_are_added(void)
{
	struct store_rollout a;
	struct room r;
	int64_t newest = 0;

	CHECK_EQ(with_policy(&r), 0);
	CHECK_EQ(begin(&r, "v2", 1, &a, NULL), 0);
	CHECK_EQ(begin(&r, "v2", 2, &a, NULL), 0);
	CHECK_EQ(store_begin_step(r.st, a.rollout_id, 3, T0 + 5, NULL), 0);
	CHECK_EQ(store_begin_step(r.st, a.rollout_id, 2, T0 + 6, NULL), 0);
	CHECK_EQ(store_get_rollout(r.st, a.rollout_id, &a, NULL), 0);
	CHECK_EQ(a.step, 3);
	CHECK_EQ(a.step_ms, T0 + 5);
	CHECK_EQ(store_begin_step(r.st, 42, 3, T0, NULL), -ENOENT);
	CHECK_EQ(n_rollouts(&r, true), 2);
	CHECK_EQ(store_stop_rollout(r.st, a.rollout_id, T0 + 9, "rolled back",
				    NULL),
		 0);
	CHECK_EQ(store_stop_rollout(r.st, a.rollout_id, T0 + 10, "again", NULL),
		 0);
	CHECK_EQ(store_stop_rollout(r.st, 42, T0, "none", NULL), -ENOENT);
	CHECK_EQ(store_get_rollout(r.st, a.rollout_id, &a, NULL), 0);
	CHECK(a.stopped && strcmp(a.stop_reason, "rolled back") == 0);
	CHECK_EQ(a.stopped_ms, T0 + 9);
	CHECK_EQ(n_rollouts(&r, true), 1);
	CHECK_EQ(n_rollouts(&r, false), 2);
	/* a visit that returns non-zero ends the walk; newest first */
	CHECK_EQ(store_each_rollout(r.st, "orders", false, 100, stop_at_first,
				    &newest, NULL),
		 7);
	CHECK_EQ(newest, a.rollout_id);
	room_close(&r);
}

/* Windows whose method is not known, and those of method 4. */
static int count_method(void *ctx, const struct store_judged *j)
{
	int *n = ctx;

	n[0] += j->method == 0 && j->arithmetic == 0;
	n[1] += j->method == 4 && j->arithmetic == UINT32_MAX;
	return 0;
}

static void window_is_judged_once_and_nothing_after_closing(void)
{
	struct store_judged j = { .from_ms = T0,
				  .to_ms = T0 + 2000,
				  .step = 1,
				  .ingest_seq = 3,
				  .document = "{\"n\":1}" };
	struct store_rollout a;
	struct room r;
	char *document = NULL;
	uint32_t method = 9;
	int n_methods[2];

	CHECK_EQ(with_policy(&r), 0);
	CHECK_EQ(begin(&r, "v2", 1, &a, NULL), 0);
	CHECK_EQ(store_last_document(r.st, a.rollout_id, &document, &method,
				     NULL),
		 -ENOENT);
	CHECK_EQ(store_put_judged(r.st, a.rollout_id, &j, NULL), 0);
	CHECK_EQ(store_put_judged(r.st, a.rollout_id, &j, NULL), -EEXIST);
	CHECK_EQ(store_put_judged(r.st, 42, &j, NULL), -ENOENT);
	j.from_ms = j.to_ms;
	j.to_ms += 2000;
	j.document = "{\"n\":2}";
	j.method = 4;
	j.arithmetic = UINT32_MAX;
	j.final = j.closes = true;
	CHECK_EQ(store_put_judged(r.st, a.rollout_id, &j, NULL), 0);
	j.from_ms = j.to_ms;
	j.to_ms += 2000;
	CHECK_EQ(store_put_judged(r.st, a.rollout_id, &j, NULL), -EEXIST);
	CHECK_EQ(store_last_document(r.st, a.rollout_id, &document, &method,
				     NULL),
		 0);
	CHECK(strcmp(document, "{\"n\":2}") == 0);
	CHECK_EQ(method, 4);
	memset(n_methods, 0, sizeof(n_methods));
	CHECK_EQ(store_each_judged(r.st, a.rollout_id, count_method, n_methods,
				   NULL),
		 0);
	CHECK(n_methods[0] == 1 && n_methods[1] == 1);
	free(document);
	CHECK_EQ(store_get_rollout(r.st, a.rollout_id, &a, NULL), 0);
	CHECK(a.closed);
	CHECK_EQ(n_rollouts(&r, true), 0);
	room_close(&r);
}

static void retention_spares_what_open_rollouts_rest_on(void)
{
	const int64_t begun = T0;
	struct store_rollout a;
	struct seen s = { .len = 0 };
	struct room r;
	uint64_t n = 9;
	int64_t trimmed = 9;
	bool is_new = false;

	CHECK_EQ(with_policy(&r), 0);
	CHECK_EQ(put(&r, "v1", "a", 1, 0, begun - 700000, 2000, NULL), 0);
	CHECK_EQ(put(&r, "v1", "a", 1, 1, begun - 600000, 2000, NULL), 0);
	CHECK_EQ(put(&r, "v1", "a", 1, 2, begun, 2000, NULL), 0);
	CHECK_EQ(begin(&r, "v2", 1, &a, NULL), 0);
	CHECK_EQ(store_trimmed_ms(r.st, "orders", &trimmed, NULL), 0);
	CHECK_EQ(trimmed, 0);
	/* one lies before the ten minutes of history */
	CHECK_EQ(store_trim(r.st, begun + 9000, &n, NULL), 0);
	CHECK_EQ(n, 1);
	CHECK_EQ(store_stop_rollout(r.st, a.rollout_id, T0, "", NULL), 0);
	CHECK_EQ(store_trim(r.st, begun + 1000, &n, NULL), 0);
	CHECK_EQ(n, 1); /* the last one ends after that */
	CHECK_EQ(store_trimmed_ms(r.st, "orders", &trimmed, NULL), 0);
	CHECK_EQ(trimmed, begun + 1000);
	CHECK_EQ(store_each_batch(r.st, "orders", NULL, 0, INT64_MAX, 0, see,
				  &s, NULL),
		 0);
	CHECK(strcmp(s.text, "a=a:3@1000000 ") == 0);
	CHECK_EQ(store_trim(r.st, begun + 9000, &n, NULL), 0);
	CHECK_EQ(n, 1);
	/* an emptied service goes on counting; decisions stay */
	CHECK_EQ(put(&r, "v1", "a", 1, 3, begun + 2000, 2000, &is_new), 0);
	CHECK_EQ(store_last_seq(r.st, "orders", &n, NULL), 0);
	CHECK_EQ(n, 4);
	CHECK_EQ(n_rollouts(&r, false), 1);
	room_close(&r);
}

static void everything_is_there_after_reopening(void)
{
	struct store_rollout a, b;
	struct seen s = { .len = 0 };
	struct room r;
	bool is_new = true;

	CHECK_EQ(with_policy(&r), 0);
	CHECK_EQ(put(&r, "v1", "a", UINT64_MAX, 0, T0, 2000, NULL), 0);
	CHECK_EQ(begin(&r, "v2", 1, &a, NULL), 0);
	CHECK_EQ(room_reopen(&r), 0);
	CHECK(!store_began_empty(r.st));
	CHECK_EQ(store_check(r.st, NULL), 0);
	CHECK_EQ(put(&r, "v1", "a", UINT64_MAX, 0, T0, 2000, &is_new), 0);
	CHECK(!is_new);
	CHECK_EQ(store_each_batch(r.st, "orders", "v1", 0, INT64_MAX, 0, see,
				  &s, NULL),
		 0);
	CHECK(strcmp(s.text, "a=a:1@1000000 ") == 0);
	CHECK_EQ(store_get_rollout(r.st, a.rollout_id, &b, NULL), 0);
	CHECK(same(&a, &b));
	room_close(&r);
}

/* Run a statement on the store's file, as another program would. */
static int sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;
	int code = sqlite3_open(path, &db);

	if (code == SQLITE_OK)
		code = sqlite3_exec(db, text, NULL, NULL, NULL);
	sqlite3_close(db);
	return code;
}

static void file_that_is_not_ours_is_refused_and_left_alone(void)
{
	static const struct {
		const char *why;
		const char *make; /* SQL; NULL: a file of text */
		const char *want; /* in the message */
	} cases[] = {
		{ "no database", NULL, "not a database" },
		{ "another's", "CREATE TABLE theirs (a)", "another program's" },
		{ "another's, marked", "PRAGMA application_id = 7",
		  "application_id 7" },
		{ "newer",
		  "PRAGMA application_id = 1413960753;"
		  "PRAGMA user_version = 999; CREATE TABLE a (b)",
		  "schema 999" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct stat before, after;
		struct room r;
		int fd;

		CHECK_EQ(room_open(&r), 0);
		store_close(r.st);
		r.st = NULL;
		CHECK_EQ(unlink(r.path), 0);
		if (cases[i].make) {
			CHECK_EQ(sql(r.path, cases[i].make), SQLITE_OK);
		} else {
			fd = open(r.path, O_CREAT | O_WRONLY, 0600);
			CHECK(fd >= 0);
			CHECK_EQ(write(fd,
				       "a page of plain text, longer "
				       "than SQLite's header is: it "
				       "looks at a hundred bytes or so "
				       "before it says what it thinks",
				       110),
				 110);
			close(fd);
		}
		CHECK_EQ(stat(r.path, &before), 0);
		r.err.text[0] = '\0';
		CHECK_EQ(store_open(r.path, &r.st, &r.err), -EPROTO);
		if (r.st || !strstr(r.err.text, cases[i].want))
			test_fail(__FILE__, __LINE__, "%s: %s", cases[i].why,
				  r.err.text);
		CHECK_EQ(stat(r.path, &after), 0);
		CHECK_EQ(before.st_size, after.st_size);
		CHECK_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
		room_close(&r);
	}
}

/* As a user who may not write it; root may write anything. */
static void file_that_cannot_be_written_is_said(void)
{
	struct room r;
	int status = 0;
	pid_t pid;

	CHECK_EQ(room_open(&r), 0);
	store_close(r.st);
	r.st = NULL;
	CHECK_EQ(chmod(r.path, 0444), 0);
	CHECK_EQ(chmod(r.dir, 0755), 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		int rc;

		if (geteuid() == 0 && seteuid(65534) < 0)
			_exit(2);
		rc = store_open(r.path, &r.st, &r.err);
		_exit(rc == -EROFS && strstr(r.err.text, "written") ? 0 : 1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CHECK_EQ(store_open("/nowhere/at/all", &r.st, &r.err), -EIO);
	CHECK(strstr(r.err.text, "/nowhere/at: No such file"));
	room_close(&r);
}

const struct test_case test_cases[] = {
	{ "store: batches come back in order of time and instance",
	  batches_come_back_in_order_of_time_and_instance },
	{ "store: a repeat changes nothing and an overlap is refused",
	  repeat_changes_nothing_and_overlap_is_refused },
	{ "store: a full queue refuses at once", full_queue_refuses_at_once },
	{ "store: a rollout is begun once", rollout_is_begun_once },
	{ "store: steps and stops are added", steps_and_stops_are_added },
	{ "store: a window is judged once, and nothing after closing",
	  window_is_judged_once_and_nothing_after_closing },
	{ "store: retention spares what open rollouts rest on",
	  retention_spares_what_open_rollouts_rest_on },
	{ "store: everything is there after reopening",
	  everything_is_there_after_reopening },
	{ "store: a file that is not ours is refused and left alone",
	  file_that_is_not_ours_is_refused_and_left_alone },
	{ "store: a file that cannot be written is said",
	  file_that_cannot_be_written_is_said },
	{ NULL, NULL },
};
