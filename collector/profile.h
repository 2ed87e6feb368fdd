/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile - the samples of one target and one window, as trees of call paths.
 *
 * A call path is a list of normalised names, root first: the user frames,
 * then the kernel's at the leaf end, under their own names.  Threads that
 * compile, collect garbage or serve a JVM otherwise have trees of their own
 * (enum profile_group); they are told by their names and only in a JVM.
 *
 * What is done to a path so that one program gives one tree
 *   - neighbours that say nothing about the code become one frame:
 *     Interpreter, [jit], [unknown], [kernel] and each [libfoo.so].  How
 *     many interpreted callers there are in a row changes while a JVM warms
 *     up; recursion of a named function is kept;
 *   - a stack that was cut at its root starts with [truncated].
 *
 * Bounded: a sample whose path would be one node too many is counted and
 * left out.
 *
 * One owner at a time.
 */
#ifndef COLLECTOR_PROFILE_H
#define COLLECTOR_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

struct arena;
struct err;
struct profile;
struct sample_event;
struct symbols;
struct symbols_process;

/* What happened since the last profile_reset(). */
struct profile_counts {
	uint64_t n_samples;
	uint64_t n_frames;	 /* frames in all, as sampled */
	uint64_t n_unsymbolised; /* frames that got no name */
	uint64_t n_no_stack;	 /* samples without a user stack */
	uint64_t n_truncated;	 /* samples whose stack was cut at its root */
	uint64_t n_paths_full;	 /* samples left out: LOSS_PATHS_FULL */
};

/* What a window amounts to.  Belongs to the arena it was made in. */
struct profile_result {
	uint32_t n_profiles; /* one for each group that has samples */
	struct batch_profile *profiles;
	uint32_t n_threads;
	struct batch_thread *threads;
};

/*
 * Gives text its number among the strings of a batch; the same text always
 * gets the same number.  Returns 0 or a negative errno.
 */
typedef int profile_intern_fn(void *arg, const char *text,
			      uint32_t *ret_number);

/*
 * Make an empty profile of at most max_paths call paths over all groups;
 * LIMIT_PROFILE_PATHS is usual.
 * Returns 0 and the caller owns *ret_p: profile_free(); or -ENOMEM.
 */
int profile_new(size_t max_paths, struct profile **ret_p, struct err *err);

/* Release p.  profile_free(NULL) does nothing. */
void profile_free(struct profile *p);

/*
 * Name the frames of one sample and count it.  Call it as samples are
 * drained: compiled code moves.
 *
 *   s, sp  name its kernel and user frames; sp is the sample's process
 *
 * Cannot fail: what there is no memory for is counted as n_paths_full.
 */
void profile_add(struct profile *p, struct symbols *s,
		 struct symbols_process *sp, const struct sample_event *event);

/*
 * Count a sample whose frames have names: n of them, root first.  For
 * profile_add() and for tests.
 *
 *   thread  name of the thread as the kernel has it
 *   jvm     whether the process is a JVM
 */
void profile_add_path(struct profile *p, const char *thread, bool jvm,
		      const char *const *names, size_t n, uint64_t period_ns);

/* The group of a thread of that name. */
enum profile_group profile_group_of(const char *thread, bool jvm);

/*
 * Lay out what was counted, as a batch wants it: parents before children,
 * siblings by name, groups and threads in order.  The same samples give the
 * same arrays, in whatever order they came.  p is not changed.
 *
 *   arena   owns the arrays
 *   intern  numbers the names, with arg
 *
 * Returns 0, -ENOMEM, -EMSGSIZE if the arena is full, or what intern
 * returned.
 */
int profile_seal(const struct profile *p, struct arena *arena,
		 profile_intern_fn *intern, void *arg,
		 struct profile_result *ret_r, struct err *err);

/* Read the counts. */
struct profile_counts profile_counts(const struct profile *p);

/* Forget every sample: a new window begins. */
void profile_reset(struct profile *p);

#endif /* COLLECTOR_PROFILE_H */
