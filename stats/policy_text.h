/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_text - a policy as JSON, read strictly and written back.
 *
 * The only reader of policies: the gate's files, what is put over its API and
 * "tailgate policy check" go through it, so what one takes the others take.
 *
 * Pure: text comes in, from a file or not is the caller's affair.
 */
#ifndef STATS_POLICY_TEXT_H
#define STATS_POLICY_TEXT_H

#include <stddef.h>

#include "common/json_place.h"
#include "common/limits.h"
#include "stats/policy.h"

struct buf;
struct err;

/* What a text says: the numbers, and whom it is bound to. */
struct policy_text {
	struct policy policy; /* version 1: the text does not know it */
	size_t n_services;
	char (*services)[LIMIT_IDENTITY_BYTES + 1]; /* each once; owned */
};

/*
 * Read a policy.  Keys that are missing keep the built-in value.  The first
 * thing that is wrong, in the order of the text, is refused with line and
 * column, and with what is permitted: no JSON, an unknown or repeated key, a
 * wrong type, a number out of its range, a service that is no identity or
 * stands twice.
 *
 *   name    the policy's, which policy_name_check() has taken
 *   ret_t   receives what it says: policy_text_release()
 *   ret_at  on failure receives the place; line 0: the text as a whole
 *
 * Returns 0; -EBADMSG if it is no JSON; -EINVAL if it is no policy; -EMSGSIZE
 * beyond LIMIT_JSON_BYTES; or -ENOMEM.
 */
int policy_text_parse(const char *name, const char *text, size_t len,
		      struct policy_text *ret_t, struct json_place *ret_at,
		      struct err *err);

/*
 * Read a policy that was kept, perhaps by a program that permitted more: a key
 * that is no more is passed over, and a number out of its range is taken as
 * long as it is sane (policy_key_is_sane()); ret_t->policy.kept says so then.
 *
 *   ret_beyond  receives the first thing that policy_text_parse() refuses, with
 *               what is permitted; "" if nothing
 *
 * Returns as policy_text_parse() does.
 */
int policy_text_parse_kept(const char *name, const char *text, size_t len,
			   struct policy_text *ret_t, struct err *ret_beyond,
			   struct err *err);

/* Free what t holds.  A zeroed t holds nothing. */
void policy_text_release(struct policy_text *t);

/*
 * Append every number of a policy, and the routes it ignores, as one line of
 * JSON that policy_text_parse() reads back; the same policy gives the same
 * bytes.  Services are not part of it: binding one makes no other policy.
 */
void policy_text_print(struct buf *out, const struct policy *policy);

/* Append its services as a JSON array. */
void policy_text_services(struct buf *out, const struct policy_text *t);

/*
 * May a policy have this name?  It is an identity of less than
 * POLICY_NAME_BYTES without "/" and "@": it is a file's name, a segment of a
 * URL, and stands before "@VERSION" in verdicts.  Returns 0 or -EINVAL.
 */
int policy_name_check(const char *name, struct err *err);

/*
 * The policy that a file is: NAME for DIR/NAME.json.  The path may be "".
 *
 *   ret_name  POLICY_NAME_BYTES
 *
 * Returns 0; -ENOENT if it does not end in ".json" or begins with ".", so
 * that nobody means it as one; -EINVAL if NAME cannot be a policy's.
 */
int policy_name_of(const char *path, char *ret_name, struct err *err);

#endif /* STATS_POLICY_TEXT_H */
