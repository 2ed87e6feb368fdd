/* SPDX-License-Identifier: Apache-2.0 */
/* policies_state - what holds; for policies.c and policies_load.c alone. */
#ifndef GATE_POLICIES_STATE_H
#define GATE_POLICIES_STATE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "gate/policies.h"

struct policies {
	struct store *store;   /* borrowed: older versions are there */
	pthread_rwlock_t lock; /* what follows, once it is open */
	size_t n;
	struct policies_entry entries[LIMIT_POLICIES]; /* first: "default" */
};

/* The policy that holds under a name, or NULL. */
struct policies_entry *policies_entry_find(struct policies *p,
					   const char *name);

/*
 * Let a policy hold, with the version that its content has in the store.
 * What t holds is the entry's afterwards, or on failure still the caller's.
 * Returns 0; -EINVAL if there is no room; -EEXIST if another names one of its
 * services; or an error of the store.
 */
int policies_entry_add(struct policies *p, struct policy_text *t,
		       enum policies_source source, int64_t now_ms,
		       struct err *err);

/*
 * Hold what was put by an older program and is not permitted now, with the
 * version and the numbers that it has; as policies_entry_add() does.
 */
int policies_entry_refuse(struct policies *p, struct policy_text *t,
			  const struct err *refused, struct err *err);

/*
 * A version from the store.
 *
 *   ret_beyond  receives what of it is not permitted now; "" if nothing
 *
 * Returns 0; -EINVAL or -EBADMSG if it cannot be read; or an error of the
 * store.
 */
int policies_kept(struct policies *p, const char *name, uint32_t version,
		  struct policy *ret_policy, struct err *ret_beyond,
		  struct err *err);

/* policies_load.c: add what a directory has, then what the store has. */
int policies_load_dir(struct policies *p, const char *dir, int64_t now_ms,
		      struct err *err);
int policies_load_store(struct policies *p, int64_t now_ms, struct err *err);

#endif /* GATE_POLICIES_STATE_H */
