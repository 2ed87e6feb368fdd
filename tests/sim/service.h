/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - the services that scenarios change: initialisers of struct world,
 * for the two tables alone.  A scenario is one with some fields otherwise.
 */
#ifndef TESTS_SIM_SERVICE_H
#define TESTS_SIM_SERVICE_H

#pragma GCC diagnostic ignored "-Woverride-init"

/* A service at 60 ms P99, windows of 10 s, all that disturbs it mild. */
#define SERVICE(c, b)                                                        \
	.n_canary = (c), .n_baseline = (b), .window_ms = 10000,              \
	.n_windows = 180, .n_history = 60, .requests = 200, .median_ms = 15, \
	.sigma = 0.596, .sd_window = 0.05, .load_sd = 0.1, .load_rho = 0.9

/* The demonstration: windows of 2 s, 20 requests/s, P50 25, P99 50 ms. */
#define DEMO(c, b)                                                          \
	.n_canary = (c), .n_baseline = (b), .window_ms = 2000,              \
	.n_windows = 180, .n_history = 30, .requests = 40, .median_ms = 25, \
	.sigma = 0.3, .sd_window = 0.03, .load_sd = 0.05, .load_rho = 0.9

/*
 * The demonstration as it is on a small machine: 3 % of requests are large
 * ones, code is compiled for 75 s, five minutes are all there is.
 */
#define NOISY(c, b)                                                         \
	.n_canary = (c), .n_baseline = (b), .window_ms = 2000,              \
	.n_windows = 150, .n_history = 60, .requests = 40, .median_ms = 20, \
	.sigma = 0.28, .sd = 0.03, .sd_window = 0.03, .load_sd = 0.05,      \
	.load_rho = 0.9, .slow_share = 0.03, .slow_lo_ms = 20,              \
	.slow_hi_ms = 25, .warm_s = 75, .pause = 0.01

/* Latencies are four fifths CPU time, of which young code takes twice. */
#define YOUNG .cpu = 0.8, .young_by = 1, .young_s = 60

#endif /* TESTS_SIM_SERVICE_H */
