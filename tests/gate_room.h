/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_room - a gate without HTTP and with a clock of the test's own: store,
 * policies and judge in a directory that goes away, and the story to feed it.
 */
#ifndef TESTS_GATE_ROOM_H
#define TESTS_GATE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/store.h"

struct judge;
struct policies;

/* When window 0 of the story begins: 2023-11-14 22:13:20 UTC. */
#define ROOM_T0 INT64_C(1700000000000)

enum { ROOM_MIN = 60000, ROOM_BASELINE = 3, ROOM_CANARY = 2 };

struct gate_room {
	char dir[64];
	char path[80];
	uint64_t slow_ns;   /* what the canary's slow requests take longer */
	const char *canary; /* its revision: "v2" */
	struct store *st;
	struct policies *policies;
	struct judge *j;
	struct store_rollout rollout;
	uint64_t seq; /* for a test that writes batches of its own */
};

/* Make the directory and come up, at ROOM_T0.  Returns 0 or an error. */
int gate_room_open_at(struct gate_room *r, int64_t now_ms);
int gate_room_open(struct gate_room *r);
void gate_room_close(struct gate_room *r);

/* The gate goes down, and comes up again over the same file. */
void gate_room_down(struct gate_room *r);
int gate_room_up(struct gate_room *r, int64_t now_ms);

/* Store one instance's batch of a window. */
int gate_room_put(struct gate_room *r, bool canary, uint32_t instance,
		  uint32_t window);

/* The same for all instances and n windows from the first. */
int gate_room_tell(struct gate_room *r, uint32_t first, uint32_t n);

#endif /* TESTS_GATE_ROOM_H */
