/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/profile.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "bpf/events.h"
#include "collector/symbols.h"
#include "common/arena.h"
#include "common/limits.h"
#include "common/strtab.h"
#include "tests/test.h"

struct fixture {
	struct profile *p;
	struct arena *arena;
	struct strtab *strings;
	struct profile_result r;
};

static int number_of(void *arg, const char *text, uint32_t *ret_number)
{
	return strtab_add(arg, text, strlen(text), ret_number);
}

static int fixture_init(struct fixture *f, size_t max_paths)
{
	*f = (struct fixture){ .p = NULL };
	if (profile_new(max_paths, &f->p, NULL) < 0 ||
	    arena_new(LIMIT_BATCH_ARENA_BYTES, &f->arena, NULL) < 0 ||
	    strtab_new(1024, 65536, &f->strings, NULL) < 0)
		return -1;
	return 0;
}

static int seal(struct fixture *f)
{
	return profile_seal(f->p, f->arena, number_of, f->strings, &f->r, NULL);
}

static void fixture_release(struct fixture *f)
{
	strtab_free(f->strings);
	arena_free(f->arena);
	profile_free(f->p);
}

/* Add a path written as "a b c", root first. */
static void add(struct fixture *f, const char *thread, const char *path,
		uint64_t ns)
{
	char text[200];
	const char *names[32];
	size_t n = 0;
	char *save = NULL;

	memcpy(text, path, strlen(path) + 1);
	for (char *at = strtok_r(text, " ", &save); at;
	     at = strtok_r(NULL, " ", &save))
		names[n++] = at;
	profile_add_path(f->p, thread, true, names, n, ns);
}

/* True if node i of bp is that function below that parent, with that self. */
static bool node_is(const struct fixture *f, uint32_t profile, uint32_t i,
		    int32_t parent, const char *name, uint64_t self_ns)
{
	const struct batch_profile *bp = &f->r.profiles[profile];

	return i < bp->n && bp->parent[i] == parent &&
	       bp->self_ns[i] == self_ns &&
	       strcmp(strtab_get(f->strings, bp->function[i]), name) == 0;
}

static void paths_become_a_tree_in_order(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 100), 0);
	add(&f, "main", "main b", 10);
	add(&f, "main", "main a x", 20);
	add(&f, "main", "main b", 30);
	add(&f, "main", "main", 5);
	CHECK_EQ(seal(&f), 0);
	CHECK_EQ(f.r.n_profiles, 1);
	CHECK_EQ(f.r.profiles[0].kind, PROFILE_CPU);
	CHECK_EQ(f.r.profiles[0].group, PROFILE_APP);
	CHECK_EQ(f.r.profiles[0].n_samples, 4);
	CHECK_EQ(f.r.profiles[0].period_ns, 65 / 4);
	CHECK_EQ(f.r.profiles[0].n, 4);
	CHECK(node_is(&f, 0, 0, BATCH_NO_PARENT, "main", 5));
	CHECK(node_is(&f, 0, 1, 0, "a", 0));
	CHECK(node_is(&f, 0, 2, 1, "x", 20));
	CHECK(node_is(&f, 0, 3, 0, "b", 40));
	fixture_release(&f);
}

static void the_runtimes_threads_are_apart(void)
{
	static const struct {
		const char *thread;
		enum profile_group want;
	} cases[] = {
		{ "main", PROFILE_APP },
		{ "C1 CompilerThre", PROFILE_JIT },
		{ "C2 CompilerThre", PROFILE_JIT },
		{ "C2 Compiler", PROFILE_APP },
		{ "GC Thread#0", PROFILE_GC },
		{ "G1 Conc#0", PROFILE_GC },
		{ "G1 Main Marker", PROFILE_GC },
		{ "ZWorker#1", PROFILE_GC },
		{ "ZooKeeper", PROFILE_APP },
		{ "Shenandoah GC T", PROFILE_GC },
		{ "VM Thread", PROFILE_VM },
		{ "VM Periodic Tas", PROFILE_VM },
		{ "Signal Dispatch", PROFILE_VM },
		{ "Service Thread", PROFILE_VM },
		{ "Monitor Deflati", PROFILE_VM },
		{ "Common-Cleaner", PROFILE_VM },
		{ "Reference Handl", PROFILE_VM },
		{ "Finalizer", PROFILE_VM },
		{ "DefaultDispatch", PROFILE_APP },
		{ "eventLoopGroupP", PROFILE_APP },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (profile_group_of(cases[i].thread, true) != cases[i].want)
			test_fail(__FILE__, __LINE__, "%s", cases[i].thread);
		/* what is no JVM may call its threads what it likes */
		CHECK_EQ(profile_group_of(cases[i].thread, false), PROFILE_APP);
	}
}

static void threads_are_counted_by_kind(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 100), 0);
	add(&f, "GC Thread#0", "a", 1);
	add(&f, "worker-1", "a", 2);
	add(&f, "worker-22", "a", 4);
	add(&f, "C2 CompilerThre", "a", 8);
	CHECK_EQ(seal(&f), 0);
	CHECK_EQ(f.r.n_profiles, 3);
	CHECK_EQ(f.r.profiles[1].group, PROFILE_JIT);
	CHECK_EQ(f.r.n_threads, 3);
	CHECK_EQ(f.r.threads[0].cpu_ns, 6);
	CHECK(strcmp(strtab_get(f.strings, f.r.threads[0].name), "worker-{}") ==
	      0);
	CHECK_EQ(f.r.threads[1].group, PROFILE_JIT);
	CHECK_EQ(f.r.threads[2].group, PROFILE_GC);
	fixture_release(&f);
}

static void rows_without_a_face_become_one(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 100), 0);
	add(&f, "t", "Interpreter Interpreter Interpreter a a", 1);
	add(&f, "t", "Interpreter a a [jit] [jit] [libc.so.6]", 2);
	CHECK_EQ(seal(&f), 0);
	CHECK_EQ(f.r.profiles[0].n, 5);
	CHECK(node_is(&f, 0, 0, BATCH_NO_PARENT, "Interpreter", 0));
	CHECK(node_is(&f, 0, 1, 0, "a", 0));
	CHECK(node_is(&f, 0, 2, 1, "a", 1));
	CHECK(node_is(&f, 0, 3, 2, "[jit]", 0));
	CHECK(node_is(&f, 0, 4, 3, "[libc.so.6]", 2));
	CHECK_EQ(profile_counts(f.p).n_frames, 11);
	fixture_release(&f);
}

static void a_path_too_many_is_counted(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 3), 0);
	add(&f, "t", "a b c", 1);
	add(&f, "t", "a b", 2);
	add(&f, "t", "a d", 4);
	CHECK_EQ(profile_counts(f.p).n_paths_full, 1);
	CHECK_EQ(profile_counts(f.p).n_samples, 2);
	CHECK_EQ(seal(&f), 0);
	CHECK_EQ(f.r.profiles[0].n_samples, 2);
	CHECK_EQ(f.r.profiles[0].n, 3);
	/* what a refused sample left behind is not laid out */
	profile_reset(f.p);
	add(&f, "t", "a b c d", 1);
	add(&f, "t", "a", 1);
	CHECK_EQ(seal(&f), 0);
	CHECK_EQ(f.r.profiles[0].n, 1);
	fixture_release(&f);
}

static void a_new_window_begins_empty(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 100), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(seal(&f), 0);
		CHECK_EQ(f.r.n_profiles, 0);
		CHECK_EQ(f.r.n_threads, 0);
		add(&f, "t", "a b", 1);
		CHECK_EQ(seal(&f), 0);
		CHECK_EQ(f.r.profiles[0].n, 2);
		profile_reset(f.p);
	}
	fixture_release(&f);
}

static int refuse(void *arg, const char *text, uint32_t *ret_number)
{
	(void)arg;
	(void)text;
	(void)ret_number;
	return -EMSGSIZE;
}

static void what_intern_refuses_is_passed_on(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 100), 0);
	add(&f, "t", "a", 1);
	f.r.n_profiles = 7;
	CHECK_EQ(profile_seal(f.p, f.arena, refuse, NULL, &f.r, NULL),
		 -EMSGSIZE);
	CHECK_EQ(f.r.n_profiles, 7);
	fixture_release(&f);
}

static void a_broken_stack_starts_with_truncated(void)
{
	static struct sample_event e = { .period_ns = 10, .name = "t" };
	struct symbols *s = NULL;
	struct symbols_process *sp = NULL;
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 1000), 0);
	CHECK_EQ(symbols_new(1 << 24, &s, NULL), 0);
	CHECK_EQ(symbols_process_new(s, getpid(), &sp, NULL), 0);
	/* leaf first: a function, then an address that is no code */
	e.n_user = 3;
	e.user[0] = (uint64_t)(uintptr_t)&profile_add;
	e.user[1] = 17;
	e.user[2] = (uint64_t)(uintptr_t)&profile_new + 1;
	profile_add(f.p, s, sp, &e);
	CHECK_EQ(seal(&f), 0);
	CHECK_EQ(f.r.profiles[0].n_samples, 1);
	CHECK_EQ(f.r.profiles[0].n, 2);
	CHECK(node_is(&f, 0, 0, BATCH_NO_PARENT, "[truncated]", 0));
	CHECK(node_is(&f, 0, 1, 0, "profile_add", 10));
	CHECK_EQ(profile_counts(f.p).n_unsymbolised, 1);
	/* nothing at all is a sample all the same */
	e.n_user = 0;
	profile_add(f.p, s, sp, &e);
	CHECK_EQ(profile_counts(f.p).n_no_stack, 1);
	CHECK_EQ(profile_counts(f.p).n_samples, 2);
	symbols_process_free(sp);
	symbols_free(s);
	fixture_release(&f);
}

const struct test_case test_cases[] = {
	{ "profile: paths become a tree in order",
	  paths_become_a_tree_in_order },
	{ "profile: the runtime's threads are apart",
	  the_runtimes_threads_are_apart },
	{ "profile: threads are counted by kind", threads_are_counted_by_kind },
	{ "profile: rows without a face become one",
	  rows_without_a_face_become_one },
	{ "profile: a path too many is counted", a_path_too_many_is_counted },
	{ "profile: a new window begins empty", a_new_window_begins_empty },
	{ "profile: what intern refuses is passed on",
	  what_intern_refuses_is_passed_on },
	{ "profile: a broken stack starts with [truncated]",
	  a_broken_stack_starts_with_truncated },
	{ NULL, NULL },
};
