/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies - the named policies of a gate: "default" and JSON files.
 *
 * A file NAME.json in the policy directory is policy NAME.  Reading happens
 * at start; each distinct content gets a version in the store, so that a
 * rollout is judged by the policy it began with for ever.
 */
#ifndef GATE_POLICIES_H
#define GATE_POLICIES_H

#include <stddef.h>
#include <stdint.h>

#include "stats/policy.h"

struct err;
struct policies;
struct store;

/*
 * Read the built-in policy and those in dir (NULL: none) and register their
 * versions.  A file that is wrong is refused with its name, line and column.
 * Returns 0 and the caller owns *ret_p: policies_close(); or -EINVAL,
 * -EBADMSG, or an error of the store.
 */
int policies_open(const char *dir, struct store *st, int64_t now_ms,
		  struct policies **ret_p, struct err *err);
void policies_close(struct policies *p);

/*
 * The policy of that name and version; version 0 is the one read at start.
 * Returns 0 or -ENOENT, with a message that lists the names there are.
 */
int policies_get(struct policies *p, const char *name, uint32_t version,
		 struct policy *ret_policy, struct err *err);

/*
 * The policy that is bound to a service: the one whose file lists it under
 * "services", else "default".  A caller may ask for another only where that
 * one is tighter (policy_tightens()).
 */
const struct policy *policies_bound(const struct policies *p,
				    const char *service);

/*
 * Read a policy from JSON text.  Keys that are missing keep the built-in
 * value; an unknown or repeated key, a wrong type and a number out of its
 * range are refused, with line and column where the text itself is wrong.
 * "services", a list of identities, is checked and left to policies_open().
 * Returns 0, -EBADMSG or -EINVAL.
 */
int policies_parse(const char *name, const char *text, size_t len,
		   struct policy *ret_policy, struct err *err);

/* Every number of a policy as JSON that policies_parse() reads back. */
int policies_print(const struct policy *policy, char **ret_text);

#endif /* GATE_POLICIES_H */
