/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout_state - what the fold knows, shared by rollout.c (gathers),
 * rollout_judge.c (decides) and rollout_view.c (shows).  Private to them.
 *
 * Windows are gathered into blocks of at least BLOCK_MS, because counts of a
 * window of 2 s are too few to learn from how they vary; a block is compared
 * when it is over.
 */
#ifndef STATS_ROLLOUT_STATE_H
#define STATS_ROLLOUT_STATE_H

#include "stats/hist.h"
#include "stats/policy.h"
#include "stats/rollout.h"
#include "stats/shift.h"
#include "stats/tally.h"
#include "stats/warmth.h"

struct flamediff;
struct lessons;
struct strtab;

enum {
	BLOCK_MS = 10000,
	/* what one pod's bad luck may take and not count: a short incident */
	INCIDENT_MS = 120000,
	/* routes told apart; the rest is {other}, over both cohorts together */
	ROUTES_MAX = 200,
	INSTANCES_MAX = 4096,
	TAIL_REQUESTS = 2000, /* 20 of them beyond P99 */
};

/* One instance on one route: the block that is being gathered. */
struct rollout_cell {
	struct tally tally;
	uint64_t n_events[RATE_N];
};

struct rollout_route {
	const char *name; /* the name table's */
	bool ignored;
	struct shift *shift;	       /* NULL where ignored */
	struct throughput *throughput; /* NULL where the policy asks nothing */
	struct rollout_cell **cells;   /* by slot; NULL: never here */
	uint32_t n_cells;

	struct hist *hist[COHORT_N]; /* judged windows */
	/* the window and the block that are being gathered, of all instances */
	struct hist *window[COHORT_N];
	struct hist *block[COHORT_N];
	uint64_t n_requests[COHORT_N];
	uint64_t n_events[RATE_N][COHORT_N];
	uint64_t n_compared[COHORT_N]; /* requests in compared blocks */
	double weight; /* of its evidence; 0 until it was first compared */
};

struct rollout_instance {
	const char *name;
	enum cohort cohort;
	int64_t started_ms;
	uint64_t n_served; /* since it started, as far as seen */
	bool warm;
	bool judged; /* took part in a compared block */
	uint64_t n_requests;
	uint64_t n_compared;
	uint64_t n_lost;
	uint32_t n_restarts;
	struct hist *hist; /* judged routes */
};

struct rollout {
	struct policy policy;
	int64_t begun_ms;
	uint32_t step;
	struct lessons *lessons; /* NULL: none */

	struct strtab *names; /* routes; "b" or "c" and an instance; hooks */
	struct rollout_route *routes;
	uint32_t n_routes;
	uint32_t *route_of_name; /* index + 1 by name index; 0: none */
	struct rollout_instance *instances;
	uint32_t n_instances;
	uint32_t *instance_of_name;
	uint32_t n_names; /* room of both */
	uint32_t n_late;  /* routes that were weighted late */
	bool weighted;

	/* the block being gathered */
	bool block_open;
	bool block_history;
	int64_t block_from_ms;
	int64_t block_ms;    /* how long one is */
	uint32_t round;	     /* compared blocks */
	uint32_t round_step; /* of them when the step began */
	uint32_t incident_rounds;

	int64_t last_from_ms;
	int64_t last_to_ms;
	bool any;
	int64_t heard_ms[COHORT_N]; /* end of the last window with requests */
	bool heard[COHORT_N];
	uint32_t windows; /* compared */
	uint32_t windows_step;
	bool window_both;	 /* the newest window had both cohorts */
	double load_n[COHORT_N]; /* requests in recent compared blocks */
	double load_i[COHORT_N]; /* instances, once for each block */
	double load_s;		 /* and how long these blocks were */
	uint32_t load_rounds;

	enum latency_kind basis;
	uint32_t route_rules;
	uint32_t name_rules;
	bool rules_known;
	bool one_route; /* rules for routes differ: all are "*" */
	bool names_differ;
	uint32_t blind_windows; /* one cohort has nothing on the basis */

	struct rollout_point *points;
	size_t n_points;
	size_t points_room;
	struct hist *scratch[COHORT_N];
	struct rollout_quality quality;
	uint32_t n_restarts;
	uint32_t restarted; /* the instance that did so last */

	size_t *order; /* routes by canary requests, for the views */
	struct flamediff *flame;
	struct warmth warmth;
	double extra; /* share of latencies that a young canary may be over */
	struct rollout_finding *findings; /* with what only a failure names */
	size_t n_findings;
	bool failed;
	bool passed;		/* this step */
	struct verdict verdict; /* the last one */
};

/* ln of the evidence over all routes that a test adds up. */
struct rollout_evidence {
	double log_e;
	uint32_t route;	      /* that has most of it */
	struct against parts; /* that route's */
};

/* What to ask of every route: see shift.h; a and b are its arguments. */
enum rollout_asked { ASK_NULL, ASK_BUT, ASK_WITHOUT, ASK_WITHIN };

/* Evidence against the canary over all routes: rollout_evidence.c. */
struct rollout_evidence rollout_ask(const struct rollout *r,
				    enum rollout_asked what, uint32_t a,
				    uint32_t b);

/* The same of one route, whose weight is above 0, before that weight. */
void rollout_ask_route(const struct rollout_route *route,
		       enum rollout_asked what, uint32_t a, uint32_t b,
		       struct against *ret_x);

enum rollout_shift { SHIFT_HOLDS_NOT, SHIFT_HOLDS, SHIFT_WENT_AWAY };

/* Is the canary beyond the limit?  ret_e is the evidence at the limit. */
enum rollout_shift rollout_shift_holds(const struct rollout *r,
				       struct rollout_evidence *ret_e);

/* How far the evidence is from a pass; -INFINITY where nothing may pass. */
void rollout_pass_reach(const struct rollout *r, struct pass_reach *ret_reach);

/* A cohort's requests per second in recent blocks: rollout_block.c. */
double rollout_rate(const struct rollout *r, enum cohort c);

/* Canary instances that were compared: rollout_evidence.c. */
uint32_t rollout_n_canary(const struct rollout *r);

/* Evidence that a shift must also have, in logs: rollout_evidence.c. */
extern const double rollout_log_robust;
extern const double rollout_log_floor;

/*
 * Fill v->need_requests and need_seconds: what is missing until v, whose
 * figures are there, is decided, to two figures.  reach is
 * rollout_pass_reach()'s.
 */
void rollout_forecast(const struct rollout *r, const struct pass_reach *reach,
		      struct verdict *v);

/*
 * The block that is open, if one is, is over.  Returns 0 or -ENOMEM.  And does
 * a window go on with it?  rollout_block.c.
 */
int rollout_block_close(struct rollout *r);
bool rollout_block_continues(const struct rollout *r,
			     const struct rollout_window *w);

/* Gathering: rollout_gather.c.  Returns are 0, -EMSGSIZE or -ENOMEM. */
int rollout_meet(struct rollout *r, const struct rollout_window *w);
int rollout_member_add(struct rollout *r, const struct rollout_member *m,
		       bool history);
void rollout_blind_note(struct rollout *r, const struct rollout_window *w);
int rollout_window_sum(struct rollout *r, bool history);
void rollout_route_release(struct rollout_route *route);

/* Decide after a window: rollout_judge.c. */
void rollout_judge(struct rollout *r, int64_t now_ms, struct verdict *ret_v);

/*
 * Is it the spread between instances, not the number of requests, that keeps
 * the leading route from being decided?  Then v has the code and how many
 * instances to add.
 */
bool rollout_variance(const struct rollout *r, const struct rollout_route *lead,
		      struct verdict *v);

/* Put the hot path, if there is one to name, into v: rollout_judge.c. */
void rollout_name_hot(const struct rollout *r, bool failed, struct verdict *v,
		      struct rollout_finding *ret_f);

/* Order routes for the views: rollout_view.c. */
void rollout_order(struct rollout *r);

#endif /* STATS_ROLLOUT_STATE_H */
