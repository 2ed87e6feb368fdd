/* SPDX-License-Identifier: Apache-2.0 */
/* policies: reading the directory and the store, when the gate starts. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/file.h"
#include "gate/policies_state.h"
#include "gate/store.h"

/* --- files --- */

static int file_add(struct policies *p, const char *path, const char *name,
		    int64_t now_ms, struct err *err)
{
	struct err why = { .text = "" };
	struct json_place at;
	struct policy_text t = { .n_services = 0 };
	char *text = NULL;
	size_t len = 0;
	int rc = file_read(path, LIMIT_JSON_BYTES, &text, &len, err);

	if (rc < 0)
		return rc;
	rc = policy_text_parse(name, text, len, &t, &at, &why);
	if (rc == 0)
		rc = policies_entry_add(p, &t, POLICIES_FILE, now_ms, &why);
	if (rc < 0) {
		policy_text_release(&t);
		err_set(err, rc, "%s: %s", path, why.text);
	}
	free(text);
	return rc;
}

/* A file of the directory, if it is meant as a policy. */
static int entry_add(struct policies *p, const char *dir, const char *file,
		     int64_t now_ms, struct err *err)
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
	return file_add(p, path, name, now_ms, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int policies_load_dir(struct policies *p, const char *dir, int64_t now_ms,
		      struct err *err)
{
	struct dirent **files = NULL;
	int n = scandir(dir, &files, NULL, by_name);
	int rc = 0;

	if (n < 0)
		return err_set(err, -EINVAL, "--policy-dir %s: %s", dir,
			       err_describe(errno));
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = entry_add(p, dir, files[i]->d_name, now_ms, err);
		free(files[i]);
	}
	free(files);
	return rc;
}

/* --- what was put --- */

/* What the store says was put, copied: a visit may not ask the store. */
struct said {
	char name[POLICY_NAME_BYTES];
	uint32_t version;
	struct policy_text services; /* its numbers mean nothing */
};

struct said_list {
	size_t n;
	struct said items[LIMIT_POLICIES];
	struct err err;
};

static int said_copy(void *ctx, const struct store_policy_said *said)
{
	struct said_list *list = ctx;
	struct said *to = &list->items[list->n];
	struct json_place at;

	if (said->version == 0) /* retired */
		return 0;
	if (list->n == LIMIT_POLICIES)
		return err_set(&list->err, -EINVAL,
			       "the store has more than %d policies",
			       LIMIT_POLICIES);
	(void)!snprintf(to->name, sizeof(to->name), "%s", said->name);
	to->version = said->version;
	list->n++;
	return policy_text_parse(to->name, said->services,
				 strlen(said->services), &to->services, &at,
				 &list->err);
}

static int said_add(struct policies *p, struct said *said, int64_t now_ms,
		    struct err *err)
{
	struct policies_entry *e = policies_entry_find(p, said->name);
	struct policy *policy = &said->services.policy;
	struct err beyond = { "" };
	struct err why = { "" };
	int rc;

	if (e && e->source == POLICIES_FILE) {
		e->has_aside = true;
		e->aside = said->version;
		return 0;
	}
	rc = policies_kept(p, said->name, said->version, policy, &beyond, &why);
	if (rc == -EINVAL || rc == -EBADMSG) {
		/* not even its numbers; what is bound to it must not begin */
		policy->version = said->version;
		(void)err_set(&beyond, rc, "%s", why.text);
		rc = 0;
	}
	if (rc < 0)
		return err_set(err, rc, "%s", why.text);
	rc = beyond.text[0]
		     ? policies_entry_refuse(p, &said->services, &beyond, err)
		     : policies_entry_add(p, &said->services, POLICIES_API,
					  now_ms, err);
	if (rc == 0)
		said->services = (struct policy_text){ .n_services = 0 };
	return rc;
}

int policies_load_store(struct policies *p, int64_t now_ms, struct err *err)
{
	struct said_list *list = calloc(1, sizeof(*list));
	int rc;

	if (!list)
		return err_set(err, -ENOMEM, "policy: no memory");
	rc = store_each_policy_said(p->store, said_copy, list, err);
	if (rc < 0)
		err_set(err, rc, "%s", list->err.text);
	for (size_t i = 0; i < list->n && rc == 0; i++)
		rc = said_add(p, &list->items[i], now_ms, err);
	for (size_t i = 0; i < list->n; i++)
		policy_text_release(&list->items[i].services);
	free(list);
	return rc;
}
