/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spec - which processes the operator wants measured, and as what.
 *
 * A spec comes from the command line or from a file targets.d/NAME.conf of
 * lines "key = value"; blank lines and lines that begin with '#' are skipped:
 *
 *	pid = 4711
 *	port = 8080
 *	exe = java
 *	cgroup = /system.slice/orders.service
 *	service = orders
 *	revision = file:/app/REVISION
 *	instance = env:HOSTNAME
 *
 * Of the first four at least one is there, and where there are several, all
 * must hold.  exe is a glob (fnmatch(3), '*' stops at '/') for the whole path
 * of the executable, or without a '/' for the last part of it; cgroup means
 * that cgroup and those below it.  service and revision must be there.  The
 * value of the last three is
 *
 *	file:PATH	the first line of a file below the target's root
 *	env:KEY		a variable with which the target was started
 *	unit:		the systemd unit it belongs to, without ".service"
 *	anything else	itself; an identity (common/identity.h)
 *
 * Every refusal names file, line and key.  Whom a spec means at the moment
 * is for targets.
 */
#ifndef COLLECTOR_SPEC_H
#define COLLECTOR_SPEC_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum { SPEC_TEXT_BYTES = 256 };

enum source_kind {
	SOURCE_NONE, /* not given */
	SOURCE_LITERAL,
	SOURCE_FILE,
	SOURCE_ENV,
	SOURCE_UNIT,
};

/* Where a name comes from. */
struct source {
	enum source_kind kind;
	char text[SPEC_TEXT_BYTES]; /* literal, path or key */
};

struct spec {
	char name[SPEC_TEXT_BYTES];   /* "--port 8080", "orders.conf" */
	uint32_t pid;		      /* 0: any */
	uint16_t port;		      /* 0: any */
	char exe[SPEC_TEXT_BYTES];    /* "": any */
	char cgroup[SPEC_TEXT_BYTES]; /* "": any */
	struct source service;
	struct source revision;
	struct source instance; /* may be SOURCE_NONE */
};

/*
 * Set one key of s, "port" to "8080".
 *
 *   field  what to call it in a message: "orders.conf:3: port"
 *
 * Returns 0; -ENOENT for a key there is not; -EEXIST if it was set before;
 * or -EINVAL.
 */
int spec_set(struct spec *s, const char *field, const char *key,
	     const char *value, struct err *err);

/*
 * Is s whole: something to match by, a service, a revision?
 * Returns 0 or -EINVAL, with s->name and the key in err.
 */
int spec_check(const struct spec *s, struct err *err);

/*
 * Read a file's bytes.
 *
 *   name  of the file, for messages and for s->name
 *
 * Returns 0 or -EINVAL.
 */
int spec_parse(const char *name, const char *bytes, size_t len,
	       struct spec *ret_s, struct err *err);

/*
 * Read every file *.conf of a directory, in the order of their names.
 *
 *   max    room in specs
 *   ret_n  how many were written
 *
 * Returns 0; -ENOENT if there is no such file; -EMSGSIZE if there are more
 * than max or one is too long; -EINVAL; or another negative errno.
 */
int spec_read_dir(const char *dir, struct spec *specs, size_t max,
		  size_t *ret_n, struct err *err);

#endif /* COLLECTOR_SPEC_H */
