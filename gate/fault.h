/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault - why a request was refused: one table of codes for the whole API.
 *
 * A document {"error":"...","code":"NAME"} goes out with the status of its
 * row.  Codes are for programs and never change their meaning; sentences are
 * for people.  schema/openapi.json lists the same codes.
 */
#ifndef GATE_FAULT_H
#define GATE_FAULT_H

enum fault {
	FAULT_NONE, /* not refused, or by what fault_of() says of the rc */
	FAULT_BAD_FRAMING,
	FAULT_BAD_TARGET,
	FAULT_BAD_PARAMETER,
	FAULT_BAD_IDENTITY,
	FAULT_SAME_REVISION,
	FAULT_BAD_POLICY,
	FAULT_BAD_RANGE,
	FAULT_BAD_BODY,
	FAULT_MALFORMED,
	FAULT_BAD_BATCH,
	FAULT_FUTURE,
	FAULT_TOO_OLD,
	FAULT_UNSUPPORTED_VERSION,
	FAULT_NO_TOKEN,
	FAULT_FORBIDDEN,
	FAULT_CROSS_SITE,
	FAULT_WRONG_HOST,
	FAULT_NOT_FOUND,
	FAULT_METHOD,
	FAULT_DUPLICATE_COLLECTOR,
	FAULT_POLICY_CONFLICT,
	FAULT_TOO_SLOW,
	FAULT_TOO_LARGE,
	FAULT_MEDIA_TYPE,
	FAULT_INTERNAL,
	FAULT_BUSY,
	FAULT_NO_DATA,
	FAULT_STORE_FAILED,
	FAULT_NO_SPACE,
	FAULT_N,
};

struct fault_row {
	const char *name;    /* "BAD_IDENTITY"; NULL for FAULT_NONE */
	unsigned int status; /* of HTTP */
	const char *what;    /* a sentence, where a refusal brings none */
};

/* The row of f. */
const struct fault_row *fault_row(enum fault f);

/* What a handler's return code means where it names no fault itself. */
enum fault fault_of(int rc);

/* The fault with this name; FAULT_INTERNAL if there is none. */
enum fault fault_find(const char *name);

#endif /* GATE_FAULT_H */
