/* SPDX-License-Identifier: Apache-2.0 */
/* bench - rows of the table that tests/bench/run.sh prints. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Monotonic time in ns. */
static inline uint64_t bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

/* Was --quick asked for?  Then a few repetitions do. */
static inline bool bench_quick(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "--quick") == 0;
}

/*
 * Print one row.
 *
 *   peer    what ratio compares with, or "-"
 *   ratio   value over the peer's, measured in this run; NAN if there is none
 *   budget  as words, or "-"; ok is then not looked at
 */
static inline void bench_row(const char *name, double value, const char *unit,
			     const char *peer, double ratio, const char *budget,
			     bool ok)
{
	printf("%s\t%.4g\t%s\t%s\t", name, value, unit, peer);
	if (isnan(ratio))
		printf("-\t");
	else
		printf("%.3g\t", ratio);
	printf("%s\t%s\n", budget,
	       strcmp(budget, "-") == 0 ? "-" : (ok ? "yes" : "no"));
}

#endif /* TESTS_BENCH_BENCH_H */
