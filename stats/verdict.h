/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict - what the gate says of a rollout: a word, a code, a sentence.
 *
 * Plain data, finite numbers only, so that it can be written out as it is.
 * The codes and the templates of their sentences are one table (verdict.c).
 */
#ifndef STATS_VERDICT_H
#define STATS_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verdict_word {
	VERDICT_RUNNING,
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_INCONCLUSIVE, /* the data's fault */
	VERDICT_ERROR,	      /* the gate's fault */
	VERDICT_WORD_N,
};

/* verdict.c has the name and the sentence of each. */
enum verdict_code {
	CODE_NO_DATA,	 /* a cohort of which nothing has arrived */
	CODE_WARMING_UP, /* instances not yet warm */
	CODE_NOT_ENOUGH_REQUESTS,
	CODE_COLLECTING,    /* enough to look at, not enough to decide */
	CODE_WITHIN_LIMITS, /* pass */
	CODE_P99_SHIFT,	    /* fail: latency, any level; the tail leads */
	CODE_ERROR_RATE,
	CODE_UNANSWERED,
	CODE_THROUGHPUT, /* fewer requests of a route than its traffic has */
	CODE_RESTARTS,
	CODE_HOT_PATH,		/* fail where the policy says profile: gate */
	CODE_PROFILE_MISSING,	/* it may fail a rollout and was not compared */
	CODE_GROSS,		/* fail: the breaker for disasters */
	CODE_INSTANCE_VARIANCE, /* inconclusive: more instances needed */
	CODE_LOAD_UNEQUAL,
	CODE_SPLIT_UNEQUAL,	/* far less traffic than the step's weight */
	CODE_LOSS,		/* too much lost, or lost unequally */
	CODE_COLLECTORS_DIFFER, /* nothing measured the same way */
	CODE_TRANSIENT,		/* a bump that went away */
	CODE_TOO_FEW_INSTANCES,
	CODE_TIME_UP,  /* the policy's time is over, undecided */
	CODE_STOPPED,  /* somebody stopped the rollout */
	CODE_INTERNAL, /* error */
	CODE_N,
};

enum {
	VERDICT_ROUTE_BYTES = 256,
	VERDICT_REASON_BYTES = 768,
	VERDICT_FUNCTION_BYTES = 256,
};

/* Ratios are looked at between these; an interval that ends there is open. */
#define VERDICT_RATIO_LEAST 0.21
#define VERDICT_RATIO_MOST  6.0

/*
 * A figure that does not exist (no data) is 0; ratios are canary over
 * baseline, 1 where there is nothing to compare.  Intervals are valid at
 * every look.
 */
struct verdict {
	enum verdict_word word;
	enum verdict_code code;
	bool final; /* nothing that arrives later changes it for its step */
	uint32_t step;
	uint32_t method; /* stats/method.h; 0: not written down */
	char route[VERDICT_ROUTE_BYTES];   /* that the code is about, or "" */
	char reason[VERDICT_REASON_BYTES]; /* one sentence in plain words */

	double p99_ratio; /* of that route, or of the one with most at stake */
	double p99_ratio_lo;
	double p99_ratio_hi;
	double p99_baseline_ms;
	double p99_canary_ms;
	double shift_ms; /* canary - baseline */
	double shift_lo_ms;
	double shift_hi_ms;
	double limit_ms; /* the shift that the policy permits */

	char hot_function[VERDICT_FUNCTION_BYTES]; /* new hot path, or "" */
	double hot_share_baseline;		   /* 0..1 of CPU */
	double hot_share_canary;

	uint64_t canary_requests;
	uint64_t baseline_requests;
	uint32_t canary_instances;
	uint32_t baseline_instances;
	uint32_t windows;	 /* compared so far */
	uint64_t need_requests;	 /* canary requests still missing, about */
	uint32_t need_seconds;	 /* that they take at the present rate */
	uint32_t need_instances; /* canary instances still missing, about */
	uint32_t need_baseline_instances; /* baseline ones, besides */
	double detectable_ratio; /* smallest P99 ratio that could be seen; 0 */
};

/* "running", "pass", ...; the word as the API spells it.  Never NULL. */
const char *verdict_word_name(enum verdict_word word);

/* "P99_SHIFT", ...; the code as the API spells it.  Never NULL. */
const char *verdict_code_name(enum verdict_code code);

/* The code with this name.  Returns 0, or -ENOENT. */
int verdict_code_find(const char *name, enum verdict_code *ret_code);

/* What a sentence needs beside the verdict's own figures; 0 and "" if not. */
struct verdict_facts {
	const char *subject; /* "canary", "baseline", an instance, a word */
	uint64_t warm_requests;
	double seen;  /* a share, a ratio or a count that was measured */
	double other; /* what it was compared with */
	double permitted;
	double permitted_lo;
	double wait_ms;
	const char *also; /* a clause to end with: "; clearest at P50, ..." */
};

/*
 * Write v->reason: the sentence of v->code for v->word, from the table in
 * verdict.c, cut to fit at the end of a character.
 */
void verdict_say(struct verdict *v, const struct verdict_facts *facts);

#endif /* STATS_VERDICT_H */
