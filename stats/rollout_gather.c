/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout_gather - from a window's batches to counts by route and instance.
 * rollout.c says when; nothing here compares anything.
 */
#include "stats/rollout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/strtab.h"
#include "stats/flamediff.h"
#include "stats/lesson.h"
#include "stats/rollout_state.h"
#include "stats/throughput.h"

static void cells_free(struct rollout_route *route)
{
	for (uint32_t i = 0; i < route->n_cells; i++) {
		if (route->cells[i])
			tally_release(&route->cells[i]->tally);
		free(route->cells[i]);
	}
	free(route->cells);
	route->cells = NULL;
	route->n_cells = 0;
}

void rollout_route_release(struct rollout_route *route)
{
	shift_free(route->shift);
	throughput_free(route->throughput);
	cells_free(route);
	for (int c = 0; c < COHORT_N; c++) {
		hist_free(route->hist[c]);
		hist_free(route->window[c]);
		hist_free(route->block[c]);
	}
}

/* --- names --- */

/* The index of a name, both lookup tables grown to hold it. */
static int name_index(struct rollout *r, const char *name, size_t len,
		      uint32_t *ret_i)
{
	uint32_t *p;
	uint32_t room;
	int rc = strtab_add(r->names, name, len, ret_i);

	if (rc < 0 || *ret_i < r->n_names)
		return rc;
	room = *ret_i + 64;
	p = realloc(r->route_of_name, room * sizeof(*p));
	if (!p)
		return -ENOMEM;
	r->route_of_name = p;
	p = realloc(r->instance_of_name, room * sizeof(*p));
	if (!p)
		return -ENOMEM;
	r->instance_of_name = p;
	memset(r->route_of_name + r->n_names, 0,
	       (room - r->n_names) * sizeof(*p));
	memset(r->instance_of_name + r->n_names, 0,
	       (room - r->n_names) * sizeof(*p));
	r->n_names = room;
	return 0;
}

/* The evidence about a route that begins, with what is known of it. */
static int route_shift_new(const struct rollout *r, struct rollout_route *route)
{
	struct spread_prior prior[LEVEL_N];

	if (route->ignored)
		return 0;
	if (shift_new(&r->policy, &route->shift) < 0)
		return -ENOMEM;
	if (r->policy.throughput_lo > 0.0 &&
	    throughput_new(1.0 - r->policy.throughput_lo, &route->throughput) <
		    0)
		return -ENOMEM;
	if (r->lessons && lessons_find(r->lessons, route->name, prior))
		shift_learn(route->shift, prior);
	return 0;
}

static int route_add(struct rollout *r, uint32_t name, uint32_t *ret_route)
{
	struct rollout_route *p =
		realloc(r->routes, (r->n_routes + 1) * sizeof(*p));
	struct rollout_route *route;

	if (!p)
		return -ENOMEM;
	r->routes = p;
	route = &p[r->n_routes];
	memset(route, 0, sizeof(*route));
	route->name = strtab_get(r->names, name);
	route->ignored = policy_ignores(&r->policy, route->name);
	r->n_routes++;
	for (int c = 0; c < COHORT_N; c++)
		if (hist_new(HIST_MAX_NS, &route->hist[c]) < 0 ||
		    hist_new(HIST_MAX_NS, &route->window[c]) < 0 ||
		    hist_new(HIST_MAX_NS, &route->block[c]) < 0)
			return -ENOMEM;
	if (route_shift_new(r, route) < 0)
		return -ENOMEM;
	r->route_of_name[name] = r->n_routes;
	*ret_route = r->n_routes - 1;
	return 0;
}

static int route_get(struct rollout *r, const char *text, uint32_t *ret_route)
{
	uint32_t name;
	int rc;

	if (r->one_route)
		text = "*";
	rc = name_index(r, text, strlen(text), &name);
	if (rc == 0 && r->route_of_name[name] > 0) {
		*ret_route = r->route_of_name[name] - 1;
		return 0;
	}
	if (rc == -EMSGSIZE || (rc == 0 && r->n_routes >= ROUTES_MAX &&
				strcmp(text, "{other}") != 0))
		return route_get(r, "{other}", ret_route);
	return rc < 0 ? rc : route_add(r, name, ret_route);
}

static int instance_get(struct rollout *r, const struct rollout_member *m,
			uint32_t *ret_slot)
{
	char key[2 + 256];
	size_t len = strnlen(m->batch->instance, 255);
	struct rollout_instance *p;
	uint32_t name;
	int rc;

	key[0] = m->cohort == COHORT_CANARY ? 'c' : 'b';
	memcpy(key + 1, m->batch->instance, len);
	rc = name_index(r, key, len + 1, &name);
	if (rc < 0)
		return rc;
	if (r->instance_of_name[name] > 0) {
		*ret_slot = r->instance_of_name[name] - 1;
		return 0;
	}
	if (r->n_instances >= INSTANCES_MAX)
		return -EMSGSIZE;
	p = realloc(r->instances, (r->n_instances + 1) * sizeof(*p));
	if (!p)
		return -ENOMEM;
	r->instances = p;
	p += r->n_instances;
	memset(p, 0, sizeof(*p));
	p->name = strtab_get(r->names, name) + 1;
	p->cohort = m->cohort;
	p->started_ms = m->batch->started_ms;
	if (hist_new(HIST_MAX_NS, &p->hist) < 0)
		return -ENOMEM;
	*ret_slot = r->n_instances++;
	r->instance_of_name[name] = r->n_instances;
	return 0;
}

static int cell_get(struct rollout_route *route, uint32_t slot,
		    struct rollout_cell **ret_cell)
{
	if (slot >= route->n_cells) {
		uint32_t n = slot + 16;
		struct rollout_cell **p =
			realloc(route->cells, n * sizeof(void *));

		if (!p)
			return -ENOMEM;
		memset(p + route->n_cells, 0,
		       (n - route->n_cells) * sizeof(void *));
		route->cells = p;
		route->n_cells = n;
	}
	if (!route->cells[slot]) {
		route->cells[slot] = calloc(1, sizeof(*route->cells[slot]));
		if (!route->cells[slot])
			return -ENOMEM;
	}
	*ret_cell = route->cells[slot];
	return 0;
}

/* --- like with like --- */

/* Forget what was measured in a way that is not common to all any more. */
static int start_over(struct rollout *r)
{
	for (uint32_t i = 0; i < r->n_routes; i++) {
		struct rollout_route *route = &r->routes[i];

		cells_free(route);
		shift_free(route->shift);
		route->shift = NULL;
		throughput_free(route->throughput);
		route->throughput = NULL;
		route->weight = 0.0;
		for (int c = 0; c < COHORT_N; c++) {
			hist_clear(route->hist[c]);
			hist_clear(route->block[c]);
			route->n_requests[c] = 0;
			route->n_compared[c] = 0;
			for (int k = 0; k < RATE_N; k++)
				route->n_events[k][c] = 0;
		}
		if (route_shift_new(r, route) < 0)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < r->n_instances; i++) {
		hist_clear(r->instances[i].hist);
		r->instances[i].n_requests = 0;
		r->instances[i].n_compared = 0;
		r->instances[i].judged = false;
	}
	r->weighted = false;
	r->n_late = 0;
	r->round = r->round_step = 0;
	r->windows = r->windows_step = 0;
	r->n_points = 0;
	return 0;
}

/*
 * Cohorts meet on what all collectors have: service time where one does not
 * see arrival, one route for all where their rules for routes differ.
 */
int rollout_meet(struct rollout *r, const struct rollout_window *w)
{
	bool over = false;

	for (size_t i = 0; i < w->n_members; i++) {
		const struct batch *b = w->members[i].batch;

		if (!r->rules_known) {
			r->rules_known = true;
			r->route_rules = b->route_rules;
			r->name_rules = b->name_rules;
		}
		if (b->basis == LATENCY_SERVICE &&
		    r->basis != LATENCY_SERVICE) {
			r->basis = r->quality.basis = LATENCY_SERVICE;
			over = true;
		}
		if (b->route_rules != r->route_rules && !r->one_route) {
			r->one_route = true;
			over = true;
		}
		if (b->name_rules != r->name_rules && !r->names_differ) {
			r->names_differ = true;
			flamediff_clear(r->flame);
		}
	}
	return over ? start_over(r) : 0;
}

/* --- gathering --- */

static uint64_t batch_requests(const struct batch *b, enum latency_kind basis)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < b->n_series; i++)
		for (uint32_t j = 0;
		     b->series[i].kind == basis && j < b->series[i].n; j++)
			n += b->series[i].count[j];
	return n;
}

static bool batch_any(const struct batch *b, enum latency_kind basis)
{
	for (uint32_t i = 0; i < b->n_series; i++)
		for (uint32_t j = 0;
		     b->series[i].kind == basis && j < b->series[i].n; j++)
			if (b->series[i].count[j] > 0)
				return true;
	return false;
}

/*
 * An instance is warm once it has served so many requests since it started.
 * A later start of the same instance begins again, and is a restart.
 */
static void instance_note(struct rollout *r, uint32_t slot,
			  const struct batch *b, uint64_t n, bool history)
{
	struct rollout_instance *in = &r->instances[slot];

	if (b->started_ms > in->started_ms) {
		in->started_ms = b->started_ms;
		in->n_served = 0;
		if (!history) {
			in->n_restarts++;
			if (in->cohort == COHORT_CANARY) {
				r->n_restarts++;
				r->restarted = slot;
			}
		}
	}
	if (b->n_requests_before > in->n_served)
		in->n_served = b->n_requests_before;
	in->warm = in->n_served >= r->policy.warm_requests;
	in->n_served += n;
}

static void hooks_note(struct rollout *r, enum cohort c, const char *hooks)
{
	uint32_t i;

	if (!hooks || strcmp(r->quality.hooks[c], hooks) == 0)
		return;
	if (r->quality.hooks[c][0] != '\0')
		r->quality.hooks[c] = "mixed";
	else if (name_index(r, hooks, strlen(hooks), &i) == 0)
		r->quality.hooks[c] = strtab_get(r->names, i);
}

static void quality_note(struct rollout *r, uint32_t slot,
			 const struct batch *b)
{
	struct rollout_instance *in = &r->instances[slot];
	struct rollout_quality *q = &r->quality;
	enum cohort c = in->cohort;

	for (int i = 0; i < LOSS_N; i++)
		q->lost[c][i] += b->lost[i];
	for (int i = LOSS_RING_FULL; i <= LOSS_UNPARSED; i++)
		in->n_lost += b->lost[i];
	in->n_lost += b->lost[LOSS_OTHER];
	q->n_events[c] += b->n_events;
	q->n_frames[c] += b->n_frames;
	q->n_unsymbolised[c] += b->n_unsymbolised;
	for (uint32_t i = 0; i < b->n_profiles; i++) {
		const struct batch_profile *p = &b->profiles[i];

		if (p->kind != PROFILE_CPU)
			continue;
		q->n_samples[c] += p->n_samples;
		for (uint32_t j = 0; j < p->n; j++)
			q->group_ns[c][p->group] += p->self_ns[j];
	}
	hooks_note(r, c, b->hooks);
}

/* One series of a warm instance. */
static int series_add(struct rollout *r, uint32_t slot, const struct batch *b,
		      const struct batch_series *s, bool history)
{
	struct rollout_instance *in = &r->instances[slot];
	struct rollout_route *route;
	struct rollout_cell *cell = NULL;
	uint64_t n = 0;
	uint32_t i;
	int rc;

	rc = route_get(r, b->strings[s->route], &i);
	if (rc < 0)
		return rc;
	route = &r->routes[i];
	if (!route->ignored) {
		rc = cell_get(route, slot, &cell);
		if (rc < 0)
			return rc;
	}
	for (uint32_t j = 0; j < s->n; j++)
		n += s->count[j];
	if (cell && tally_add(&cell->tally, s->bucket, s->count, s->n) < 0)
		return -ENOMEM;
	if (hist_add_buckets(route->window[in->cohort], s->bucket, s->count,
			     s->n) < 0)
		return -ENOMEM;
	if (cell && !history &&
	    hist_add_buckets(in->hist, s->bucket, s->count, s->n) < 0)
		return -ENOMEM;
	for (int k = 0; k < RATE_N; k++) {
		enum status_class is =
			k == RATE_ERRORS ? STATUS_5XX : STATUS_UNANSWERED;

		if (s->status != is)
			continue;
		if (cell)
			cell->n_events[k] += n;
		if (!history)
			route->n_events[k][in->cohort] += n;
	}
	if (!history) {
		route->n_requests[in->cohort] += n;
		in->n_requests += cell ? n : 0;
	}
	return 0;
}

int rollout_member_add(struct rollout *r, const struct rollout_member *m,
		       bool history)
{
	const struct batch *b = m->batch;
	uint64_t n = batch_requests(b, r->basis);
	uint32_t slot;
	int rc;

	rc = instance_get(r, m, &slot);
	if (rc < 0)
		return rc;
	instance_note(r, slot, b, n, history);
	if (!history)
		quality_note(r, slot, b);
	if (n > 0 && !history)
		r->heard[m->cohort] = true;
	if (!r->instances[slot].warm)
		return 0;
	if (!history)
		warmth_note(&r->warmth, m->cohort, b, n);
	/* names made by other rules would all be new */
	if (!history && !r->names_differ) {
		rc = flamediff_add(r->flame, slot, m->cohort, b, n);
		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; i < b->n_series; i++) {
		const struct batch_series *s = &b->series[i];

		/* an upgraded connection is no request that was answered */
		if (s->kind != r->basis || s->status == STATUS_1XX)
			continue;
		rc = series_add(r, slot, b, s, history);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/*
 * Add the window's latencies, summed over instances, to whatever holds more
 * than the window.
 */
int rollout_window_sum(struct rollout *r, bool history)
{
	for (uint32_t i = 0; i < r->n_routes; i++) {
		struct rollout_route *route = &r->routes[i];

		for (int c = 0; c < COHORT_N; c++) {
			const struct hist *h = route->window[c];

			if (hist_count(h) == 0)
				continue;
			if (!history && hist_merge(route->hist[c], h) < 0)
				return -ENOMEM;
			if (!route->ignored &&
			    (hist_merge(route->block[c], h) < 0 ||
			     hist_merge(r->scratch[c], h) < 0))
				return -ENOMEM;
			hist_clear(route->window[c]);
		}
	}
	return 0;
}

/*
 * Does a cohort have requests, but none that are timed as the other's are?
 * Then its instances are seen and have nothing on the common basis.
 */
void rollout_blind_note(struct rollout *r, const struct rollout_window *w)
{
	bool on_basis[COHORT_N] = { false, false };
	bool at_all[COHORT_N] = { false, false };

	for (size_t i = 0; i < w->n_members && !w->history; i++) {
		const struct batch *b = w->members[i].batch;
		enum cohort c = w->members[i].cohort;

		at_all[c] = at_all[c] || b->n_series > 0;
		on_basis[c] = on_basis[c] || batch_any(b, r->basis);
	}
	if ((at_all[0] && !on_basis[0]) || (at_all[1] && !on_basis[1]))
		r->blind_windows++;
	else if (on_basis[0] && on_basis[1])
		r->blind_windows = 0;
}
