/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namecache - the names of the addresses that were asked for last.
 *
 * Most samples hit a few hundred addresses again and again, and to name one
 * takes some microseconds.  A fixed number of slots, one for each address
 * modulo that number: the last one asked for stays.
 */
#ifndef COLLECTOR_NAMECACHE_H
#define COLLECTOR_NAMECACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAMECACHE_SLOTS = 1024 };

struct namecache_slot {
	uint64_t address;
	char *name; /* NULL: the slot is empty */
	bool named;
};

struct namecache {
	struct namecache_slot slots[NAMECACHE_SLOTS];
};

/* The slot that holds address, or NULL. */
const struct namecache_slot *namecache_find(const struct namecache *c,
					    uint64_t address);

/* Keep a copy of name, if there is memory for one. */
void namecache_put(struct namecache *c, uint64_t address, const char *name,
		   bool named);

/* Forget everything. */
void namecache_clear(struct namecache *c);

#endif /* COLLECTOR_NAMECACHE_H */
