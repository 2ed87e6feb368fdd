/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policies.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/file.h"
#include "common/limits.h"
#include "gate/store.h"
#include "stats/policy_text.h"

struct policies {
	struct store *store; /* borrowed: older versions are there */
	size_t n;
	struct policy_text entries[LIMIT_POLICIES]; /* first: "default" */
};

/* Where a policy of that name is, or belongs; NULL if there is no room. */
static struct policy_text *entry_of(struct policies *p, const char *name)
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
	struct json_place at;
	struct policy_text t;
	struct policy_text *to;
	char *text = NULL;
	size_t len = 0;
	int rc = file_read(path, LIMIT_JSON_BYTES, &text, &len, err);

	if (rc < 0)
		return rc;
	rc = policy_text_parse(name, text, len, &t, &at, &why);
	free(text);
	if (rc < 0)
		return err_set(err, rc, "%s: %s", path, why.text);
	to = entry_of(p, name);
	if (!to) {
		policy_text_release(&t);
		return err_set(err, -EINVAL, "%s: more than %d policies", path,
			       LIMIT_POLICIES);
	}
	*to = t;
	return 0;
}

/* A file of the directory, if it is meant as a policy. */
static int entry_add(struct policies *p, const char *dir, const char *file,
		     struct err *err)
{
	struct err why = { .text = "" };
	char name[POLICY_NAME_BYTES];
	char path[512];
	int rc = policy_name_of(file, name, &why);

	if (rc == -ENOENT)
		return 0;
	(void)!snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (rc < 0)
		return err_set(err, rc, "%s: %s", path, why.text);
	return file_add(p, path, name, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int dir_add(struct policies *p, const char *dir, struct err *err)
{
	struct dirent **files = NULL;
	int n = scandir(dir, &files, NULL, by_name);
	int rc = 0;

	if (n < 0)
		return err_set(err, -EINVAL, "--policy-dir %s: %s", dir,
			       err_describe(errno));
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = entry_add(p, dir, files[i]->d_name, err);
		free(files[i]);
	}
	free(files);
	return rc;
}

/* Whose list has this service?  Passes over the first skip entries. */
static const struct policy_text *entry_for(const struct policies *p,
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
			const struct policy_text *other =
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

/* Give a policy the version that its content has in the store. */
static int keep(struct policies *p, struct policy *policy, int64_t now_ms,
		struct err *err)
{
	struct buf text = { .max = LIMIT_JSON_BYTES };
	int rc;

	policy_text_print(&text, policy);
	if (text.bad)
		rc = err_set(err, -ENOMEM, "policy: no memory");
	else
		rc = store_put_policy(p->store, policy->name, text.bytes,
				      now_ms, &policy->version, err);
	buf_release(&text);
	return rc;
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
	for (size_t i = 0; i < p->n && rc == 0; i++)
		rc = keep(p, &p->entries[i].policy, now_ms, err);
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
		policy_text_release(&p->entries[i]);
	free(p);
}

/* An older version, from the store. */
static int get_kept(struct policies *p, const char *name, uint32_t version,
		    struct policy *ret_policy, struct err *err)
{
	struct policy_text t = { .n_services = 0 };
	struct json_place at;
	char *text = NULL;
	int rc = store_get_policy(p->store, name, version, &text, NULL, err);

	if (rc < 0)
		return rc;
	rc = policy_text_parse(name, text, strlen(text), &t, &at, err);
	free(text);
	if (rc == 0) {
		*ret_policy = t.policy;
		ret_policy->version = version;
	}
	policy_text_release(&t);
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
	const struct policy_text *e = entry_for(p, service, 0);

	return e ? &e->policy : &p->entries[0].policy;
}
