/* SPDX-License-Identifier: Apache-2.0 */
/* policy_text: what a policy may say, what is refused, and where it says so. */
#include "stats/policy_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "tests/test.h"

static int parse(const char *text, struct policy_text *ret_t,
		 struct json_place *ret_at, struct err *err)
{
	return policy_text_parse("p", text, strlen(text), ret_t, ret_at, err);
}

static void missing_keys_keep_the_built_in_value(void)
{
	struct policy built_in;
	struct policy_text t;
	struct json_place at;

	policy_default(&built_in);
	CHECK_EQ(parse("{\"margin\":0.2,\"soak_windows\":5,"
		       "\"profile_gates\":true,\"give_up_after_ms\":60000,"
		       "\"ignore_routes\":[\"* /x\"],"
		       "\"services\":[\"orders\",\"team/cart\"]}",
		       &t, &at, NULL),
		 0);
	CHECK(strcmp(t.policy.name, "p") == 0);
	CHECK(t.policy.margin == 0.2);
	CHECK_EQ(t.policy.soak_windows, 5);
	CHECK(t.policy.profile_gates);
	CHECK_EQ(t.policy.give_up_after_ms, 60000);
	CHECK_EQ(t.policy.n_ignore, 1);
	CHECK(strcmp(t.policy.ignore_routes[0], "* /x") == 0);
	CHECK(t.policy.ignore_routes[1][0] == '\0');
	CHECK_EQ(t.n_services, 2);
	CHECK(strcmp(t.services[1], "team/cart") == 0);
	CHECK(t.policy.alpha_fail == built_in.alpha_fail);
	CHECK_EQ(t.policy.min_baseline, built_in.min_baseline);
	policy_text_release(&t);
	CHECK_EQ(parse("{}", &t, &at, NULL), 0);
	CHECK_EQ(t.policy.n_ignore, built_in.n_ignore);
	CHECK_EQ(t.n_services, 0);
	policy_text_release(&t);
}

static void what_is_wrong_is_named_where_it_stands(void)
{
	static const struct {
		const char *why;
		const char *text;
		int want;
		unsigned int line;
		unsigned int column;
		const char *says;
	} cases[] = {
		{ "nothing", "", -EBADMSG, 1, 1, "JSON: line 1 column 1: " },
		{ "text", "{\n \"margin\": }", -EBADMSG, 2, 12,
		  "line 2 column 12: unexpected token near '}'" },
		{ "twice", "{\"margin\":1,\n\"margin\":2}", -EBADMSG, 2, 8,
		  "duplicate object key" },
		{ "deep", "{\"services\":\n[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
		  -EBADMSG, 2, 32, "line 2 column 32: nested deeper than 32" },
		{ "misspelt", "{\"soak_windows\":3,\n  \"magrin\":0.2}",
		  -EINVAL, 2, 3,
		  "line 2 column 3: key magrin is unknown; the nearest known "
		  "is margin" },
		{ "type", "{ \"soak_windows\": \"5\"}", -EINVAL, 1, 19,
		  "key soak_windows: want a whole number, found a string" },
		{ "half a window", "{\"soak_windows\":2.5}", -EINVAL, 1, 17,
		  "key soak_windows: want a whole number" },
		{ "null", "{\"margin\":null}", -EINVAL, 1, 11,
		  "want a number, found null" },
		{ "yes", "{\"profile_gates\":1}", -EINVAL, 1, 18,
		  "want true or false, found a number" },
		{ "range", "{\"margin\":-1}", -EINVAL, 1, 11,
		  "margin is -1, permitted are 0.01 to 10" },
		{ "percent", "{\n\t\"margin\":\t15\n}", -EINVAL, 2, 12,
		  "it is a fraction: 0.15 is 15 %" },
		{ "negative", "{\"min_canary\":-1}", -EINVAL, 1, 15,
		  "min_canary is -1, permitted are 1 to 1000" },
		{ "huge", "{\"warm_requests\":9223372036854775807}", -EINVAL, 1,
		  18, "permitted are 0 to 1000000000" },
		{ "list", "{\"ignore_routes\":[\"a\",\n1]}", -EINVAL, 2, 1,
		  "key ignore_routes[1]: want a string" },
		{ "empty pattern", "{\"ignore_routes\":[\"\"]}", -EINVAL, 1, 19,
		  "key ignore_routes[0]: a pattern is not empty" },
		{ "no list", "{\"services\":\"orders\"}", -EINVAL, 1, 13,
		  "want an array, found a string" },
		{ "service", "{\"services\":[\"a\", \"a b\"]}", -EINVAL, 1, 19,
		  "services[1]" },
		{ "service twice", "{\"services\":[\"a\",\"b\",\"a\"]}",
		  -EINVAL, 1, 22, "service a stands in the list before" },
		{ "no object", "\n []", -EINVAL, 2, 2,
		  "line 2 column 2: JSON: want an object, found an array" },
		/* of two mistakes the first in the text, not in our table */
		{ "the first", "{\"soak_windows\":0,\"alpha_fail\":7}", -EINVAL,
		  1, 17, "soak_windows is 0" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { .text = "" };
		struct json_place at = { .line = 0 };
		struct policy_text t = { .n_services = 99 };
		int rc = parse(cases[i].text, &t, &at, &err);

		if (rc != cases[i].want || !strstr(err.text, cases[i].says) ||
		    at.line != cases[i].line || at.column != cases[i].column ||
		    t.n_services != 99)
			test_fail(__FILE__, __LINE__, "%s: %d at %u:%u: %s",
				  cases[i].why, rc, at.line, at.column,
				  err.text);
	}
}

static void what_is_printed_reads_back(void)
{
	struct policy p;
	struct policy_text again;
	struct json_place at;
	struct buf once = { 0 };
	struct buf twice = { 0 };

	policy_default(&p);
	p.margin = 0.1 + 0.2; /* not a short decimal */
	p.n_ignore = 1;
	memset(p.ignore_routes, 0, sizeof(p.ignore_routes));
	(void)snprintf(p.ignore_routes[0], POLICY_PATTERN_BYTES, "GET \"\\/x");
	policy_text_print(&once, &p);
	CHECK(!once.bad);
	CHECK_EQ(policy_text_parse("default", once.bytes, once.len, &again, &at,
				   NULL),
		 0);
	CHECK(again.policy.margin == p.margin);
	CHECK(strcmp(again.policy.ignore_routes[0], p.ignore_routes[0]) == 0);
	policy_text_print(&twice, &again.policy);
	CHECK_EQ(twice.len, once.len);
	CHECK(memcmp(twice.bytes, once.bytes, once.len) == 0);
	buf_release(&twice);
	buf_release(&once);
	policy_text_release(&again);
}

/* A store has versions of these bytes: others would make new ones. */
static void the_built_in_policy_is_written_as_it_always_was(void)
{
	struct policy p;
	struct buf b = { 0 };

	policy_default(&p);
	policy_text_print(&b, &p);
	CHECK(!b.bad);
	CHECK(strcmp(b.bytes,
		     "{\"alpha_fail\":0.01,\"alpha_pass\":0.05,\"margin\":0.15,"
		     "\"margin_ms\":2,\"error_ratio\":1.25,"
		     "\"error_margin\":0.002,\"unanswered_margin\":0.002,"
		     "\"soak_windows\":30,\"min_baseline\":2,\"min_canary\":1,"
		     "\"warm_requests\":1000,\"settle_after_ms\":0,"
		     "\"load_lo\":0.5,\"load_hi\":2,"
		     "\"load_unequal_ok\":false,\"throughput_lo\":0,"
		     "\"split_lo\":0,"
		     "\"loss_max\":0.01,"
		     "\"restarts_max\":1,\"no_data_after_ms\":300000,"
		     "\"give_up_after_ms\":3600000,\"profile_gates\":false,"
		     "\"profile_alpha\":0.05,\"path_min_share\":0.005,"
		     "\"path_min_rise\":0.005,\"ignore_routes\":"
		     "[\"* /health*\",\"* /livez*\",\"* /readyz*\",\"* /live\","
		     "\"* /ready\",\"* /metrics*\",\"* /ping\","
		     "\"* /actuator*\",\"* /-/*\",\"* /favicon.ico\"]}") == 0);
	buf_release(&b);
}

static void a_name_fits_a_file_and_a_url(void)
{
	static const struct {
		const char *path;
		int want;
		const char *name;
	} cases[] = {
		{ "strict.json", 0, "strict" },
		{ "/etc/tailgate/policies/v1.2.json", 0, "v1.2" },
		{ "default.json", 0, "default" },
		{ "strict.yaml", -ENOENT, NULL },
		{ ".json", -ENOENT, NULL },
		{ ".strict.json", -ENOENT, NULL },
		{ "", -ENOENT, NULL },
		{ "a/", -ENOENT, NULL },
		{ "my policy.json", -EINVAL, NULL },
		{ "strict@2.json", -EINVAL, NULL },
		{ "a234567890123456789012345678901234567890"
		  "12345678901234567890123.json",
		  0,
		  "a234567890123456789012345678901234567890"
		  "12345678901234567890123" },
		{ "a234567890123456789012345678901234567890"
		  "123456789012345678901234.json",
		  -EINVAL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[POLICY_NAME_BYTES] = "";
		struct err err = { .text = "" };
		int rc = policy_name_of(cases[i].path, name, &err);

		if (rc != cases[i].want ||
		    (rc == 0 && strcmp(name, cases[i].name) != 0) ||
		    (rc < 0 && (name[0] != '\0' || err.text[0] == '\0')))
			test_fail(__FILE__, __LINE__, "%s: %d %s %s",
				  cases[i].path, rc, name, err.text);
	}
	CHECK_EQ(policy_name_check("team/strict", NULL), -EINVAL);
}

const struct test_case test_cases[] = {
	{ "policy_text: missing keys keep the built-in value",
	  missing_keys_keep_the_built_in_value },
	{ "policy_text: what is wrong is named where it stands",
	  what_is_wrong_is_named_where_it_stands },
	{ "policy_text: what is printed reads back",
	  what_is_printed_reads_back },
	{ "policy_text: the built-in policy is written as it always was",
	  the_built_in_policy_is_written_as_it_always_was },
	{ "policy_text: a name fits a file and a URL",
	  a_name_fits_a_file_and_a_url },
	{ NULL, NULL },
};
