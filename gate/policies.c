/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What holds, under a lock that readers share.  A change holds it through its
 * commit: changes are rare, and in between a caller must not see what a crash
 * could take back.
 */
#include "gate/policies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "gate/policies_state.h"
#include "gate/store.h"

static const char no_services[] = "{\"services\":[]}";

const char *policies_source_name(enum policies_source source)
{
	static const char *const names[] = {
		[POLICIES_BUILT_IN] = "built-in",
		[POLICIES_FILE] = "file",
		[POLICIES_API] = "api",
	};

	return names[source];
}

/* --- entries --- */

struct policies_entry *policies_entry_find(struct policies *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->entries[i].text.policy.name, name) == 0)
			return &p->entries[i];
	return NULL;
}

/* The entry that names a service, but for one; or NULL. */
static const struct policies_entry *
entry_for(const struct policies *p, const char *service, const char *but)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct policies_entry *e = &p->entries[i];

		if (but && strcmp(e->text.policy.name, but) == 0)
			continue;
		for (size_t k = 0; k < e->text.n_services; k++)
			if (strcmp(e->text.services[k], service) == 0)
				return e;
	}
	return NULL;
}

/* Where an entry comes from, for a message. */
static const char *origin(enum policies_source source)
{
	return source == POLICIES_FILE	? "a file"
	       : source == POLICIES_API ? "put over the API"
					: "built in";
}

/* Does another policy name one of these services?  Returns 0 or -EEXIST. */
static int check_binding(const struct policies *p, const struct policy_text *t,
			 enum policies_source source, struct err *err)
{
	for (size_t k = 0; k < t->n_services; k++) {
		const struct policies_entry *other =
			entry_for(p, t->services[k], t->policy.name);

		if (other)
			return err_set(err, -EEXIST,
				       "policies %s (%s) and %s (%s) both name "
				       "service %.100s",
				       other->text.policy.name,
				       origin(other->source), t->policy.name,
				       origin(source), t->services[k]);
	}
	return 0;
}

/* Let a policy hold; t is the entry's from then on. */
static void entry_set(struct policies *p, const struct policy_text *t,
		      enum policies_source source)
{
	struct policies_entry *e = policies_entry_find(p, t->policy.name);

	if (e)
		policy_text_release(&e->text);
	else
		e = &p->entries[p->n++];
	*e = (struct policies_entry){ .text = *t, .source = source };
}

/* Is there room for a policy of that name?  Returns 0 or -EINVAL. */
static int check_room(struct policies *p, const char *name, struct err *err)
{
	if (p->n < LIMIT_POLICIES || policies_entry_find(p, name))
		return 0;
	return err_set(err, -EINVAL, "policy %s: there are %d, and no more",
		       name, LIMIT_POLICIES);
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

int policies_entry_add(struct policies *p, struct policy_text *t,
		       enum policies_source source, int64_t now_ms,
		       struct err *err)
{
	int rc = check_room(p, t->policy.name, err);

	if (rc == 0)
		rc = check_binding(p, t, source, err);
	if (rc == 0)
		rc = keep(p, &t->policy, now_ms, err);
	if (rc == 0)
		entry_set(p, t, source);
	return rc;
}

int policies_entry_refuse(struct policies *p, struct policy_text *t,
			  const struct err *refused, struct err *err)
{
	int rc = check_room(p, t->policy.name, err);

	if (rc == 0)
		rc = check_binding(p, t, POLICIES_API, err);
	if (rc < 0)
		return rc;
	entry_set(p, t, POLICIES_API);
	policies_entry_find(p, t->policy.name)->refused = *refused;
	return 0;
}

static void set_built_in(struct policies *p)
{
	struct policy_text t = { .n_services = 0 };

	policy_default(&t.policy);
	entry_set(p, &t, POLICIES_BUILT_IN);
}

/* --- what was put --- */

/* Write down what holds from now on; t NULL: nothing, it is retired. */
static int say(struct policies *p, const char *name,
	       const struct policy_text *t, int64_t now_ms, struct err *err)
{
	struct store_policy_said said = {
		.name = name,
		.said_ms = now_ms,
		.version = t ? t->policy.version : 0,
		.services = no_services,
	};
	struct buf services = { 0 };
	int rc;

	if (t) {
		buf_puts(&services, "{\"services\":");
		policy_text_services(&services, t);
		buf_puts(&services, "}");
		said.services = services.bytes;
	}
	rc = services.bad ? err_set(err, -ENOMEM, "policy: no memory")
			  : store_say_policy(p->store, &said, err);
	buf_release(&services);
	return rc;
}

/* Does the entry say what t says? */
static bool is_same(const struct policies_entry *e, const struct policy_text *t)
{
	if (!e || e->source != POLICIES_API ||
	    e->text.policy.version != t->policy.version ||
	    e->text.n_services != t->n_services)
		return false;
	for (size_t i = 0; i < t->n_services; i++)
		if (strcmp(e->text.services[i], t->services[i]) != 0)
			return false;
	return true;
}

/* With the lock.  t is the entry's afterwards, or the caller's on failure. */
static int put(struct policies *p, struct policy_text *t, int64_t now_ms,
	       bool *ret_created, struct err *err)
{
	const char *name = t->policy.name;
	const struct policies_entry *e = policies_entry_find(p, name);
	bool created = !e;
	int rc;

	if (e && e->source == POLICIES_FILE)
		return err_set(err, -EEXIST,
			       "policy %s is a file, which is read when the "
			       "gate starts: change that",
			       name);
	rc = check_room(p, name, err);
	if (rc == 0)
		rc = check_binding(p, t, POLICIES_API, err);
	if (rc == 0)
		rc = keep(p, &t->policy, now_ms, err);
	if (rc == 0 && !is_same(e, t))
		rc = say(p, name, t, now_ms, err);
	if (rc < 0)
		return rc;
	entry_set(p, t, POLICIES_API);
	*ret_created = created;
	return 0;
}

int policies_put(struct policies *p, const char *name, const char *text,
		 size_t len, int64_t now_ms, bool *ret_created, struct err *err)
{
	struct policy_text t = { .n_services = 0 };
	struct json_place at;
	int rc = policy_name_check(name, err);

	if (rc == 0)
		rc = policy_text_parse(name, text, len, &t, &at, err);
	if (rc < 0)
		return rc;
	pthread_rwlock_wrlock(&p->lock);
	rc = put(p, &t, now_ms, ret_created, err);
	pthread_rwlock_unlock(&p->lock);
	if (rc < 0)
		policy_text_release(&t);
	return rc;
}

/* With the lock, of a policy that was put. */
static int retire(struct policies *p, struct policies_entry *e, int64_t now_ms,
		  struct err *err)
{
	int rc = say(p, e->text.policy.name, NULL, now_ms, err);

	if (rc < 0)
		return rc;
	if (e->source == POLICIES_FILE) {
		e->has_aside = false;
		return 0;
	}
	if (e == &p->entries[0]) {
		set_built_in(p);
		return keep(p, &e->text.policy, now_ms, err);
	}
	policy_text_release(&e->text);
	p->n--;
	memmove(e, e + 1,
		(size_t)(p->entries + p->n - e) * sizeof(p->entries[0]));
	return 0;
}

int policies_retire(struct policies *p, const char *name, int64_t now_ms,
		    struct err *err)
{
	struct policies_entry *e;
	int rc;

	pthread_rwlock_wrlock(&p->lock);
	e = policies_entry_find(p, name);
	if (!e)
		rc = err_set(err, -ENOENT, "there is no policy %.63s", name);
	else if (e->source == POLICIES_API || e->has_aside)
		rc = retire(p, e, now_ms, err);
	else
		rc = err_set(err, -EEXIST,
			     e->source == POLICIES_FILE
				     ? "policy %s is a file, which is read "
				       "when the gate starts: remove that"
				     : "policy %s is built in",
			     e->text.policy.name);
	pthread_rwlock_unlock(&p->lock);
	return rc;
}

/* --- all of it --- */

int policies_open(const char *dir, struct store *st, int64_t now_ms,
		  struct policies **ret_p, struct err *err)
{
	struct policies *p = calloc(1, sizeof(*p));
	int rc = 0;

	if (!p)
		return err_set(err, -ENOMEM, "policy: no memory");
	p->store = st;
	pthread_rwlock_init(&p->lock, NULL);
	set_built_in(p);
	if (dir)
		rc = policies_load_dir(p, dir, now_ms, err);
	if (rc == 0)
		rc = policies_load_store(p, now_ms, err);
	/* last: one that was replaced makes no version */
	if (rc == 0 && p->entries[0].source == POLICIES_BUILT_IN)
		rc = keep(p, &p->entries[0].text.policy, now_ms, err);
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
		policy_text_release(&p->entries[i].text);
	pthread_rwlock_destroy(&p->lock);
	free(p);
}

int policies_kept(struct policies *p, const char *name, uint32_t version,
		  struct policy *ret_policy, struct err *ret_beyond,
		  struct err *err)
{
	struct policy_text t = { .n_services = 0 };
	char *text = NULL;
	int rc = store_get_policy(p->store, name, version, &text, NULL, err);

	if (rc < 0)
		return rc;
	rc = policy_text_parse_kept(name, text, strlen(text), &t, ret_beyond,
				    err);
	free(text);
	if (rc == 0) {
		*ret_policy = t.policy;
		ret_policy->version = version;
	}
	policy_text_release(&t);
	return rc;
}

/* "default, strict": what there is, as far as it fits. */
static void names_list(const struct policies *p, char *text, size_t size)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->n && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s",
					i ? ", " : "",
					p->entries[i].text.policy.name);
}

/* The policy of an entry, for a rollout that begins; with the lock. */
static int entry_policy(const struct policies_entry *e,
			struct policy *ret_policy, struct err *err)
{
	if (e->refused.text[0])
		return err_set(err, -EINVAL,
			       "policy %s@%u was put when more was permitted, "
			       "and no rollout begins by it; put it again: %s",
			       e->text.policy.name, e->text.policy.version,
			       e->refused.text);
	*ret_policy = e->text.policy;
	return 0;
}

/* The one that holds; with the lock. */
static int get_now(struct policies *p, const char *name,
		   struct policy *ret_policy, struct err *err)
{
	const struct policies_entry *e = policies_entry_find(p, name);
	char names[120];

	if (e)
		return entry_policy(e, ret_policy, err);
	names_list(p, names, sizeof(names));
	return err_set(err, -ENOENT, "no policy %.63s; there are %s", name,
		       names);
}

int policies_get(struct policies *p, const char *name, uint32_t version,
		 struct policy *ret_policy, struct err *err)
{
	const struct policies_entry *e;
	struct err beyond;
	bool kept = false; /* it is in the store alone */
	int rc = 0;

	pthread_rwlock_rdlock(&p->lock);
	if (version == 0) {
		rc = get_now(p, name, ret_policy, err);
	} else {
		e = policies_entry_find(p, name);
		kept = !e || version != e->text.policy.version ||
		       e->refused.text[0];
		if (!kept)
			*ret_policy = e->text.policy;
	}
	pthread_rwlock_unlock(&p->lock);
	return kept ? policies_kept(p, name, version, ret_policy, &beyond, err)
		    : rc;
}

int policies_bound(struct policies *p, const char *service,
		   struct policy *ret_policy, struct err *err)
{
	const struct policies_entry *e;
	int rc;

	pthread_rwlock_rdlock(&p->lock);
	e = entry_for(p, service, NULL);
	rc = entry_policy(e ? e : &p->entries[0], ret_policy, err);
	pthread_rwlock_unlock(&p->lock);
	return rc;
}

size_t policies_each(struct policies *p, const char *name,
		     int (*visit)(void *ctx, const struct policies_entry *e),
		     void *ctx)
{
	size_t n = 0;

	pthread_rwlock_rdlock(&p->lock);
	for (size_t i = 0; i < p->n; i++) {
		const struct policies_entry *e = &p->entries[i];

		if (name && strcmp(e->text.policy.name, name) != 0)
			continue;
		n++;
		if (visit(ctx, e) != 0)
			break;
	}
	pthread_rwlock_unlock(&p->lock);
	return n;
}
