/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline - how long a connection may do what it is doing.
 *
 * A time-out that begins again with every byte lets a sender hold a
 * connection for ever with a byte a minute.  So each phase has an end that
 * bytes do not move, and a body a rate below which it is given up.
 *
 * Pure: whoever keeps time tells how long the phase has lasted.
 */
#ifndef GATE_DEADLINE_H
#define GATE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

enum phase {
	PHASE_HEAD,   /* the first request's head is coming */
	PHASE_BODY,   /* a body is coming */
	PHASE_ANSWER, /* the gate works, or waits for a verdict */
	PHASE_SEND,   /* the reply is being taken */
	PHASE_IDLE,   /* nothing, or the next request's head */
};

/*
 *   age_ms   since the phase began
 *   n_bytes  of the body that came since
 */
bool deadline_is_over(enum phase phase, int64_t age_ms, uint64_t n_bytes);

#endif /* GATE_DEADLINE_H */
