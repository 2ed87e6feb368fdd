/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink - take sealed batches to the gate, at least once and in order.
 *
 * Has a thread of its own, so that neither a slow disk nor a slow gate keeps
 * the event loop from its ring.  The thread owns the spool: a batch is
 * written there first, and leaves it when delivery.h says so.  One batch is
 * on its way at a time, the oldest, with the same bytes on every try; so a
 * batch that waits keeps those behind it in order.
 *
 * What happens is told by events that the owner picks up; nothing is logged
 * here.  Every function may be called by the one thread that made it.
 */
#ifndef COLLECTOR_UPLINK_H
#define COLLECTOR_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/delivery.h"

struct err;
struct spool;
struct uplink;

/* Strings outlive the uplink; all but gate may be NULL. */
struct uplink_options {
	const char *gate; /* "https://gate:8443" */
	const char *token_file;
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
	const char *user_agent;
	uint64_t delay_ms; /* of every send: delivery_delay_ms() */
};

enum uplink_what {
	UPLINK_DELIVERED,    /* n batches since the last event, first of all
				or after a failure */
	UPLINK_REFUSED,	     /* instance's batch was dropped: code, text */
	UPLINK_KEPT,	     /* the gate does not take batches now: text */
	UPLINK_VERSION,	     /* nor will it before it is newer: text */
	UPLINK_SPOOL_FULL,   /* n old batches had to go for instance's */
	UPLINK_SPOOL_FAILED, /* instance's batch could not be kept: text */
	UPLINK_CORRUPT,	     /* n files of the spool were set aside */
	UPLINK_SKEW,	     /* the gate's clock is skew_ms ahead of ours */
};

struct uplink_event {
	enum uplink_what what;
	uint64_t n;
	int64_t skew_ms;
	char instance[LIMIT_IDENTITY_BYTES + 1];
	char code[DELIVERY_CODE_BYTES];
	char text[256];
};

struct uplink_counts {
	uint64_t n_delivered;
	uint64_t n_waiting; /* in the spool, or on the way there */
	uint64_t n_bytes;   /* that they take there */
};

/*
 * Start delivering what spool holds.
 *
 *   spool  belongs to the uplink from here until uplink_free()
 *
 * Returns 0, and the caller owns *ret_u: uplink_free(); -EINVAL if libcurl
 * does not take an option; or -ENOMEM, -EAGAIN.
 */
int uplink_new(const struct uplink_options *options, struct spool *spool,
	       struct uplink **ret_u, struct err *err);

/* Take a sealed batch; its bytes are copied.  Does not wait. */
void uplink_push(struct uplink *u, const char *instance, const void *bytes,
		 size_t len);

/* The next thing that happened; false if there is none. */
bool uplink_next(struct uplink *u, struct uplink_event *ret_event);

struct uplink_counts uplink_counts(struct uplink *u);

/*
 * Send what is there without delay and without waiting for later tries, for
 * at most max_ms, put the rest into the spool, and end the thread.  Events
 * and counts can still be read.
 */
void uplink_finish(struct uplink *u, uint64_t max_ms);

/* Release u, having ended the thread.  NULL does nothing. */
void uplink_free(struct uplink *u);

#endif /* COLLECTOR_UPLINK_H */
