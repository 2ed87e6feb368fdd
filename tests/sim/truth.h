/* SPDX-License-Identifier: Apache-2.0 */
/*
 * truth - rollouts whose truth is known: what instances of two builds would
 * have sent, window by window.
 *
 * Latencies are lognormal about a median that differs between instances,
 * follows a load that both cohorts share, and is disturbed by bursts and
 * incidents; what the canary's build does to them is the effect.  Everything
 * is drawn from the seed.  Batches go through the real grid.
 */
#ifndef TESTS_SIM_TRUTH_H
#define TESTS_SIM_TRUTH_H

#include <stdbool.h>
#include <stdint.h>

struct rollout_window;
struct truth;

/* What instances are and do.  Zero is none of it. */
struct world {
	uint32_t n_canary;
	uint32_t n_baseline;
	uint32_t n_added[2]; /* of these, drawn after all others */
	uint32_t window_ms;
	uint32_t n_windows; /* judged */
	uint32_t n_history; /* before them, of the baseline */
	double requests;    /* of an instance in a window */
	double canary_load; /* times that; 0 means 1 */
	double median_ms;
	double sigma;	    /* of ln latency */
	double sd;	    /* between instances, of ln latency */
	double sd_window;   /* of an instance from window to window */
	double load_sd;	    /* of the common load's effect on ln latency */
	double load_rho;    /* its correlation from one window to the next */
	double burst;	    /* chance that an instance-window is hit */
	double burst_all;   /* the same, every instance at once */
	double incident_s;  /* one canary pod is slow for so long */
	double incident_by; /* by this factor */
	double cold_s;	    /* the canary's first seconds are slow */
	double cold_by;
	/*
	 * Code is compiled: so large a part of every latency is CPU time, of
	 * which the canary's young code takes 1 + young_by at first, and e
	 * times less of that after each young_s.
	 */
	double cpu;
	double young_by;
	double young_s;
	bool young_all;	   /* the baseline started together with the canary */
	bool ramp;	   /* canary traffic rises to ten times, load with it */
	double bimodal;	   /* share of requests that miss a cache: x 4 */
	double quantum_ms; /* latencies come in steps of this */
	double pareto;	   /* share of requests with a Pareto tail, index 2 */
	double missing;	   /* chance that a batch does not arrive */
	/*
	 * Chance that a collector falls behind, by one to three windows: what
	 * it then sends comes after the window was judged, and is never folded.
	 */
	double late[2];	   /* baseline and canary */
	bool late_slow;	   /* and wherever a burst hits the canary */
	double hang;	   /* share of requests that get no answer, at 10 s */
	double slow_share; /* share of requests that are large ones .. */
	double slow_lo_ms; /* .. and take so much longer, uniform */
	double slow_hi_ms;
	double warm_s; /* the service's first seconds: queues of seconds */
	double pause;  /* chance that an instance-window has a short pause */
	double error_rate;
	uint32_t n_routes; /* 0 means 1; shares 1/2, 1/4, .. */
	double mix_sd;	   /* between instances, of ln odds of going on to the
			      next route; and of an instance from window to
			      window */
	bool mix;	   /* the rarer routes, slower ones, take over */
	double lost[2];	   /* share of requests lost, baseline and canary */
	double restart_s;  /* then the last canary pod restarts .. */
	bool replaced;	   /* .. or another comes in its place */
};

/* The first route; with n_routes 0 the only one. */
#define TRUTH_ROUTE "GET /orders/{}"

/* What the canary's build does.  Zero is nothing. */
struct effect {
	double scale;	 /* all latencies times 1 + scale */
	double tail;	 /* share of requests .. */
	double tail_by;	 /* .. that take so many times longer */
	double above_q;	 /* requests above this quantile of the old build .. */
	double above_ms; /* .. take so much longer */
	double below_q;	 /* requests below this quantile take .. */
	double below_by; /* .. so many times longer */
	double miss;	 /* share of requests that miss a cache, more: x 4 */
	bool fast_error; /* errors take 1 ms */
	double slow_ms;	 /* large requests take so much longer still */
	double error_rate; /* 0 means the old one */
	double hang;	   /* share of requests that get no answer, at 10 s */
	double gone;	   /* share of the second route's requests not sent */
};

struct truth *truth_new(const struct world *w, const struct effect *e,
			uint64_t seed);
void truth_free(struct truth *t);

/*
 * The next window, history first; borrowed until the next call.  False when
 * there are no more.
 */
bool truth_next(struct truth *t, struct rollout_window *ret_w);

/* One request of an undisturbed instance in the middle: its latency in ns. */
double truth_request_ns(struct truth *t, bool canary);

#endif /* TESTS_SIM_TRUTH_H */
