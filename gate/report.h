/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - the page a release manager reads: one self-contained HTML file.
 *
 * Useful without JavaScript, no external address, strict content security
 * policy.  Text from outside is escaped for the place where it appears.
 */
#ifndef GATE_REPORT_H
#define GATE_REPORT_H

#include <stdint.h>

struct buf;
struct err;
struct policy;
struct rollout;
struct store_rollout;
struct verdict;

/*
 * Append the report on a rollout to out.
 *
 *   meta    its identities
 *   policy  that it was judged by
 *   r, v    the folded state and its verdict
 *   now_ms  when the page is made, Unix time
 *
 * Returns 0 or -ENOMEM.
 */
int report_write(struct buf *out, const struct store_rollout *meta,
		 const struct policy *policy, const struct rollout *r,
		 const struct verdict *v, int64_t now_ms, struct err *err);

/*
 * Append what is left to report once the batches that a rollout rests on were
 * deleted: the verdict as it was written down, and since when the rest is
 * gone.
 *
 *   gone_before_ms  the time before which batches were deleted, Unix time
 *
 * The others, and what it returns, are those of report_write().
 */
int report_write_stored(struct buf *out, const struct store_rollout *meta,
			const struct policy *policy, const struct verdict *v,
			int64_t gone_before_ms, int64_t now_ms,
			struct err *err);

/* One line of the page that lists rollouts. */
struct report_entry {
	const struct store_rollout *meta;
	const struct verdict *verdict;
};

/* Append the page that lists rollouts, as given. */
int report_write_list(struct buf *out, const struct report_entry *entries,
		      unsigned int n, int64_t now_ms, struct err *err);

#endif /* GATE_REPORT_H */
