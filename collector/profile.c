/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All groups share one array of nodes, whose first PROFILE_GROUP_N are their
 * roots; a hash of (parent, name) finds a node's child.  A node is always
 * younger than its parent.
 */
#include "collector/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/events.h"
#include "collector/names.h"
#include "collector/symbols.h"
#include "common/arena.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/strtab.h"

enum { THREADS_MAX = 256 }; /* kinds of thread; a service has some 20 */

static const uint32_t NONE = UINT32_MAX;

struct node {
	uint32_t parent;
	uint32_t name; /* in the table */
	uint64_t self_ns;
};

struct thread {
	uint32_t name; /* in the table */
	enum profile_group group;
	uint64_t cpu_ns;
};

struct profile {
	struct strtab *names;
	struct node *nodes;
	uint32_t n;
	uint32_t room;
	uint32_t max;	 /* nodes, roots included */
	uint32_t *slots; /* node by hash of (parent, name); 0: empty */
	uint32_t n_slots;
	struct thread threads[THREADS_MAX];
	uint32_t n_threads;
	uint64_t n_samples[PROFILE_GROUP_N];
	uint64_t sum_ns[PROFILE_GROUP_N];
	struct profile_counts counts;
};

/* A walk from the root, as far as it has come. */
struct walk {
	struct profile *p;
	enum profile_group group;
	uint32_t node; /* NONE once it could not go on */
	uint32_t last; /* name of the frame before, or NONE */
};

int profile_new(size_t max_paths, struct profile **ret_p, struct err *err)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(err, -ENOMEM, "profile: no memory");
	p->max = (uint32_t)max_paths + PROFILE_GROUP_N;
	p->room = 256;
	p->n_slots = 1024;
	p->nodes = calloc(p->room, sizeof(*p->nodes));
	p->slots = calloc(p->n_slots, sizeof(*p->slots));
	if (!p->nodes || !p->slots ||
	    strtab_new(LIMIT_PROFILE_NAMES, LIMIT_PROFILE_NAME_BYTES, &p->names,
		       err) < 0) {
		profile_free(p);
		return err_set(err, -ENOMEM, "profile: no memory");
	}
	profile_reset(p);
	*ret_p = p;
	return 0;
}

void profile_free(struct profile *p)
{
	if (!p)
		return;
	strtab_free(p->names);
	free(p->nodes);
	free(p->slots);
	free(p);
}

void profile_reset(struct profile *p)
{
	strtab_clear(p->names);
	memset(p->slots, 0, p->n_slots * sizeof(*p->slots));
	p->n = PROFILE_GROUP_N;
	for (uint32_t i = 0; i < p->n; i++)
		p->nodes[i] = (struct node){ .parent = NONE, .name = NONE };
	p->n_threads = 0;
	memset(p->n_samples, 0, sizeof(p->n_samples));
	memset(p->sum_ns, 0, sizeof(p->sum_ns));
	p->counts = (struct profile_counts){ .n_samples = 0 };
}

struct profile_counts profile_counts(const struct profile *p)
{
	return p->counts;
}

enum profile_group profile_group_of(const char *thread, bool jvm)
{
	/* beginnings of the names HotSpot gives its own threads */
	static const struct {
		const char *prefix;
		enum profile_group group;
	} known[] = {
		{ "C1 CompilerThre", PROFILE_JIT },
		{ "C2 CompilerThre", PROFILE_JIT },
		{ "JVMCI Compiler", PROFILE_JIT },
		{ "JVMCI-native Co", PROFILE_JIT },
		{ "Sweeper thread", PROFILE_JIT }, /* of compiled code */
		{ "GC Thread#", PROFILE_GC },
		{ "G1 ", PROFILE_GC },
		{ "ParGC Thread#", PROFILE_GC },
		{ "Parallel GC", PROFILE_GC },
		{ "Shenandoah", PROFILE_GC },
		{ "StringDedupProc", PROFILE_GC },
		{ "ZGC", PROFILE_GC },
		{ "ZDirector", PROFILE_GC },
		{ "ZDriver", PROFILE_GC },
		{ "ZStat", PROFILE_GC },
		{ "ZUncommitter", PROFILE_GC },
		{ "ZUnmapper", PROFILE_GC },
		{ "ZWorker#", PROFILE_GC },
		{ "VM Thread", PROFILE_VM },
		{ "VM Periodic", PROFILE_VM },
		{ "Signal Dispatch", PROFILE_VM },
		{ "Service Thread", PROFILE_VM },
		{ "Monitor Deflati", PROFILE_VM },
		{ "Common-Cleaner", PROFILE_VM },
		{ "Reference Handl", PROFILE_VM },
		{ "Finalizer", PROFILE_VM },
		{ "Notification Th", PROFILE_VM },
		{ "Attach Listener", PROFILE_VM },
		{ "JFR ", PROFILE_VM },
	};

	for (size_t i = 0; jvm && i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(thread, known[i].prefix, strlen(known[i].prefix)) ==
		    0)
			return known[i].group;
	return PROFILE_APP;
}

static int number_of(struct profile *p, const char *name, uint32_t *ret_number)
{
	return strtab_add(p->names, name, strlen(name), ret_number);
}

static uint32_t *slot_of(const struct profile *p, uint32_t parent,
			 uint32_t name)
{
	uint64_t key = (uint64_t)parent << 32 | name;
	uint32_t i = (uint32_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> 32);

	for (i &= p->n_slots - 1; p->slots[i] != 0;
	     i = (i + 1) & (p->n_slots - 1)) {
		const struct node *node = &p->nodes[p->slots[i]];

		if (node->parent == parent && node->name == name)
			break;
	}
	return &p->slots[i];
}

/* Room for one more node, in the array and in the hash. */
static int reserve(struct profile *p)
{
	if (p->n == p->max)
		return -ENOSPC;
	if (p->n == p->room) {
		struct node *grown;

		grown = realloc(p->nodes, 2 * p->room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		p->nodes = grown;
		p->room *= 2;
	}
	if (p->n >= p->n_slots / 2) {
		uint32_t *slots = calloc(2 * p->n_slots, sizeof(*slots));

		if (!slots)
			return -ENOMEM;
		free(p->slots);
		p->slots = slots;
		p->n_slots *= 2;
		for (uint32_t i = PROFILE_GROUP_N; i < p->n; i++)
			*slot_of(p, p->nodes[i].parent, p->nodes[i].name) = i;
	}
	return 0;
}

/* The child of parent by that name; NONE if it is new and has no room. */
static uint32_t child_of(struct profile *p, uint32_t parent, uint32_t name)
{
	uint32_t *slot = slot_of(p, parent, name);

	if (*slot != 0)
		return *slot;
	if (reserve(p) < 0)
		return NONE;
	/* the hash may have moved */
	slot = slot_of(p, parent, name);
	p->nodes[p->n] = (struct node){ .parent = parent, .name = name };
	*slot = p->n;
	return p->n++;
}

/* Names that tell nothing about the code: a row of them is one frame. */
static bool is_faceless(const char *name)
{
	return name[0] == '[' || strcmp(name, "Interpreter") == 0;
}

static void walk_down(struct walk *w, const char *name)
{
	uint32_t number;

	if (w->node == NONE)
		return;
	if (number_of(w->p, name, &number) < 0) {
		w->node = NONE;
		return;
	}
	if (number == w->last && is_faceless(name))
		return;
	w->node = child_of(w->p, w->node, number);
	w->last = number;
}

/* Begin again below [truncated]: what was walked so far was no caller. */
static void walk_restart(struct walk *w)
{
	w->node = w->group;
	w->last = NONE;
	walk_down(w, "[truncated]");
}

static struct walk walk_begin(struct profile *p, enum profile_group group)
{
	return (struct walk){
		.p = p, .group = group, .node = group, .last = NONE
	};
}

static void count_thread(struct profile *p, const char *thread,
			 enum profile_group group, uint64_t period_ns)
{
	char kind[NAME_BYTES];
	struct thread *t;
	uint32_t name;
	uint32_t i = 0;

	name_of_thread(thread, kind);
	if (number_of(p, kind, &name) < 0)
		return;
	while (i < p->n_threads &&
	       (p->threads[i].name != name || p->threads[i].group != group))
		i++;
	/* the last place is for all kinds that come too late */
	if (i >= THREADS_MAX - 1) {
		i = THREADS_MAX - 1;
		if (number_of(p, "{other}", &name) < 0)
			return;
		group = PROFILE_APP;
	}
	t = &p->threads[i];
	if (i >= p->n_threads) {
		*t = (struct thread){ .name = name, .group = group };
		p->n_threads = i + 1;
	}
	t->cpu_ns += period_ns;
}

static void walk_end(struct walk *w, const char *thread, uint64_t period_ns)
{
	struct profile *p = w->p;

	count_thread(p, thread, w->group, period_ns);
	if (w->node == NONE) {
		p->counts.n_paths_full++;
		return;
	}
	p->counts.n_samples++;
	p->n_samples[w->group]++;
	p->sum_ns[w->group] += period_ns;
	p->nodes[w->node].self_ns += period_ns;
}

void profile_add_path(struct profile *p, const char *thread, bool jvm,
		      const char *const *names, size_t n, uint64_t period_ns)
{
	struct walk w = walk_begin(p, profile_group_of(thread, jvm));

	for (size_t i = 0; i < n; i++)
		walk_down(&w, names[i]);
	p->counts.n_frames += n;
	walk_end(&w, thread, period_ns);
}

static void walk_frame(struct walk *w, struct symbol symbol)
{
	w->p->counts.n_frames++;
	if (!symbol.named)
		w->p->counts.n_unsymbolised++;
	/*
	 * An address without memory is no caller: code without a frame
	 * pointer broke the chain there, and what came before it is chance.
	 */
	if (strcmp(symbol.name, "[unknown]") == 0)
		walk_restart(w);
	else
		walk_down(w, symbol.name);
}

/* Where to look a frame up: a return address may be in the next function. */
static uint64_t call_site(uint64_t address, uint32_t depth)
{
	return depth > 0 && address > 0 ? address - 1 : address;
}

static void walk_kernel(struct walk *w, struct symbols *s,
			const struct sample_event *event)
{
	for (uint32_t i = event->n_kernel; i-- > 0;) {
		struct symbol symbol =
			symbols_kernel(s, call_site(event->kernel[i], i));

		if (symbol.name[0] == '\0')
			continue;
		walk_frame(w, symbol);
		if (strcmp(symbol.name, "[irq]") == 0)
			break;
	}
}

void profile_add(struct profile *p, struct symbols *s,
		 struct symbols_process *sp, const struct sample_event *event)
{
	char thread[TASK_NAME_BYTES + 1];
	struct walk w;

	memcpy(thread, event->name, TASK_NAME_BYTES);
	thread[TASK_NAME_BYTES] = '\0';
	w = walk_begin(p, profile_group_of(thread, symbols_process_is_jvm(sp)));
	if (event->n_user == 0)
		p->counts.n_no_stack++;
	if (event->n_user == STACK_USER_MAX) {
		p->counts.n_truncated++;
		walk_restart(&w);
	}
	for (uint32_t i = event->n_user; i-- > 0;)
		walk_frame(&w, symbols_user(sp, call_site(event->user[i], i),
					    event->at_ns));
	walk_kernel(&w, s, event);
	if (event->n_user + event->n_kernel == 0)
		walk_down(&w, "[unknown]");
	walk_end(&w, thread, event->period_ns);
}

/* Orders nodes by parent, then by name: siblings end up together. */
struct order {
	uint32_t node;
	uint32_t parent;
	const char *name;
};

static int by_parent_and_name(const void *a, const void *b)
{
	const struct order *x = a;
	const struct order *y = b;

	if (x->parent != y->parent)
		return x->parent > y->parent ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* What laying out needs besides the profile. */
struct layout {
	const struct profile *p;
	struct order *order; /* every node but the roots, sorted */
	uint32_t *first;     /* of each node: where its children are in order */
	uint32_t *stack;     /* nodes yet to be written, in order */
	int32_t *place;	     /* of each node in its group's arrays */
	struct arena *arena;
	profile_intern_fn *intern;
	void *arg;
};

/*
 * A walk that began again, or ran out of room, leaves nodes that no sample
 * ends below: they are not laid out.
 */
static void sum_totals(const struct profile *p, uint64_t *total_ns)
{
	for (uint32_t i = p->n; i-- > PROFILE_GROUP_N;) {
		total_ns[i] += p->nodes[i].self_ns;
		total_ns[p->nodes[i].parent] += total_ns[i];
	}
}

static int layout_init(struct layout *l)
{
	const struct profile *p = l->p;
	uint64_t *total_ns = calloc(p->n, sizeof(*total_ns));
	uint32_t n = 0;

	l->order = calloc(p->n, sizeof(*l->order));
	l->first = calloc(p->n + 1, sizeof(*l->first));
	l->stack = calloc(p->n, sizeof(*l->stack));
	l->place = calloc(p->n, sizeof(*l->place));
	if (!total_ns || !l->order || !l->first || !l->stack || !l->place) {
		free(total_ns);
		return -ENOMEM;
	}
	sum_totals(p, total_ns);
	for (uint32_t i = PROFILE_GROUP_N; i < p->n; i++) {
		const struct node *node = &p->nodes[i];

		if (total_ns[i] == 0)
			continue;
		l->order[n++] = (struct order){
			.node = i,
			.parent = node->parent,
			.name = strtab_get(p->names, node->name),
		};
		l->first[node->parent + 1]++;
	}
	free(total_ns);
	for (uint32_t i = 0; i < p->n; i++)
		l->first[i + 1] += l->first[i];
	qsort(l->order, n, sizeof(*l->order), by_parent_and_name);
	return 0;
}

static void layout_release(struct layout *l)
{
	free(l->order);
	free(l->first);
	free(l->stack);
	free(l->place);
}

/* Put the children of node on the stack, the first one on top. */
static uint32_t push_children(struct layout *l, uint32_t node, uint32_t n)
{
	for (uint32_t i = l->first[node + 1]; i > l->first[node]; i--)
		l->stack[n++] = l->order[i - 1].node;
	return n;
}

static uint32_t count_group(struct layout *l, uint32_t group)
{
	uint32_t n_stack = push_children(l, group, 0);
	uint32_t n = 0;

	while (n_stack > 0) {
		uint32_t node = l->stack[--n_stack];

		n++;
		n_stack = push_children(l, node, n_stack);
	}
	return n;
}

static int layout_group(struct layout *l, enum profile_group group,
			struct batch_profile *ret_bp)
{
	const struct profile *p = l->p;
	uint32_t n = count_group(l, group);
	int32_t *parent = arena_alloc(l->arena, n * sizeof(*parent));
	uint32_t *function = arena_alloc(l->arena, n * sizeof(*function));
	uint64_t *self_ns = arena_alloc(l->arena, n * sizeof(*self_ns));
	uint32_t n_stack = push_children(l, group, 0);

	if (!parent || !function || !self_ns)
		return arena_error(l->arena);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t node = l->stack[--n_stack];
		uint32_t up = p->nodes[node].parent;
		int rc;

		l->place[node] = (int32_t)i;
		parent[i] =
			up < PROFILE_GROUP_N ? BATCH_NO_PARENT : l->place[up];
		self_ns[i] = p->nodes[node].self_ns;
		rc = l->intern(l->arg,
			       strtab_get(p->names, p->nodes[node].name),
			       &function[i]);
		if (rc < 0)
			return rc;
		n_stack = push_children(l, node, n_stack);
	}
	*ret_bp = (struct batch_profile){
		.kind = PROFILE_CPU,
		.group = group,
		.n_samples = p->n_samples[group],
		.period_ns = p->sum_ns[group] / p->n_samples[group],
		.n = n,
		.parent = parent,
		.function = function,
		.self_ns = self_ns,
	};
	return 0;
}

struct thread_order {
	const struct thread *thread;
	const char *name;
};

static int by_group_and_name(const void *a, const void *b)
{
	const struct thread_order *x = a;
	const struct thread_order *y = b;

	if (x->thread->group != y->thread->group)
		return x->thread->group > y->thread->group ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int layout_threads(struct layout *l, struct profile_result *r)
{
	const struct profile *p = l->p;
	struct thread_order order[THREADS_MAX] = { { NULL, NULL } };

	for (uint32_t i = 0; i < p->n_threads; i++)
		order[i] = (struct thread_order){
			.thread = &p->threads[i],
			.name = strtab_get(p->names, p->threads[i].name),
		};
	qsort(order, p->n_threads, sizeof(order[0]), by_group_and_name);
	r->threads =
		arena_alloc(l->arena, (p->n_threads + 1) * sizeof(*r->threads));
	if (!r->threads)
		return arena_error(l->arena);
	for (uint32_t i = 0; i < p->n_threads; i++) {
		int rc = l->intern(l->arg, order[i].name, &r->threads[i].name);

		if (rc < 0)
			return rc;
		r->threads[i].group = order[i].thread->group;
		r->threads[i].cpu_ns = order[i].thread->cpu_ns;
	}
	r->n_threads = p->n_threads;
	return 0;
}

int profile_seal(const struct profile *p, struct arena *arena,
		 profile_intern_fn *intern, void *arg,
		 struct profile_result *ret_r, struct err *err)
{
	struct layout l = {
		.p = p, .arena = arena, .intern = intern, .arg = arg
	};
	struct profile_result r = { .n_profiles = 0 };
	int rc = layout_init(&l);

	if (rc < 0)
		goto out;
	rc = -ENOMEM;
	r.profiles = arena_alloc(arena, PROFILE_GROUP_N * sizeof(*r.profiles));
	if (!r.profiles)
		goto out;
	for (int g = 0; g < PROFILE_GROUP_N; g++) {
		if (p->n_samples[g] == 0)
			continue;
		rc = layout_group(&l, (enum profile_group)g,
				  &r.profiles[r.n_profiles]);
		if (rc < 0)
			goto out;
		r.n_profiles++;
	}
	rc = layout_threads(&l, &r);
	if (rc < 0)
		goto out;
	*ret_r = r;
out:
	layout_release(&l);
	if (rc < 0)
		err_set(err, rc, "profile: cannot be laid out");
	return rc;
}
