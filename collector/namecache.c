/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/namecache.h"

#include <stdlib.h>
#include <string.h>

static size_t slot_of(uint64_t address)
{
	/* the golden ratio of 2^64: neighbours land far apart */
	return (size_t)(address * UINT64_C(0x9E3779B97F4A7C15) >> 54);
}

_Static_assert(NAMECACHE_SLOTS == 1 << (64 - 54), "slot_of() yields a slot");

const struct namecache_slot *namecache_find(const struct namecache *c,
					    uint64_t address)
{
	const struct namecache_slot *s = &c->slots[slot_of(address)];

	return s->name && s->address == address ? s : NULL;
}

void namecache_put(struct namecache *c, uint64_t address, const char *name,
		   bool named)
{
	struct namecache_slot *s = &c->slots[slot_of(address)];

	free(s->name);
	s->name = strdup(name);
	s->address = address;
	s->named = named;
}

void namecache_clear(struct namecache *c)
{
	for (size_t i = 0; i < NAMECACHE_SLOTS; i++) {
		free(c->slots[i].name);
		c->slots[i].name = NULL;
	}
}
