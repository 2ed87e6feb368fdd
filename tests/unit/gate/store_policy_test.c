/* SPDX-License-Identifier: Apache-2.0 */
/* store: versions of policies, and what was said of them over the API. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "tests/test.h"
#include "tests/unit/gate/store_room.h"

static void policy_gets_a_version_when_it_changes(void)
{
	struct room r;
	uint32_t version = 0;
	char *document = NULL;
	struct err err = { .text = "" };

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(store_put_policy(r.st, "default", "{}", 1, &version, NULL), 0);
	CHECK_EQ(version, 1);
	CHECK_EQ(store_put_policy(r.st, "default", "{\"a\":1}", 1, &version,
				  NULL),
		 0);
	CHECK_EQ(version, 2);
	CHECK_EQ(store_put_policy(r.st, "default", "{}", 1, &version, NULL), 0);
	CHECK_EQ(version, 1); /* what it was before */
	CHECK_EQ(
		store_get_policy(r.st, "default", 2, &document, &version, NULL),
		0);
	CHECK(strcmp(document, "{\"a\":1}") == 0);
	free(document);
	CHECK_EQ(
		store_get_policy(r.st, "default", 0, &document, &version, NULL),
		0);
	CHECK_EQ(version, 2); /* the highest */
	free(document);
	CHECK_EQ(store_get_policy(r.st, "strict", 0, &document, NULL, &err),
		 -ENOENT);
	CHECK(strstr(err.text, "strict"));
	room_close(&r);
}

/* What was seen of policies over the API: "strict@1 lax@0 ". */
static int said_seen(void *ctx, const struct store_policy_said *said)
{
	char *text = ctx;
	size_t len = strlen(text);

	(void)snprintf(text + len, 120 - len, "%s@%u %s ", said->name,
		       said->version, said->services);
	return 0;
}

static int version_seen(void *ctx, uint32_t version, int64_t kept_ms)
{
	char *text = ctx;
	size_t len = strlen(text);

	(void)snprintf(text + len, 120 - len, "%u:%d ", version,
		       (int)(kept_ms));
	return 0;
}

static void what_was_last_said_of_a_policy_holds(void)
{
	struct store_policy_said said = { .name = "strict",
					  .said_ms = 1,
					  .version = 1,
					  .services =
						  "{\"services\":[\"a\"]}" };
	uint32_t version = 0;
	struct room r;
	char text[120] = "";

	CHECK_EQ(room_open(&r), 0);
	/* a version that is not kept cannot hold */
	CHECK(store_say_policy(r.st, &said, NULL) < 0);
	CHECK_EQ(store_put_policy(r.st, "strict", "{}", 5, &version, NULL), 0);
	CHECK_EQ(store_say_policy(r.st, &said, NULL), 0);
	said.services = "{}";
	CHECK_EQ(store_say_policy(r.st, &said, NULL), 0);
	CHECK_EQ(store_put_policy(r.st, "default", "{}", 1, &version, NULL), 0);
	said.name = "default";
	CHECK_EQ(store_say_policy(r.st, &said, NULL), 0);
	said.version = 0;
	CHECK_EQ(store_say_policy(r.st, &said, NULL), 0);
	CHECK_EQ(store_each_policy_said(r.st, said_seen, text, NULL), 0);
	CHECK(strcmp(text, "default@0 {} strict@1 {} ") == 0);
	CHECK_EQ(store_put_policy(r.st, "strict", "{\"a\":1}", 7, &version,
				  NULL),
		 0);
	text[0] = '\0';
	CHECK_EQ(store_each_policy_version(r.st, "strict", version_seen, text,
					   NULL),
		 0);
	CHECK(strcmp(text, "1:5 2:7 ") == 0);
	text[0] = '\0';
	CHECK_EQ(store_each_policy_version(r.st, "none", version_seen, text,
					   NULL),
		 0);
	CHECK(text[0] == '\0');
	room_close(&r);
}

const struct test_case test_cases[] = {
	{ "store: a policy gets a version when it changes",
	  policy_gets_a_version_when_it_changes },
	{ "store: what was last said of a policy holds",
	  what_was_last_said_of_a_policy_holds },
	{ NULL, NULL },
};
