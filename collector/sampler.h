/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler - stack samples of the targets, from bpf/oncpu.
 *
 * Opens a clock on each online CPU and loads the program that runs at its
 * ticks.  Who reads is expected to drain on a timer of 10 to 20 ms: nothing
 * wakes it.  CPUs that come online later are not sampled.
 *
 * Within a window the rates stay as they are; sampler_adapt() moves them
 * between windows (collector/rate).  Each CPU's period differs from the next
 * one's by up to 3 % and is drawn anew with every change, so that no clock
 * runs in step with another or with a timer of the target.
 *
 * One thread.
 */
#ifndef COLLECTOR_SAMPLER_H
#define COLLECTOR_SAMPLER_H

#include <stdint.h>
#include <sys/types.h>

struct err;
struct sample_event;
struct sampler;

/* What became of one target's ticks since it was added. */
struct sampler_counts {
	uint64_t n_ticks;     /* of the clock while the target ran */
	uint64_t n_ring_full; /* samples lost: the reader was too slow */
	uint64_t n_no_stack;  /* samples that came without a user stack */
};

/* Takes one sample, which is valid during the call only. */
typedef void sampler_fn(void *arg, const struct sample_event *event);

/*
 * Load, attach and start, without targets, at 199 ticks a second.
 *
 * Returns 0 and the caller owns *ret_s: sampler_free(); or a negative errno
 * of the hook that was refused, with hook, errno and remedy in err.
 */
int sampler_new(struct sampler **ret_s, struct err *err);

/* Detach and release.  sampler_free(NULL) does nothing. */
void sampler_free(struct sampler *s);

/*
 * Sample the process pid, as the collector's pid namespace numbers it; its
 * samples carry target.  Adding a pid again gives it the new target.
 * Returns 0, -ENOSPC beyond 1,024 targets, or another negative errno.
 */
int sampler_add_target(struct sampler *s, pid_t pid, uint32_t target,
		       struct err *err);

/*
 * Stop sampling pid; its counts are gone.  A sample that was taken before
 * may still be drained.  Of a pid that was never added: does nothing.
 */
void sampler_remove_target(struct sampler *s, pid_t pid);

/*
 * Hand every sample that waits to fn, oldest first.
 * Returns how many there were, or a negative errno.
 */
int sampler_drain(struct sampler *s, sampler_fn *fn, void *arg);

/*
 * A window of elapsed_ns ended: choose the rates of the next.
 *
 *   max_hz  ceiling that the collector's own budget sets; 0 for none
 *
 * Returns the new rate in ticks a second, or a negative errno.
 */
int sampler_adapt(struct sampler *s, uint64_t elapsed_ns, uint32_t max_hz,
		  struct err *err);

/* Read the counts of pid.  Returns 0, or -ENOENT if it is no target. */
int sampler_counts(const struct sampler *s, pid_t pid,
		   struct sampler_counts *ret_counts);

#endif /* COLLECTOR_SAMPLER_H */
