/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_keys - every number of a policy, in one table: what it permits, its
 * unit and range, what is built in and the reason for that.
 *
 * Reading, writing, checking, comparing and documenting a policy all go by
 * this table, so that a number that can be set is also checked, shown and
 * explained.  schema/FORMATS.md has it in words; a test compares.
 */
#ifndef STATS_POLICY_KEYS_H
#define STATS_POLICY_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct policy;

/* How a number is held in struct policy. */
enum policy_kind {
	POLICY_REAL,  /* double */
	POLICY_U32,   /* uint32_t */
	POLICY_U64,   /* uint64_t */
	POLICY_I64,   /* int64_t */
	POLICY_TRUTH, /* bool: 0 or 1 */
};

enum policy_unit {
	POLICY_FRACTION, /* 0.15 is 15 % */
	POLICY_RATIO,	 /* 1.25 is a quarter more */
	POLICY_LATENCY,	 /* ms */
	POLICY_TIME,	 /* ms */
	POLICY_WINDOWS,
	POLICY_INSTANCES,
	POLICY_REQUESTS,
	POLICY_RESTARTS,
	POLICY_YES_NO,
	POLICY_UNIT_N,
};

/* Which change of a number permits a canary more. */
enum policy_looser {
	POLICY_MORE_IS_LOOSER,
	POLICY_LESS_IS_LOOSER,
};

struct policy_key {
	const char *name; /* in JSON, and of the field */
	enum policy_kind kind;
	size_t offset; /* of the field */
	enum policy_unit unit;
	double lo; /* permitted, both ends included */
	double hi;
	enum policy_looser looser;
	double built_in;
	const char *means; /* for somebody who releases */
	const char *why;   /* this number is built in, and no other */
};

/* In the order in which a policy is written: changing it makes versions. */
extern const struct policy_key policy_keys[];
extern const size_t n_policy_keys;

/* The key of that name, or NULL. */
const struct policy_key *policy_key_find(const char *name);

/* The value that p has; whole numbers and truths as doubles too. */
double policy_key_get(const struct policy_key *k, const struct policy *p);

/* Give p a value, which policy_key_check() has taken. */
void policy_key_set(const struct policy_key *k, struct policy *p, double value);

/*
 * Is a value in its range?  err names the key, the value, what is permitted
 * and what a number like it means.  Returns 0 or -EINVAL, also for NaN.
 */
int policy_key_check(const struct policy_key *k, double value, struct err *err);

/*
 * Can a value be reckoned with, permitted or not?  A policy that was kept may
 * have been permitted more than is now.  False for NaN.
 */
bool policy_key_is_sane(const struct policy_key *k, double value);

/*
 * Is value, of a caller, looser than bound, of the policy a service has?
 * Returns 1 if so (also for NaN), 0 if equal, -1 if it is stricter.
 */
int policy_key_compare(const struct policy_key *k, double bound, double value);

/* "fraction", "ms", "windows": what a document says. */
const char *policy_unit_name(enum policy_unit unit);

/* A value as people say it: "15 %", "5 min", "1 window", "yes". */
void policy_key_show(const struct policy_key *k, double value, char *text,
		     size_t size);

#endif /* STATS_POLICY_KEYS_H */
