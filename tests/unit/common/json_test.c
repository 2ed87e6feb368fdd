/* SPDX-License-Identifier: Apache-2.0 */
/* json: what is refused, where it says the fault is, and what is taken. */
#include "common/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "tests/test.h"

/* Parse a whole string. */
static int parse(const char *text, struct json_doc **ret_doc,
		 struct json *ret_root, struct err *err)
{
	return json_parse(text, strlen(text), ret_doc, ret_root, err);
}

static void text_that_is_wrong_is_refused_where_it_is(void)
{
	static const struct {
		const char *why;
		const char *text;
		const char *want; /* in the message */
	} cases[] = {
		{ "nothing", "", "line 1 column 1" },
		{ "cut short", "{\"a\": 1", "line 1 column 7" },
		{ "a repeated key", "{\"a\": 1,\n \"a\": 2}", "line 2" },
		{ "NaN is no JSON", "{\"a\": NaN}", "line 1" },
		{ "beyond a double", "[1e999]", "line 1" },
		{ "beyond 64 bits", "[9223372036854775808]", "line 1" },
		{ "bytes after the end", "{} x", "line 1 column 4" },
		{ "no UTF-8", "[\"\xff\"]", "line 1" },
		{ "U+0000", "[\"\\u0000\"]", "line 1" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { .text = "" };
		struct json_doc *doc = NULL;
		struct json root;
		int rc = parse(cases[i].text, &doc, &root, &err);

		if (rc != -EBADMSG || doc || !strstr(err.text, cases[i].want))
			test_fail(__FILE__, __LINE__, "%s: %d %s", cases[i].why,
				  rc, err.text);
		json_doc_free(doc);
	}
}

static void size_and_depth_are_bounded(void)
{
	static char text[LIMIT_JSON_BYTES + 1];
	struct err err = { .text = "" };
	struct json_doc *doc = NULL;
	struct json root;

	memset(text, ' ', sizeof(text));
	CHECK_EQ(json_parse(text, sizeof(text), &doc, &root, &err), -EMSGSIZE);
	memset(text, '[', LIMIT_JSON_DEPTH + 1);
	err.text[0] = '\0';
	CHECK_EQ(json_parse(text, 1000, &doc, &root, &err), -EBADMSG);
	CHECK(strstr(err.text, "nested deeper than"));
	CHECK(strstr(err.text, "column 33"));
	/* brackets inside a string are text */
	memset(text, '[', 200);
	text[0] = '"';
	text[100] = '\\';
	text[101] = '"';
	text[199] = '"';
	CHECK_EQ(json_parse(text, 200, &doc, &root, NULL), 0);
	json_doc_free(doc);
}

static void getters_take_what_is_there_and_leave_what_is_not(void)
{
	struct json_doc *doc = NULL;
	struct json root, array, e;
	const char *text = "kept";
	uint64_t n = 7;
	int64_t i = 0;
	double x = 0;
	bool yes = false;
	size_t len = 9;

	CHECK_EQ(parse("{\"s\":\"a\",\"n\":3,\"i\":-4,\"x\":2,\"b\":true,"
		       "\"l\":[\"p\",\"q\"]}",
		       &doc, &root, NULL),
		 0);
	CHECK_EQ(json_get_string(&root, "none", 8, &text, NULL), 0);
	CHECK(strcmp(text, "kept") == 0);
	CHECK_EQ(json_get_string(&root, "s", 8, &text, NULL), 0);
	CHECK(strcmp(text, "a") == 0);
	CHECK_EQ(json_get_u64(&root, "n", 0, 3, &n, NULL), 0);
	CHECK_EQ(n, 3);
	CHECK_EQ(json_get_i64(&root, "i", &i, NULL), 0);
	CHECK_EQ(i, -4);
	CHECK_EQ(json_get_number(&root, "x", &x, NULL), 0);
	CHECK(x == 2.0); /* whole numbers are numbers */
	CHECK_EQ(json_get_bool(&root, "b", &yes, NULL), 0);
	CHECK(yes);
	CHECK_EQ(json_get_array(&root, "none", 2, &array, &len, NULL), 0);
	CHECK_EQ(len, 0);
	CHECK_EQ(json_get_array(&root, "l", 2, &array, &len, NULL), 0);
	CHECK_EQ(len, 2);
	json_element(&array, 1, &e);
	CHECK(strcmp(e.path, "l[1]") == 0);
	CHECK_EQ(json_text(&e, 1, &text, NULL), 0);
	CHECK(strcmp(text, "q") == 0);
	json_doc_free(doc);
}

static void a_wrong_value_is_named_by_its_key_path(void)
{
	static const char *const known[] = { "margin", "margin_ms", "x", NULL };
	struct err err = { .text = "" };
	struct json_doc *doc = NULL;
	struct json root, x;
	uint64_t n = 7;
	bool yes;
	size_t len;
	const char *text;
	double d;

	CHECK_EQ(parse("{\"x\":{\"y\":[1]},\"margni\":1}", &doc, &root, NULL),
		 0);
	CHECK(json_member(&root, "x", &x));
	CHECK_EQ(json_get_number(&x, "y", &d, &err), -EINVAL);
	CHECK(strstr(err.text, "key x.y: want a number, found an array"));
	CHECK_EQ(json_get_u64(&root, "margni", 2, 9, &n, NULL), -EINVAL);
	CHECK_EQ(json_get_u64(&root, "x", 2, 9, &n, NULL), -EINVAL);
	CHECK_EQ(n, 7);
	CHECK_EQ(json_get_bool(&root, "x", &yes, NULL), -EINVAL);
	CHECK_EQ(json_get_string(&root, "x", 9, &text, NULL), -EINVAL);
	CHECK_EQ(json_get_array(&root, "x", 9, &x, &len, NULL), -EINVAL);
	err.text[0] = '\0';
	CHECK_EQ(json_want_only(&root, known, &err), -EINVAL);
	CHECK(strstr(err.text, "margni"));
	CHECK(strstr(err.text, "nearest known is margin"));
	err.text[0] = '\0';
	CHECK_EQ(json_want_key(&root, "service", &err), -EINVAL);
	CHECK(strstr(err.text, "key service is missing"));
	json_doc_free(doc);
}

static void a_root_that_is_no_object_is_said(void)
{
	struct err err = { .text = "" };
	struct json_doc *doc = NULL;
	struct json root;

	CHECK_EQ(parse("null", &doc, &root, NULL), 0);
	CHECK_EQ(json_want_object(&root, &err), -EINVAL);
	CHECK(strstr(err.text, "want an object, found null"));
	CHECK_EQ(json_want_key(&root, "a", NULL), -EINVAL);
	CHECK(!json_member(&root, "a", &root));
	json_doc_free(doc);
}

const struct test_case test_cases[] = {
	{ "json: text that is wrong is refused where it is",
	  text_that_is_wrong_is_refused_where_it_is },
	{ "json: size and depth are bounded", size_and_depth_are_bounded },
	{ "json: getters take what is there and leave what is not",
	  getters_take_what_is_there_and_leave_what_is_not },
	{ "json: a wrong value is named by its key path",
	  a_wrong_value_is_named_by_its_key_path },
	{ "json: a root that is no object is said",
	  a_root_that_is_no_object_is_said },
	{ NULL, NULL },
};
