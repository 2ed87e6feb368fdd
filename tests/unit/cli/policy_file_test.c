/* SPDX-License-Identifier: Apache-2.0 */
/* policy_file: what a release manager reads of a policy. */
#include "ci/cli/policy_file.h"

#include <string.h>

#include "common/buf.h"
#include "stats/policy_text.h"
#include "tests/test.h"

/* What is shown, or printed, of a policy's text. */
static int shown(const char *text, const char *name,
		 void (*write)(struct buf *, const struct policy_text *),
		 struct buf *out)
{
	struct policy_text t;
	struct json_place at;
	int rc = policy_text_parse(name, text, strlen(text), &t, &at, NULL);

	if (rc == 0) {
		write(out, &t);
		policy_text_release(&t);
	}
	return rc < 0 || out->bad || !out->bytes ? -1 : 0;
}

static void every_difference_is_pointed_out(void)
{
	struct buf out = { 0 };

	CHECK_EQ(shown("{\"margin\":0.1,\"soak_windows\":60,\"load_hi\":4,"
		       "\"profile_gates\":true,\"give_up_after_ms\":1800000,"
		       "\"ignore_routes\":[\"* /health*\"],"
		       "\"services\":[\"orders\",\"cart\"]}",
		       "strict", policy_file_show, &out),
		 0);
	CHECK(strstr(out.bytes,
		     "stricter than built in: margin, soak_windows, "
		     "give_up_after_ms, profile_gates, ignore_routes\n"
		     "looser than built in: load_hi\n"
		     "\n"
		     "  SETTING            IN EFFECT      BUILT IN       "
		     "WHAT IT IS\n"
		     "  alpha_fail         1 %            1 %            "
		     "chance of ever failing a canary that is no worse\n") ==
	      out.bytes);
	CHECK(strstr(out.bytes,
		     "\n* margin             10 %           15 %           "
		     "rise of a route's P99 that is permitted (stricter)\n"));
	CHECK(strstr(out.bytes, "\n* load_hi            4 times        2 times "
				"       the same, at most (looser)\n"));
	CHECK(strstr(out.bytes, "\n* give_up_after_ms   30 min         1 h "));
	CHECK(strstr(out.bytes, "\n* profile_gates      yes            no "));
	CHECK(strstr(out.bytes,
		     "\n* routes that are not judged: * /health*\n"));
	CHECK(strstr(out.bytes, "\n  bound to: orders, cart\n"));
	buf_release(&out);
}

static void a_policy_of_nothing_is_as_built_in(void)
{
	struct buf out = { 0 };

	CHECK_EQ(shown("{}", "default", policy_file_show, &out), 0);
	CHECK(strstr(out.bytes, "every number is as built in\n\n") ==
	      out.bytes);
	CHECK(!strstr(out.bytes, "\n*"));
	CHECK(strstr(out.bytes,
		     "bound to: every service that no other policy names\n"));
	buf_release(&out);
	CHECK_EQ(shown("{}", "spare", policy_file_show, &out), 0);
	CHECK(strstr(out.bytes, "bound to: no service; callers may name it"));
	buf_release(&out);
}

static void a_pattern_of_ones_own_is_looser(void)
{
	struct buf out = { 0 };

	CHECK_EQ(shown("{\"ignore_routes\":[\"GET /slow\\u001b[31m\"]}", "p",
		       policy_file_show, &out),
		 0);
	CHECK(strstr(out.bytes, "looser than built in: ignore_routes\n"));
	CHECK(strstr(out.bytes, "not judged: GET /slow?[31m\n"));
	buf_release(&out);
}

static void programs_get_numbers(void)
{
	struct buf out = { 0 };

	CHECK_EQ(shown("{\"margin\":0.25,\"services\":[\"orders\"]}", "lax",
		       policy_file_print, &out),
		 0);
	CHECK(strstr(out.bytes, "{\"valid\":true,\"name\":\"lax\",\"policy\":"
				"{\"alpha_fail\":0.01,") == out.bytes);
	CHECK(strstr(out.bytes,
		     "},\"services\":[\"orders\"],\"differs\":[{\"key\":"
		     "\"margin\",\"value\":0.25,\"built_in\":0.15,"
		     "\"is\":\"looser\"}],"
		     "\"ignore_routes_are\":\"as built in\"}\n"));
	buf_release(&out);
}

const struct test_case test_cases[] = {
	{ "policy_file: every difference is pointed out",
	  every_difference_is_pointed_out },
	{ "policy_file: a policy of nothing is as built in",
	  a_policy_of_nothing_is_as_built_in },
	{ "policy_file: a pattern of one's own is looser",
	  a_pattern_of_ones_own_is_looser },
	{ "policy_file: programs get numbers", programs_get_numbers },
	{ NULL, NULL },
};
