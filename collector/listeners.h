/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners - the listening sockets of each network namespace, read once.
 *
 * Many processes share a namespace, so during one scan each namespace is
 * read for the first process that asks and remembered for the rest.
 */
#ifndef COLLECTOR_LISTENERS_H
#define COLLECTOR_LISTENERS_H

#include <stddef.h>
#include <stdint.h>

#include "collector/proc.h"

struct listeners;

struct listener_set {
	uint32_t netns;
	size_t n;
	struct proc_listener *at;
	uint64_t sum; /* another one whenever a socket came or went */
};

/* Returns 0, and the caller owns *ret_l: listeners_free(); or -ENOMEM. */
int listeners_new(struct listeners **ret_l);
void listeners_free(struct listeners *l);

/* Begin a scan: forget everything. */
void listeners_forget(struct listeners *l);

/*
 * The sockets that listen where pid lives; borrowed until listeners_forget().
 *
 * Returns 0; -E2BIG beyond LIMIT_NETNS namespaces; -ENOMEM; or a negative
 * errno of procfs.
 */
int listeners_find(struct listeners *l, const char *proc, int pid,
		   struct listener_set *ret_set);

#endif /* COLLECTOR_LISTENERS_H */
