/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document - a verdict as the one JSON document that every reader gets.
 *
 * Flat; all keys are always there; finite numbers only, to six digits; no
 * null; below LIMIT_DOCUMENT_BYTES.  Where texts are too long for that, they
 * are cut, the function first, then route and reason.
 */
#ifndef GATE_DOCUMENT_H
#define GATE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct err;
struct store_rollout;
struct verdict;

/*
 * Append the document to out, which must be empty.
 *
 *   base_url  before "/rollouts/ID" in "report"; "" for a relative one
 *
 * Returns 0; -EINVAL if a figure is not finite; or -ENOMEM.
 */
int verdict_document(struct buf *out, const struct store_rollout *r,
		     const struct verdict *v, const char *base_url,
		     struct err *err);

/*
 * The same as it is written down: each figure with all of its digits, so that
 * it reads back as the same double, a relative "report", and no "method",
 * which is written down beside it; below LIMIT_RECORD_BYTES.  replay compares
 * it to the bit.
 */
int verdict_record(struct buf *out, const struct store_rollout *r,
		   const struct verdict *v, struct err *err);

/* Is key a figure, which another machine's mathematics may round apart? */
bool verdict_document_is_figure(const char *key);

/* Read a verdict back from its document.  Returns 0 or -EBADMSG. */
int verdict_document_read(const char *text, size_t len, struct verdict *ret_v,
			  struct err *err);

#endif /* GATE_DOCUMENT_H */
