/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record - compare a verdict that was written down with the one found again.
 *
 * Both are verdict_record()s.  In the same build the same inputs give the same
 * bytes.  On another libm the last bits of a figure may differ, and nothing
 * else may.
 */
#ifndef GATE_RECORD_H
#define GATE_RECORD_H

#include <stdbool.h>

struct err;

/* Figures this close, relative to the larger, are the same figure. */
#define RECORD_CLOSE_WITHIN 1e-9

enum record_match {
	RECORD_IDENTICAL, /* byte for byte */
	RECORD_CLOSE,	  /* but for figures within RECORD_CLOSE_WITHIN */
	RECORD_DIFFERENT,
};

enum { RECORD_FIELD_BYTES = 64, RECORD_VALUE_BYTES = 256 };

/* How two records differ. */
struct record_difference {
	enum record_match match;
	bool decision;	 /* also in verdict, code or whether it is final */
	double distance; /* the largest of a figure, relative; 0 if none */
	/* of the first that is different, else of the first that is close;
	   values as JSON, cut, or "" for a field that is not there */
	char field[RECORD_FIELD_BYTES];
	char stored[RECORD_VALUE_BYTES];
	char found[RECORD_VALUE_BYTES];
};

/*
 * Compare the record that was stored with the one found again.  A stored text
 * that is no JSON object at all differs in field "document".
 * Returns 0; -EINVAL if found is none; or -ENOMEM.
 */
int record_compare(const char *stored, const char *found,
		   struct record_difference *ret_d, struct err *err);

#endif /* GATE_RECORD_H */
