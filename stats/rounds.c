/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/rounds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stats/eprocess.h"

enum {
	ROUNDS_MAX = 1440,
	FIRST_ROOM = 16,
};

/* What had been gathered after so many of the rounds that are kept. */
static struct tilts *after(const struct rounds *r, size_t n)
{
	return r->kept + n * r->n_tilts;
}

static size_t bytes_of(const struct rounds *r, size_t n)
{
	return n * r->n_tilts * sizeof(struct tilts);
}

int rounds_init(struct rounds *r, uint32_t n_tilts)
{
	*r = (struct rounds){ .n_tilts = n_tilts, .room = FIRST_ROOM };
	r->kept = calloc((FIRST_ROOM + 1) * (size_t)n_tilts,
			 sizeof(struct tilts));
	return r->kept ? 0 : -ENOMEM;
}

void rounds_release(struct rounds *r)
{
	free(r->kept);
	r->kept = NULL;
}

/* Room for one more round, the older half leaving if there are too many. */
static int reserve(struct rounds *r)
{
	struct tilts *kept;

	if (r->n < r->room)
		return 0;
	if (r->n >= ROUNDS_MAX) {
		size_t drop = r->n / 2;

		r->n -= drop;
		r->first += (uint32_t)drop;
		memmove(r->kept, after(r, drop), bytes_of(r, r->n + 1));
		return 0;
	}
	kept = realloc(r->kept, bytes_of(r, 2 * r->room + 1));
	if (!kept)
		return -ENOMEM;
	r->kept = kept;
	r->room *= 2;
	return 0;
}

int rounds_keep(struct rounds *r, uint32_t round, const struct tilts *now)
{
	if (r->n == 0)
		r->first = round;
	while (r->first + r->n <= round) {
		if (reserve(r) < 0)
			return -ENOMEM;
		memcpy(after(r, r->n + 1), after(r, r->n), bytes_of(r, 1));
		r->n++;
	}
	memcpy(after(r, r->n), now, bytes_of(r, 1));
	return 0;
}

const struct tilts *rounds_before(const struct rounds *r, uint32_t round)
{
	size_t n;

	if (round <= r->first)
		return r->kept;
	n = round - r->first;
	return after(r, n < r->n ? n : r->n);
}

void rounds_within(const struct rounds *r, uint32_t from, uint32_t to,
		   struct tilts *ret_t)
{
	memcpy(ret_t, rounds_before(r, to), bytes_of(r, 1));
	for (uint32_t i = 0; i < r->n_tilts; i++)
		tilts_sub(&ret_t[i], &rounds_before(r, from)[i]);
}

void rounds_without(const struct rounds *r, uint32_t from, uint32_t to,
		    struct tilts *ret_t)
{
	memcpy(ret_t, rounds_before(r, UINT32_MAX), bytes_of(r, 1));
	for (uint32_t i = 0; i < r->n_tilts; i++) {
		tilts_sub(&ret_t[i], &rounds_before(r, to)[i]);
		tilts_add(&ret_t[i], &rounds_before(r, from)[i]);
	}
}
