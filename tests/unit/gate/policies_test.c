/* SPDX-License-Identifier: Apache-2.0 */
/* policies: which there are, whom they are bound to, their versions. */
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
	CHECK_EQ(policies_open(r.dir, r.st, 1, &p, &err), -EINVAL);
	CHECK(strstr(err.text, "policies a and b both name service orders"));
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

const struct test_case test_cases[] = {
	{ "policies: versions count up and old ones stay",
	  versions_count_up_and_old_ones_stay },
	{ "policies: a wrong directory is refused with its file",
	  wrong_directory_is_refused_with_its_file },
	{ NULL, NULL },
};
