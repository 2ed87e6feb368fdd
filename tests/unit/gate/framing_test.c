/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/framing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "tests/test.h"

enum { FIELDS_MAX = 6 };

/* Check the fields of text, "Name: value" lines; name and value as they are. */
static int check(const char *version, const char *text, struct framing *ret_f,
		 struct err *err)
{
	static char copy[512];
	struct framing_field fields[FIELDS_MAX];
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *at = copy; *at != '\0' && n < FIELDS_MAX;) {
		char *end = at + strcspn(at, "\n");
		char *colon = strchr(at, ':');
		char *value = colon + 1 + (colon[1] == ' ');
		char *next = end + (*end != '\0');

		*colon = '\0';
		*end = '\0';
		fields[n++] = (struct framing_field){ at, strlen(at), value,
						      strlen(value) };
		at = next;
	}
	return framing_check(version, fields, n, ret_f, err);
}

static void a_doubtful_end_is_refused(void)
{
	static const struct {
		const char *why;
		const char *version;
		const char *fields;
		const char *says; /* NULL: accepted */
	} cases[] = {
		{ "a plain GET", "HTTP/1.1", "Host: a", NULL },
		{ "a length", "HTTP/1.1", "Host: a\nContent-Length: 5", NULL },
		{ "pieces", "HTTP/1.1", "Host: a\nTransfer-Encoding: Chunked",
		  NULL },
		{ "1.0 needs no Host", "HTTP/1.0", "Accept: x", NULL },
		{ "no Host", "HTTP/1.1", "Accept: x", "Host is missing" },
		{ "two Hosts", "HTTP/1.1", "Host: a\nHost: a", "Host" },
		{ "an empty Host", "HTTP/1.1", "Host: ", "Host" },
		{ "a Host with a path", "HTTP/1.1", "Host: a/b", "Host" },
		{ "a Host with a user", "HTTP/1.1", "Host: u@a", "Host" },
		{ "two lengths that agree are still two", "HTTP/1.1",
		  "Host: a\nContent-Length: 5\nContent-Length: 5", "twice" },
		{ "a list of lengths", "HTTP/1.1",
		  "Host: a\nContent-Length: 5, 5", "digits" },
		{ "a sign", "HTTP/1.1", "Host: a\nContent-Length: +5",
		  "digits" },
		{ "hexadecimal", "HTTP/1.1", "Host: a\nContent-Length: 0x5",
		  "digits" },
		{ "an empty length", "HTTP/1.1",
		  "Host: a\nContent-Length: ", "digits" },
		{ "a length that overflows", "HTTP/1.1",
		  "Host: a\nContent-Length: 18446744073709551621", "digits" },
		{ "both", "HTTP/1.1",
		  "Host: a\nContent-Length: 5\nTransfer-Encoding: chunked",
		  "beside" },
		{ "both, in the other order and case", "HTTP/1.1",
		  "Host: a\ntransfer-encoding: chunked\ncontent-length: 5",
		  "beside" },
		{ "another coding", "HTTP/1.1",
		  "Host: a\nTransfer-Encoding: gzip, chunked", "chunked" },
		{ "identity", "HTTP/1.1",
		  "Host: a\nTransfer-Encoding: identity", "chunked" },
		{ "the coding twice", "HTTP/1.1",
		  "Host: a\nTransfer-Encoding: chunked\n"
		  "Transfer-Encoding: chunked",
		  "twice" },
		{ "a blank after the coding", "HTTP/1.1",
		  "Host: a\nTransfer-Encoding: chunked ", "chunked" },
		{ "1.0 knows no coding", "HTTP/1.0",
		  "Host: a\nTransfer-Encoding: chunked", "HTTP/1.0" },
		{ "a blank before the colon", "HTTP/1.1",
		  "Host: a\nContent-Length : 5", "name" },
		{ "a CR inside a value", "HTTP/1.1", "Host: a\nX: b\rc",
		  "0x0d" },
		{ "another version", "HTTP/2.0", "Host: a", "version" },
		{ "no version", "", "Host: a", "version" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct framing f;
		struct err err = { "" };
		int rc = check(cases[i].version, cases[i].fields, &f, &err);

		if (rc != (cases[i].says ? -EBADMSG : 0) ||
		    (cases[i].says && !strstr(err.text, cases[i].says)))
			test_fail(__FILE__, __LINE__, "%s: %d \"%s\"",
				  cases[i].why, rc, err.text);
	}
}

static void the_body_s_end_is_told(void)
{
	struct framing f;

	CHECK_EQ(check("HTTP/1.1", "Host: a\nContent-Length: 0123", &f, NULL),
		 0);
	CHECK(f.has_length && !f.chunked);
	CHECK_EQ(f.length, 123);
	CHECK_EQ(check("HTTP/1.1", "Host: a:80\nTransfer-Encoding: chunked", &f,
		       NULL),
		 0);
	CHECK(f.chunked && !f.has_length);
	CHECK(strcmp(f.host, "a:80") == 0);
}

static void only_this_machine_is_loopback(void)
{
	static const struct {
		const char *host;
		bool is;
	} cases[] = {
		{ "localhost", true },	     { "LocalHost:8437", true },
		{ "127.0.0.1", true },	     { "127.8.9.1:1", true },
		{ "[::1]", true },	     { "[::1]:8437", true },
		{ "localhost.evil", false }, { "127.0.0.1.evil.org", false },
		{ "127.evil", false },	     { "[::1].evil", false },
		{ "[::2]", false },	     { "10.0.0.1", false },
		{ "evil.org", false },	     { "", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (framing_host_is_loopback(cases[i].host) != cases[i].is)
			test_fail(__FILE__, __LINE__, "\"%s\"", cases[i].host);
}

const struct test_case test_cases[] = {
	{ "framing: a doubtful end is refused", a_doubtful_end_is_refused },
	{ "framing: the body's end is told", the_body_s_end_is_told },
	{ "framing: only this machine is loopback",
	  only_this_machine_is_loopback },
	{ NULL, NULL },
};
