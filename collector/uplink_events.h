/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink_events - what the uplink did, until somebody picks it up.
 *
 * Bounded: when nobody does, what comes later is merged into the last event
 * of its kind, whose n then says how often; of each kind there is always
 * room for one.  So what is counted is never lost, though words may be.
 *
 * The caller locks.
 */
#ifndef COLLECTOR_UPLINK_EVENTS_H
#define COLLECTOR_UPLINK_EVENTS_H

#include "collector/uplink.h"

enum {
	UPLINK_EVENTS_MAX = 64, /* told one by one */
	UPLINK_EVENTS_KINDS = UPLINK_SKEW + 1,
};

/* Zeroed, it is empty. */
struct uplink_events {
	size_t n;
	struct uplink_event at[UPLINK_EVENTS_MAX + UPLINK_EVENTS_KINDS];
};

void uplink_events_put(struct uplink_events *q, const struct uplink_event *e);

/* Take the oldest; false if there is none. */
bool uplink_events_take(struct uplink_events *q,
			struct uplink_event *ret_event);

#endif /* COLLECTOR_UPLINK_EVENTS_H */
