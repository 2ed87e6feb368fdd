/* SPDX-License-Identifier: Apache-2.0 */
/* gate - what main() made and handlers need; one for the program. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stdint.h>

struct auth;
struct judge;
struct policies;
struct store;

struct gate {
	struct store *store;
	struct judge *judge;
	struct policies *policies;
	struct auth *auth;
	int64_t started_ms; /* Unix time */
};

#endif /* GATE_GATE_H */
