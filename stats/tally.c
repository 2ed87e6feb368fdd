/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/tally.h"

#include <errno.h>
#include <stdlib.h>

#include "stats/hist.h"

int tally_add(struct tally *t, const uint32_t *bucket, const uint64_t *count,
	      uint32_t n)
{
	if (n > t->room - t->n) {
		uint32_t room = t->n + n > 2 * t->room ? t->n + n : 2 * t->room;
		uint32_t *b = realloc(t->bucket, room * sizeof(*b));
		uint64_t *c;

		if (!b)
			return -ENOMEM;
		t->bucket = b;
		c = realloc(t->count, room * sizeof(*c));
		if (!c)
			return -ENOMEM;
		t->count = c;
		t->room = room;
	}
	if (t->n == 0)
		t->ascends = true;
	else if (n > 0 && bucket[0] <= t->bucket[t->n - 1])
		t->ascends = false;
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0 && bucket[i] <= bucket[i - 1])
			t->ascends = false;
		t->bucket[t->n + i] = bucket[i];
		t->count[t->n + i] = count[i];
		t->total += count[i];
	}
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
	if (!t->ascends) /* one series of one window does */
		unite(t);
	for (uint32_t i = t->n; i > 1; i--)
		t->count[i - 2] += t->count[i - 1];
}

uint64_t tally_above(const struct tally *t, uint32_t bucket)
{
	uint32_t lo = 0;
	uint32_t hi = t->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->bucket[mid] > bucket)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < t->n ? t->count[lo] : 0;
}

int tally_pour(const struct tally *t, struct hist *h)
{
	enum { AT_ONCE = 64 };
	uint64_t own[AT_ONCE];
	uint32_t n;

	for (uint32_t at = 0; at < t->n; at += n) {
		int rc;

		n = t->n - at < AT_ONCE ? t->n - at : AT_ONCE;
		for (uint32_t i = 0; i < n; i++)
			own[i] = t->count[at + i] -
				 (at + i + 1 < t->n ? t->count[at + i + 1] : 0);
		rc = hist_add_buckets(h, t->bucket + at, own, n);
		if (rc < 0)
			return rc;
	}
	return 0;
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
	*t = (struct tally){ 0 };
}
