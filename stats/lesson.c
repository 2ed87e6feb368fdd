/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/lesson.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 256 };

struct row {
	char *route;
	struct spread_prior level[LEVEL_N]; /* df not capped yet */
};

struct lessons {
	size_t n;
	struct row rows[ROWS_MAX];
};

int lessons_new(struct lessons **ret_l)
{
	*ret_l = calloc(1, sizeof(**ret_l));
	return *ret_l ? 0 : -ENOMEM;
}

void lessons_free(struct lessons *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->rows[i].route);
	free(l);
}

static struct row *row_find(const struct lessons *l, const char *route)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->rows[i].route, route) == 0)
			return (struct row *)&l->rows[i];
	return NULL;
}

int lessons_add(struct lessons *l, const char *route,
		const struct spread_prior level[LEVEL_N], double weight)
{
	struct row *row = row_find(l, route);

	if (!row) {
		if (l->n == ROWS_MAX)
			return -EMSGSIZE;
		row = &l->rows[l->n];
		row->route = strdup(route);
		if (!row->route)
			return -ENOMEM;
		l->n++;
	}
	for (int p = 0; p < LEVEL_N; p++) {
		struct spread_prior *sum = &row->level[p];
		double df = weight * level[p].df;

		if (!(df > 0.0) || !(level[p].s2 >= 0.0) ||
		    !isfinite(level[p].s2))
			continue;
		sum->s2 =
			(sum->df * sum->s2 + df * level[p].s2) / (sum->df + df);
		sum->df += df;
	}
	return 0;
}

size_t lessons_count(const struct lessons *l)
{
	return l->n;
}

const char *lessons_get(const struct lessons *l, size_t i,
			struct spread_prior ret_level[LEVEL_N])
{
	for (int p = 0; p < LEVEL_N; p++) {
		ret_level[p] = l->rows[i].level[p];
		ret_level[p].df = fmin(ret_level[p].df, LESSON_DF_MAX);
	}
	return l->rows[i].route;
}

bool lessons_find(const struct lessons *l, const char *route,
		  struct spread_prior ret_level[LEVEL_N])
{
	const struct row *row = row_find(l, route);

	if (row)
		(void)lessons_get(l, (size_t)(row - l->rows), ret_level);
	return row != NULL;
}
