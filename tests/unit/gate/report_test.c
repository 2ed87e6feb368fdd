/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/batch.h"
#include "common/buf.h"
#include "gate/store.h"
#include "stats/policy.h"
#include "stats/rollout.h"
#include "stats/verdict.h"
#include "tests/story.h"
#include "tests/test.h"

enum {
	N_BASELINE = 6,
	N_CANARY = 2,
	N_WINDOWS = 60,
	ARENA_BYTES = 4 * 1024 * 1024,
};

static const struct story slow_canary = {
	.n_requests = 60,
	.slow_ns = 40000000,
	.begin_ms = 1700000000000,
};

static const struct store_rollout meta = {
	.rollout_id = 3000042,
	.service = "orders",
	.baseline = "v1",
	.canary = "v2",
	.attempt = 1,
	.policy = "default",
	.policy_version = 3,
	.begun_ms = 1700000000000,
	.step = 1,
	.step_ms = 1700000000000,
	.stopped = true,
	.stop_reason = "<b onload='x'>because</b>",
};

/* Fold one window of the story.  Returns what rollout_fold() does. */
static int fold_window(struct rollout *r, const struct story *s, uint32_t w,
		       struct verdict *ret_v)
{
	struct rollout_member members[N_BASELINE + N_CANARY];
	struct arena *arena = NULL;
	struct rollout_window window = {
		.from_ms = s->begin_ms + (int64_t)w * STORY_WINDOW_MS,
		.to_ms = s->begin_ms + (int64_t)(w + 1) * STORY_WINDOW_MS,
		.step = 1,
		.n_members = N_BASELINE + N_CANARY,
		.members = members,
	};
	int rc;

	rc = arena_new(ARENA_BYTES, &arena, NULL);
	for (uint32_t i = 0; rc == 0 && i < window.n_members; i++) {
		bool canary = i >= N_BASELINE;

		members[i].cohort = canary ? COHORT_CANARY : COHORT_BASELINE;
		members[i].batch = story_batch(
			s, canary, canary ? i - N_BASELINE : i, w, arena);
		if (!members[i].batch)
			rc = -1;
	}
	if (rc == 0)
		rc = rollout_fold(r, &window, ret_v, NULL);
	arena_free(arena);
	return rc;
}

/* The page of a story, which the caller free()s; NULL if it went wrong. */
static char *page_of(const struct story *s, uint32_t n_windows,
		     struct verdict *ret_v)
{
	struct buf out = { 0 };
	struct rollout *r = NULL;
	struct policy policy;
	int rc;

	policy_default(&policy);
	rc = rollout_new(&policy, s->begin_ms, &r, NULL);
	rollout_verdict(r, s->begin_ms, ret_v);
	for (uint32_t w = 0; rc == 0 && w < n_windows; w++)
		rc = fold_window(r, s, w, ret_v);
	if (rc == 0)
		rc = report_write(&out, &meta, &policy, r, ret_v,
				  s->begin_ms + 600000, NULL);
	rollout_free(r);
	if (rc < 0) {
		buf_release(&out);
		return NULL;
	}
	return buf_take(&out, NULL);
}

/* Elements that have no end. */
static bool is_void(const char *name, size_t len)
{
	static const char *const names[] = { "meta", "br", "link", "img" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len &&
		    strncmp(names[i], name, len) == 0)
			return true;
	return false;
}

/*
 * Where a page stops being well formed: elements end in the order in which
 * they began, attributes are quoted, and "&" begins an entity.  NULL if
 * nowhere.
 */
static const char *first_fault(const char *page)
{
	const char *open[64];
	size_t open_len[64];
	size_t depth = 0;

	for (const char *at = page; *at != '\0'; at++) {
		const char *name = at + 1;
		size_t len;

		if (*at == '&' && !strchr(at, ';'))
			return at;
		if (*at != '<')
			continue;
		if (*name == '!') {
			at = strchr(at, '>');
			continue;
		}
		len = strcspn(name + (*name == '/'), " >/\n");
		if (*name == '/') {
			if (depth == 0 || open_len[depth - 1] != len ||
			    strncmp(open[depth - 1], name + 1, len) != 0)
				return at;
			depth--;
		}
		for (at = name + len; *at != '>'; at++) {
			if (*at == '"')
				at = strchr(at + 1, '"');
			if (!at || *at == '\0' || *at == '<')
				return name;
		}
		if (*name == '/' || at[-1] == '/' || is_void(name, len))
			continue;
		if (depth == 64)
			return name;
		open[depth] = name;
		open_len[depth++] = len;
	}
	return depth == 0 ? NULL : open[depth - 1];
}

static void check_page(const char *page, const char *why)
{
	static const char *const never[] = {
		"<script",  "javascript:", "http://evil", "src=",
		"<link",    "@import",	   "<b onl",	  "<iframe",
		"url(http", ">nan",	   "\"nan",	  "-inf",
	};
	static const char *const at_home[] = { "href=\"", "xlink", NULL };
	const char *fault = first_fault(page);

	if (fault)
		test_fail(__FILE__, __LINE__, "%s: not well formed: %.60s", why,
			  fault);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		const char *at = strstr(page, never[i]);

		/* a name may be shown that looks like an address */
		if (at && (strcmp(never[i], "http://evil") != 0 ||
			   at[-1] == '"' || at[-1] == '('))
			test_fail(__FILE__, __LINE__, "%s: %.60s", why, at);
	}
	for (const char *at = page; (at = strstr(at, at_home[0])); at++)
		if (at[6] != '/' && at[6] != '#')
			test_fail(__FILE__, __LINE__, "%s: leads away: %.60s",
				  why, at);
}

static void a_slow_canary_s_page_names_what_is_slow(void)
{
	struct verdict v = { 0 };
	char *page = page_of(&slow_canary, N_WINDOWS, &v);

	CHECK(page != NULL);
	if (getenv("REPORT_PAGE")) { /* for whoever wants to look at it */
		FILE *f = fopen(getenv("REPORT_PAGE"), "w");

		if (f) {
			fputs(page, f);
			fclose(f);
		}
	}
	check_page(page, "slow canary");
	CHECK_EQ(v.word, VERDICT_FAIL);
	CHECK(strstr(page, "<div class=\"big\">fail</div>") != NULL);
	CHECK(strstr(page, v.reason) != NULL || strchr(v.reason, '<') ||
	      strchr(v.reason, '&'));
	CHECK(strstr(page, "GET /orders/{}") != NULL);
	CHECK(strstr(page, "&lt;script&gt;alert(1)") != NULL);
	CHECK(strstr(page, "Money&lt;T&gt;::format(const char *) &amp; co"));
	CHECK(strstr(page, "<g class=\"fn\">") != NULL);
	CHECK(strstr(page, "<p>Judged by method ") != NULL);
	CHECK(strstr(page, "were recomputed") == NULL);
	CHECK(strlen(page) < 1024 * 1024);
	free(page);
}

static void a_page_without_data_is_a_page(void)
{
	struct verdict v = { 0 };
	char *page = page_of(&slow_canary, 0, &v);

	CHECK(page != NULL);
	check_page(page, "no data");
	CHECK(strstr(page, "There is no stack sample") != NULL);
	free(page);
}

static void a_page_without_its_windows_is_a_page(void)
{
	struct verdict v = { .word = VERDICT_FAIL, .reason = "<i>slow</i>" };
	struct buf out = { 0 };
	struct policy policy;

	policy_default(&policy);
	CHECK_EQ(report_write_stored(&out, &meta, &policy, &v, 1700000000000,
				     1700000600000, NULL),
		 0);
	check_page(out.bytes, "no windows");
	CHECK(strstr(out.bytes, "&lt;i&gt;slow") != NULL);
	CHECK(strstr(out.bytes, "Judged by") == NULL);
	CHECK(strstr(out.bytes,
		     "before <time datetime=\"2023-11-14T22:13:20Z"));
	buf_release(&out);
}

static void the_list_escapes_what_it_shows(void)
{
	struct verdict v = { .word = VERDICT_INCONCLUSIVE,
			     .reason = "<script>&" };
	struct report_entry entries[2] = { { &meta, &v }, { &meta, &v } };
	struct buf out = { 0 };

	CHECK_EQ(report_write_list(&out, entries, 2, 1700000000000, NULL), 0);
	check_page(out.bytes, "list");
	CHECK(strstr(out.bytes, "&lt;script&gt;&amp;") != NULL);
	buf_release(&out);
	CHECK_EQ(report_write_list(&out, NULL, 0, 1700000000000, NULL), 0);
	check_page(out.bytes, "empty list");
	buf_release(&out);
}

const struct test_case test_cases[] = {
	{ "report: a slow canary's page names what is slow",
	  a_slow_canary_s_page_names_what_is_slow },
	{ "report: a page without data is a page",
	  a_page_without_data_is_a_page },
	{ "report: a page without its windows is a page",
	  a_page_without_its_windows_is_a_page },
	{ "report: the list escapes what it shows",
	  the_list_escapes_what_it_shows },
	{ NULL, NULL },
};
