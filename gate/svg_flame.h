/* SPDX-License-Identifier: Apache-2.0 */
/*
 * svg_flame - the differential flame graph of a rollout, as static SVG.
 *
 * Root on top.  A call path is as wide as its share of the canary's CPU.  One
 * that vanished has no width there; it gets its share of the baseline's, so
 * that it can be seen too, and what is above it is widened by as much.
 *
 * Form tells the classes apart before colour does: new ones have a thick
 * outline, vanished ones are hatched, shifted and unsettled ones have a dashed
 * outline, and what does not differ significantly is grey.  Hotter is orange,
 * cooler blue.
 *
 * The number of elements is bounded; what was left out is returned.
 */
#ifndef GATE_SVG_FLAME_H
#define GATE_SVG_FLAME_H

#include <stddef.h>

struct buf;
struct rollout_path;

/* What a flame graph does not show. */
struct svg_flame_pruned {
	size_t n_paths;	    /* call paths of the whole tree */
	size_t n_drawn;	    /* of them */
	double pruned_self; /* share of the canary's CPU whose own call path
			       is not drawn: it stands in its callers */
};

/*
 * Append the graph of a tree in which parents come before children.
 * Returns 0, -ENODATA if neither cohort has a sample, or -ENOMEM.
 */
int svg_flame_write(struct buf *b, const struct rollout_path *paths, size_t n,
		    struct svg_flame_pruned *ret_pruned);

#endif /* GATE_SVG_FLAME_H */
