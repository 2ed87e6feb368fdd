/* SPDX-License-Identifier: Apache-2.0 */
/* policies: which there are, whom they are bound to, their versions. */
#include "gate/policies.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/limits.h"
#include "tests/test.h"
#include "tests/unit/gate/store_room.h"

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

static bool is_bound(struct policies *p, const char *service, const char *name,
		     uint32_t version)
{
	struct policy policy;

	return policies_bound(p, service, &policy, NULL) == 0 &&
	       strcmp(policy.name, name) == 0 && policy.version == version;
}

static int put(struct policies *p, const char *name, const char *text,
	       bool *ret_created, struct err *err)
{
	if (err)
		err->text[0] = '\0';
	return policies_put(p, name, text, strlen(text), 1, ret_created, err);
}

/* The one entry of a name; false if there is none. */
static int entry_copy(void *ctx, const struct policies_entry *e)
{
	*(struct policies_entry *)ctx = *e; /* its services are borrowed */
	return 0;
}

static bool is_entry(struct policies *p, const char *name,
		     enum policies_source source, uint32_t version)
{
	struct policies_entry e;

	return policies_each(p, name, entry_copy, &e) == 1 &&
	       e.source == source && e.text.policy.version == version;
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
	CHECK_EQ(file(&r, ".swap.json", "nor is this"), 0);
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, NULL), 0);
	CHECK_EQ(policies_get(p, "strict", 0, &policy, NULL), 0);
	CHECK_EQ(policy.version, 1);
	CHECK_EQ(policies_get(p, "default", 0, &policy, NULL), 0);
	CHECK_EQ(policy.version, 1);
	CHECK_EQ(policies_get(p, "lax", 0, &policy, &err), -ENOENT);
	CHECK(strstr(err.text, "default, strict"));
	CHECK(is_bound(p, "orders", "strict", 1));
	CHECK(is_bound(p, "cart", "default", 1));
	policies_close(p);

	/* a binding is no number: it makes no version */
	CHECK_EQ(file(&r, "strict.json", "{\"margin\":0.1}"), 0);
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, NULL), 0);
	CHECK(is_bound(p, "orders", "default", 1));
	CHECK_EQ(policies_get(p, "strict", 0, &policy, NULL), 0);
	CHECK_EQ(policy.version, 1);
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
	(void)file(&r, ".swap.json", NULL);
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
	CHECK(strstr(err.text, "/a.json: JSON: line 1 column 11"));
	CHECK_EQ(file(&r, "a.json", "{\n \"margin\": 15}"), 0);
	err.text[0] = '\0';
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, &err), -EINVAL);
	CHECK(strstr(err.text, "/a.json: line 2 column 12: margin is 15, "
			       "permitted are 0.01 to 10"));
	CHECK_EQ(file(&r, "a.json", "{\"services\":[\"orders\"]}"), 0);
	CHECK_EQ(file(&r, "b.json", "{\"services\":[\"orders\"]}"), 0);
	err.text[0] = '\0';
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, &err), -EEXIST);
	CHECK(strstr(err.text, "/b.json: policies a (a file) and b (a file) "
			       "both name service orders"));
	/* meant as a policy, and nobody could name it */
	CHECK_EQ(file(&r, "b.json", NULL), 0);
	CHECK_EQ(file(&r, "my own.json", "{}"), 0);
	err.text[0] = '\0';
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, &err), -EINVAL);
	CHECK(strstr(err.text, "/my own.json: policy"));
	CHECK(!p);
	(void)file(&r, "my own.json", NULL);
	(void)file(&r, "a.json", NULL);
	(void)file(&r, "b.json", NULL);
	room_close(&r);
}

static void what_is_put_holds_and_is_kept(void)
{
	struct room r;
	struct policies *p = NULL;
	struct policy policy;
	bool created = false;
	struct err err = { .text = "" };

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
	CHECK_EQ(put(p, "strict", "{\"margin\":0.1,\"services\":[\"orders\"]}",
		     &created, NULL),
		 0);
	CHECK(created);
	CHECK(is_bound(p, "orders", "strict", 1));
	/* other numbers, other version; the first ones, the first again */
	CHECK_EQ(put(p, "strict", "{\"margin\":0.12}", &created, NULL), 0);
	CHECK(!created);
	CHECK(is_bound(p, "orders", "default", 1));
	CHECK(is_entry(p, "strict", POLICIES_API, 2));
	CHECK_EQ(put(p, "strict", "{ \"services\":[\"cart\"],\"margin\":1e-1}",
		     &created, NULL),
		 0);
	CHECK(is_bound(p, "cart", "strict", 1));
	CHECK_EQ(put(p, "default", "{\"soak_windows\":7}", &created, NULL), 0);
	CHECK(!created);
	CHECK(is_bound(p, "orders", "default", 2));
	policies_close(p);

	/* a gate that starts again finds it as it was */
	CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
	CHECK(is_bound(p, "cart", "strict", 1));
	CHECK(is_bound(p, "orders", "default", 2));
	CHECK_EQ(policies_get(p, "strict", 2, &policy, NULL), 0);
	CHECK(policy.margin == 0.12);
	CHECK_EQ(policies_retire(p, "strict", 1, NULL), 0);
	CHECK(is_bound(p, "cart", "default", 2));
	CHECK_EQ(policies_retire(p, "default", 1, NULL), 0);
	CHECK(is_entry(p, "default", POLICIES_BUILT_IN, 1));
	CHECK_EQ(policies_retire(p, "default", 1, &err), -EEXIST);
	CHECK(strstr(err.text, "policy default is built in"));
	err.text[0] = '\0';
	CHECK_EQ(policies_retire(p, "strict", 1, &err), -ENOENT);
	CHECK(strstr(err.text, "no policy strict"));
	policies_close(p);
	CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
	CHECK_EQ(policies_get(p, "strict", 0, &policy, NULL), -ENOENT);
	CHECK_EQ(policies_get(p, "strict", 1, &policy, NULL), 0);
	CHECK(policy.margin == 0.1);
	CHECK(is_bound(p, "orders", "default", 1));
	policies_close(p);
	room_close(&r);
}

static void what_cannot_be_put_changes_nothing(void)
{
	static const struct {
		const char *name;
		const char *text;
		int want;
		const char *says;
	} cases[] = {
		{ "lax", "{\n\"margin\":99}", -EINVAL,
		  "line 2 column 10: margin is 99" },
		{ "lax", "{", -EBADMSG, "line 1 column 1" },
		{ "a/b", "{}", -EINVAL, "\"/\"" },
		{ "", "{}", -EINVAL, "policy" },
		{ "lax", "{\"services\":[\"orders\"]}", -EEXIST,
		  "policies strict (put over the API) and lax (put over the "
		  "API) both name service orders" },
		{ "lax", "{\"services\":[\"pay\"]}", -EEXIST,
		  "policies kept (a file) and lax" },
		{ "kept", "{}", -EEXIST, "policy kept is a file" },
	};
	struct room r;
	struct policies *p = NULL;
	struct err err = { .text = "" };
	bool created = false;

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(file(&r, "kept.json", "{\"services\":[\"pay\"]}"), 0);
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, NULL), 0);
	CHECK_EQ(
		put(p, "strict", "{\"services\":[\"orders\"]}", &created, NULL),
		0);
	created = false;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int rc = put(p, cases[i].name, cases[i].text, &created, &err);

		if (rc != cases[i].want || created ||
		    !strstr(err.text, cases[i].says))
			test_fail(__FILE__, __LINE__, "%s: %d %s",
				  cases[i].text, rc, err.text);
	}
	err.text[0] = '\0';
	CHECK_EQ(policies_retire(p, "kept", 1, &err), -EEXIST);
	CHECK(strstr(err.text, "policy kept is a file"));
	CHECK(is_bound(p, "orders", "strict", 1));
	CHECK(is_bound(p, "pay", "kept", 1));
	CHECK(!is_entry(p, "lax", POLICIES_API, 1));
	policies_close(p);
	(void)file(&r, "kept.json", NULL);
	room_close(&r);
}

static void a_file_wins_and_what_was_put_is_kept_aside(void)
{
	struct room r;
	struct policies *p = NULL;
	struct policies_entry e;
	bool created = false;
	struct err err = { .text = "" };

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
	CHECK_EQ(put(p, "strict", "{\"margin\":0.1,\"services\":[\"orders\"]}",
		     &created, NULL),
		 0);
	policies_close(p);
	CHECK_EQ(file(&r, "strict.json", "{\"margin\":0.05}"), 0);
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, NULL), 0);
	CHECK_EQ(policies_each(p, "strict", entry_copy, &e), 1);
	CHECK_EQ(e.source, POLICIES_FILE);
	CHECK_EQ(e.text.policy.version, 2);
	CHECK(e.has_aside && e.aside == 1);
	CHECK(is_bound(p, "orders", "default", 1)); /* aside binds nobody */
	policies_close(p);

	/* without the file it holds again, until it is retired */
	CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
	CHECK(is_bound(p, "orders", "strict", 1));
	policies_close(p);
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, NULL), 0);
	CHECK_EQ(policies_retire(p, "strict", 1, NULL), 0);
	CHECK_EQ(policies_each(p, "strict", entry_copy, &e), 1);
	CHECK(e.source == POLICIES_FILE && !e.has_aside);
	CHECK_EQ(policies_retire(p, "strict", 1, &err), -EEXIST);
	policies_close(p);

	/* a file that names a service of what was put is found at start */
	CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
	CHECK_EQ(put(p, "mine", "{\"services\":[\"orders\"]}", &created, NULL),
		 0);
	policies_close(p);
	p = NULL;
	CHECK_EQ(file(&r, "strict.json", "{\"services\":[\"orders\"]}"), 0);
	err.text[0] = '\0';
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, &err), -EEXIST);
	CHECK(strstr(err.text, "policies strict (a file) and mine (put over "
			       "the API) both name service orders"));
	CHECK(!p);
	(void)file(&r, "strict.json", NULL);
	room_close(&r);
}

/* What somebody does to the file while no gate runs; the store is open after.
 */
static int alter(struct room *r, const char *sql)
{
	sqlite3 *db = NULL;
	int code;

	store_close(r->st);
	r->st = NULL;
	code = sqlite3_open(r->path, &db);
	if (code == SQLITE_OK)
		code = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_close(db);
	return code == SQLITE_OK ? store_open(r->path, &r->st, NULL) : -EIO;
}

/* An older gate permitted what this one does not. */
static void what_is_no_longer_permitted_is_kept_and_refused(void)
{
	static const struct {
		const char *why;
		const char *sql;
		const char *says;
		int kept;      /* what reading the version gives */
		double margin; /* of that */
	} cases[] = {
		{ "a number beyond its range",
		  "UPDATE policy SET document ="
		  " json_set(document, '$.margin', 15) WHERE name = 'strict'",
		  "margin is 15, permitted are 0.01 to 10", 0, 15 },
		{ "a key that is no more",
		  "UPDATE policy SET document ="
		  " json_set(document, '$.mercy', 1) WHERE name = 'strict'",
		  "mercy", 0, 0.1 },
		{ "what cannot be reckoned with",
		  "UPDATE policy SET document ="
		  " json_set(document, '$.margin', -1) WHERE name = 'strict'",
		  "margin is -1", -EINVAL, 0 },
		{ "another type",
		  "UPDATE policy SET document ="
		  " json_set(document, '$.margin', 'wide')"
		  " WHERE name = 'strict'",
		  "margin", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policies *p = NULL;
		struct policies_entry e;
		struct policy policy;
		struct err err = { "" };
		struct room r;
		bool created = true;
		int kept;

		CHECK_EQ(room_open(&r), 0);
		CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
		CHECK_EQ(put(p, "strict",
			     "{\"margin\":0.1,\"services\":[\"orders\"]}",
			     &created, NULL),
			 0);
		policies_close(p);
		CHECK_EQ(alter(&r, cases[i].sql), 0);
		/* the gate comes up and says it */
		CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
		CHECK_EQ(policies_each(p, "strict", entry_copy, &e), 1);
		if (!strstr(e.refused.text, cases[i].says))
			test_fail(__FILE__, __LINE__, "%s: %s", cases[i].why,
				  e.refused.text);
		CHECK(e.source == POLICIES_API && e.text.policy.version == 1);
		/* nothing begins by it, whoever asks, and others are as ever */
		CHECK_EQ(policies_bound(p, "orders", &policy, &err), -EINVAL);
		CHECK(strstr(err.text, "policy strict@1 was put when more"));
		CHECK(strstr(err.text, cases[i].says) != NULL);
		CHECK_EQ(policies_get(p, "strict", 0, &policy, NULL), -EINVAL);
		CHECK(is_bound(p, "cart", "default", 1));
		/* what began with it goes on by what it had */
		policy.margin = 0;
		kept = policies_get(p, "strict", 1, &policy, NULL);
		if (kept != cases[i].kept || policy.margin != cases[i].margin ||
		    (kept == 0 && policy_check(&policy, NULL) != 0))
			test_fail(__FILE__, __LINE__, "%s: %d, %g",
				  cases[i].why, kept, policy.margin);
		/* until it is put again */
		CHECK_EQ(put(p, "strict",
			     "{\"margin\":0.2,\"services\":[\"orders\"]}",
			     &created, NULL),
			 0);
		CHECK(!created && is_bound(p, "orders", "strict", 2));
		CHECK_EQ(policies_each(p, "strict", entry_copy, &e), 1);
		CHECK(e.refused.text[0] == '\0');
		policies_close(p);
		room_close(&r);
	}
}

static void there_are_no_more_than_fit(void)
{
	struct room r;
	struct policies *p = NULL;
	struct err err = { .text = "" };
	bool created = false;
	char name[16];

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
	for (int i = 1; i < LIMIT_POLICIES; i++) {
		(void)snprintf(name, sizeof(name), "p%d", i);
		CHECK_EQ(put(p, name, "{}", &created, NULL), 0);
	}
	CHECK_EQ(put(p, "one-more", "{}", &created, &err), -EINVAL);
	CHECK(strstr(err.text, "there are 64, and no more"));
	CHECK_EQ(put(p, "p7", "{\"margin\":0.2}", &created, NULL), 0);
	CHECK_EQ(policies_retire(p, "p8", 1, NULL), 0);
	CHECK_EQ(put(p, "one-more", "{}", &created, NULL), 0);
	CHECK(created);
	policies_close(p);
	CHECK_EQ(policies_open(NULL, r.st, 1, &p, NULL), 0);
	CHECK(is_entry(p, "one-more", POLICIES_API, 1));
	CHECK(is_entry(p, "p7", POLICIES_API, 2));
	policies_close(p);
	room_close(&r);
}

const struct test_case test_cases[] = {
	{ "policies: versions count up and old ones stay",
	  versions_count_up_and_old_ones_stay },
	{ "policies: a wrong directory is refused with its file",
	  wrong_directory_is_refused_with_its_file },
	{ "policies: what is put holds and is kept",
	  what_is_put_holds_and_is_kept },
	{ "policies: what cannot be put changes nothing",
	  what_cannot_be_put_changes_nothing },
	{ "policies: a file wins and what was put is kept aside",
	  a_file_wins_and_what_was_put_is_kept_aside },
	{ "policies: what is no longer permitted is kept and refused",
	  what_is_no_longer_permitted_is_kept_and_refused },
	{ "policies: there are no more than fit", there_are_no_more_than_fit },
	{ NULL, NULL },
};
