/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/lesson.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/strtab.h"

enum {
	ROWS_MAX = 256,
	FUNCTIONS_MAX = LESSONS_MAX * LESSON_FUNCTIONS_MAX,
	FUNCTIONS_BYTES = 16 * 1024 * 1024,
};

struct row {
	char *route;
	struct spread_prior level[LEVEL_N]; /* df not capped yet */
};

struct lessons {
	size_t n;
	struct row rows[ROWS_MAX];
	struct strtab *functions;
	double *shares; /* by function */
	uint32_t shares_room;
};

int lessons_new(struct lessons **ret_l)
{
	struct lessons *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	if (strtab_new(FUNCTIONS_MAX, FUNCTIONS_BYTES, &l->functions, NULL) <
	    0) {
		free(l);
		return -ENOMEM;
	}
	*ret_l = l;
	return 0;
}

void lessons_free(struct lessons *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->rows[i].route);
	strtab_free(l->functions);
	free(l->shares);
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

int lessons_add_function(struct lessons *l, const char *function, double share)
{
	uint32_t at;
	int rc;

	if (!(share > 0.0))
		return 0;
	rc = strtab_add(l->functions, function, strlen(function), &at);
	if (rc < 0)
		return rc;
	if (at >= l->shares_room) {
		uint32_t room = at + 256;
		double *p = realloc(l->shares, room * sizeof(*p));

		if (!p)
			return -ENOMEM;
		for (uint32_t i = l->shares_room; i < room; i++)
			p[i] = 0.0;
		l->shares = p;
		l->shares_room = room;
	}
	l->shares[at] = fmax(l->shares[at], fmin(share, 1.0));
	return 0;
}

size_t lessons_n_functions(const struct lessons *l)
{
	return strtab_count(l->functions);
}

const char *lessons_get_function(const struct lessons *l, size_t i,
				 double *ret_share)
{
	*ret_share = l->shares[i];
	return strtab_get(l->functions, (uint32_t)i);
}

double lessons_share(const struct lessons *l, const char *function)
{
	uint32_t at;

	if (strtab_find(l->functions, function, strlen(function), &at) < 0 ||
	    at >= l->shares_room)
		return 0.0;
	return l->shares[at];
}
