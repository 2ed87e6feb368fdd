/* SPDX-License-Identifier: Apache-2.0 */
/*
 * throughput - does the canary answer fewer requests of one route than the
 * traffic it gets would have it?  METHOD.md, section 3, "Throughput".
 *
 * How much traffic a cohort gets is the splitter's doing.  So a route's
 * answered requests are set against all others of the same cohort in the same
 * block: what is compared are odds, and the split, ramps and trends cancel.
 * The evidence is made as that of shift.h: bets, phi, a floor for the luck of
 * which instances are the canary's.  One owner.
 */
#ifndef STATS_THROUGHPUT_H
#define STATS_THROUGHPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/shift.h"

struct policy;
struct throughput;

/* What one instance did in one block. */
struct throughput_arm {
	uint32_t slot; /* as in struct shift_arm */
	bool canary;
	uint64_t n;	   /* its requests, of all routes; above 0 */
	uint64_t answered; /* of them on this route, with an answer */
};

/*
 * Make the evidence about a route; margin is the fall of its throughput that is
 * permitted, above 0 and below 1.  Returns 0 and the caller owns *ret_t:
 * throughput_free(); or -ENOMEM.
 */
int throughput_new(double margin, struct throughput **ret_t);
void throughput_free(struct throughput *t);

/* Take a block, as shift_block() does.  Returns 0 or -ENOMEM. */
int throughput_block(struct throughput *t, uint64_t block, uint32_t round,
		     uint32_t begun, const struct throughput_arm *arms,
		     size_t n_arms);

/* A new step: the evidence for the canary starts anew. */
void throughput_step(struct throughput *t);

/* Was any block compared? */
bool throughput_compared(const struct throughput *t);

/*
 * Is it one that a pass speaks of: with a tenth of the baseline's requests or
 * more, and not nearly all, where there is nothing to set it against?
 */
bool throughput_judged(const struct throughput *t);

/* Evidence: ln of the mixture, and of the largest bet before its weight. */
struct throughput_won {
	double log_e;
	double lead;
};

/* Against the canary: at a null, and at SHIFT_NONE without an instance. */
struct throughput_won throughput_against(const struct throughput *t,
					 enum shift_null null);
struct throughput_won throughput_against_but(const struct throughput *t,
					     uint32_t slot);

/* At SHIFT_LIMIT without rounds [from, to), or with them alone. */
struct throughput_won throughput_against_without(const struct throughput *t,
						 uint32_t from, uint32_t to);
struct throughput_won throughput_against_within(const struct throughput *t,
						uint32_t from, uint32_t to);

/* For the canary: r becomes the worse of itself and of this route. */
void throughput_reach(const struct throughput *t, double alpha,
		      struct pass_reach *r);

/*
 * The canary's odds over the baseline's, in compared blocks: 1 is the same, 0.7
 * a fall by 30 %; 1 where nothing is known.  ret_share receives the shares of
 * requests that are of this route and answered, baseline's and canary's.
 */
double throughput_ratio(const struct throughput *t, double ret_share[2]);

#endif /* STATS_THROUGHPUT_H */
