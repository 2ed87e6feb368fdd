/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/standard.h"

#include <errno.h>
#include <stdlib.h>

#include "stats/hist.h"

enum { ROW = 128 }; /* buckets allocated together */

struct standard {
	double total;
	uint32_t n_rows;
	double *row[]; /* ROW weights each; NULL while empty */
};

/* What sums of so many doubles may be off by. */
static const double ROUNDING = 1e-9;

int standard_new(struct standard **ret_s)
{
	uint32_t n = hist_bucket(HIST_MAX_NS) / ROW + 1;
	struct standard *s = calloc(1, sizeof(*s) + n * sizeof(s->row[0]));

	if (!s)
		return -ENOMEM;
	s->n_rows = n;
	*ret_s = s;
	return 0;
}

void standard_free(struct standard *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->n_rows; i++)
		free(s->row[i]);
	free(s);
}

int standard_add(struct standard *s, const struct hist *h, double weight)
{
	uint32_t at = 0;
	uint32_t bucket;
	uint64_t n;

	while (hist_next(h, &at, &bucket, &n)) {
		double **row = &s->row[bucket / ROW];

		if (!*row)
			*row = calloc(ROW, sizeof(**row));
		if (!*row)
			return -ENOMEM;
		(*row)[bucket % ROW] += weight * (double)n;
		s->total += weight * (double)n;
	}
	return 0;
}

int standard_quantile(const struct standard *s, double q, uint64_t *ret_ns)
{
	double want = q * s->total * (1.0 - ROUNDING);
	double seen = 0.0;
	uint32_t last = 0;

	if (!(q > 0.0 && q <= 1.0))
		return -EINVAL;
	if (s->total <= 0.0)
		return -ENODATA;
	for (uint32_t i = 0; i < s->n_rows && seen < want; i++) {
		for (uint32_t j = 0; s->row[i] && j < ROW && seen < want; j++) {
			if (s->row[i][j] <= 0.0)
				continue;
			seen += s->row[i][j];
			last = i * ROW + j;
		}
	}
	*ret_ns = hist_edge(last);
	return 0;
}
