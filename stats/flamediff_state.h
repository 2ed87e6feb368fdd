/* SPDX-License-Identifier: Apache-2.0 */
/* flamediff_state - shared by flamediff*.c; private to them. */
#ifndef STATS_FLAMEDIFF_STATE_H
#define STATS_FLAMEDIFF_STATE_H

#include "stats/calltree.h"
#include "stats/flamediff.h"
#include "stats/policy.h"

/* One instance's samples. */
struct flame_instance {
	enum cohort cohort;
	bool used;
	uint64_t *self_ns; /* by node; room entries, 0 beyond */
	uint32_t room;
	/*
	 * What a function has beyond its nodes, where the tree was full and
	 * a call path was cut: inclusive, and self less what its nodes hold
	 * of functions that were cut.  functions_room entries.
	 */
	double *cut_ns;
	double *cut_self_ns;
	uint32_t functions_room;
	double total_ns;
	double n_samples;
	double n_requests;
};

/* What is known of a node or function over instances; rebuilt for a look. */
struct flame_node {
	double share[COHORT_N];
	double cost_ns[COHORT_N];
	double self_share[COHORT_N];
	double samples[COHORT_N]; /* inclusive, of the cohort */
	double most_baseline;	  /* the largest share of one instance */
	double most_before;	  /* of a function: of earlier baselines */
	uint32_t n_instances[COHORT_N];
	double log_e;
	double cut[COHORT_N]; /* share on stacks that were cut */
	double rise;	      /* of share */
	double gain;	      /* of it, what regions gained: flamediff_gain.c */
	bool same; /* not tested: another has the same in every instance */
	bool reported;
	uint32_t path;	  /* of a function: its heaviest; else itself */
	uint32_t n_paths; /* of a function: nodes */
};

/* Stacks down to one function, without those further down. */
struct flame_region {
	double share[COHORT_N]; /* of CPU, as if every instance were one */
	double square;		/* sum of baseline instances' shares squared */
	double gain[COHORT_N];	/* what the cohort has more, beyond chance */
	double left[COHORT_N];	/* of that, not yet part of a finding */
	double rise;		/* scratch */
};

struct flamediff {
	struct policy policy;
	struct calltree *tree;
	struct flame_instance *instances;
	uint32_t n_instances;
	uint32_t *known; /* function + 1 by string of the batch at hand */
	uint32_t n_known;
	uint32_t *named; /* the same by a string's number, for good */
	uint32_t n_named;
	int32_t *at; /* node by node of the profile at hand, or its caller's */
	bool *cut;   /* where the tree was full: at is not the node itself */
	uint32_t n_at;

	double next_look; /* canary samples at which the next look is due */
	uint32_t looks;	  /* at settled code; what they spent stays spent */
	bool compared;	  /* one of them since the last flamediff_clear() */
	const struct lessons *lessons; /* NULL: none */
	bool managed; /* code of a JVM is among the functions */
	bool young;   /* and much of it is still being compiled */
	bool summed;  /* nodes are those of the samples that are there */
	struct flame_node *nodes;     /* of the last sum-up; functions follow */
	struct flame_node *functions; /* in nodes, behind them */
	uint32_t n_nodes;
	uint32_t n_functions;
	struct flame_region *regions; /* by function; the last: of none */
	uint32_t *region_of;	      /* by node */
	uint8_t *inside;	      /* by node; scratch */
	uint32_t *first;	      /* child by node, UINT32_MAX: none */
	uint32_t *next;		      /* sibling by node */
	double *work;		      /* 2 by node and 2 by function */
	uint32_t n_used[COHORT_N];    /* instances in nodes */
	double cost_all; /* CPU-ns per request, baseline; 0: not known */

	uint8_t *classes;   /* by node, then function, of the last look */
	uint32_t n_classes; /* nodes */
	struct rollout_finding *findings;
	size_t n_findings;
	struct rollout_path *paths;
	size_t paths_room;
};

/* Sum up shares and costs into d->nodes.  Returns 0 or -ENOMEM. */
int flame_sum(struct flamediff *d);

/*
 * An instance's inclusive weights into weight: n_nodes of nodes, then
 * n_functions of functions.
 */
void flame_inclusive(const struct flamediff *d, const struct flame_instance *in,
		     double *weight);

/* Is it absent from baselines, or nearly so in every instance? */
bool flame_absent(const struct flamediff *d, const struct flame_node *n);

/* Do most of today's baseline instances not have it at all? */
bool flame_comes_and_goes(const struct flamediff *d,
			  const struct flame_node *n);

/*
 * Does it come and go, as in an earlier baseline, where an instance had as
 * large a share of it?  Then nothing of it is new.
 */
bool flame_sporadic(const struct flamediff *d, const struct flame_node *n);

/* The deepest call path that explains 80 % of the rise of node. */
uint32_t flame_deepest(const struct flamediff *d, uint32_t node);

/* Fill a finding about a node or function; class and gates are the caller's. */
void flame_finding(const struct flame_node *n, bool function,
		   struct rollout_finding *ret_f);

/*
 * Make the findings of a look, whose classes are filled.  gates: instances
 * are enough for a rise to gate.  Returns 0 or -ENOMEM.
 */
int flame_report(struct flamediff *d, bool gates);

/* --- which function to name: flamediff_name.c --- */

/*
 * Of the functions of which may says so, whose gain is filled, the one that
 * explains most of the rises, or UINT32_MAX if there is none.
 */
uint32_t flame_explains(struct flamediff *d, const bool *may);

/* Is it a function of the application, not of what runs it? */
bool flame_application(const struct flamediff *d, uint32_t f);

/* Has it no name of its own, being what a runtime generates? */
bool flame_stub(const char *name);

/* --- what of a rise is CPU that was gained: flamediff_gain.c --- */

/* Fill d->regions; at the end of flame_sum(). */
void flame_regions(struct flamediff *d);

/* Forget which gains are part of a finding. */
void flame_restore(struct flamediff *d);

/*
 * Of the stacks that hold a function, or a call path: what cohort has more
 * of them than the other by what its regions gained and have left; 0 or
 * more, a share of CPU.
 */
double flame_function_gain(struct flamediff *d, uint32_t f, enum cohort more);
double flame_path_gain(struct flamediff *d, uint32_t node, enum cohort more);

/* The same of the canary's stacks on which f calls k, however far down. */
double flame_below_gain(struct flamediff *d, uint32_t f, uint32_t k);

/* The gain of f is part of a finding from now on. */
void flame_take(struct flamediff *d, uint32_t f);

/*
 * Did the rise or fall of a function or call path, whose gain is filled here,
 * only move from elsewhere?
 */
bool flame_moved(struct flamediff *d, struct flame_node *n);

#endif /* STATS_FLAMEDIFF_STATE_H */
