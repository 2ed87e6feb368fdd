/* SPDX-License-Identifier: Apache-2.0 */
/* policy_keys: the table is whole, and schema/FORMATS.md says what it says. */
#include "stats/policy_keys.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/file.h"
#include "common/limits.h"
#include "stats/policy.h"
#include "tests/test.h"

static void every_key_is_complete(void)
{
	struct policy p;

	policy_default(&p);
	for (size_t i = 0; i < n_policy_keys; i++) {
		const struct policy_key *k = &policy_keys[i];

		if (policy_key_check(k, k->built_in, NULL) < 0 ||
		    !(k->lo < k->hi) || strlen(k->means) < 10 ||
		    strlen(k->why) < 20 || policy_key_find(k->name) != k)
			test_fail(__FILE__, __LINE__, "%s", k->name);
		if (policy_key_get(k, &p) != k->built_in)
			test_fail(__FILE__, __LINE__, "%s is %g", k->name,
				  policy_key_get(k, &p));
	}
	CHECK(policy_key_find("marge") == NULL);
}

/* Each field holds what was put into it, and no other changes. */
static void a_value_is_set_where_it_is_read(void)
{
	for (size_t i = 0; i < n_policy_keys; i++) {
		struct policy p;

		policy_default(&p);
		policy_key_set(&policy_keys[i], &p, policy_keys[i].hi);
		for (size_t j = 0; j < n_policy_keys; j++) {
			const struct policy_key *k = &policy_keys[j];
			double want = j == i ? k->hi : k->built_in;

			if (policy_key_get(k, &p) != want)
				test_fail(__FILE__, __LINE__, "%s by %s",
					  k->name, policy_keys[i].name);
		}
	}
}

static void what_is_out_of_range_is_named_with_what_is_permitted(void)
{
	const struct policy_key *k = policy_key_find("margin");
	struct err err = { .text = "" };

	CHECK_EQ(policy_key_check(k, 15, &err), -EINVAL);
	CHECK(strcmp(err.text, "margin is 15, permitted are 0.01 to 10; it is "
			       "a fraction: 0.15 is 15 %") == 0);
	CHECK_EQ(policy_key_check(k, NAN, NULL), -EINVAL);
	CHECK_EQ(policy_key_check(k, k->lo, NULL), 0);
	CHECK_EQ(policy_key_check(k, k->hi, NULL), 0);
	err.text[0] = '\0';
	k = policy_key_find("no_data_after_ms");
	CHECK_EQ(policy_key_check(k, 90000000, &err), -EINVAL);
	CHECK(strstr(err.text, "is 90000000, permitted are 1000 to 86400000"));
}

static void looser_and_stricter_are_told_apart(void)
{
	const struct policy_key *margin = policy_key_find("margin");
	const struct policy_key *soak = policy_key_find("soak_windows");

	CHECK_EQ(policy_key_compare(margin, 0.15, 0.15), 0);
	CHECK_EQ(policy_key_compare(margin, 0.15, 0.2), 1);
	CHECK_EQ(policy_key_compare(margin, 0.15, 0.1), -1);
	CHECK_EQ(policy_key_compare(margin, 0.15, NAN), 1);
	CHECK_EQ(policy_key_compare(soak, 30, 5), 1);
	CHECK_EQ(policy_key_compare(soak, 30, 60), -1);
}

/* Of every number: what is stricter is taken, what is looser is refused. */
static void callers_may_only_tighten(void)
{
	for (size_t i = 0; i < n_policy_keys; i++) {
		const struct policy_key *k = &policy_keys[i];
		bool more = k->looser == POLICY_MORE_IS_LOOSER;
		struct policy bound;
		struct policy wish;
		struct err err = { .text = "" };
		char want[160];

		policy_default(&bound);
		(void)snprintf(bound.name, sizeof(bound.name), "bound");
		policy_key_set(k, &bound, more ? k->lo : k->hi);
		wish = bound;
		(void)snprintf(wish.name, sizeof(wish.name), "wish");
		policy_key_set(k, &wish, more ? k->hi : k->lo);
		(void)snprintf(want, sizeof(want),
			       "policy wish: %s %.10g permits more than %.10g "
			       "of policy bound",
			       k->name, policy_key_get(k, &wish),
			       policy_key_get(k, &bound));
		if (policy_tightens(&bound, &wish, &err) != -EINVAL ||
		    !strstr(err.text, want))
			test_fail(__FILE__, __LINE__, "%s", err.text);
		if (policy_tightens(&wish, &bound, NULL) != 0 ||
		    policy_tightens(&wish, &wish, NULL) != 0)
			test_fail(__FILE__, __LINE__, "%s", k->name);
	}
}

static void values_are_shown_as_people_say_them(void)
{
	static const struct {
		const char *key;
		double value;
		const char *want;
	} cases[] = {
		{ "margin", 0.15, "15 %" },
		{ "error_margin", 0.002, "0.2 %" },
		{ "alpha_pass", 1e-6, "0.0001 %" },
		{ "margin_ms", 2.5, "2.5 ms" },
		{ "error_ratio", 1.25, "1.25 times" },
		{ "soak_windows", 1, "1 window" },
		{ "soak_windows", 30, "30 windows" },
		{ "warm_requests", 1e9, "1000000000 requests" },
		{ "restarts_max", 0, "0 restarts" },
		{ "no_data_after_ms", 300000, "5 min" },
		{ "no_data_after_ms", 1500, "1500 ms" },
		{ "give_up_after_ms", 90000, "90 s" },
		{ "give_up_after_ms", 604800000, "168 h" },
		{ "profile_gates", 1, "yes" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[40];

		policy_key_show(policy_key_find(cases[i].key), cases[i].value,
				text, sizeof(text));
		if (strcmp(text, cases[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s: %s", cases[i].key,
				  text);
	}
}

/* The line that FORMATS.md has for a key. */
static void format_line(const struct policy_key *k, char *text, size_t size)
{
	bool truth = k->kind == POLICY_TRUTH;
	char range[64] = "";
	char built_in[32];

	if (!truth)
		(void)snprintf(range, sizeof(range), "%.10g to %.10g", k->lo,
			       k->hi);
	(void)snprintf(built_in, sizeof(built_in), "%.10g", k->built_in);
	(void)snprintf(text, size, "\n| `%s` | %s | %s | %s | %s | %s | %s |\n",
		       k->name, policy_unit_name(k->unit), range,
		       !truth	     ? built_in
		       : k->built_in ? "true"
				     : "false",
		       k->looser == POLICY_MORE_IS_LOOSER ? "more" : "less",
		       k->means, k->why);
}

static void the_formats_say_what_the_table_says(void)
{
	char line[1024];
	char *text = NULL;
	const char *at;
	size_t len = 0;
	size_t n = 0;

	/* tests run in the root of the tree */
	CHECK_EQ(file_read("schema/FORMATS.md", LIMIT_JSON_BYTES, &text, &len,
			   NULL),
		 0);
	for (size_t i = 0; i < n_policy_keys; i++) {
		format_line(&policy_keys[i], line, sizeof(line));
		if (!strstr(text, line))
			test_fail(__FILE__, __LINE__,
				  "schema/FORMATS.md lacks the line%s", line);
	}
	/* and no key that is not there any more */
	at = strstr(text, "\n## Policy:");
	for (at = at ? strstr(at, "\n| `") : NULL; at;
	     at = strstr(at + 1, "\n| `"))
		n++;
	CHECK_EQ(n, n_policy_keys + 2); /* ignore_routes, services */
	free(text);
}

const struct test_case test_cases[] = {
	{ "policy_keys: every key is complete", every_key_is_complete },
	{ "policy_keys: a value is set where it is read",
	  a_value_is_set_where_it_is_read },
	{ "policy_keys: what is out of range is named with what is permitted",
	  what_is_out_of_range_is_named_with_what_is_permitted },
	{ "policy_keys: looser and stricter are told apart",
	  looser_and_stricter_are_told_apart },
	{ "policy_keys: callers may only tighten", callers_may_only_tighten },
	{ "policy_keys: values are shown as people say them",
	  values_are_shown_as_people_say_them },
	{ "policy_keys: the formats say what the table says",
	  the_formats_say_what_the_table_says },
	{ NULL, NULL },
};
