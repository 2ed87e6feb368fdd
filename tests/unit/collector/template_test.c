/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/template.h"

#include <string.h>

#include "tests/test.h"

struct route_case {
	const char *why;
	const char *method;
	const char *path; /* NULL: not seen */
	const char *want;
};

static void check_all(const struct route_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char got[ROUTE_BYTES];

		route_template(cases[i].method, cases[i].path, got);
		if (strcmp(got, cases[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s: got %s, want %s",
				  cases[i].why, got, cases[i].want);
	}
}

#define CHECK_ROUTES(cases) \
	check_all((cases), sizeof(cases) / sizeof((cases)[0]))

static void what_names_a_kind_stays(void)
{
	static const struct route_case cases[] = {
		{ "plain", "GET", "/orders", "GET /orders" },
		{ "root", "GET", "/", "GET /" },
		{ "empty", "GET", "", "GET /" },
		{ "a version is not a number", "GET", "/v1/x", "GET /v1/x" },
		{ "a file", "GET", "/favicon.ico", "GET /favicon.ico" },
		{ "a word that is hexadecimal", "GET", "/cafe/decade",
		  "GET /cafe/decade" },
		{ "a long word", "GET", "/notificationPreferences",
		  "GET /notificationPreferences" },
		{ "words with dashes", "GET", "/how-to-pay-by-invoice",
		  "GET /how-to-pay-by-invoice" },
		{ "exactly 32 bytes", "GET",
		  "/abcdefghijklmnopqrstuvwxyz-abcde",
		  "GET /abcdefghijklmnopqrstuvwxyz-abcde" },
		{ "15 of base64", "GET", "/xY3xY3xY3xY3xY3",
		  "GET /xY3xY3xY3xY3xY3" },
		{ "no digit in hexadecimal", "GET", "/deadbeefcafe",
		  "GET /deadbeefcafe" },
		{ "dashes alone", "GET", "/-", "GET /-" },
		{ "already a template", "GET", "/orders/{}", "GET /orders/{}" },
	};

	CHECK_ROUTES(cases);
}

static void what_names_one_of_many_goes(void)
{
	static const struct route_case cases[] = {
		{ "number", "GET", "/orders/17", "GET /orders/{}" },
		{ "in the middle", "GET", "/orders/17/lines",
		  "GET /orders/{}/lines" },
		{ "sign", "GET", "/t/-3", "GET /t/{}" },
		{ "date", "GET", "/d/2024-01-31", "GET /d/{}" },
		{ "list", "GET", "/o/1,2,3", "GET /o/{}" },
		{ "UUID", "GET", "/u/123e4567-e89b-12d3-a456-426614174000",
		  "GET /u/{}" },
		{ "UUID in braces", "GET",
		  "/u/{123e4567-e89b-12d3-a456-426614174000}", "GET /u/{}" },
		{ "object id", "GET", "/o/507f1f77bcf86cd799439011",
		  "GET /o/{}" },
		{ "commit", "GET", "/c/3d0efe3a", "GET /c/{}" },
		{ "hexadecimal without a digit", "GET", "/h/deadbeefdeadbeef",
		  "GET /h/{}" },
		{ "base64", "GET", "/k/dGhpcyBpcyBhIHRlc3Q9", "GET /k/{}" },
		{ "mail", "GET", "/u/a@b.c", "GET /u/{}" },
		{ "escaped", "GET", "/q/a%20b", "GET /q/{}" },
		{ "33 bytes", "GET", "/abcdefghijklmnopqrstuvwxyz-abcdef",
		  "GET /{}" },
		{ "not ASCII", "GET", "/caf\xc3\xa9", "GET /{}" },
		{ "control", "GET", "/a\tb", "GET /{}" },
	};

	CHECK_ROUTES(cases);
}

static void only_the_path_is_read(void)
{
	static const struct route_case cases[] = {
		{ "query", "GET", "/s?q=secret", "GET /s" },
		{ "query of the root", "GET", "/?a=/b/", "GET /" },
		{ "fragment", "GET", "/s#top", "GET /s" },
		{ "session in the segment", "GET", "/cart;jsessionid=1A/x",
		  "GET /cart/x" },
		{ "a segment of parameters alone", "GET", "/;a=b/x", "GET /x" },
		{ "doubled slashes", "GET", "//a//b", "GET /a/b" },
		{ "slash at the end", "GET", "/a/", "GET /a/" },
		{ "asterisk form", "OPTIONS", "*", "OPTIONS *" },
		{ "unknown path", "GET", NULL, "*" },
		{ "made-up method", "FROBNICATE", "/a", "OTHER /a" },
		{ "small letters", "get", "/a", "OTHER /a" },
		{ "twelve segments", "GET", "/a/b/c/d/e/f/g/h/i/j/k/l",
		  "GET /a/b/c/d/e/f/g/h/i/j/k/l" },
		{ "thirteen", "GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m",
		  "GET /a/b/c/d/e/f/g/h/i/j/k/l/{...}" },
	};

	CHECK_ROUTES(cases);
}

const struct test_case test_cases[] = {
	{ "template: a segment that names a kind stays",
	  what_names_a_kind_stays },
	{ "template: a segment that names one of many becomes {}",
	  what_names_one_of_many_goes },
	{ "template: nothing but the path is read", only_the_path_is_read },
	{ NULL, NULL },
};
