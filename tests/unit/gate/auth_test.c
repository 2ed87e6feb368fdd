/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/auth.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "tests/test.h"

static const char file[] =
	"# who may do what\n"
	"ingest:orders  ingest-orders-token\n"
	"read:orders    sha256:5c5fa8bd5f6b9a1ee5fba2ee2ae86b3b5c2a98d5"
	"0c2a1e0f5b9b0c6a7f3c1d2e\n"
	"\n"
	"decide:orders  decide-orders-token   \r\n"
	"decide:billing decide-orders-token\n"
	"read:*         read-all-token-0000\n"
	"admin          admin-token-0000000";

static void grants_are_what_the_file_says(void)
{
	static const struct {
		const char *why;
		const char *header;
		enum scope scope;
		const char *service;
		bool may;
	} cases[] = {
		{ "its own", "Bearer ingest-orders-token", SCOPE_INGEST,
		  "orders", true },
		{ "another service", "Bearer ingest-orders-token", SCOPE_INGEST,
		  "billing", false },
		{ "another scope", "Bearer ingest-orders-token", SCOPE_READ,
		  "orders", false },
		{ "some service", "Bearer ingest-orders-token", SCOPE_INGEST,
		  NULL, true },
		{ "no service at all", "Bearer ingest-orders-token",
		  SCOPE_DECIDE, NULL, false },
		{ "decide reads", "Bearer decide-orders-token", SCOPE_READ,
		  "orders", true },
		{ "decide does not ingest", "Bearer decide-orders-token",
		  SCOPE_INGEST, "orders", false },
		{ "two lines, one token", "Bearer decide-orders-token",
		  SCOPE_DECIDE, "billing", true },
		{ "every service", "bearer  read-all-token-0000", SCOPE_READ,
		  "anything", true },
		{ "every service, one scope", "Bearer read-all-token-0000",
		  SCOPE_DECIDE, "anything", false },
		{ "admin", "Bearer admin-token-0000000", SCOPE_DECIDE, "x",
		  true },
		{ "admin alone", "Bearer admin-token-0000000", SCOPE_ADMIN,
		  NULL, true },
		{ "not admin", "Bearer decide-orders-token", SCOPE_ADMIN, NULL,
		  false },
		{ "Basic: any user, the token as password",
		  "Basic dXNlcjphZG1pbi10b2tlbi0wMDAwMDAw", SCOPE_ADMIN, NULL,
		  true },
	};
	struct auth *a = NULL;
	struct err err = { "" };

	CHECK_EQ(auth_parse(file, sizeof(file) - 1, &a, &err), 0);
	CHECK(!auth_is_open(a));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct auth_caller who;
		int rc = auth_identify(a, cases[i].header, &who, NULL);

		if (rc != 0 || auth_may(a, who, cases[i].scope,
					cases[i].service) != cases[i].may)
			test_fail(__FILE__, __LINE__, "%s: %d", cases[i].why,
				  rc);
	}
	auth_close(a);
}

static void a_hash_stands_for_its_token(void)
{
	/* printf %s abcdefghijklmnop | sha256sum */
	static const char text[] =
		"read:* sha256:"
		"f39dac6cbaba535e2c207cd0cd8f154974223c848f727f98b3564cea569b41"
		"cf\n";
	struct auth *a = NULL;
	struct auth_caller who;

	CHECK_EQ(auth_parse(text, sizeof(text) - 1, &a, NULL), 0);
	CHECK_EQ(auth_identify(a, "Bearer abcdefghijklmnop", &who, NULL), 0);
	CHECK_EQ(auth_identify(a, "Bearer abcdefghijklmnoq", &who, NULL),
		 -EACCES);
	auth_close(a);
}

static void what_is_no_token_is_refused(void)
{
	static const char *const headers[] = {
		NULL,
		"",
		"Bearer",
		"Bearer ",
		"Bearer wrong-token-wrong",
		"Bearer admin-token-0000000 x",
		"admin-token-0000000",
		"Digest admin-token-0000000",
		"Basic admin-token-0000000",
		"Basic !!!!",
		"Basic YWRtaW4tdG9rZW4tMDAwMDAwMA==", /* no colon */
		"Basic",
	};
	struct auth *a = NULL;

	CHECK_EQ(auth_parse(file, sizeof(file) - 1, &a, NULL), 0);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct auth_caller who = { .token = 77 };
		struct err err = { "" };

		if (auth_identify(a, headers[i], &who, &err) != -EACCES ||
		    err.text[0] == '\0' || who.token != 77)
			test_fail(__FILE__, __LINE__, "header %zu", i);
	}
	auth_close(a);
}

static void a_wrong_file_is_refused_by_line(void)
{
	static const struct {
		const char *why;
		const char *text;
		const char *says;
	} cases[] = {
		{ "nothing", "", "no grant" },
		{ "comments only", "# a\n\n", "no grant" },
		{ "one word", "\nread:a\n", "line 2" },
		{ "three words", "read:a bbbbbbbbbbbbbbbb c", "two words" },
		{ "an unknown scope", "write:a bbbbbbbbbbbbbbbb", "scope" },
		{ "no service", "read bbbbbbbbbbbbbbbb", "which service" },
		{ "an empty service", "read: bbbbbbbbbbbbbbbb", "service" },
		{ "admin of one service", "admin:a bbbbbbbbbbbbbbbb",
		  "every service" },
		{ "a service that is none", "read:a;b bbbbbbbbbbbbbbbb",
		  "service" },
		{ "a token to guess", "read:a secret", "16" },
		{ "a short hash", "read:a sha256:abcd", "64 hex" },
		{ "a hash of other letters",
		  "read:a sha256:zz5fa8bd5f6b9a1ee5fba2ee2ae86b3b5c2a98d50c2a1e"
		  "0f5b9b0c6a7f3c1d2e",
		  "64 hex" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct auth *a = NULL;
		struct err err = { "" };
		int rc = auth_parse(cases[i].text, strlen(cases[i].text), &a,
				    &err);

		if (rc != -EINVAL || a || !strstr(err.text, cases[i].says))
			test_fail(__FILE__, __LINE__, "%s: %d \"%s\"",
				  cases[i].why, rc, err.text);
	}
}

static void without_a_file_everybody_may(void)
{
	struct auth *a = NULL;
	struct auth_caller who;

	CHECK_EQ(auth_open(NULL, &a, NULL), 0);
	CHECK(auth_is_open(a));
	CHECK_EQ(auth_identify(a, NULL, &who, NULL), 0);
	CHECK(auth_may(a, who, SCOPE_ADMIN, NULL));
	auth_close(a);
	a = NULL;
	CHECK_EQ(auth_open("/nowhere/at/all", &a, NULL), -ENOENT);
	CHECK(a == NULL);
	auth_close(NULL);
}

const struct test_case test_cases[] = {
	{ "auth: grants are what the file says",
	  grants_are_what_the_file_says },
	{ "auth: a hash stands for its token", a_hash_stands_for_its_token },
	{ "auth: what is no token is refused", what_is_no_token_is_refused },
	{ "auth: a wrong file is refused by line",
	  a_wrong_file_is_refused_by_line },
	{ "auth: without a file everybody may", without_a_file_everybody_may },
	{ NULL, NULL },
};
