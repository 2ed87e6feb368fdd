/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dispatch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/buf.h"
#include "gate/fault.h"
#include "gate/openapi.h"
#include "stats/policy_keys.h"
#include "stats/verdict.h"
#include "tests/test.h"

static void a_request_finds_its_row(void)
{
	static const struct {
		const char *method;
		const char *path;
		int rc;
		const char *row; /* where rc is 0 */
	} cases[] = {
		{ "GET", "/healthz", 0, "/healthz" },
		{ "HEAD", "/healthz", 0, "/healthz" },
		{ "GET", "/v1/rollouts/42", 0, "/v1/rollouts/{id}" },
		{ "GET", "/v1/rollouts/4%2f2", 0, "/v1/rollouts/{id}" },
		{ "GET", "/rollouts/42/report.html", 0,
		  "/rollouts/{id}/report.html" },
		{ "GET", "/", 0, "/" },
		{ "GET", "/v1/rollouts/", -ENOENT, NULL },
		{ "GET", "/v1/rollouts/42/", -ENOENT, NULL },
		{ "GET", "/v1/rollouts//evidence", -ENOENT, NULL },
		{ "GET", "/V1/rollouts", -ENOENT, NULL },
		{ "GET", "//healthz", -ENOENT, NULL },
		{ "GET", "", -ENOENT, NULL },
		{ "PUT", "/v1/policies/strict", 0, "/v1/policies/{name}" },
		{ "DELETE", "/v1/policies/strict", 0, "/v1/policies/{name}" },
		{ "PUT", "/v1/policies", -ENOTSUP, NULL },
		{ "PUT", "/v1/policies/a/b", -ENOENT, NULL },
		{ "POST", "/healthz", -ENOTSUP, NULL },
		{ "get", "/healthz", -ENOTSUP, NULL },
		{ "GET", "/v1/batches", -ENOTSUP, NULL },
		/* it could begin a rollout and would not show it */
		{ "HEAD", "/v1/verdict", -ENOTSUP, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct endpoint *e = NULL;
		int rc = dispatch_find(cases[i].method, cases[i].path, &e);

		if (rc != cases[i].rc ||
		    (rc == 0 && strcmp(e->path, cases[i].row) != 0))
			test_fail(__FILE__, __LINE__, "%s %s: %d",
				  cases[i].method, cases[i].path, rc);
	}
}

static void segments_are_handed_on(void)
{
	const struct endpoint *e = NULL;
	const char *param[2] = { NULL, NULL };
	char bytes[8];

	CHECK_EQ(dispatch_find("GET", "/v1/rollouts/42/evidence", &e), 0);
	CHECK_EQ(dispatch_params(e, "/v1/rollouts/42/evidence", bytes,
				 sizeof(bytes), param, 2),
		 1);
	CHECK(strcmp(param[0], "42") == 0);
	param[0] = NULL;
	CHECK_EQ(dispatch_params(e, "/v1/rollouts/12345678/evidence", bytes,
				 sizeof(bytes), param, 2),
		 0);
	CHECK(param[0] == NULL);
}

static void the_methods_of_a_path_are_told(void)
{
	struct buf b = { 0 };

	dispatch_allow("/v1/rollouts", &b);
	CHECK(strcmp(b.bytes, "GET, HEAD, POST") == 0);
	buf_release(&b);
	dispatch_allow("/v1/verdict", &b);
	CHECK(strcmp(b.bytes, "GET") == 0);
	buf_release(&b);
	dispatch_allow("/v1/policies/strict", &b);
	CHECK(strcmp(b.bytes, "GET, HEAD, PUT, DELETE") == 0);
	buf_release(&b);
}

static void every_row_is_complete(void)
{
	for (size_t i = 0; i < n_endpoints; i++) {
		const struct endpoint *e = &endpoints[i];

		if (!e->method || !e->handle || !e->summary ||
		    e->path[0] != '/')
			test_fail(__FILE__, __LINE__, "row %zu", i);
		if (e->scope == SCOPE_NONE &&
		    strcmp(e->path, "/healthz") != 0 &&
		    strcmp(e->path, "/readyz") != 0)
			test_fail(__FILE__, __LINE__, "%s asks for no token",
				  e->path);
		/* a GET that took a body would be framed twice */
		if (strcmp(e->method, "GET") == 0 && e->body_max != 0)
			test_fail(__FILE__, __LINE__, "%s takes a body",
				  e->path);
	}
}

/* The operation that openapi.json has for a row, lower case as it spells. */
static json_t *operation_of(json_t *paths, const struct endpoint *e)
{
	char method[8] = "";

	for (size_t i = 0; e->method[i] != '\0' && i + 1 < sizeof(method); i++)
		method[i] = (char)(e->method[i] | 0x20);
	return json_object_get(json_object_get(paths, e->path), method);
}

static void check_operation(json_t *op, const struct endpoint *e)
{
	const char *summary = json_string_value(json_object_get(op, "summary"));
	const char *scope = json_string_value(json_object_get(op, "x-scope"));
	json_t *body_max = json_object_get(op, "x-body-max");
	bool has_body = json_object_get(op, "requestBody") != NULL;

	if (!op)
		test_fail(__FILE__, __LINE__, "%s %s is not described",
			  e->method, e->path);
	else if (!summary || strcmp(summary, e->summary) != 0)
		test_fail(__FILE__, __LINE__, "%s: summary", e->path);
	else if (!scope || strcmp(scope, scope_name(e->scope)) != 0)
		test_fail(__FILE__, __LINE__, "%s: x-scope", e->path);
	else if (!json_is_integer(body_max) ||
		 (size_t)json_integer_value(body_max) != e->body_max)
		test_fail(__FILE__, __LINE__, "%s: x-body-max", e->path);
	else if (has_body != (e->body_max > 0))
		test_fail(__FILE__, __LINE__, "%s: requestBody", e->path);
}

static void the_api_is_described_as_it_is(void)
{
	json_t *doc = json_loads(openapi_json, JSON_REJECT_DUPLICATES, NULL);
	json_t *paths = json_object_get(doc, "paths");
	json_t *path;
	json_t *op;
	const char *name;
	const char *method;
	size_t n = 0;

	CHECK(doc != NULL);
	for (size_t i = 0; i < n_endpoints; i++)
		check_operation(operation_of(paths, &endpoints[i]),
				&endpoints[i]);
	/* and the other way round: nothing is described that is not there */
	json_object_foreach(paths, name, path)
		json_object_foreach(path, method, op) n++;
	CHECK_EQ(n, n_endpoints);
	json_decref(doc);
}

static void codes_are_described_as_they_are(void)
{
	json_t *doc = json_loads(openapi_json, JSON_REJECT_DUPLICATES, NULL);
	json_t *codes = NULL;

	CHECK(doc != NULL);
	CHECK_EQ(json_unpack(doc, "{s:{s:{s:{s:{s:{s:o}}}}}}", "components",
			     "schemas", "Error", "properties", "code", "enum",
			     &codes),
		 0);
	CHECK_EQ(json_array_size(codes), FAULT_N - 1);
	for (size_t i = 0; i < json_array_size(codes); i++) {
		const char *name = json_string_value(json_array_get(codes, i));
		enum fault f = fault_find(name);

		if (strcmp(fault_row(f)->name, name) != 0)
			test_fail(__FILE__, __LINE__, "%s", name);
	}
	json_decref(doc);
}

static void verdict_codes_are_described_as_they_are(void)
{
	json_t *doc = json_loads(openapi_json, JSON_REJECT_DUPLICATES, NULL);
	json_t *codes = NULL;

	CHECK(doc != NULL);
	CHECK_EQ(json_unpack(doc, "{s:{s:{s:{s:{s:{s:o}}}}}}", "components",
			     "schemas", "Verdict", "properties", "code", "enum",
			     &codes),
		 0);
	CHECK_EQ(json_array_size(codes), CODE_N);
	for (size_t i = 0; i < json_array_size(codes); i++) {
		enum verdict_code code;

		CHECK_EQ(verdict_code_find(
				 json_string_value(json_array_get(codes, i)),
				 &code),
			 0);
	}
	json_decref(doc);
}

/* Does a property say what the table of policies says? */
static bool is_key(const json_t *property, const struct policy_key *k)
{
	const char *means =
		json_string_value(json_object_get(property, "description"));
	const json_t *built_in = json_object_get(property, "default");

	if (!means || strcmp(means, k->means) != 0)
		return false;
	if (k->kind == POLICY_TRUTH)
		return json_is_boolean(built_in) &&
		       json_is_true(built_in) == (k->built_in != 0.0);
	return json_number_value(built_in) == k->built_in &&
	       json_number_value(json_object_get(property, "minimum")) ==
		       k->lo &&
	       json_number_value(json_object_get(property, "maximum")) == k->hi;
}

static void policies_are_described_as_they_are(void)
{
	json_t *doc = json_loads(openapi_json, JSON_REJECT_DUPLICATES, NULL);
	json_t *properties = NULL;

	CHECK(doc != NULL);
	CHECK_EQ(json_unpack(doc, "{s:{s:{s:{s:o}}}}", "components", "schemas",
			     "Policy", "properties", &properties),
		 0);
	for (size_t i = 0; i < n_policy_keys; i++) {
		const struct policy_key *k = &policy_keys[i];

		if (!is_key(json_object_get(properties, k->name), k))
			test_fail(__FILE__, __LINE__, "%s", k->name);
	}
	/* ignore_routes and services */
	CHECK_EQ(json_object_size(properties), n_policy_keys + 2);
	json_decref(doc);
}

static void what_is_our_fault_may_be_sent_again(void)
{
	static const struct {
		int rc;
		unsigned int status;
	} cases[] = {
		{ -EBADMSG, 400 }, { -EINVAL, 400 }, { -EPROTO, 400 },
		{ -EACCES, 401 },  { -EPERM, 403 },  { -ENOENT, 404 },
		{ -ENOTSUP, 405 }, { -EEXIST, 409 }, { -EMSGSIZE, 413 },
		{ -EBUSY, 503 },   { -EAGAIN, 503 }, { -ENOMEM, 503 },
		{ -EIO, 503 },	   { -EROFS, 503 },  { -ENOSPC, 507 },
		{ -ENODATA, 410 }, { -ECHILD, 500 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (fault_row(fault_of(cases[i].rc))->status != cases[i].status)
			test_fail(__FILE__, __LINE__, "rc %d", cases[i].rc);
	CHECK_EQ(fault_of(0), FAULT_NONE);
	CHECK_EQ(fault_find("NO_SUCH_CODE"), FAULT_INTERNAL);
}

const struct test_case test_cases[] = {
	{ "dispatch: a request finds its row", a_request_finds_its_row },
	{ "dispatch: segments are handed on", segments_are_handed_on },
	{ "dispatch: the methods of a path are told",
	  the_methods_of_a_path_are_told },
	{ "dispatch: every row is complete", every_row_is_complete },
	{ "dispatch: the API is described as it is",
	  the_api_is_described_as_it_is },
	{ "dispatch: codes are described as they are",
	  codes_are_described_as_they_are },
	{ "dispatch: verdict codes are described as they are",
	  verdict_codes_are_described_as_they_are },
	{ "dispatch: policies are described as they are",
	  policies_are_described_as_they_are },
	{ "dispatch: what is our fault may be sent again",
	  what_is_our_fault_may_be_sent_again },
	{ NULL, NULL },
};
