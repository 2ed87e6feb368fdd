/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/query.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "gate/request.h"
#include "tests/test.h"

static void a_target_is_cut_in_two(void)
{
	static const struct {
		const char *why;
		const char *target;
		const char *path; /* NULL: refused */
		const char *query;
	} cases[] = {
		{ "a path alone", "/a/b", "/a/b", "" },
		{ "an empty query", "/a?", "/a", "" },
		{ "the first mark counts", "/a?b=c?d", "/a", "b=c?d" },
		{ "as clients write to a proxy", "http://h:1/a?b", "/a", "b" },
		{ "the same, encrypted", "HTTPS://h/a", "/a", "" },
		{ "an escape stays", "/a%2Fb", "/a%2Fb", "" },
		{ "no path behind the host", "http://h", NULL, NULL },
		{ "a query behind the host", "http://h?a", NULL, NULL },
		{ "the server itself", "*", NULL, NULL },
		{ "a tunnel", "h:443", NULL, NULL },
		{ "nothing", "", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];
		char *path = NULL;
		char *query = NULL;
		int rc;

		snprintf(text, sizeof(text), "%s", cases[i].target);
		rc = query_split(text, &path, &query, NULL);
		if (rc != (cases[i].path ? 0 : -EINVAL) ||
		    (rc == 0 && (strcmp(path, cases[i].path) != 0 ||
				 strcmp(query, cases[i].query) != 0)))
			test_fail(__FILE__, __LINE__, "%s: %d", cases[i].why,
				  rc);
	}
}

static void parameters_are_decoded_or_refused(void)
{
	static const struct {
		const char *why;
		const char *query;
		const char *want; /* name=value;... ; NULL: refused */
	} cases[] = {
		{ "nothing", "", "" },
		{ "two", "a=1&b=2", "a=1;b=2;" },
		{ "no value", "a&b=", "a=;b=;" },
		{ "empty pieces", "&a=1&&", "a=1;" },
		{ "a blank, both ways", "a=x+y%20z", "a=x y z;" },
		{ "a plus", "a=1%2B2", "a=1+2;" },
		{ "escapes that would cut", "a=%26%3d", "a=&=;" },
		{ "an equals sign in a value", "a=b=c", "a=b=c;" },
		{ "UTF-8", "a=%C3%A4", "a=\xc3\xa4;" },
		{ "twice", "a=1&a=1", NULL },
		{ "twice, once escaped", "a=1&%61=2", NULL },
		{ "a value without a name", "=1", NULL },
		{ "half an escape", "a=%4", NULL },
		{ "no escape", "a=%zz", NULL },
		{ "NUL", "a=%00", NULL },
		{ "a line break", "a=%0a", NULL },
		{ "broken UTF-8", "a=%C3", NULL },
		{ "five", "a&b&c&d&e", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request_field f[4];
		struct err err = { "" };
		char text[64];
		char got[128] = "";
		size_t n = 0;
		size_t at = 0;
		int rc;

		snprintf(text, sizeof(text), "%s", cases[i].query);
		rc = query_parse(text, f, 4, &n, &err);
		for (size_t k = 0; rc == 0 && k < n; k++)
			at += (size_t)snprintf(got + at, sizeof(got) - at,
					       "%s=%s;", f[k].name, f[k].value);
		if (rc != (cases[i].want ? 0 : -EINVAL) ||
		    (rc == 0 && strcmp(got, cases[i].want) != 0) ||
		    (rc < 0 && err.text[0] == '\0'))
			test_fail(__FILE__, __LINE__, "%s: %d \"%s\"",
				  cases[i].why, rc, got);
	}
}

static void a_parameter_is_found_by_its_name(void)
{
	struct request rq = { .n_query = 1, .query = { { "step", "2" } } };

	CHECK(strcmp(request_query(&rq, "step"), "2") == 0);
	CHECK(request_query(&rq, "ste") == NULL);
}

static void a_misspelt_parameter_is_refused(void)
{
	static const char *const none[] = { NULL };
	static const char *const one[] = { "service", NULL };
	static const char *const three[] = { "service", "last", "step", NULL };
	static const struct {
		const char *const *known;
		const char *want; /* NULL: all are known */
	} cases[] = {
		{ three, NULL },
		{ none, "unknown parameter \"service\"" },
		{ one, "unknown parameter \"step\"; there is service" },
	};
	struct request rq = {
		.n_query = 2, .query = { { "service", "a" }, { "step", "2" } }
	};
	struct err err = { "" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want = cases[i].want;
		int rc;

		err.text[0] = '\0';
		rc = request_want_only(&rq, cases[i].known, &err);
		CHECK_EQ(rc, want ? -EINVAL : 0);
		CHECK(strcmp(err.text, want ? want : "") == 0);
	}
	rq.query[1].name = "stop";
	err.text[0] = '\0';
	CHECK_EQ(request_want_only(&rq, three, &err), -EINVAL);
	CHECK(strcmp(err.text, "unknown parameter \"stop\"; there are service, "
			       "last and step") == 0);
}

const struct test_case test_cases[] = {
	{ "query: a target is cut in two", a_target_is_cut_in_two },
	{ "query: parameters are decoded or refused",
	  parameters_are_decoded_or_refused },
	{ "query: a parameter is found by its name",
	  a_parameter_is_found_by_its_name },
	{ "query: a misspelt parameter is refused",
	  a_misspelt_parameter_is_refused },
	{ NULL, NULL },
};
