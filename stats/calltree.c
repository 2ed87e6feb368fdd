/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/calltree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/strtab.h"

enum {
	FUNCTIONS_MAX = 1 << 17,
	FUNCTIONS_BYTES = 24 * 1024 * 1024,
	/* twice the nodes, so that chains stay short */
	SLOTS = 2 * CALLTREE_NODES,
};

struct node {
	int32_t parent;
	uint32_t function;
	bool outermost; /* no caller of it is the same function */
};

struct calltree {
	struct strtab *names;
	struct node *nodes;
	uint32_t n;
	uint32_t room;
	uint32_t *slots; /* node + 1 by hash; 0: free */
};

int calltree_new(struct calltree **ret_t)
{
	struct calltree *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	t->slots = calloc(SLOTS, sizeof(*t->slots));
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

/*
 * Both numbers are ours, counted up as names come, so nobody outside can
 * choose them to collide; a multiplicative hash will do.
 */
static uint32_t slot_of(int32_t parent, uint32_t f)
{
	uint64_t key = ((uint64_t)(uint32_t)parent << 32) | f;

	key *= UINT64_C(0x9e3779b97f4a7c15);
	key ^= key >> 29;
	key *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(key >> 32) % SLOTS;
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
		struct node *p = realloc(t->nodes, room * sizeof(*p));

		if (!p)
			return -ENOMEM;
		t->nodes = p;
		t->room = room;
	}
	t->nodes[t->n].parent = parent;
	t->nodes[t->n].function = f;
	t->nodes[t->n].outermost = is_outermost(t, parent, f);
	t->n++;
	return 0;
}

int calltree_child(struct calltree *t, int32_t parent, uint32_t f,
		   uint32_t *ret_node)
{
	uint32_t slot = slot_of(parent, f);
	int rc;

	for (; t->slots[slot]; slot = (slot + 1) % SLOTS) {
		const struct node *n = &t->nodes[t->slots[slot] - 1];

		if (n->parent == parent && n->function == f) {
			*ret_node = t->slots[slot] - 1;
			return 0;
		}
	}
	rc = node_add(t, parent, f);
	if (rc < 0)
		return rc;
	t->slots[slot] = t->n;
	*ret_node = t->n - 1;
	return 0;
}

uint32_t calltree_count(const struct calltree *t)
{
	return t->n;
}

int32_t calltree_parent(const struct calltree *t, uint32_t node)
{
	return t->nodes[node].parent;
}

uint32_t calltree_function_of(const struct calltree *t, uint32_t node)
{
	return t->nodes[node].function;
}

bool calltree_outermost(const struct calltree *t, uint32_t node)
{
	return t->nodes[node].outermost;
}

bool calltree_is(const struct calltree *t, uint32_t node, int32_t parent,
		 uint32_t f)
{
	return node < t->n && t->nodes[node].parent == parent &&
	       t->nodes[node].function == f;
}

const char *calltree_name(const struct calltree *t, uint32_t f)
{
	return strtab_get(t->names, f);
}

uint32_t calltree_n_functions(const struct calltree *t)
{
	return strtab_count(t->names);
}
