/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/err.h"
#include "tests/test.h"

enum { ARGS_MAX = 8 };

static int parse(const char *const *args, struct options *ret_o,
		 struct err *err)
{
	static char words[ARGS_MAX][128];
	char *argv[ARGS_MAX + 2] = { words[0] };
	int argc = 1;

	memcpy(words[0], "tailgated", sizeof("tailgated"));
	for (; args[argc - 1]; argc++) {
		memcpy(words[argc], args[argc - 1], strlen(args[argc - 1]) + 1);
		argv[argc] = words[argc];
	}
	return options_parse(argc, argv, ret_o, err);
}

static void both_ways_to_give_a_value_are_taken(void)
{
	static const char *const args[] = { "--store=/a",  "--listen",
					    "[::1]:0",	   "--retention=2h",
					    "--log-level", "warn",
					    NULL };
	struct options o;

	CHECK_EQ(parse(args, &o, NULL), 0);
	CHECK(strcmp(o.store, "/a") == 0);
	CHECK(strcmp(o.listen, "[::1]:0") == 0);
	CHECK_EQ(o.retention_ms, 2 * 3600 * 1000);
	CHECK_EQ(o.retention_bytes, 0);
	CHECK_EQ(o.log_level, LOG_WARN);
	CHECK(o.token_file == NULL && o.policy_dir == NULL);
}

static void a_refusal_names_option_and_remedy(void)
{
	static const struct {
		const char *why;
		const char *args[ARGS_MAX];
		const char *says;
	} cases[] = {
		{ "no store", { NULL }, "--store is missing" },
		{ "no value", { "--store", NULL }, "--store" },
		{ "an empty value", { "--store=", NULL }, "--store" },
		{ "an unknown option",
		  { "--stor=x", NULL },
		  "--stor: no such option" },
		{ "a word alone", { "x.db", NULL }, "--help" },
		{ "a time without a unit",
		  { "--store=x", "--retention=48", NULL },
		  "--retention" },
		{ "a time too short",
		  { "--store=x", "--retention=1s", NULL },
		  "--retention" },
		{ "a size without a unit",
		  { "--store=x", "--retention-bytes=5", NULL },
		  "--retention-bytes: \"5\" is not a size of 16M to 100T" },
		{ "a level that is none",
		  { "--store=x", "--log-level=loud", NULL },
		  "loud" },
		{ "an address without a scheme",
		  { "--store=x", "--base-url=gate", NULL },
		  "http://" },
		{ "a slash at the end",
		  { "--store=x", "--base-url=http://g/", NULL },
		  "--base-url" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o = { .store = "kept" };
		struct err err = { "" };
		int rc = parse(cases[i].args, &o, &err);

		if (rc != -EINVAL || !strstr(err.text, cases[i].says) ||
		    strcmp(o.store, "kept") != 0)
			test_fail(__FILE__, __LINE__, "%s: %d \"%s\"",
				  cases[i].why, rc, err.text);
	}
}

const struct test_case test_cases[] = {
	{ "options: both ways to give a value are taken",
	  both_ways_to_give_a_value_are_taken },
	{ "options: a refusal names option and remedy",
	  a_refusal_names_option_and_remedy },
	{ NULL, NULL },
};
