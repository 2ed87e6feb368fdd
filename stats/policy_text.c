/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/policy_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/identity.h"
#include "common/json.h"
#include "common/json_text.h"
#include "stats/policy_keys.h"

static const char ignore_routes[] = "ignore_routes";
static const char services[] = "services";

/* One text as it is read. */
struct reading {
	const char *bytes;
	size_t len;
	struct json root;
	struct policy_text *to;
	size_t member; /* of the root, that is being read */
	size_t part;   /* of the member, that would be wrong */
	struct json_place at;
	struct err *beyond; /* of a kept one: what is not permitted now */
};

/* Something is not permitted: what a kept policy may have had is noted. */
static int refuse(const struct reading *r, bool sane, const struct err *why,
		  struct err *err)
{
	if (!r->beyond || !sane)
		return err_set(err, -EINVAL, "%s", why->text);
	(void)err_set(r->beyond, -EINVAL, "%s", why->text);
	r->to->policy.kept = true;
	return 0;
}

/* --- members --- */

static int number_read(struct reading *r, const struct policy_key *k,
		       struct err *err)
{
	struct err why = { "" };
	bool truth = false;
	int64_t whole = 0;
	double value = 0;
	int rc;

	switch (k->kind) {
	case POLICY_REAL:
		rc = json_get_number(&r->root, k->name, &value, err);
		break;
	case POLICY_TRUTH:
		rc = json_get_bool(&r->root, k->name, &truth, err);
		value = truth ? 1.0 : 0.0;
		break;
	default:
		rc = json_get_i64(&r->root, k->name, &whole, err);
		value = (double)whole; /* inexact only where out of range */
		break;
	}
	if (rc == 0 && policy_key_check(k, value, &why) < 0)
		rc = refuse(r, policy_key_is_sane(k, value), &why, err);
	if (rc == 0)
		policy_key_set(k, &r->to->policy, value);
	return rc;
}

/* Replaces the built-in list whole. */
static int ignore_read(struct reading *r, struct err *err)
{
	struct policy *p = &r->to->policy;
	struct json array, e;
	size_t n = 0;
	int rc = json_get_array(&r->root, ignore_routes, POLICY_IGNORE_MAX,
				&array, &n, err);

	if (rc < 0)
		return rc;
	memset(p->ignore_routes, 0, sizeof(p->ignore_routes));
	p->n_ignore = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		const char *text = "";

		r->part = i;
		json_element(&array, i, &e);
		rc = json_text(&e, POLICY_PATTERN_BYTES - 1, &text, err);
		if (rc < 0)
			return rc;
		if (text[0] == '\0')
			return err_set(err, -EINVAL,
				       "key %s: a pattern is not empty",
				       e.path);
		(void)!snprintf(p->ignore_routes[i], POLICY_PATTERN_BYTES, "%s",
				text);
	}
	return 0;
}

static int service_add(struct policy_text *t, const struct json *e,
		       struct err *err)
{
	const char *text = "";
	int rc = json_text(e, LIMIT_IDENTITY_BYTES, &text, err);

	if (rc == 0)
		rc = identity_check(e->path, text, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < t->n_services; i++)
		if (strcmp(t->services[i], text) == 0)
			return err_set(err, -EINVAL,
				       "key %s: service %.100s stands in the "
				       "list before",
				       e->path, text);
	(void)!snprintf(t->services[t->n_services],
			sizeof(t->services[t->n_services]), "%s", text);
	t->n_services++;
	return 0;
}

static int services_read(struct reading *r, struct err *err)
{
	struct json array, e;
	size_t n = 0;
	int rc = json_get_array(&r->root, services, LIMIT_POLICY_SERVICES,
				&array, &n, err);

	if (rc < 0 || n == 0)
		return rc;
	r->to->services = calloc(n, sizeof(r->to->services[0]));
	if (!r->to->services)
		return err_set(err, -ENOMEM, "policy: no memory");
	for (size_t i = 0; i < n && rc == 0; i++) {
		r->part = i;
		json_element(&array, i, &e);
		rc = service_add(r->to, &e, err);
	}
	return rc;
}

static int key_refuse(const struct reading *r, const char *key, struct err *err)
{
	enum { N_MAX = 64 };
	const char *known[N_MAX + 3];
	struct err why = { "" };
	size_t n = 0;

	while (n < n_policy_keys && n < N_MAX) {
		known[n] = policy_keys[n].name;
		n++;
	}
	known[n++] = ignore_routes;
	known[n++] = services;
	known[n] = NULL;
	(void)json_refuse_key(&r->root, key, known, &why); /* the message */
	return refuse(r, true, &why, err);
}

static int member_read(void *ctx, const char *key, struct err *err)
{
	struct reading *r = ctx;
	const struct policy_key *k = policy_key_find(key);
	int rc;

	r->part = JSON_PLACE_VALUE;
	if (k) {
		rc = number_read(r, k, err);
	} else if (strcmp(key, ignore_routes) == 0) {
		rc = ignore_read(r, err);
	} else if (strcmp(key, services) == 0) {
		rc = services_read(r, err);
	} else {
		r->part = JSON_PLACE_KEY;
		rc = key_refuse(r, key, err);
	}
	if (rc == 0)
		r->member++;
	else if (rc == -EINVAL)
		r->at = json_place_of(r->bytes, r->len, r->member, r->part);
	return rc;
}

/* --- the whole --- */

static size_t root_begin(const struct reading *r)
{
	size_t i = 0;

	while (i < r->len && strchr(" \t\r\n", r->bytes[i]))
		i++;
	return i;
}

static int root_read(struct reading *r, struct err *err)
{
	struct err why = { "" };
	int rc = json_want_object(&r->root, &why);

	if (rc < 0)
		r->at = json_place_at(r->bytes, r->len, root_begin(r));
	else
		rc = json_each(&r->root, member_read, r, &why);
	if (rc < 0 && r->at.line > 0)
		return err_set(err, rc, "line %u column %u: %s", r->at.line,
			       r->at.column, why.text);
	return rc < 0 ? err_set(err, rc, "%s", why.text) : 0;
}

/* Both ways to read one; beyond NULL: strictly. */
static int parse(const char *name, const char *text, size_t len,
		 struct policy_text *ret_t, struct json_place *ret_at,
		 struct err *beyond, struct err *err)
{
	struct policy_text t = { .n_services = 0 };
	struct reading r = {
		.bytes = text, .len = len, .to = &t, .beyond = beyond
	};
	struct json_doc *doc = NULL;
	int rc;

	policy_default(&t.policy);
	(void)!snprintf(t.policy.name, sizeof(t.policy.name), "%s", name);
	rc = json_parse_at(text, len, &doc, &r.root, &r.at, err);
	if (rc == 0)
		rc = root_read(&r, err);
	json_doc_free(doc);
	if (rc == 0)
		rc = policy_check(&t.policy, err); /* the name */
	if (rc < 0) {
		policy_text_release(&t);
		*ret_at = r.at;
		return rc;
	}
	*ret_t = t;
	return 0;
}

int policy_text_parse(const char *name, const char *text, size_t len,
		      struct policy_text *ret_t, struct json_place *ret_at,
		      struct err *err)
{
	return parse(name, text, len, ret_t, ret_at, NULL, err);
}

int policy_text_parse_kept(const char *name, const char *text, size_t len,
			   struct policy_text *ret_t, struct err *ret_beyond,
			   struct err *err)
{
	struct json_place at;

	ret_beyond->text[0] = '\0';
	return parse(name, text, len, ret_t, &at, ret_beyond, err);
}

void policy_text_release(struct policy_text *t)
{
	free(t->services);
	t->services = NULL;
	t->n_services = 0;
}

static void number_print(struct buf *out, const struct policy_key *k,
			 const struct policy *policy)
{
	double value = policy_key_get(k, policy);

	if (k->kind == POLICY_REAL)
		json_text_number(out, value);
	else if (k->kind == POLICY_TRUTH)
		buf_puts(out, value != 0.0 ? "true" : "false");
	else
		buf_printf(out, "%" PRId64, (int64_t)value);
}

void policy_text_print(struct buf *out, const struct policy *policy)
{
	for (size_t i = 0; i < n_policy_keys; i++) {
		buf_printf(out, "%s\"%s\":", i ? "," : "{",
			   policy_keys[i].name);
		number_print(out, &policy_keys[i], policy);
	}
	buf_printf(out, ",\"%s\":[", ignore_routes);
	for (uint32_t i = 0; i < policy->n_ignore; i++) {
		buf_puts(out, i ? "," : "");
		json_text_string(out, policy->ignore_routes[i]);
	}
	buf_puts(out, "]}");
}

void policy_text_services(struct buf *out, const struct policy_text *t)
{
	buf_puts(out, "[");
	for (size_t i = 0; i < t->n_services; i++) {
		buf_puts(out, i ? "," : "");
		json_text_string(out, t->services[i]);
	}
	buf_puts(out, "]");
}

/* --- names --- */

int policy_name_check(const char *name, struct err *err)
{
	int rc = identity_check("policy", name, err);

	if (rc < 0)
		return rc;
	if (strlen(name) >= POLICY_NAME_BYTES)
		return err_set(err, -EINVAL,
			       "policy \"%.80s\": its name has %zu bytes and "
			       "may have %d",
			       name, strlen(name), POLICY_NAME_BYTES - 1);
	if (strpbrk(name, "/@"))
		return err_set(err, -EINVAL,
			       "policy \"%.80s\": its name may not have \"/\" "
			       "or \"@\"",
			       name);
	return 0;
}

int policy_name_of(const char *path, char *ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;
	size_t len = strlen(file);
	char name[256];
	int rc;

	if (len <= 5 || strcmp(file + len - 5, ".json") != 0 || file[0] == '.')
		return err_set(err, -ENOENT,
			       "\"%.100s\" is no name of a policy's file: that "
			       "is NAME.json",
			       file);
	(void)!snprintf(name, sizeof(name), "%.*s", (int)(len - 5), file);
	rc = policy_name_check(name, err);
	if (rc == 0)
		memcpy(ret_name, name, strlen(name) + 1);
	return rc;
}
