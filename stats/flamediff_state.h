/* SPDX-License-Identifier: Apache-2.0 */
/* flamediff_state - shared by flamediff.c and flamediff_look.c; private. */
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
	double total_ns;
	double n_samples;
	double n_requests;
};

/* What is known of a node over instances; rebuilt for a look. */
struct flame_node {
	double share[COHORT_N];
	double cost_ns[COHORT_N];
	double self_share[COHORT_N];
	double samples[COHORT_N]; /* inclusive, of the cohort */
	double most_baseline;	  /* the largest share of one instance */
	uint32_t n_instances[COHORT_N];
	double log_e;
	double rise;	/* of share */
	bool same;	/* not tested: its only child is the same everywhere */
	bool explained; /* a finding: by one further down */
	enum path_class class;
};

struct flamediff {
	struct policy policy;
	struct calltree *tree;
	struct flame_instance *instances;
	uint32_t n_instances;

	double next_look; /* canary samples at which the next look is due */
	uint32_t looks;
	struct flame_node *nodes; /* of the last sum-up */
	uint32_t n_nodes;
	double cost_all;       /* CPU-ns per request, baseline; 0: not known */
	double *function_rise; /* of share, inclusive, by function */
	double *function_base; /* baseline's share */
	uint32_t n_functions;

	uint8_t *classes; /* by node, of the last look */
	uint32_t n_classes;
	struct rollout_finding *findings;
	size_t n_findings;
	struct rollout_path *paths;
	size_t paths_room;
};

/* Sum up shares and costs into d->nodes.  Returns 0 or -ENOMEM. */
int flame_sum(struct flamediff *d);

/* Did the rise of node only move from elsewhere?  After flame_sum(). */
bool flame_moved(const struct flamediff *d, uint32_t node);

/* The deepest call path that explains 80 % of the rise of node. */
uint32_t flame_deepest(const struct flamediff *d, uint32_t node);

/* Fill a finding about node; class and gates are the caller's. */
void flame_finding(const struct flamediff *d, uint32_t node,
		   struct rollout_finding *ret_f);

#endif /* STATS_FLAMEDIFF_STATE_H */
