/* SPDX-License-Identifier: Apache-2.0 */
#include "common/strtab.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/hash.h"

enum {
	FIRST_SLOTS = 64,
	MAX_STRINGS = 1 << 24,
	FREE_SLOT = 0,
};

/* Half of the hash tells nearly all strings apart without a look at them. */
struct slot {
	uint32_t hash;
	uint32_t string; /* index + 1, or FREE_SLOT */
};

/*
 * Open addressing with linear probing, at most half full.  The slots hold
 * indices only, so a table that grows moves no string.
 */
struct strtab {
	uint32_t max_strings;
	size_t max_bytes;
	struct hash_key key;
	struct arena *arena; /* the bytes; NULL while empty */
	uint32_t n;
	uint32_t n_slots; /* a power of two */
	struct slot *slots;
	const char **strings; /* n_slots / 2 of them */
};

int strtab_new(uint32_t max_strings, size_t max_bytes, struct strtab **ret_t,
	       struct err *err)
{
	struct strtab *t;

	if (max_strings == 0 || max_strings > MAX_STRINGS)
		return err_set(err, -EINVAL, "strtab: %u strings, of 1..%d",
			       max_strings, MAX_STRINGS);
	t = calloc(1, sizeof(*t));
	if (!t)
		return err_set(err, -ENOMEM, "strtab: no memory");
	t->max_strings = max_strings;
	t->max_bytes = max_bytes;
	t->key = hash_key_draw();
	*ret_t = t;
	return 0;
}

void strtab_clear(struct strtab *t)
{
	arena_free(t->arena);
	free(t->slots);
	free(t->strings);
	t->arena = NULL;
	t->slots = NULL;
	t->strings = NULL;
	t->n = 0;
	t->n_slots = 0;
}

void strtab_free(struct strtab *t)
{
	if (!t)
		return;
	strtab_clear(t);
	free(t);
}

static uint32_t hash_of(const struct strtab *t, const char *text, size_t len)
{
	return (uint32_t)hash_bytes(t->key, text, len);
}

/* The slot that holds the string, or the free one where it belongs. */
static struct slot *slot_of(const struct strtab *t, uint32_t hash,
			    const char *text, size_t len)
{
	uint32_t mask = t->n_slots - 1;
	uint32_t at = hash & mask;

	for (; t->slots[at].string != FREE_SLOT; at = (at + 1) & mask) {
		const char *have;

		if (t->slots[at].hash != hash)
			continue;
		have = t->strings[t->slots[at].string - 1];
		if (strncmp(have, text, len) == 0 && have[len] == '\0')
			break;
	}
	return &t->slots[at];
}

/* Double the slots and put every string into its new one. */
static int strtab_grow(struct strtab *t)
{
	uint32_t n_slots = t->n_slots ? t->n_slots * 2 : FIRST_SLOTS;
	struct slot *slots = calloc(n_slots, sizeof(slots[0]));
	const char **strings;

	if (!slots)
		return -ENOMEM;
	strings = realloc(t->strings, n_slots / 2 * sizeof(strings[0]));
	if (!strings) {
		free(slots);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < t->n_slots; i++) {
		uint32_t at = t->slots[i].hash & (n_slots - 1);

		if (t->slots[i].string == FREE_SLOT)
			continue;
		while (slots[at].string != FREE_SLOT)
			at = (at + 1) & (n_slots - 1);
		slots[at] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->strings = strings;
	t->n_slots = n_slots;
	return 0;
}

int strtab_find(const struct strtab *t, const char *text, size_t len,
		uint32_t *ret_index)
{
	const struct slot *slot;

	if (t->n == 0)
		return -ENOENT;
	slot = slot_of(t, hash_of(t, text, len), text, len);
	if (slot->string == FREE_SLOT)
		return -ENOENT;
	*ret_index = slot->string - 1;
	return 0;
}

/* Put a string that is new, copied, into its slot. */
static int string_put(struct strtab *t, uint32_t hash, const char *text,
		      size_t len)
{
	char *copy;
	int rc;

	if (t->n >= t->max_strings || len >= t->max_bytes)
		return -EMSGSIZE;
	if (!t->arena) {
		rc = arena_new(t->max_bytes, &t->arena, NULL);
		if (rc < 0)
			return rc;
	}
	if (t->n >= t->n_slots / 2) {
		rc = strtab_grow(t);
		if (rc < 0)
			return rc;
	}
	copy = arena_alloc(t->arena, len + 1);
	if (!copy)
		return arena_error(t->arena);
	if (len > 0)
		memcpy(copy, text, len);
	t->strings[t->n++] = copy;
	*slot_of(t, hash, text, len) = (struct slot){ hash, t->n };
	return 0;
}

int strtab_add(struct strtab *t, const char *text, size_t len,
	       uint32_t *ret_index)
{
	uint32_t hash = hash_of(t, text, len);
	int rc;

	if (t->n_slots > 0) {
		const struct slot *slot = slot_of(t, hash, text, len);

		if (slot->string != FREE_SLOT) {
			*ret_index = slot->string - 1;
			return 0;
		}
	}
	rc = string_put(t, hash, text, len);
	if (rc == 0)
		*ret_index = t->n - 1;
	return rc;
}

uint32_t strtab_count(const struct strtab *t)
{
	return t->n;
}

const char *strtab_get(const struct strtab *t, uint32_t index)
{
	assert(index < t->n);
	return t->strings[index];
}

const char *const *strtab_all(const struct strtab *t)
{
	return t->strings;
}
