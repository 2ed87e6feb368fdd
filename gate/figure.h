/* SPDX-License-Identifier: Apache-2.0 */
/*
 * figure - the plots of a report, as static SVG.
 *
 * Every figure carries a sentence for those who cannot see it, tells the
 * cohorts apart by form as well as by colour (baseline dashed or round,
 * canary solid or pointed), takes its colours from the page's style sheet and
 * has a bounded number of elements.
 */
#ifndef GATE_FIGURE_H
#define GATE_FIGURE_H

struct buf;
struct rollout;
struct rollout_route_view;

/* The shift of one route with its interval, against the limit. */
void figure_shift(struct buf *b, const struct rollout_route_view *v);

/*
 * The share of requests that took longer than x, both axes logarithmic: the
 * further right a line runs at 1 %, the higher the P99.
 */
void figure_tail(struct buf *b, const struct rollout_route_view *v);

/* P99 of both cohorts, window by window. */
void figure_time(struct buf *b, const struct rollout *r);

/* P99 of each instance. */
void figure_instances(struct buf *b, const struct rollout *r);

#endif /* GATE_FIGURE_H */
