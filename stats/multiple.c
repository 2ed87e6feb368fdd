/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/multiple.h"

#include <math.h>
#include <stdlib.h>

static int largest_first(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x < y) - (x > y);
}

double multiple_threshold(double *log_e, size_t n, double alpha)
{
	double threshold = INFINITY;

	qsort(log_e, n, sizeof(*log_e), largest_first);
	for (size_t k = 1; k <= n; k++)
		if (log_e[k - 1] >= log((double)n / ((double)k * alpha)))
			threshold = log_e[k - 1];
	return threshold;
}
