/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/exchange.h"

#include <stdio.h>
#include <string.h>

#include "common/limits.h"
#include "gate/auth.h"
#include "gate/gate.h"
#include "tests/test.h"

static const char tokens[] = "ingest:orders ingest-token-0000\n"
			     "read:orders read-token-000000\n";

/* A whole request and what became of it. */
struct talk {
	const char *why;
	const char *method;
	const char *target;
	const char *host;
	const char *name; /* one more field; NULL: none */
	const char *value;
	unsigned int status;
	const char *code; /* of a refusal; NULL: none */
};

static void take(struct exchange *ex, const struct talk *t)
{
	const struct framing_field fields[] = {
		{ "Host", 4, t->host, strlen(t->host) },
		{ t->name, t->name ? strlen(t->name) : 0, t->value,
		  t->value ? strlen(t->value) : 0 },
	};
	const struct exchange_head head = {
		.method = t->method,
		.version = "HTTP/1.1",
		.fields = fields,
		.n_fields = t->name ? 2 : 1,
	};

	exchange_take_head(ex, &head, 1000);
}

static void run(struct gate *g, const struct talk *t, size_t n)
{
	for (size_t i = 0; i < n; i++, t++) {
		struct exchange *ex = NULL;
		char want[64];

		CHECK_EQ(exchange_new(g, t->target, &ex), 0);
		take(ex, t);
		exchange_answer(ex, 2000);
		snprintf(want, sizeof(want), "\"code\":\"%s\"",
			 t->code ? t->code : "");
		if (ex->status != t->status || ex->rp.body.len == 0 ||
		    (t->code && !strstr(ex->rp.body.bytes, want)))
			test_fail(__FILE__, __LINE__, "%s: %u %s", t->why,
				  ex->status, ex->rp.body.bytes);
		exchange_free(ex);
	}
}

static void an_open_gate_answers_this_machine_only(void)
{
	static const struct talk talks[] = {
		{ "health", "GET", "/healthz", "localhost", NULL, NULL, 200,
		  NULL },
		{ "a name that points here", "GET", "/healthz", "evil.example",
		  NULL, NULL, 403, "WRONG_HOST" },
		{ "another site's request", "GET", "/v1/openapi.json",
		  "127.0.0.1:80", "Sec-Fetch-Site", "cross-site", 403,
		  "CROSS_SITE" },
		{ "our own site's", "GET", "/v1/openapi.json", "127.0.0.1:80",
		  "Sec-Fetch-Site", "same-origin", 200, NULL },
		{ "no such path", "GET", "/x", "localhost", NULL, NULL, 404,
		  "NOT_FOUND" },
		{ "no such method", "PUT", "/healthz", "localhost", NULL, NULL,
		  405, "METHOD_NOT_ALLOWED" },
		{ "a broken query", "GET", "/healthz?a=%", "localhost", NULL,
		  NULL, 400, "BAD_TARGET" },
		{ "no target", "OPTIONS", "*", "localhost", NULL, NULL, 400,
		  "BAD_TARGET" },
		{ "a body where none is", "GET", "/healthz", "localhost",
		  "Content-Length", "1", 400, "BAD_BODY" },
		{ "a body too large", "POST", "/v1/batches", "localhost",
		  "Content-Length", "4194305", 413, "TOO_LARGE" },
		{ "JSON that does not say so", "POST", "/v1/rollouts",
		  "localhost", "Content-Length", "2", 415, "MEDIA_TYPE" },
		{ "a packed body", "POST", "/v1/batches", "localhost",
		  "Content-Encoding", "gzip", 415, "MEDIA_TYPE" },
		{ "an unknown expectation", "POST", "/v1/batches", "localhost",
		  "Expect", "miracles", 400, "BAD_FRAMING" },
		{ "two lengths in one", "POST", "/v1/batches", "localhost",
		  "Content-Length", "1, 1", 400, "BAD_FRAMING" },
	};
	struct gate g = { 0 };

	CHECK_EQ(auth_open(NULL, &g.auth, NULL), 0);
	run(&g, talks, sizeof(talks) / sizeof(talks[0]));
	CHECK_EQ(atomic_load(&g.body_bytes), 0);
	auth_close(g.auth);
}

static void a_token_decides_before_a_body_is_read(void)
{
	static const struct talk talks[] = {
		{ "health needs none", "GET", "/healthz", "x", NULL, NULL, 200,
		  NULL },
		{ "no token", "GET", "/v1/openapi.json", "x", NULL, NULL, 401,
		  "NO_TOKEN" },
		{ "a wrong one", "GET", "/v1/openapi.json", "x",
		  "Authorization", "Bearer nobody-has-this-one", 401,
		  "NO_TOKEN" },
		{ "a right one", "GET", "/v1/openapi.json", "x",
		  "Authorization", "Bearer read-token-000000", 200, NULL },
		{ "one of another scope", "GET", "/v1/openapi.json", "x",
		  "Authorization", "Bearer ingest-token-0000", 403,
		  "FORBIDDEN" },
		{ "a large body without a token", "POST", "/v1/batches", "x",
		  "Content-Length", "99999999", 401, "NO_TOKEN" },
	};
	struct gate g = { 0 };

	CHECK_EQ(auth_parse(tokens, sizeof(tokens) - 1, &g.auth, NULL), 0);
	run(&g, talks, sizeof(talks) / sizeof(talks[0]));
	auth_close(g.auth);
}

static void bodies_in_pieces_are_capped(void)
{
	static const struct talk chunked = { "",
					     "POST",
					     "/v1/batches",
					     "localhost",
					     "Transfer-Encoding",
					     "chunked",
					     0,
					     NULL };
	static char piece[512 * 1024];
	struct exchange *ex = NULL;
	struct gate g = { 0 };

	CHECK_EQ(auth_open(NULL, &g.auth, NULL), 0);
	CHECK_EQ(exchange_new(&g, chunked.target, &ex), 0);
	take(ex, &chunked);
	for (int i = 0; i < 8; i++)
		exchange_take_body(ex, piece, sizeof(piece));
	CHECK(!ex->refused);
	CHECK_EQ(ex->rq.body_len, LIMIT_BATCH_BYTES);
	exchange_take_body(ex, piece, 1);
	CHECK(ex->refused);
	exchange_answer(ex, 0);
	CHECK_EQ(ex->status, 413);
	exchange_free(ex);
	CHECK_EQ(atomic_load(&g.body_bytes), 0);
	auth_close(g.auth);
}

static void all_bodies_together_are_capped(void)
{
	static const struct talk large = {
		"",	   "POST", "/v1/batches", "localhost", "Content-Length",
		"4194304", 0,	   NULL
	};
	enum { N = LIMIT_HTTP_BODIES_BYTES / LIMIT_BATCH_BYTES };
	struct exchange *ex[N + 1] = { NULL };
	struct gate g = { 0 };

	CHECK_EQ(auth_open(NULL, &g.auth, NULL), 0);
	for (int i = 0; i <= N; i++) {
		CHECK_EQ(exchange_new(&g, large.target, &ex[i]), 0);
		take(ex[i], &large);
		CHECK_EQ(ex[i]->refused, i == N);
	}
	exchange_answer(ex[N], 0);
	CHECK_EQ(ex[N]->status, 503);
	CHECK(ex[N]->rp.retry_after_s > 0);
	for (int i = 0; i <= N; i++)
		exchange_free(ex[i]);
	CHECK_EQ(atomic_load(&g.body_bytes), 0);
	auth_close(g.auth);
}

struct seen {
	char text[2048];
	size_t len;
};

static void note_header(void *ctx, const char *name, const char *value)
{
	struct seen *s = ctx;

	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len,
				   "%s: %s\n", name, value);
}

static void refusals_say_what_to_do(void)
{
	static const struct talk wrong = { "",		"PUT", "/v1/rollouts",
					   "localhost", NULL,  NULL,
					   0,		NULL };
	struct seen seen = { .len = 0 };
	struct exchange *ex = NULL;
	struct gate g = { 0 };

	CHECK_EQ(auth_open(NULL, &g.auth, NULL), 0);
	CHECK_EQ(exchange_new(&g, wrong.target, &ex), 0);
	take(ex, &wrong);
	exchange_answer(ex, 0);
	exchange_each_header(ex, note_header, &seen);
	CHECK(strstr(seen.text, "Allow: GET, HEAD, POST\n") != NULL);
	CHECK(strstr(seen.text, "Content-Type: application/json\n") != NULL);
	CHECK(strstr(seen.text, "X-Content-Type-Options: nosniff\n") != NULL);
	CHECK(strstr(seen.text, "Cache-Control: no-store\n") != NULL);
	CHECK(strstr(seen.text, "default-src 'none'") != NULL);
	exchange_free(ex);
	auth_close(g.auth);
}

const struct test_case test_cases[] = {
	{ "exchange: an open gate answers this machine only",
	  an_open_gate_answers_this_machine_only },
	{ "exchange: a token decides before a body is read",
	  a_token_decides_before_a_body_is_read },
	{ "exchange: bodies in pieces are capped",
	  bodies_in_pieces_are_capped },
	{ "exchange: all bodies together are capped",
	  all_bodies_together_are_capped },
	{ "exchange: refusals say what to do", refusals_say_what_to_do },
	{ NULL, NULL },
};
