/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query - the target of a request: its path and its parameters.
 *
 * Strict, because a rollout's identities travel here: a parameter that is
 * given twice, a broken escape, a control character and text that is not
 * UTF-8 are refused rather than guessed at.
 *
 * Pure; works in place on the caller's copy of the target.
 */
#ifndef GATE_QUERY_H
#define GATE_QUERY_H

#include <stddef.h>

struct err;
struct request_field;

/*
 * Cut a request target in two: "/a/b?c=d" or "http://host/a/b?c=d".
 *
 *   target     changed in place
 *   ret_path   receives the path, never decoded: an escape in a path matches
 *              no endpoint
 *   ret_query  receives what follows "?"; "" without one
 *
 * Returns 0, or -EINVAL if there is no path.
 */
int query_split(char *target, char **ret_path, char **ret_query,
		struct err *err);

/*
 * Decode "a=1&b=2" into at most max fields, which borrow from text.
 *
 *   text  changed in place
 *
 * "+" and "%20" are both a space.  Returns 0, or -EINVAL with the parameter
 * in err.
 */
int query_parse(char *text, struct request_field *fields, size_t max,
		size_t *ret_n, struct err *err);

#endif /* GATE_QUERY_H */
