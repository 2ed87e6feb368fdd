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

#include <stdint.h>

#include "stats/policy.h"

struct err;
struct policies;
struct store;

/*
 * Read the built-in policy and those in dir (NULL: none) and register their
 * versions.  A file that is wrong is refused with its path, line and column,
 * as policy_text_parse() has it; so is one whose name cannot be a policy's,
 * and a service that two policies name, with the names of both.
 * Returns 0 and the caller owns *ret_p: policies_close(); or -EINVAL,
 * -EBADMSG, -EMSGSIZE, or an error of file_read() or of the store.
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

#endif /* GATE_POLICIES_H */
