/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rounds - what bets had gathered after each round, so that evidence can be
 * read without some of its rounds, or of some of them alone.
 *
 * Four hours of blocks of 10 s are kept; of older rounds their sum.
 */
#ifndef STATS_ROUNDS_H
#define STATS_ROUNDS_H

#include <stddef.h>
#include <stdint.h>

struct tilts;

struct rounds {
	uint32_t n_tilts;   /* of a round */
	struct tilts *kept; /* before the oldest round, then after each */
	size_t n;	    /* rounds kept */
	size_t room;	    /* of them */
	uint32_t first;	    /* the oldest */
};

/* Nothing yet, of n_tilts bets.  Returns 0 or -ENOMEM. */
int rounds_init(struct rounds *r, uint32_t n_tilts);

/* Release what it holds; also of one that is all zeros. */
void rounds_release(struct rounds *r);

/*
 * Keep what n_tilts bets have gathered by the end of a round; rounds that were
 * left out since the last one are like that.  Returns 0 or -ENOMEM.
 */
int rounds_keep(struct rounds *r, uint32_t round, const struct tilts *now);

/* What they had gathered before a round, n_tilts of them, borrowed. */
const struct tilts *rounds_before(const struct rounds *r, uint32_t round);

/* ret_t: of the rounds [from, to) alone, or of all but these. */
void rounds_within(const struct rounds *r, uint32_t from, uint32_t to,
		   struct tilts *ret_t);
void rounds_without(const struct rounds *r, uint32_t from, uint32_t to,
		    struct tilts *ret_t);

#endif /* STATS_ROUNDS_H */
