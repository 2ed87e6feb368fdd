/* SPDX-License-Identifier: Apache-2.0 */
/*
 * windows - the windows of all instances, and the batches they become.
 *
 * Windows are aligned to the epoch and the same for every instance.  Two are
 * open at a time: the one that ends next, and the one after it, because a
 * window is sealed a moment after its end, once the ring was drained and
 * answers without a length have been given up on.  A request belongs to the
 * window in which it ended; one that comes later than its window's sealing
 * is counted in the oldest open one, and one beyond both in the newer.
 *
 * The first window is the first that begins after windows_new(): what was
 * measured in part only would look like less load, and a collector that was
 * restarted would cover a time that its predecessor has sent.
 *
 * An instance has a batch for each window in which it lived for a moment,
 * also where nothing was asked of it: silence is information.
 *
 * Losses of the host (a full ring) are shared out among the instances by
 * their socket events; nothing of them disappears in the division.
 *
 * One thread.
 */
#ifndef COLLECTOR_WINDOWS_H
#define COLLECTOR_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

struct arena;
struct err;
struct strtab;
struct target_instance;
struct window_request;
struct windows;

/* What every batch says of its collector.  Strings outlive the windows. */
struct windows_options {
	int64_t window_ms; /* as windows_check_ms() permits */
	const char *hooks;
	const char *collector;
	uint32_t name_rules;
	uint32_t route_rules;
	enum latency_kind basis;
};

/* Who takes part in sealing. */
struct windows_sink {
	/*
	 * Add to the batch of instance id: profiles, threads, their counts.
	 * Returns 0 or a negative errno, and the batch goes without.
	 */
	int (*fill)(void *ctx, uint32_t id, struct strtab *strings,
		    struct arena *arena, struct batch *b, struct err *err);
	/* Take a batch and its bytes; borrowed for the call. */
	void (*sealed)(void *ctx, const struct batch *b, uint64_t n_requests,
		       const void *bytes, size_t len);
	/* A batch could not be made, or not whole. */
	void (*failed)(void *ctx, const char *instance, const char *why);
};

/*
 * Is this a permitted length of a window: whole seconds, LIMIT_WINDOW_MIN_MS
 * to LIMIT_WINDOW_MAX_MS, a divisor of a minute?  Returns 0 or -EINVAL.
 */
int windows_check_ms(const char *field, int64_t window_ms, struct err *err);

/* Returns 0, and the caller owns *ret_w: windows_free(); or -ENOMEM. */
int windows_new(const struct windows_options *options, int64_t now_ms,
		struct windows **ret_w, struct err *err);
void windows_free(struct windows *w);

/*
 * An instance begins to live, or lives again under its old id.
 * Returns 0; -E2BIG beyond LIMIT_TARGETS; or -ENOMEM.
 */
int windows_begin(struct windows *w, const struct target_instance *i,
		  int64_t now_ms, struct err *err);

/* It ended; it has a batch for the windows that it lived in nevertheless. */
void windows_end(struct windows *w, uint32_t id, int64_t now_ms);

/* A socket event of instance id at at_ms; unknown ids are let pass. */
void windows_event(struct windows *w, uint32_t id, int64_t at_ms);

/* A request of instance id. */
void windows_add(struct windows *w, uint32_t id,
		 const struct window_request *r);

/* Count what is missing from the oldest open window of instance id. */
void windows_lost(struct windows *w, uint32_t id, enum batch_loss cause,
		  uint64_t n);

/* Count what is missing and nobody knows of whom. */
void windows_host_lost(struct windows *w, enum batch_loss cause, uint64_t n);

/*
 * Count batches that the gate will never have: LOSS_REFUSED or
 * LOSS_SPOOL_FULL.  Said in the next batch of the instance with that name,
 * or of any other where it is gone.
 *
 *   code  of the refusal; NULL for none
 */
void windows_batches_lost(struct windows *w, const char *instance,
			  enum batch_loss cause, uint64_t n, const char *code);

/* Unix time in ms at which the oldest open window begins and ends. */
int64_t windows_from_ms(const struct windows *w);
int64_t windows_to_ms(const struct windows *w);

/*
 * Seal the oldest window of every instance and open the next.  Windows that
 * lie wholly before now_ms - 2 lengths are passed over: the collector was
 * stopped, and saw nothing.
 */
void windows_seal(struct windows *w, int64_t now_ms,
		  const struct windows_sink *sink, void *ctx);

/*
 * The clock was set back by more than a window: the windows begin again at
 * now_ms.  Returns how many requests were thrown away for it; 0 if the clock
 * was not.
 */
uint64_t windows_turn_back(struct windows *w, int64_t now_ms);

#endif /* COLLECTOR_WINDOWS_H */
