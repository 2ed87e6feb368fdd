/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout_block - what a block that is over does: every route looks at it, and
 * routes are weighted when they are first compared.  rollout.c says when.
 */
#include "stats/rollout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stats/hist.h"
#include "stats/rollout_state.h"
#include "stats/shift.h"
#include "stats/tally.h"
#include "stats/throughput.h"

static bool route_compared(const struct rollout_route *route)
{
	return route->shift &&
	       (shift_compared(route->shift) ||
		(route->throughput && throughput_compared(route->throughput)));
}

/*
 * Weights of routes, set when they are first compared and never changed: half
 * by their share of what was seen until then, half alike.  A route that comes
 * late shares what was kept back, 1/2, 1/6, 1/12 .. of it.
 */
static void routes_weigh(struct rollout *r)
{
	const double kept = 0.05;
	double all = 0.0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n_routes; i++) {
		const struct rollout_route *route = &r->routes[i];

		if (!route_compared(route))
			continue;
		all += (double)route->n_requests[0] +
		       (double)route->n_requests[1];
		n++;
	}
	for (uint32_t i = 0; i < r->n_routes; i++) {
		struct rollout_route *route = &r->routes[i];
		double mine = (double)route->n_requests[0] +
			      (double)route->n_requests[1];

		if (!route_compared(route) || route->weight > 0.0)
			continue;
		if (r->weighted) {
			r->n_late++;
			route->weight =
				kept / ((double)r->n_late * (r->n_late + 1.0));
		} else {
			route->weight =
				(1.0 - kept) * 0.5 * (mine / all + 1.0 / n);
		}
	}
	r->weighted = r->weighted || n > 0;
}

/* What an instance was asked for in the block, of all judged routes. */
static uint64_t instance_requests(const struct rollout *r, uint32_t j)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < r->n_routes; i++)
		if (j < r->routes[i].n_cells && r->routes[i].cells[j])
			n += r->routes[i].cells[j]->tally.total;
	return n;
}

/*
 * Requests per instance, the last blocks counting most: a ramp changes it,
 * and what it was an hour ago says nothing of now.
 */
static void load_note(struct rollout *r)
{
	const double keep = 0.9;
	double n[COHORT_N] = { 0.0, 0.0 };
	double n_i[COHORT_N] = { 0.0, 0.0 };

	for (uint32_t j = 0; j < r->n_instances; j++) {
		enum cohort c = r->instances[j].cohort;
		uint64_t mine = instance_requests(r, j);

		n[c] += (double)mine;
		n_i[c] += mine > 0 ? 1.0 : 0.0;
	}
	for (int c = 0; c < COHORT_N; c++) {
		r->load_n[c] = keep * r->load_n[c] + n[c];
		r->load_i[c] = keep * r->load_i[c] + n_i[c];
	}
	r->load_s = keep * r->load_s + (double)r->block_ms / 1000.0;
	r->load_rounds++;
}

double rollout_rate(const struct rollout *r, enum cohort c)
{
	return r->load_s > 0.0 ? r->load_n[c] / r->load_s : 0.0;
}

/* Has any judged route both cohorts in the block? */
static bool block_both(const struct rollout *r)
{
	for (uint32_t i = 0; i < r->n_routes; i++) {
		const struct rollout_route *route = &r->routes[i];
		bool has[COHORT_N] = { false, false };

		for (uint32_t j = 0; j < route->n_cells; j++)
			if (route->cells[j] && route->cells[j]->tally.total)
				has[r->instances[j].cohort] = true;
		if (has[0] && has[1])
			return true;
	}
	return false;
}

static void block_count(struct rollout *r, struct rollout_route *route,
			const struct shift_arm *arms, uint32_t n)
{
	bool has[COHORT_N] = { false, false };

	for (uint32_t i = 0; i < n; i++)
		has[arms[i].canary ? COHORT_CANARY : COHORT_BASELINE] = true;
	if (!has[0] || !has[1])
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct rollout_instance *in = &r->instances[arms[i].slot];

		route->n_compared[in->cohort] += arms[i].tally->total;
		in->n_compared += arms[i].tally->total;
		in->judged = true;
	}
}

static int block_route(struct rollout *r, struct rollout_route *route,
		       struct shift_arm *arms)
{
	uint32_t n = 0;
	int rc;

	for (uint32_t j = 0; j < route->n_cells; j++) {
		struct rollout_cell *cell = route->cells[j];

		if (!cell || cell->tally.total == 0)
			continue;
		tally_seal(&cell->tally);
		arms[n].slot = j;
		arms[n].canary = r->instances[j].cohort == COHORT_CANARY;
		arms[n].tally = &cell->tally;
		memcpy(arms[n].n_events, cell->n_events,
		       sizeof(cell->n_events));
		n++;
	}
	if (n == 0)
		return 0;
	shift_allow(route->shift, r->extra);
	rc = shift_block(route->shift, (uint64_t)r->block_from_ms / BLOCK_MS,
			 r->round, r->round - r->round_step, arms, n,
			 route->block);
	if (!r->block_history)
		block_count(r, route, arms, n);
	for (uint32_t j = 0; j < n; j++) {
		struct rollout_cell *cell = route->cells[arms[j].slot];

		tally_reset(&cell->tally);
		memset(cell->n_events, 0, sizeof(cell->n_events));
	}
	for (int c = 0; c < COHORT_N; c++)
		hist_clear(route->block[c]);
	return rc;
}

/* What the route is of all that instances were asked for: all[j] by slot. */
static int route_throughput(struct rollout *r,
			    const struct rollout_route *route,
			    const uint64_t *all, struct throughput_arm *arms)
{
	uint32_t n = 0;

	for (uint32_t j = 0; j < r->n_instances; j++) {
		const struct rollout_cell *own =
			j < route->n_cells ? route->cells[j] : NULL;
		struct throughput_arm *a = &arms[n];

		a->slot = j;
		a->canary = r->instances[j].cohort == COHORT_CANARY;
		a->n = all[j];
		a->answered =
			own ? own->tally.total - own->n_events[RATE_UNANSWERED]
			    : 0;
		n += a->n > 0;
	}
	if (n == 0)
		return 0;
	return throughput_block(route->throughput,
				(uint64_t)r->block_from_ms / BLOCK_MS, r->round,
				r->round - r->round_step, arms, n);
}

/* Every route, also one that some have nothing of. */
static int block_throughput(struct rollout *r)
{
	size_t room = (size_t)r->n_instances + 1;
	struct throughput_arm *arms = calloc(room, sizeof(*arms));
	uint64_t *all = calloc(room, sizeof(*all));
	int rc = arms && all ? 0 : -ENOMEM;

	for (uint32_t j = 0; rc == 0 && j < r->n_instances; j++)
		all[j] = instance_requests(r, j);
	for (uint32_t i = 0; i < r->n_routes && rc == 0; i++)
		if (r->routes[i].throughput)
			rc = route_throughput(r, &r->routes[i], all, arms);
	free(arms);
	free(all);
	return rc;
}

int rollout_block_close(struct rollout *r)
{
	struct shift_arm *arms;
	bool both;
	int rc = 0;

	if (!r->block_open)
		return 0;
	r->block_open = false;
	both = !r->block_history && block_both(r);
	if (both)
		load_note(r);
	if (r->policy.throughput_lo > 0.0)
		rc = block_throughput(r);
	arms = calloc(r->n_instances + 1, sizeof(*arms));
	if (!arms)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->n_routes && rc == 0; i++)
		if (!r->routes[i].ignored)
			rc = block_route(r, &r->routes[i], arms);
	free(arms);
	if (both) {
		r->round++;
		routes_weigh(r);
	}
	return rc;
}

bool rollout_block_continues(const struct rollout *r,
			     const struct rollout_window *w)
{
	return r->block_open && r->block_history == w->history &&
	       w->from_ms / BLOCK_MS == r->block_from_ms / BLOCK_MS;
}
