/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flame - profiles whose truth is known, through the real fold.
 *
 * A tree of call paths with Zipf weights; each instance's leaf weights scatter
 * about them.  The canary is the same code, or has one new path, or had cost
 * moved between two siblings.  Where a compiler inlines, frames come and go.
 */
#ifndef TESTS_SIM_FLAME_H
#define TESTS_SIM_FLAME_H

#include <stdint.h>

enum flame_effect { FLAME_NONE, FLAME_NEW, FLAME_REFACTOR };

struct flame_world {
	const char *name;
	uint32_t n_canary;
	uint32_t n_baseline;
	uint32_t n_paths;
	uint32_t n_functions; /* that the paths share; 0: one a path */
	uint32_t n_new;	      /* call paths of the new function; 0: 1 */
	double new_share;     /* of CPU, of all of them; 0: 1 % */
	uint32_t n_sporadic;  /* paths that live on a tenth of instances */
	uint32_t learned;     /* earlier baselines that taught of them */
	/*
	 * Share of functions that a compiler may inline: each instance leaves
	 * out the frame or not, and each cohort has its own odds for it.
	 */
	double inlined;
	double sd;	/* between instances, of ln weight of a path */
	double samples; /* of a cohort, in all */
	uint32_t n_windows;
	enum flame_effect effect;
	uint32_t runs;
	uint32_t quick;
	double false_max; /* share of runs with any finding that is wrong */
	double found_min; /* share of runs that find the new path */
};

struct flame_outcome {
	int found;   /* the new path, or below it */
	int wrong;   /* findings of a rise elsewhere that may gate */
	int informs; /* the same that only inform */
};

extern const struct flame_world flame_worlds[];
extern const uint32_t n_flame_worlds;

void flame_run(const struct flame_world *w, uint64_t seed,
	       struct flame_outcome *ret_o);

#endif /* TESTS_SIM_FLAME_H */
