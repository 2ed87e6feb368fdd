/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policies - the named policies of a gate: "default", JSON files, and what
 * was put over the API.
 *
 * A file NAME.json in the policy directory is policy NAME.  Files are read
 * once, at start; a name that has no file may be put and retired while the
 * gate runs.  A file wins: its name cannot be put, and what was put before
 * the file came is kept aside and shown.  Each distinct content of a name has
 * a version in the store, so that a rollout is judged by the policy it began
 * with for ever.
 *
 * No service is named by two policies, at any time.
 *
 * Any thread may call these functions.
 */
#ifndef GATE_POLICIES_H
#define GATE_POLICIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "stats/policy_text.h"

struct policies;
struct store;

enum policies_source {
	POLICIES_BUILT_IN,
	POLICIES_FILE,
	POLICIES_API,
};

/* A policy that holds now. */
struct policies_entry {
	struct policy_text text; /* with its version */
	enum policies_source source;
	bool has_aside; /* a file stands before what was put */
	uint32_t aside; /* version that was put; with has_aside */
	/* why this program does not take what an older one did; "" if it does.
	   Rollouts that began with it go on, and none begins */
	struct err refused;
};

/*
 * Read the built-in policy, those in dir (NULL: none) and those that the
 * store has, and register their versions.  A file that is wrong is refused
 * with its path, line and column, as policy_text_parse() has it; so is one
 * whose name cannot be a policy's, and a service that two policies name, with
 * both names and where they come from.  What was put and is no longer
 * permitted is kept, refused: operators find out while the gate runs.
 *
 * Returns 0 and the caller owns *ret_p: policies_close(); or -EINVAL,
 * -EBADMSG, -EMSGSIZE, or an error of file_read() or of the store.
 */
int policies_open(const char *dir, struct store *st, int64_t now_ms,
		  struct policies **ret_p, struct err *err);
void policies_close(struct policies *p);

/*
 * The policy of that name and version; version 0 is the one that holds now,
 * for a rollout that begins.  Of another version the numbers are those that it
 * had, permitted now or not.
 *
 * Returns 0; -ENOENT, with a message that lists the names there are; -EINVAL if
 * the one that holds is refused, or one that was kept cannot be read at all.
 */
int policies_get(struct policies *p, const char *name, uint32_t version,
		 struct policy *ret_policy, struct err *err);

/*
 * The policy that is bound to a service: the one that lists it under
 * "services", else "default".  A caller may ask for another only where that
 * one is tighter (policy_tightens()).
 *
 * Returns 0, or -EINVAL if it is refused.
 */
int policies_bound(struct policies *p, const char *service,
		   struct policy *ret_policy, struct err *err);

/*
 * Show the policies that hold now, by name; or the one of a name, NULL being
 * all.  visit() borrows the entry, may not call back, and is called no more
 * once it returns no 0.  Returns how many it was shown.
 */
size_t policies_each(struct policies *p, const char *name,
		     int (*visit)(void *ctx, const struct policies_entry *e),
		     void *ctx);

/*
 * Put a policy: from when this returns it holds for rollouts that begin.
 *
 *   name, text   as policy_text_parse() takes them
 *   ret_created  whether no policy held under this name before
 *
 * Returns 0, also where nothing changes; -EBADMSG, -EINVAL or -EMSGSIZE as
 * policy_text_parse(); -EINVAL too for a name that cannot be and for more
 * than LIMIT_POLICIES; -EEXIST if the name is a file's, or another policy
 * names one of its services; or an error of the store.
 */
int policies_put(struct policies *p, const char *name, const char *text,
		 size_t len, int64_t now_ms, bool *ret_created,
		 struct err *err);

/*
 * Retire a policy that was put; of one that a file stands before, what is
 * aside.  Its versions stay, and its services fall to "default".  "default"
 * itself is then as built in.
 *
 * Returns 0; -ENOENT if nothing was put under this name; -EEXIST if it is a
 * file's or built in; or an error of the store.
 */
int policies_retire(struct policies *p, const char *name, int64_t now_ms,
		    struct err *err);

/* "built-in", "file" or "api". */
const char *policies_source_name(enum policies_source source);

#endif /* GATE_POLICIES_H */
