/* SPDX-License-Identifier: Apache-2.0 */
/* report_table - the tables of a report, each with its heading. */
#ifndef GATE_REPORT_TABLE_H
#define GATE_REPORT_TABLE_H

#include "stats/verdict.h"

struct buf;
struct policy;
struct rollout;

/* Append a verdict's shape, which says it without colour; size in px. */
void report_shape(struct buf *b, enum verdict_word word, int size);

/* Append a verdict's word with its shape, for a cell. */
void report_word(struct buf *b, enum verdict_word word);

/* P99 of each route: both, shift, interval against the limit, counts. */
void report_routes(struct buf *b, const struct rollout *r);

/* P50, P90, P99 and P99.9 of each route. */
void report_quantiles(struct buf *b, const struct rollout *r);

void report_instances(struct buf *b, const struct rollout *r);

/* The call paths that differ, most important first. */
void report_hot_paths(struct buf *b, const struct rollout *r);

/* What was lost, and what could not be compared. */
void report_quality(struct buf *b, const struct rollout *r);

/* The numbers of the policy. */
void report_policy(struct buf *b, const struct policy *p);

#endif /* GATE_REPORT_TABLE_H */
