/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/sparse.h"

#include <errno.h>
#include <stdlib.h>

#include "stats/hist.h"

_Static_assert(SPARSE_OCTAVE * sizeof(uint32_t) == SPARSE_OCTAVE_BYTES,
	       "an octave costs what the pool is told");

int sparse_add(struct sparse *s, struct sparse_pool *pool, uint64_t ns)
{
	uint32_t bucket = hist_bucket(ns < HIST_MAX_NS ? ns : HIST_MAX_NS);
	uint32_t **octave = &s->octave[bucket / SPARSE_OCTAVE];

	if (!*octave) {
		if (pool->used >= pool->max)
			return -ENOMEM;
		*octave = calloc(SPARSE_OCTAVE, sizeof(**octave));
		if (!*octave)
			return -ENOMEM;
		pool->used++;
	}
	/* a window of a minute would need 70 million a second to overflow */
	(*octave)[bucket % SPARSE_OCTAVE]++;
	return 0;
}

uint32_t sparse_used(const struct sparse *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < SPARSE_OCTAVES; i++)
		for (size_t j = 0; s->octave[i] && j < SPARSE_OCTAVE; j++)
			n += s->octave[i][j] != 0;
	return n;
}

void sparse_list(const struct sparse *s, uint32_t *bucket, uint64_t *count)
{
	size_t n = 0;

	for (uint32_t i = 0; i < SPARSE_OCTAVES; i++) {
		for (uint32_t j = 0; s->octave[i] && j < SPARSE_OCTAVE; j++) {
			if (s->octave[i][j] == 0)
				continue;
			bucket[n] = i * SPARSE_OCTAVE + j;
			count[n] = s->octave[i][j];
			n++;
		}
	}
}

void sparse_release(struct sparse *s, struct sparse_pool *pool)
{
	for (size_t i = 0; i < SPARSE_OCTAVES; i++) {
		if (!s->octave[i])
			continue;
		free(s->octave[i]);
		s->octave[i] = NULL;
		pool->used--;
	}
}
