/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stats/hist.h"

static int reserve(struct tally *t, uint32_t n)
{
	uint32_t room = n > 2 * t->room ? n : 2 * t->room;
	uint32_t *b;
	uint64_t *c;

	if (n <= t->room)
		return 0;
	b = realloc(t->bucket, room * sizeof(*b));
	if (!b)
		return -ENOMEM;
	t->bucket = b;
	c = realloc(t->count, room * sizeof(*c));
	if (!c)
		return -ENOMEM;
	t->count = c;
	c = realloc(t->above, room * sizeof(*c));
	if (!c)
		return -ENOMEM;
	t->above = c;
	t->room = room;
	return 0;
}

int tally_add(struct tally *t, const uint32_t *bucket, const uint64_t *count,
	      uint32_t n)
{
	bool ascends = t->n == 0 || t->ascends;
	uint64_t sum = 0;

	if (n == 0)
		return 0;
	if (reserve(t, t->n + n) < 0)
		return -ENOMEM;
	if (t->n > 0 && bucket[0] <= t->bucket[t->n - 1])
		ascends = false;
	for (uint32_t i = 1; i < n; i++)
		ascends &= bucket[i] > bucket[i - 1];
	for (uint32_t i = 0; i < n; i++)
		sum += count[i];
	memcpy(t->bucket + t->n, bucket, n * sizeof(*bucket));
	memcpy(t->count + t->n, count, n * sizeof(*count));
	t->ascends = ascends;
	t->total += sum;
	t->n += n;
	return 0;
}

/* Shell sort: in place, no memory, and series come nearly sorted. */
static void sort(struct tally *t)
{
	static const uint32_t gaps[] = {
		1750, 701, 301, 132, 57, 23, 10, 4, 1
	};

	for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++) {
		uint32_t gap = gaps[g];

		for (uint32_t i = gap; i < t->n; i++) {
			uint32_t b = t->bucket[i];
			uint64_t c = t->count[i];
			uint32_t j = i;

			for (; j >= gap && t->bucket[j - gap] > b; j -= gap) {
				t->bucket[j] = t->bucket[j - gap];
				t->count[j] = t->count[j - gap];
			}
			t->bucket[j] = b;
			t->count[j] = c;
		}
	}
}

/* Sort and add equal buckets up. */
static void unite(struct tally *t)
{
	uint32_t n = 0;

	sort(t);
	for (uint32_t i = 0; i < t->n; i++) {
		if (n > 0 && t->bucket[n - 1] == t->bucket[i]) {
			t->count[n - 1] += t->count[i];
			continue;
		}
		t->bucket[n] = t->bucket[i];
		t->count[n] = t->count[i];
		n++;
	}
	t->n = n;
}

void tally_seal(struct tally *t)
{
	uint64_t above = 0;

	if (!t->ascends) /* one series of one window does */
		unite(t);
	for (uint32_t i = t->n; i-- > 0;) {
		above += t->count[i];
		t->above[i] = above;
	}
}

int tally_pour(const struct tally *t, struct hist *h)
{
	return hist_add_buckets(h, t->bucket, t->count, t->n);
}

void tally_reset(struct tally *t)
{
	t->n = 0;
	t->total = 0;
}

void tally_release(struct tally *t)
{
	free(t->bucket);
	free(t->count);
	free(t->above);
	*t = (struct tally){ 0 };
}
