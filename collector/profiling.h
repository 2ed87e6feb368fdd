/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profiling - where the CPU time of each instance goes, window by window.
 *
 * Leads samples (sampler) through names (symbols) into one profile for each
 * instance, and on request keeps asking JVMs for the names of what they have
 * compiled (hotspot).
 *
 * Without memory for it a process goes unprofiled and is counted.  One thread.
 */
#ifndef COLLECTOR_PROFILING_H
#define COLLECTOR_PROFILING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct batch;
struct err;
struct profiling;
struct strtab;
struct target_process;

/* Something to tell the operator, in words; pid 0: of the host. */
typedef void profiling_say_fn(void *ctx, int pid, const char *text);

/*
 * Load and start the sampler.
 *
 *   jvm_attach  ask JVMs for perf maps (collector/hotspot.h)
 *   say, ctx    called from the functions below
 *
 * Returns 0, and the caller owns *ret_p: profiling_free(); or a negative
 * errno with what was refused in err.
 */
int profiling_new(bool jvm_attach, profiling_say_fn *say, void *ctx,
		  struct profiling **ret_p, struct err *err);
void profiling_free(struct profiling *p);

/* Sample this process for its instance from now on, or no longer. */
void profiling_begin(struct profiling *p, const struct target_process *tp);
void profiling_end(struct profiling *p, int pid);

/* Take the samples that wait and go on with JVMs; call every 15 ms. */
void profiling_drain(struct profiling *p, uint64_t now_ns);

/*
 * Add to b what instance was sampled to do since the last time: profiles,
 * threads, frames and losses; names go into strings, arrays into arena.
 * Afterwards the instance's profile is empty.
 *
 * Returns 0, -ENOMEM, or -EMSGSIZE if arena or strings are full; b is then
 * as it was.
 */
int profiling_fill(struct profiling *p, uint32_t instance,
		   struct strtab *strings, struct arena *arena, struct batch *b,
		   struct err *err);

/*
 * A window of elapsed_ns ended, for which this process took cpu_ns of CPU
 * time: choose the rate of the next.  Beyond LIMIT_OWN_CPU_PERMILLE it samples
 * less often, and says so.
 */
void profiling_adapt(struct profiling *p, uint64_t elapsed_ns, uint64_t cpu_ns);

#endif /* COLLECTOR_PROFILING_H */
