/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sprt - how soon a failure could be known by somebody who knows everything.
 *
 * Wald's sequential probability ratio test (1945) of the canary's requests
 * above a threshold, both rates known: the one that is just permitted and the
 * true one.  It takes about ln(1/alpha) / KL(true, permitted) requests; the
 * threshold is the best of the fold's quantiles.  Blocks are whole, so it takes
 * one window at least.
 */
#ifndef TESTS_SIM_SPRT_H
#define TESTS_SIM_SPRT_H

struct policy;
struct scenario;

/* Windows that it takes, at least 1; INFINITY if no quantile shows a shift. */
double sprt_windows(const struct scenario *s, const struct policy *policy);

#endif /* TESTS_SIM_SPRT_H */
