/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strtab - each string once, known by its index.
 *
 * Indices count from 0 in the order in which strings were first added, and
 * an index and the string behind it stay the same until the table is cleared.
 * Adding and finding take constant time, whoever chose the strings.
 */
#ifndef COMMON_STRTAB_H
#define COMMON_STRTAB_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct strtab;

/*
 * Make an empty table.
 *
 *   max_strings  how many it may hold, 1 to 2^24
 *   max_bytes    what their bytes may take; each costs its length, a NUL and
 *                up to 15 bytes of padding
 *   ret_t        receives the table; the caller owns it: strtab_free()
 *
 * Returns 0, -EINVAL for another max_strings, or -ENOMEM.
 */
int strtab_new(uint32_t max_strings, size_t max_bytes, struct strtab **ret_t,
	       struct err *err);

/* Release t and its strings.  strtab_free(NULL) does nothing. */
void strtab_free(struct strtab *t);

/*
 * The index of a string, added if it is new.
 *
 *   text, len  need not end with a NUL and may not hold one
 *
 * Returns 0; -EMSGSIZE if it is new and the table is full; or -ENOMEM.
 */
int strtab_add(struct strtab *t, const char *text, size_t len,
	       uint32_t *ret_index);

/* The index of a string.  Returns 0, or -ENOENT if it is not there. */
int strtab_find(const struct strtab *t, const char *text, size_t len,
		uint32_t *ret_index);

/* How many strings there are. */
uint32_t strtab_count(const struct strtab *t);

/* The string at index, which must be below the count. */
const char *strtab_get(const struct strtab *t, uint32_t index);

/* All of them by index, as a batch wants them; borrowed until the next add. */
const char *const *strtab_all(const struct strtab *t);

/* Forget every string and give their memory back. */
void strtab_clear(struct strtab *t);

#endif /* COMMON_STRTAB_H */
