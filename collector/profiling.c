/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/profiling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/events.h"
#include "collector/hotspot.h"
#include "collector/profile.h"
#include "collector/rate.h"
#include "collector/sampler.h"
#include "collector/symbols.h"
#include "collector/targets.h"
#include "common/batch.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/strtab.h"

enum {
	/* of ELF symbol tables, for all targets: a libjvm takes 2 MiB */
	SYMBOLS_BYTES = 16 * 1024 * 1024,
	STEP_MS = 200, /* how often JVMs are gone on with */
};

struct subject {
	int pid;
	uint32_t instance;
	struct symbols_process *symbols; /* NULL until it was sampled */
	bool hopeless;			 /* no symbols to be had: said */
	struct hotspot *hotspot;	 /* NULL where not asked for */
	struct sampler_counts told;	 /* as counted in batches */
	struct subject *next;
};

struct trees {
	uint32_t instance;
	struct profile *profile;
	uint64_t lost[LOSS_N]; /* of processes that have gone */
	struct trees *next;
};

struct profiling {
	bool jvm_attach;
	profiling_say_fn *say;
	void *ctx;
	struct sampler *sampler;
	struct symbols *symbols;
	struct subject *subjects;
	struct subject *last; /* the one that was sampled last */
	struct trees *trees;
	uint64_t step_ns; /* when JVMs are gone on with next */
	uint32_t rate_hz; /* ticks a second and CPU */
	uint32_t max_hz;  /* what the budget leaves */
	bool is_limited;  /* said */
	bool is_refused;  /* the kernel takes no other rate: said */
};

int profiling_new(bool jvm_attach, profiling_say_fn *say, void *ctx,
		  struct profiling **ret_p, struct err *err)
{
	struct profiling *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(err, -ENOMEM, "profiling: no memory");
	p->jvm_attach = jvm_attach;
	p->say = say;
	p->ctx = ctx;
	p->max_hz = RATE_HZ_MAX;
	rc = symbols_new(SYMBOLS_BYTES, &p->symbols, err);
	if (rc == 0)
		rc = sampler_new(&p->sampler, err);
	if (rc < 0) {
		profiling_free(p);
		return rc;
	}
	if (symbols_kernel_problem(p->symbols)[0] != '\0')
		say(ctx, 0, symbols_kernel_problem(p->symbols));
	*ret_p = p;
	return 0;
}

static void subject_free(struct subject *s)
{
	hotspot_free(s->hotspot);
	symbols_process_free(s->symbols);
	free(s);
}

void profiling_free(struct profiling *p)
{
	if (!p)
		return;
	while (p->subjects) {
		struct subject *next = p->subjects->next;

		subject_free(p->subjects);
		p->subjects = next;
	}
	while (p->trees) {
		struct trees *next = p->trees->next;

		profile_free(p->trees->profile);
		free(p->trees);
		p->trees = next;
	}
	sampler_free(p->sampler);
	symbols_free(p->symbols);
	free(p);
}

static struct trees *trees_find(struct profiling *p, uint32_t instance)
{
	for (struct trees *t = p->trees; t; t = t->next)
		if (t->instance == instance)
			return t;
	return NULL;
}

static struct trees *trees_get(struct profiling *p, uint32_t instance)
{
	struct trees *t = trees_find(p, instance);

	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	if (profile_new(LIMIT_PROFILE_PATHS, &t->profile, NULL) < 0) {
		free(t);
		return NULL;
	}
	t->instance = instance;
	t->next = p->trees;
	p->trees = t;
	return t;
}

static struct subject *subject_find(struct profiling *p, int pid)
{
	if (p->last && p->last->pid == pid)
		return p->last;
	for (struct subject *s = p->subjects; s; s = s->next) {
		if (s->pid == pid) {
			p->last = s;
			return s;
		}
	}
	return NULL;
}

void profiling_begin(struct profiling *p, const struct target_process *tp)
{
	struct subject *s = calloc(1, sizeof(*s));
	struct err err = { "" };
	int rc;

	if (!s) {
		p->say(p->ctx, tp->pid, "not profiled: no memory");
		return;
	}
	s->pid = tp->pid;
	s->instance = tp->instance;
	rc = sampler_add_target(p->sampler, tp->pid, (uint32_t)tp->pid, &err);
	if (rc == 0 && p->jvm_attach)
		rc = hotspot_new(tp->pid, &s->hotspot, &err);
	if (rc < 0) {
		p->say(p->ctx, tp->pid, err.text);
		sampler_remove_target(p->sampler, tp->pid);
		subject_free(s);
		return;
	}
	s->next = p->subjects;
	p->subjects = s;
}

/* Bring what the kernel counted of s into its instance's losses. */
static void count_losses(struct profiling *p, struct subject *s)
{
	struct trees *t = trees_find(p, s->instance);
	struct sampler_counts now;

	if (!t || sampler_counts(p->sampler, s->pid, &now) < 0)
		return;
	t->lost[LOSS_SAMPLE_RING] += now.n_ring_full - s->told.n_ring_full;
	s->told = now;
}

void profiling_end(struct profiling *p, int pid)
{
	for (struct subject **at = &p->subjects; *at; at = &(*at)->next) {
		struct subject *s = *at;

		if (s->pid != pid)
			continue;
		count_losses(p, s);
		sampler_remove_target(p->sampler, pid);
		*at = s->next;
		subject_free(s);
		break;
	}
	p->last = NULL;
}

static void on_sample(void *ctx, const struct sample_event *e)
{
	struct profiling *p = ctx;
	struct subject *s = subject_find(p, (int)e->target);
	struct err err = { "" };
	struct trees *t;

	if (!s || s->hopeless)
		return;
	if (!s->symbols &&
	    symbols_process_new(p->symbols, s->pid, &s->symbols, &err) < 0) {
		s->hopeless = true;
		p->say(p->ctx, s->pid, err.text);
		return;
	}
	t = trees_get(p, s->instance);
	if (t)
		profile_add(t->profile, p->symbols, s->symbols, e);
}

static void step_jvm(struct profiling *p, struct subject *s, uint64_t now_ns)
{
	struct err err = { "" };
	int rc;

	if (!s->hotspot || !s->symbols || !symbols_process_is_jvm(s->symbols))
		return;
	rc = hotspot_step(s->hotspot, now_ns, symbols_process_n_jit(s->symbols),
			  &err);
	if (rc == HOTSPOT_DONE)
		symbols_process_stale(s->symbols);
	else if (rc < 0)
		p->say(p->ctx, s->pid, err.text);
}

void profiling_drain(struct profiling *p, uint64_t now_ns)
{
	(void)sampler_drain(p->sampler, on_sample, p); /* none is an answer */
	if (!p->jvm_attach || now_ns < p->step_ns)
		return;
	p->step_ns = now_ns + (uint64_t)STEP_MS * 1000000;
	for (struct subject *s = p->subjects; s; s = s->next)
		step_jvm(p, s, now_ns);
}

static int intern(void *arg, const char *text, uint32_t *ret_number)
{
	return strtab_add(arg, text, strnlen(text, LIMIT_STRING_BYTES),
			  ret_number);
}

int profiling_fill(struct profiling *p, uint32_t instance,
		   struct strtab *strings, struct arena *arena, struct batch *b,
		   struct err *err)
{
	struct trees *t = trees_find(p, instance);
	struct profile_result r = { .n_profiles = 0 };
	struct profile_counts counts;
	int rc;

	if (!t)
		return 0;
	for (struct subject *s = p->subjects; s; s = s->next)
		if (s->instance == instance)
			count_losses(p, s);
	rc = profile_seal(t->profile, arena, intern, strings, &r, err);
	counts = profile_counts(t->profile);
	profile_reset(t->profile);
	if (rc < 0) {
		t->lost[LOSS_PATHS_FULL] += counts.n_samples;
		return rc;
	}
	b->n_profiles = r.n_profiles;
	b->profiles = r.profiles;
	b->n_threads = r.n_threads;
	b->threads = r.threads;
	b->n_frames = counts.n_frames;
	b->n_unsymbolised = counts.n_unsymbolised;
	b->lost[LOSS_SAMPLE_STACK] += counts.n_no_stack;
	b->lost[LOSS_PATHS_FULL] += counts.n_paths_full;
	for (size_t c = 0; c < LOSS_N; c++) {
		b->lost[c] += t->lost[c];
		t->lost[c] = 0;
	}
	return 0;
}

/* Trees of instances that nobody belongs to any more. */
static void drop_trees(struct profiling *p)
{
	struct trees **at = &p->trees;

	while (*at) {
		struct trees *t = *at;
		bool wanted = false;

		for (struct subject *s = p->subjects; s; s = s->next)
			wanted = wanted || s->instance == t->instance;
		if (wanted) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		profile_free(t->profile);
		free(t);
	}
}

/* CPU time that the collector may take in elapsed_ns. */
static uint64_t budget_ns(const struct profiling *p, uint64_t elapsed_ns)
{
	uint64_t permille = 0;

	for (const struct subject *s = p->subjects; s; s = s->next)
		permille += LIMIT_OWN_CPU_PERMILLE;
	if (permille < LIMIT_OWN_CPU_PERMILLE)
		permille = LIMIT_OWN_CPU_PERMILLE;
	if (permille > LIMIT_OWN_CPU_PERMILLE_MAX)
		permille = LIMIT_OWN_CPU_PERMILLE_MAX;
	return elapsed_ns / 1000 * permille;
}

/* Say when the budget begins to lower the rate, and when it no longer does. */
static void say_limited(struct profiling *p, double share, double allowed)
{
	bool is_limited = p->is_limited ? p->max_hz < RATE_HZ_MAX
					: p->max_hz < RATE_WANT_HZ;
	char text[200];

	if (is_limited == p->is_limited)
		return;
	p->is_limited = is_limited;
	if (is_limited)
		snprintf(text, sizeof(text),
			 "the collector took %.1f %% of a core and may take "
			 "%.1f %%: it samples at most %u times a second",
			 share * 100, allowed * 100, p->max_hz);
	else
		snprintf(text, sizeof(text),
			 "the collector is within %.1f %% of a core: it "
			 "samples as often as it wants",
			 allowed * 100);
	p->say(p->ctx, 0, text);
}

void profiling_adapt(struct profiling *p, uint64_t elapsed_ns, uint64_t cpu_ns)
{
	uint64_t allowed_ns = budget_ns(p, elapsed_ns);
	struct err err = { "" };
	int rc;

	drop_trees(p);
	if (elapsed_ns == 0)
		return;
	p->max_hz = rate_ceiling(p->max_hz, p->rate_hz ? p->rate_hz : p->max_hz,
				 cpu_ns, allowed_ns);
	say_limited(p, (double)cpu_ns / (double)elapsed_ns,
		    (double)allowed_ns / (double)elapsed_ns);
	rc = sampler_adapt(p->sampler, elapsed_ns, p->max_hz, &err);
	if (rc > 0)
		p->rate_hz = (uint32_t)rc;
	else if (!p->is_refused)
		p->say(p->ctx, 0, err.text);
	p->is_refused = rc < 0;
}
