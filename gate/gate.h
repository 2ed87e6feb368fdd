/* SPDX-License-Identifier: Apache-2.0 */
/* gate - what main() made and handlers need; one for the program. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/fault.h"

struct auth;
struct http;
struct jobs;
struct judge;
struct log;
struct policies;
struct store;

struct gate {
	struct store *store;
	struct judge *judge;
	struct policies *policies;
	struct jobs *jobs;
	struct auth *auth;
	struct http *http;
	const struct log *log;
	const char *base_url; /* as readers see the gate; NULL: their Host */
	int64_t started_ms;   /* Unix time */

	/* counted as it happens, by any thread; /metrics shows them */
	atomic_size_t body_bytes; /* of request bodies, held now */
	atomic_uint n_reports;	  /* being written now */
	atomic_ullong n_batches_stored;
	atomic_ullong n_batches_repeated;
	atomic_ullong n_faults[FAULT_N];
};

#endif /* GATE_GATE_H */
