/* SPDX-License-Identifier: Apache-2.0 */
/*
 * multiple - many hypotheses at once: e-BH (Wang and Ramdas, J. R. Stat. Soc.
 * B 84, 2022).  Of K e-values the k largest are discoveries, k the largest
 * number for which the k-th largest is at least K / (k alpha).  The expected
 * share of false ones among them is at most alpha, however they depend on
 * each other.
 */
#ifndef STATS_MULTIPLE_H
#define STATS_MULTIPLE_H

#include <stddef.h>

/*
 * The logarithm that an e-value must reach to be a discovery.
 *
 *   log_e  n logarithms of e-values; sorted in place, largest first
 *   alpha  0 < alpha < 1
 *
 * Returns it, or INFINITY where there is no discovery.
 */
double multiple_threshold(double *log_e, size_t n, double alpha);

#endif /* STATS_MULTIPLE_H */
