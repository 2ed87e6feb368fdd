/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity - the names by which services, revisions and instances are known.
 *
 * An identity has 1 to LIMIT_IDENTITY_BYTES bytes: ASCII letters, digits and
 *
 *	. _ - + ~ : / @
 *
 * It begins with a letter or a digit, and no part between slashes is empty,
 * "." or "..".  So these are identities: orders, team/orders, 1.4.2+build.7,
 * 2.0~rc1, 5c9f8d7b6f, sha256:9f86d0..., registry:5000/orders@sha256:9f86...
 * And these are not: "", "my orders", "/orders", "a//b", "../x", "{{hash}}",
 * "<none>".  Case matters.  Nothing in it needs quoting in a log, a file name
 * or HTML; in a URL's query "+" must be written %2B.
 */
#ifndef COMMON_IDENTITY_H
#define COMMON_IDENTITY_H

struct err;

/*
 * Is value an identity?
 *
 *   field  what it is, for the message: "service"
 *   value  NULL counts as empty
 *   err    receives field, value (printable, cut) and what is wrong with it
 *
 * Returns 0 or -EINVAL.
 */
int identity_check(const char *field, const char *value, struct err *err);

#endif /* COMMON_IDENTITY_H */
