/* SPDX-License-Identifier: Apache-2.0 */
/* policies: what a file may say, what is refused and how it is named. */
#include "gate/policies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "gate/store.h"
#include "tests/test.h"

struct room {
	char dir[64];
	char path[80];
	struct store *st;
};

static int room_open(struct room *r)
{
	memset(r, 0, sizeof(*r));
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/policy_test.XXXXXX");
	if (!mkdtemp(r->dir))
		return -errno;
	(void)snprintf(r->path, sizeof(r->path), "%s/store.db", r->dir);
	return store_open(r->path, &r->st, NULL);
}

/* Write a policy file of the room, or take it away. */
static int file(const struct room *r, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	if (!text)
		return unlink(path);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fputs(text, f);
	return fclose(f);
}

static void room_close(struct room *r)
{
	store_close(r->st);
	(void)unlink(r->path);
	(void)rmdir(r->dir);
}

static int parse(const char *text, struct policy *ret_p, struct err *err)
{
	return policies_parse("p", text, strlen(text), ret_p, err);
}

static void missing_keys_keep_the_built_in_value(void)
{
	struct policy built_in, p;

	policy_default(&built_in);
	CHECK_EQ(
		parse("{\"margin\":0.2,\"soak_windows\":5,"
		      "\"profile_gates\":true,\"give_up_after_ms\":60000,"
		      "\"ignore_routes\":[\"* /x\"],\"services\":[\"orders\"]}",
		      &p, NULL),
		0);
	CHECK(strcmp(p.name, "p") == 0);
	CHECK(p.margin == 0.2);
	CHECK_EQ(p.soak_windows, 5);
	CHECK(p.profile_gates);
	CHECK_EQ(p.give_up_after_ms, 60000);
	CHECK_EQ(p.n_ignore, 1);
	CHECK(strcmp(p.ignore_routes[0], "* /x") == 0);
	CHECK(p.alpha_fail == built_in.alpha_fail);
	CHECK_EQ(p.min_baseline, built_in.min_baseline);
}

static void what_is_wrong_is_named(void)
{
	static const struct {
		const char *why;
		const char *text;
		int want;
		const char *says;
	} cases[] = {
		{ "text", "{\n \"margin\": }", -EBADMSG, "line 2 column" },
		{ "twice", "{\"margin\":1,\"margin\":2}", -EBADMSG,
		  "duplicate" },
		{ "misspelt", "{\"magrin\":0.2}", -EINVAL,
		  "magrin is unknown; the nearest known is margin" },
		{ "type", "{\"soak_windows\":\"5\"}", -EINVAL,
		  "key soak_windows: want a whole number, found a string" },
		{ "range", "{\"margin\":-1}", -EINVAL, "margin" },
		{ "negative", "{\"min_canary\":-1}", -EINVAL, "min_canary" },
		{ "list", "{\"ignore_routes\":[1]}", -EINVAL,
		  "ignore_routes[0]" },
		{ "service", "{\"services\":[\"a b\"]}", -EINVAL,
		  "services[0]" },
		{ "no object", "[]", -EINVAL, "an object" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { .text = "" };
		struct policy p;
		int rc = parse(cases[i].text, &p, &err);

		if (rc != cases[i].want || !strstr(err.text, cases[i].says))
			test_fail(__FILE__, __LINE__, "%s: %d %s", cases[i].why,
				  rc, err.text);
	}
}

static void what_is_printed_reads_back(void)
{
	struct policy p, again;
	char *text = NULL;

	policy_default(&p);
	p.margin = 0.1 + 0.2; /* not a short decimal */
	p.n_ignore = 1;
	memset(p.ignore_routes, 0, sizeof(p.ignore_routes));
	(void)snprintf(p.ignore_routes[0], POLICY_PATTERN_BYTES, "GET \"\\/x");
	CHECK_EQ(policies_print(&p, &text), 0);
	CHECK_EQ(policies_parse("default", text, strlen(text), &again, NULL),
		 0);
	free(text);
	CHECK(again.margin == p.margin);
	CHECK(strcmp(again.ignore_routes[0], p.ignore_routes[0]) == 0);
	CHECK_EQ(policies_print(&again, &text), 0);
	free(text);
}

static void versions_count_up_and_old_ones_stay(void)
{
	struct room r;
	struct policies *p = NULL;
	struct policy policy;
	struct err err = { .text = "" };

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(file(&r, "strict.json",
		      "{\"margin\":0.1,\"services\":[\"orders\"]}"),
		 0);
	CHECK_EQ(file(&r, "notes.txt", "no policy"), 0);
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, NULL), 0);
	CHECK_EQ(policies_get(p, "strict", 0, &policy, NULL), 0);
	CHECK_EQ(policy.version, 1);
	CHECK_EQ(policies_get(p, "default", 0, &policy, NULL), 0);
	CHECK_EQ(policy.version, 1);
	CHECK_EQ(policies_get(p, "lax", 0, &policy, &err), -ENOENT);
	CHECK(strstr(err.text, "default, strict"));
	CHECK(strcmp(policies_bound(p, "orders")->name, "strict") == 0);
	CHECK(strcmp(policies_bound(p, "cart")->name, "default") == 0);
	policies_close(p);

	/* a binding is no number: it makes no version */
	CHECK_EQ(file(&r, "strict.json", "{\"margin\":0.1}"), 0);
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, NULL), 0);
	CHECK_EQ(policies_bound(p, "orders")->version, 1);
	policies_close(p);
	CHECK_EQ(file(&r, "strict.json", "{\"margin\":0.12}"), 0);
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, NULL), 0);
	CHECK_EQ(policies_get(p, "strict", 0, &policy, NULL), 0);
	CHECK_EQ(policy.version, 2);
	CHECK_EQ(policies_get(p, "strict", 1, &policy, NULL), 0);
	CHECK(policy.margin == 0.1 && policy.version == 1);
	CHECK_EQ(policies_get(p, "strict", 3, &policy, NULL), -ENOENT);
	policies_close(p);
	(void)file(&r, "strict.json", NULL);
	(void)file(&r, "notes.txt", NULL);
	room_close(&r);
}

static void wrong_directory_is_refused_with_its_file(void)
{
	struct room r;
	struct policies *p = NULL;
	struct err err = { .text = "" };

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(policies_open("/nowhere", r.st, 1, &p, &err), -EINVAL);
	CHECK(strstr(err.text, "/nowhere"));
	CHECK_EQ(file(&r, "a.json", "{\"margin\":}"), 0);
	err.text[0] = '\0';
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, &err), -EBADMSG);
	CHECK(strstr(err.text, "a.json: ") && strstr(err.text, "line 1"));
	CHECK_EQ(file(&r, "a.json", "{\"services\":[\"orders\"]}"), 0);
	CHECK_EQ(file(&r, "b.json", "{\"services\":[\"orders\"]}"), 0);
	err.text[0] = '\0';
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, &err), -EINVAL);
	CHECK(strstr(err.text, "policies a and b both name service orders"));
	CHECK(!p);
	(void)file(&r, "a.json", NULL);
	(void)file(&r, "b.json", NULL);
	room_close(&r);
}

const struct test_case test_cases[] = {
	{ "policies: missing keys keep the built-in value",
	  missing_keys_keep_the_built_in_value },
	{ "policies: what is wrong is named", what_is_wrong_is_named },
	{ "policies: what is printed reads back", what_is_printed_reads_back },
	{ "policies: versions count up and old ones stay",
	  versions_count_up_and_old_ones_stay },
	{ "policies: a wrong directory is refused with its file",
	  wrong_directory_is_refused_with_its_file },
	{ NULL, NULL },
};
