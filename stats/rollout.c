/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/rollout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/strtab.h"
#include "stats/flamediff.h"
#include "stats/lesson.h"
#include "stats/rollout_state.h"
#include "stats/throughput.h"

enum {
	NAMES_MAX = 8192,
	NAMES_BYTES = NAMES_MAX * 272,
	POINTS_MAX = 1 << 20,
};

/* --- making --- */

int rollout_new(const struct policy *policy, int64_t begun_ms,
		struct rollout **ret_r, struct err *err)
{
	struct rollout *r = NULL;
	int rc;

	rc = policy_check(policy, err);
	if (rc < 0)
		return rc;
	r = calloc(1, sizeof(*r));
	if (!r)
		return err_set(err, -ENOMEM, "rollout: no memory");
	r->policy = *policy;
	r->begun_ms = begun_ms;
	r->basis = LATENCY_TOTAL;
	r->quality.basis = LATENCY_TOTAL;
	r->quality.hooks[0] = r->quality.hooks[1] = "";
	r->incident_rounds = INCIDENT_MS / BLOCK_MS;
	rc = strtab_new(NAMES_MAX, NAMES_BYTES, &r->names, err);
	for (int c = 0; c < COHORT_N && rc == 0; c++)
		rc = hist_new(HIST_MAX_NS, &r->scratch[c]);
	if (rc == 0)
		rc = flamediff_new(policy, &r->flame);
	if (rc < 0) {
		rollout_free(r);
		return err_set(err, rc, "rollout: no memory");
	}
	rollout_judge(r, begun_ms, &r->verdict);
	*ret_r = r;
	return 0;
}

void rollout_free(struct rollout *r)
{
	if (!r)
		return;
	for (uint32_t i = 0; i < r->n_routes; i++)
		rollout_route_release(&r->routes[i]);
	for (uint32_t i = 0; i < r->n_instances; i++)
		hist_free(r->instances[i].hist);
	hist_free(r->scratch[0]);
	hist_free(r->scratch[1]);
	free(r->routes);
	free(r->instances);
	free(r->route_of_name);
	free(r->instance_of_name);
	free(r->points);
	free(r->order);
	free(r->findings);
	flamediff_free(r->flame);
	lessons_free(r->lessons);
	strtab_free(r->names);
	free(r);
}

void rollout_learn(struct rollout *r, struct lessons *lessons)
{
	lessons_free(r->lessons);
	r->lessons = lessons;
	flamediff_learn(r->flame, lessons);
}

int rollout_teach(const struct rollout *r, struct lessons *lessons)
{
	struct spread_prior own[LEVEL_N];
	int rc = 0;

	for (uint32_t i = 0; i < r->n_routes && rc == 0; i++) {
		double df = 0.0;

		if (!r->routes[i].shift)
			continue;
		shift_teach(r->routes[i].shift, own);
		for (int p = 0; p < LEVEL_N; p++)
			df += own[p].df;
		if (df > 0.0)
			rc = lessons_add(lessons, r->routes[i].name, own, 1.0);
	}
	return rc < 0 ? rc : flamediff_teach(r->flame, lessons);
}

/* --- windows --- */

static double p99_ms(const struct hist *h)
{
	uint64_t ns;

	return hist_quantile(h, 0.99, &ns) < 0 ? 0.0 : (double)ns / 1e6;
}

/* Note the window's own P99s and whether it had both cohorts. */
static int point_add(struct rollout *r, const struct rollout_window *w)
{
	struct rollout_point *p;

	r->window_both =
		hist_count(r->scratch[0]) > 0 && hist_count(r->scratch[1]) > 0;
	if (r->window_both) {
		r->windows++;
		r->windows_step++;
	} else {
		r->quality.n_windows_skipped++;
	}
	if (r->n_points == r->points_room && r->n_points < POINTS_MAX) {
		size_t room = r->points_room ? 2 * r->points_room : 64;

		p = realloc(r->points, room * sizeof(*p));
		if (!p)
			return -ENOMEM;
		r->points = p;
		r->points_room = room;
	}
	if (r->n_points < r->points_room) {
		p = &r->points[r->n_points++];
		p->from_ms = w->from_ms;
		for (int c = 0; c < COHORT_N; c++) {
			p->p99_ms[c] = p99_ms(r->scratch[c]);
			p->n_requests[c] = hist_count(r->scratch[c]);
		}
	}
	return 0;
}

static int by_identity(const void *a, const void *b)
{
	const struct rollout_member *x = a;
	const struct rollout_member *y = b;
	int by = (int)x->cohort - (int)y->cohort;

	if (by == 0)
		by = strcmp(x->batch->instance, y->batch->instance);
	if (by == 0)
		by = (x->batch->stream_id > y->batch->stream_id) -
		     (x->batch->stream_id < y->batch->stream_id);
	if (by == 0)
		by = (x->batch->seq > y->batch->seq) -
		     (x->batch->seq < y->batch->seq);
	return by;
}

static int window_check(const struct rollout_window *w, struct err *err)
{
	if (w->from_ms < 0 || w->to_ms <= w->from_ms)
		return err_set(err, -EINVAL,
			       "rollout: window from %lld to %lld",
			       (long long)w->from_ms, (long long)w->to_ms);
	for (size_t i = 0; i < w->n_members; i++) {
		if (!w->members[i].batch)
			return err_set(err, -EINVAL,
				       "rollout: member %zu has no batch", i);
		if ((unsigned int)w->members[i].cohort >= COHORT_N)
			return err_set(err, -EINVAL,
				       "rollout: member %zu is of cohort %u", i,
				       (unsigned int)w->members[i].cohort);
	}
	return 0;
}

/* Gather a window's members, in an order that is always the same. */
static int members_add(struct rollout *r, const struct rollout_window *w)
{
	struct rollout_member *sorted =
		malloc((w->n_members + 1) * sizeof(*sorted));
	int rc = 0;

	if (!sorted)
		return -ENOMEM;
	if (w->n_members > 0)
		memcpy(sorted, w->members, w->n_members * sizeof(*sorted));
	qsort(sorted, w->n_members, sizeof(*sorted), by_identity);
	for (size_t i = 0; i < w->n_members && rc == 0; i++) {
		/* before the rollout there was no canary to learn from */
		if (w->history && sorted[i].cohort == COHORT_CANARY)
			continue;
		rc = rollout_member_add(r, &sorted[i], w->history);
	}
	free(sorted);
	return rc;
}

static void step_begin(struct rollout *r, uint32_t step)
{
	r->step = step;
	r->passed = false;
	r->round_step = r->round;
	r->windows_step = 0;
	r->load_rounds = 0;
	r->load_s = 0.0;
	memset(r->load_n, 0, sizeof(r->load_n));
	memset(r->load_i, 0, sizeof(r->load_i));
	for (uint32_t i = 0; i < r->n_routes; i++) {
		if (r->routes[i].shift)
			shift_step(r->routes[i].shift);
		if (r->routes[i].throughput)
			throughput_step(r->routes[i].throughput);
	}
}

/* Fold a window that is new and well formed. */
static int window_add(struct rollout *r, const struct rollout_window *w)
{
	bool heard_before[COHORT_N] = { r->heard[0], r->heard[1] };
	int rc = 0;

	/* a window that is longer than a block is one */
	r->block_ms = w->to_ms - w->from_ms;
	if (r->block_ms < BLOCK_MS)
		r->block_ms = BLOCK_MS;
	r->incident_rounds =
		(uint32_t)((INCIDENT_MS + r->block_ms - 1) / r->block_ms);
	if (!rollout_block_continues(r, w) || w->step > r->step)
		rc = rollout_block_close(r);
	if (rc == 0 && w->step > r->step)
		step_begin(r, w->step);
	if (rc == 0)
		rc = rollout_meet(r, w);
	if (rc < 0)
		return rc;
	if (!r->block_open) {
		r->block_open = true;
		r->block_history = w->history;
		r->block_from_ms = w->from_ms;
	}
	hist_clear(r->scratch[0]);
	hist_clear(r->scratch[1]);
	r->heard[0] = r->heard[1] = false;
	rc = members_add(r, w);
	if (rc == 0)
		rc = rollout_window_sum(r, w->history);
	if (!w->history)
		warmth_window(&r->warmth, w->to_ms - w->from_ms);
	r->extra = warmth_extra(&r->warmth, r->scratch[COHORT_BASELINE],
				w->to_ms, r->policy.settle_after_ms);
	rollout_blind_note(r, w);
	for (int c = 0; c < COHORT_N; c++) {
		if (r->heard[c])
			r->heard_ms[c] = w->to_ms;
		r->heard[c] = r->heard[c] || heard_before[c];
	}
	if (rc == 0 && !w->history)
		rc = point_add(r, w);
	/* the last window of a block: decide now, not with the next one */
	if (rc == 0 && w->to_ms / BLOCK_MS != r->block_from_ms / BLOCK_MS)
		rc = rollout_block_close(r);
	return rc;
}

/*
 * Look at the profiles.  What is found explains a failure; where only a
 * failure makes a path worth naming, it is listed with the findings then.
 */
static int profiles_look(struct rollout *r)
{
	const struct rollout_finding *found;
	struct rollout_finding *p;
	struct rollout_finding hot;
	struct verdict v = { .hot_function = "" };
	size_t n;
	int rc = flamediff_look(r->flame);

	if (rc < 0)
		return rc;
	n = flamediff_findings(r->flame, &found);
	p = realloc(r->findings, (n + 1) * sizeof(*p));
	if (!p)
		return -ENOMEM;
	r->findings = p;
	if (n > 0)
		memcpy(p, found, n * sizeof(*p));
	r->n_findings = n;
	if (!r->failed)
		return 0;
	rollout_name_hot(r, true, &v, &hot);
	for (size_t i = 0; i < n; i++)
		if (p[i].path == hot.path) {
			p[i].class = hot.class;
			return 0;
		}
	if (v.hot_function[0] != '\0') {
		memmove(p + 1, p, n * sizeof(*p));
		p[0] = hot;
		r->n_findings++;
	}
	return 0;
}

int rollout_fold(struct rollout *r, const struct rollout_window *w,
		 struct verdict *ret_v, struct err *err)
{
	int rc = window_check(w, err);

	if (rc < 0)
		return rc;
	if (!r->any || w->from_ms >= r->last_to_ms) {
		rc = window_add(r, w);
		if (rc < 0)
			return err_set(err, rc, "rollout: %s",
				       rc == -ENOMEM ? "no memory"
						     : "too many names");
		r->any = true;
		r->last_from_ms = w->from_ms;
		r->last_to_ms = w->to_ms;
		rollout_order(r);
		/* what a failure was explained with is kept */
		if (!r->failed)
			flamediff_settle(r->flame, warmth_young(&r->warmth));
		rc = flamediff_look(r->flame);
		if (rc == 0) {
			rollout_judge(r, w->to_ms, &r->verdict);
			rc = profiles_look(r);
		}
		if (rc < 0)
			return err_set(err, rc, "rollout: no memory");
	}
	if (ret_v)
		*ret_v = r->verdict;
	return 0;
}

int rollout_step(struct rollout *r, uint32_t step, struct err *err)
{
	int rc = 0;

	if (step < r->step)
		return err_set(err, -EINVAL, "rollout: step %u after step %u",
			       step, r->step);
	if (step > r->step) {
		rc = rollout_block_close(r);
		step_begin(r, step);
		rollout_judge(r, r->any ? r->last_to_ms : r->begun_ms,
			      &r->verdict);
	}
	return rc;
}
