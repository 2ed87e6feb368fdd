/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing go by one table of keys, so that a number that can be
 * set is also shown, and the other way about.
 */
#include "gate/policies.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/identity.h"
#include "common/json_text.h"
#include "common/limits.h"
#include "gate/json.h"
#include "gate/store.h"

enum kind { KIND_NUMBER, KIND_U32, KIND_U64, KIND_MS, KIND_BOOL };

#define KEY(kind, field)                                     \
	{                                                    \
#field, kind, offsetof(struct policy, field) \
	}

static const struct key {
	const char *name;
	enum kind kind;
	size_t offset;
} keys[] = {
	KEY(KIND_NUMBER, alpha_fail),
	KEY(KIND_NUMBER, alpha_pass),
	KEY(KIND_NUMBER, margin),
	KEY(KIND_NUMBER, margin_ms),
	KEY(KIND_NUMBER, error_ratio),
	KEY(KIND_NUMBER, error_margin),
	KEY(KIND_NUMBER, unanswered_margin),
	KEY(KIND_U32, soak_windows),
	KEY(KIND_U32, min_baseline),
	KEY(KIND_U32, min_canary),
	KEY(KIND_U64, warm_requests),
	KEY(KIND_NUMBER, load_lo),
	KEY(KIND_NUMBER, load_hi),
	KEY(KIND_BOOL, load_unequal_ok),
	KEY(KIND_NUMBER, loss_max),
	KEY(KIND_U32, restarts_max),
	KEY(KIND_MS, no_data_after_ms),
	KEY(KIND_MS, give_up_after_ms),
	KEY(KIND_BOOL, profile_gates),
	KEY(KIND_NUMBER, profile_alpha),
	KEY(KIND_NUMBER, path_min_share),
	KEY(KIND_NUMBER, path_min_rise),
};

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

/* A policy as read at start, and the services that its file names. */
struct entry {
	struct policy policy;
	size_t n_services;
	char (*services)[LIMIT_IDENTITY_BYTES + 1];
};

struct policies {
	struct store *store; /* borrowed: older versions are there */
	size_t n;
	struct entry entries[LIMIT_POLICIES]; /* the first is "default" */
};

/* --- one document --- */

static int key_read(const struct json *root, const struct key *k, void *field,
		    struct err *err)
{
	uint64_t n = 0;
	int rc;

	switch (k->kind) {
	case KIND_NUMBER:
		return json_get_number(root, k->name, field, err);
	case KIND_U64:
		return json_get_u64(root, k->name, 0, INT64_MAX, field, err);
	case KIND_MS:
		return json_get_i64(root, k->name, field, err);
	case KIND_BOOL:
		return json_get_bool(root, k->name, field, err);
	case KIND_U32:
		break;
	}
	n = *(uint32_t *)field;
	rc = json_get_u64(root, k->name, 0, UINT32_MAX, &n, err);
	*(uint32_t *)field = (uint32_t)n;
	return rc;
}

/* "ignore_routes" replaces the built-in list whole. */
static int ignore_read(const struct json *root, struct policy *p,
		       struct err *err)
{
	struct json array, e;
	size_t n = 0;
	int rc;

	if (!json_member(root, "ignore_routes", &e))
		return 0;
	rc = json_get_array(root, "ignore_routes", POLICY_IGNORE_MAX, &array,
			    &n, err);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const char *text = "";

		json_element(&array, i, &e);
		rc = json_text(&e, POLICY_PATTERN_BYTES - 1, &text, err);
		(void)!snprintf(p->ignore_routes[i], POLICY_PATTERN_BYTES, "%s",
				text);
	}
	p->n_ignore = (uint32_t)n;
	return rc;
}

/* The services, allocated; e has room for none before. */
static int services_read(const struct json *root, struct entry *e,
			 struct err *err)
{
	struct json array, item;
	size_t n = 0;
	int rc;

	rc = json_get_array(root, "services", LIMIT_POLICY_SERVICES, &array, &n,
			    err);
	if (rc < 0 || n == 0)
		return rc;
	e->services = calloc(n, sizeof(e->services[0]));
	if (!e->services)
		return err_set(err, -ENOMEM, "policy: no memory");
	for (size_t i = 0; i < n && rc == 0; i++) {
		const char *text = "";

		json_element(&array, i, &item);
		rc = json_text(&item, LIMIT_IDENTITY_BYTES, &text, err);
		if (rc == 0)
			rc = identity_check(item.path, text, err);
		(void)!snprintf(e->services[i], sizeof(e->services[i]), "%s",
				text);
	}
	e->n_services = n;
	return rc;
}

static void entry_release(struct entry *e)
{
	free(e->services);
	e->services = NULL;
	e->n_services = 0;
}

static int root_read(const struct json *root, struct entry *e, struct err *err)
{
	const char *known[N_KEYS + 3];
	int rc;

	for (size_t i = 0; i < N_KEYS; i++)
		known[i] = keys[i].name;
	known[N_KEYS] = "ignore_routes";
	known[N_KEYS + 1] = "services";
	known[N_KEYS + 2] = NULL;
	rc = json_want_only(root, known, err);
	for (size_t i = 0; i < N_KEYS && rc == 0; i++)
		rc = key_read(root, &keys[i],
			      (char *)&e->policy + keys[i].offset, err);
	if (rc == 0)
		rc = ignore_read(root, &e->policy, err);
	if (rc == 0)
		rc = services_read(root, e, err);
	if (rc == 0)
		rc = policy_check(&e->policy, err);
	return rc;
}

/* Fill an empty entry; on failure it is empty again. */
static int entry_parse(const char *name, const char *text, size_t len,
		       struct entry *e, struct err *err)
{
	struct json_doc *doc = NULL;
	struct json root;
	int rc;

	*e = (struct entry){ .n_services = 0 };
	policy_default(&e->policy);
	(void)!snprintf(e->policy.name, sizeof(e->policy.name), "%s", name);
	rc = json_parse(text, len, &doc, &root, err);
	if (rc == 0)
		rc = root_read(&root, e, err);
	json_doc_free(doc);
	if (rc < 0)
		entry_release(e);
	return rc;
}

int policies_parse(const char *name, const char *text, size_t len,
		   struct policy *ret_policy, struct err *err)
{
	struct entry e;
	int rc = entry_parse(name, text, len, &e, err);

	if (rc < 0)
		return rc == -EMSGSIZE ? -EINVAL : rc;
	*ret_policy = e.policy;
	entry_release(&e);
	return 0;
}

static void key_print(struct buf *out, const struct key *k, const void *field)
{
	switch (k->kind) {
	case KIND_NUMBER:
		json_text_number(out, *(const double *)field);
		break;
	case KIND_U32:
		buf_printf(out, "%" PRIu32, *(const uint32_t *)field);
		break;
	case KIND_U64:
		buf_printf(out, "%" PRIu64, *(const uint64_t *)field);
		break;
	case KIND_MS:
		buf_printf(out, "%" PRId64, *(const int64_t *)field);
		break;
	case KIND_BOOL:
		buf_puts(out, *(const bool *)field ? "true" : "false");
		break;
	}
}

int policies_print(const struct policy *policy, char **ret_text)
{
	struct buf out = { .max = LIMIT_JSON_BYTES };
	char *text;

	for (size_t i = 0; i < N_KEYS; i++) {
		buf_printf(&out, "%s\"%s\":", i ? "," : "{", keys[i].name);
		key_print(&out, &keys[i],
			  (const char *)policy + keys[i].offset);
	}
	buf_puts(&out, ",\"ignore_routes\":[");
	for (uint32_t i = 0; i < policy->n_ignore; i++) {
		buf_puts(&out, i ? "," : "");
		json_text_string(&out, policy->ignore_routes[i]);
	}
	buf_puts(&out, "]}");
	text = buf_take(&out, NULL);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

/* --- a directory of them --- */

/* NAME of NAME.json where NAME is an identity that fits; else false. */
static bool name_of(const char *file, char *ret_name)
{
	size_t len = strlen(file);

	if (len <= 5 || strcmp(file + len - 5, ".json") != 0 ||
	    len - 5 >= POLICY_NAME_BYTES)
		return false;
	memcpy(ret_name, file, len - 5);
	ret_name[len - 5] = '\0';
	return identity_check("policy", ret_name, NULL) == 0;
}

static int file_read(const char *path, char **ret_text, size_t *ret_len,
		     struct err *err)
{
	char *text = malloc(LIMIT_JSON_BYTES + 1);
	FILE *f;
	int rc = 0;

	if (!text)
		return err_set(err, -ENOMEM, "policy: no memory");
	f = fopen(path, "re");
	if (!f) {
		rc = err_set(err, -EINVAL, "policy file %s: %s", path,
			     err_describe(errno));
		free(text);
		return rc;
	}
	/* one byte more than is taken, so that too long is seen */
	*ret_len = fread(text, 1, LIMIT_JSON_BYTES + 1, f);
	if (ferror(f))
		rc = err_set(err, -EINVAL, "policy file %s: it cannot be read",
			     path);
	(void)fclose(f); /* only read */
	if (rc < 0)
		free(text);
	else
		*ret_text = text;
	return rc;
}

/* Where a policy of that name is, or belongs; NULL if there is no room. */
static struct entry *entry_of(struct policies *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->entries[i].policy.name, name) == 0)
			return &p->entries[i];
	return p->n < LIMIT_POLICIES ? &p->entries[p->n++] : NULL;
}

static int file_add(struct policies *p, const char *path, const char *name,
		    struct err *err)
{
	struct err why = { .text = "" };
	struct entry e;
	struct entry *to;
	char *text = NULL;
	size_t len = 0;
	int rc = file_read(path, &text, &len, err);

	if (rc < 0)
		return rc;
	rc = entry_parse(name, text, len, &e, &why);
	free(text);
	if (rc < 0)
		return err_set(err, rc == -EMSGSIZE ? -EINVAL : rc, "%s: %s",
			       path, why.text);
	to = entry_of(p, name);
	if (!to) {
		entry_release(&e);
		return err_set(err, -EINVAL, "%s: more than %d policies", path,
			       LIMIT_POLICIES);
	}
	*to = e;
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int dir_add(struct policies *p, const char *dir, struct err *err)
{
	struct dirent **files = NULL;
	char name[POLICY_NAME_BYTES];
	char path[512];
	int n = scandir(dir, &files, NULL, by_name);
	int rc = 0;

	if (n < 0)
		return err_set(err, -EINVAL, "--policy-dir %s: %s", dir,
			       err_describe(errno));
	for (int i = 0; i < n; i++) {
		if (rc == 0 && name_of(files[i]->d_name, name)) {
			(void)!snprintf(path, sizeof(path), "%s/%s", dir,
					files[i]->d_name);
			rc = file_add(p, path, name, err);
		}
		free(files[i]);
	}
	free(files);
	return rc;
}

/* Whose list has this service?  Passes over the first skip entries. */
static const struct entry *entry_for(const struct policies *p,
				     const char *service, size_t skip)
{
	for (size_t i = skip; i < p->n; i++)
		for (size_t k = 0; k < p->entries[i].n_services; k++)
			if (strcmp(p->entries[i].services[k], service) == 0)
				return &p->entries[i];
	return NULL;
}

static int check_bindings(const struct policies *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->entries[i].n_services; k++) {
			const char *service = p->entries[i].services[k];
			const struct entry *other =
				entry_for(p, service, i + 1);

			if (other)
				return err_set(err, -EINVAL,
					       "policies %s and %s both name "
					       "service %.100s",
					       p->entries[i].policy.name,
					       other->policy.name, service);
		}
	return 0;
}

/* Give every policy the version that its content has in the store. */
static int keep_all(struct policies *p, int64_t now_ms, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		struct policy *policy = &p->entries[i].policy;
		char *text = NULL;
		int rc = policies_print(policy, &text);

		if (rc < 0)
			return err_set(err, rc, "policy: no memory");
		rc = store_put_policy(p->store, policy->name, text, now_ms,
				      &policy->version, err);
		free(text);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int policies_open(const char *dir, struct store *st, int64_t now_ms,
		  struct policies **ret_p, struct err *err)
{
	struct policies *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (!p)
		return err_set(err, -ENOMEM, "policy: no memory");
	p->store = st;
	policy_default(&p->entries[0].policy);
	p->n = 1;
	if (dir)
		rc = dir_add(p, dir, err);
	if (rc == 0)
		rc = check_bindings(p, err);
	if (rc == 0)
		rc = keep_all(p, now_ms, err);
	if (rc < 0)
		policies_close(p);
	else
		*ret_p = p;
	return rc;
}

void policies_close(struct policies *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		entry_release(&p->entries[i]);
	free(p);
}

/* An older version, from the store. */
static int get_kept(struct policies *p, const char *name, uint32_t version,
		    struct policy *ret_policy, struct err *err)
{
	char *text = NULL;
	int rc = store_get_policy(p->store, name, version, &text, NULL, err);

	if (rc < 0)
		return rc;
	rc = policies_parse(name, text, strlen(text), ret_policy, err);
	free(text);
	if (rc == 0)
		ret_policy->version = version;
	return rc;
}

int policies_get(struct policies *p, const char *name, uint32_t version,
		 struct policy *ret_policy, struct err *err)
{
	char names[160] = "";
	size_t len = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct policy *policy = &p->entries[i].policy;

		if (strcmp(policy->name, name) == 0 &&
		    (version == 0 || version == policy->version)) {
			*ret_policy = *policy;
			return 0;
		}
		if (len < sizeof(names))
			len += (size_t)snprintf(names + len,
						sizeof(names) - len, "%s%s",
						i ? ", " : "", policy->name);
	}
	if (version != 0)
		return get_kept(p, name, version, ret_policy, err);
	return err_set(err, -ENOENT, "no policy %.63s; there are %s", name,
		       names);
}

const struct policy *policies_bound(const struct policies *p,
				    const char *service)
{
	const struct entry *e = entry_for(p, service, 0);

	return e ? &e->policy : &p->entries[0].policy;
}
