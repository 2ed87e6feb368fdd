/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/calltree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/strtab.h"

enum {
	FUNCTIONS_MAX = 1 << CALLTREE_BITS,
	FUNCTIONS_BYTES = 24 * 1024 * 1024,
	/* as many as stay in a cache; they grow with the nodes */
	FIRST_SLOTS = 1024,
};

_Static_assert(CALLTREE_NODES < 1 << CALLTREE_BITS, "a node fits a slot");

int calltree_new(struct calltree **ret_t)
{
	struct calltree *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	t->n_slots = FIRST_SLOTS;
	t->slots = calloc(t->n_slots, sizeof(*t->slots));
	rc = t->slots ? strtab_new(FUNCTIONS_MAX, FUNCTIONS_BYTES, &t->names,
				   NULL)
		      : -ENOMEM;
	if (rc < 0) {
		calltree_free(t);
		return rc;
	}
	*ret_t = t;
	return 0;
}

void calltree_free(struct calltree *t)
{
	if (!t)
		return;
	strtab_free(t->names);
	free(t->nodes);
	free(t->slots);
	free(t);
}

int calltree_function(struct calltree *t, const char *name, uint32_t *ret_f)
{
	return strtab_add(t->names, name, strlen(name), ret_f);
}

static uint64_t slot_make(uint64_t key, uint32_t node)
{
	return key << CALLTREE_BITS | (node + 1);
}

/* Keep the slots at most half full, so that chains stay short. */
static int slots_grow(struct calltree *t)
{
	uint32_t n_slots = 2 * t->n_slots;
	uint64_t *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->n_slots = n_slots;
	for (uint32_t i = 0; i < t->n; i++) {
		const struct calltree_node *n = &t->nodes[i];
		uint64_t key = calltree_key(n->parent, n->function);

		*calltree_slot(t, key) = slot_make(key, i);
	}
	return 0;
}

static bool is_outermost(const struct calltree *t, int32_t parent, uint32_t f)
{
	for (; parent >= 0; parent = t->nodes[parent].parent)
		if (t->nodes[parent].function == f)
			return false;
	return true;
}

static int node_add(struct calltree *t, int32_t parent, uint32_t f)
{
	if (t->n == CALLTREE_NODES)
		return -EMSGSIZE;
	if (t->n == t->room) {
		uint32_t room = t->room ? 2 * t->room : 256;
		struct calltree_node *p = realloc(t->nodes, room * sizeof(*p));

		if (!p)
			return -ENOMEM;
		t->nodes = p;
		t->room = room;
	}
	if (2 * (t->n + 1) > t->n_slots && slots_grow(t) < 0)
		return -ENOMEM;
	t->nodes[t->n] = (struct calltree_node){
		.parent = parent,
		.function = f,
		.outermost = is_outermost(t, parent, f),
	};
	t->n++;
	return 0;
}

int calltree_add(struct calltree *t, int32_t parent, uint32_t f,
		 uint32_t *ret_node)
{
	uint64_t key = calltree_key(parent, f);
	int rc = node_add(t, parent, f);

	if (rc < 0)
		return rc;
	*ret_node = t->n - 1;
	*calltree_slot(t, key) = slot_make(key, *ret_node);
	return 0;
}

const char *calltree_name(const struct calltree *t, uint32_t f)
{
	return strtab_get(t->names, f);
}

uint32_t calltree_n_functions(const struct calltree *t)
{
	return strtab_count(t->names);
}
