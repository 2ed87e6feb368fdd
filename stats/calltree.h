/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calltree - the call paths of all instances, merged: a node is a function
 * and the call path that called it.  A parent comes before its children.
 * What a node weighs is kept by whoever uses the tree, by node number.
 *
 * One owner.  Adding takes constant time, whoever chose the names.
 */
#ifndef STATS_CALLTREE_H
#define STATS_CALLTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strtab;

struct calltree_node {
	int32_t parent;
	uint32_t function;
	bool outermost; /* no caller of it is the same function */
};

/* Its fields are the module's and the functions' below. */
struct calltree {
	struct strtab *names;
	struct calltree_node *nodes;
	uint32_t n;
	uint32_t room;
	uint64_t *slots; /* by hash of caller and function; 0: free */
	uint32_t n_slots;
};

enum {
	CALLTREE_NODES = 65536, /* call paths told apart; the rest is cut */
	CALLTREE_ROOT = -1,	/* what a call path without a caller has */
	CALLTREE_BITS = 17,	/* of a function, or of a node and one */
};

/* Returns 0 and the caller owns *ret_t: calltree_free(); or -ENOMEM. */
int calltree_new(struct calltree **ret_t);
void calltree_free(struct calltree *t);

/*
 * The number of a function's name, added if it is new.
 * Returns 0, -EMSGSIZE if there are too many, or -ENOMEM.
 */
int calltree_function(struct calltree *t, const char *name, uint32_t *ret_f);

/* What calltree_child() does for a node that is not there yet. */
int calltree_add(struct calltree *t, int32_t parent, uint32_t f,
		 uint32_t *ret_node);

/* What follows is asked of every node of every profile, and is inline. */

static inline uint32_t calltree_count(const struct calltree *t)
{
	return t->n;
}

static inline int32_t calltree_parent(const struct calltree *t, uint32_t node)
{
	return t->nodes[node].parent;
}

static inline uint32_t calltree_function_of(const struct calltree *t,
					    uint32_t node)
{
	return t->nodes[node].function;
}

/* Is none of a node's callers the same function?  Recursion counts once. */
static inline bool calltree_outermost(const struct calltree *t, uint32_t node)
{
	return t->nodes[node].outermost;
}

/*
 * How slots are found: a key is a caller and a function, in twice
 * CALLTREE_BITS; a slot holds its key and its node + 1, so that one look tells
 * whether it is that.  Both numbers are ours, counted up as names come, so
 * nobody outside can choose them to collide; a multiplicative hash will do.
 */
static inline uint64_t calltree_key(int32_t parent, uint32_t f)
{
	return (uint64_t)(uint32_t)(parent + 1) << CALLTREE_BITS | f;
}

/* The slot of a key, or the free one where it belongs. */
static inline uint64_t *calltree_slot(const struct calltree *t, uint64_t key)
{
	uint32_t mask = t->n_slots - 1;
	uint32_t at = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40);

	for (at &= mask; t->slots[at]; at = (at + 1) & mask)
		if (t->slots[at] >> CALLTREE_BITS == key)
			break;
	return &t->slots[at];
}

/*
 * The node of function f called by parent, added if it is new.
 * Returns 0, -EMSGSIZE if there are too many, or -ENOMEM.
 */
static inline int calltree_child(struct calltree *t, int32_t parent, uint32_t f,
				 uint32_t *ret_node)
{
	uint64_t slot = *calltree_slot(t, calltree_key(parent, f));

	if (!slot)
		return calltree_add(t, parent, f, ret_node);
	*ret_node = (uint32_t)(slot & ((1U << CALLTREE_BITS) - 1)) - 1;
	return 0;
}

const char *calltree_name(const struct calltree *t, uint32_t f);
uint32_t calltree_n_functions(const struct calltree *t);

#endif /* STATS_CALLTREE_H */
