/* SPDX-License-Identifier: Apache-2.0 */
/* identity: what may name a service, a revision or an instance. */
#include "common/identity.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "tests/test.h"

static const struct {
	const char *value;
	const char *why;
} good[] = {
	{ "orders", "a plain name" },
	{ "team/orders", "a path" },
	{ "5c9f8d7b6f", "a pod-template hash" },
	{ "8f3b2c1d9e0a4b5c6d7e8f9a0b1c2d3e4f5a6b7c", "a commit" },
	{ "v1.4.2+build.7", "semver with build" },
	{ "2.0~rc1-1", "a Debian version" },
	{ "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f0"
	  "0a08",
	  "an image digest" },
	{ "registry:5000/team/orders@sha256:9f86d081", "an image reference" },
	{ "orders-5c9f8d7b6f-x2x7z", "a pod" },
	{ "host.example:4711", "a process on a host" },
	{ "7", "one digit" },
	{ "a/.hidden/b..c", "dots that are not a part of their own" },
};

static const struct {
	const char *value;
	const char *why; /* and what the message says */
} bad[] = {
	{ NULL, "is empty" },
	{ "", "is empty" },
	{ "/orders", "does not begin" },
	{ "-rf", "does not begin" },
	{ ".", "does not begin" },
	{ "{{hash}}", "does not begin" },
	{ "<none>", "does not begin" },
	{ "my orders", "0x20 at byte 2" },
	{ "orders\n", "0x0a at byte 6" },
	{ "orders\x7f", "0x7f" },
	{ "\xc3\xbc", "does not begin" },
	{ "a\xc3\xbc", "0xc3 at byte 1" },
	{ "a?b", "0x3f" },
	{ "a\"b", "0x22" },
	{ "a%20b", "0x25" },
	{ "a//b", "a part that is empty" },
	{ "a/", "a part that is empty" },
	{ "a/../b", "a part that is empty" },
	{ "a/.", "a part that is empty" },
};

static void names_in_use_pass(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err err = { "" };

		if (identity_check("service", good[i].value, &err) != 0)
			test_fail(__FILE__, __LINE__, "%s: %s", good[i].why,
				  err.text);
	}
}

static void others_are_refused_with_field_and_reason(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = { "" };

		if (identity_check("revision", bad[i].value, &err) != -EINVAL ||
		    strncmp(err.text, "revision ", 9) != 0 ||
		    !strstr(err.text, bad[i].why))
			test_fail(__FILE__, __LINE__, "want \"%s\", got \"%s\"",
				  bad[i].why, err.text);
		for (const char *c = err.text; *c; c++)
			CHECK(*c >= ' ' && *c <= '~');
	}
}

static void length_is_bounded(void)
{
	char value[LIMIT_IDENTITY_BYTES + 2];
	struct err err = { "" };

	memset(value, 'a', sizeof(value));
	value[LIMIT_IDENTITY_BYTES + 1] = '\0';
	CHECK_EQ(identity_check("instance", value, &err), -EINVAL);
	CHECK(strstr(err.text, "longer than 128 bytes") != NULL);
	value[LIMIT_IDENTITY_BYTES] = '\0';
	CHECK_EQ(identity_check("instance", value, NULL), 0);
}

const struct test_case test_cases[] = {
	{ "identity: names in use pass", names_in_use_pass },
	{ "identity: others are refused with field and reason",
	  others_are_refused_with_field_and_reason },
	{ "identity: length is bounded", length_is_bounded },
	{ NULL, NULL },
};
