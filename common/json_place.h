/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_place - where in a JSON text something stands.
 *
 * The library that parses forgets it, and a refusal that names a key alone
 * leaves the reader to look for it.  The text is scanned again, once, when
 * there is something to refuse.
 */
#ifndef COMMON_JSON_PLACE_H
#define COMMON_JSON_PLACE_H

#include <stddef.h>
#include <stdint.h>

/* A place in a text, in characters counted from 1; line 0: nowhere. */
struct json_place {
	unsigned int line;
	unsigned int column;
};

/* Of a member: its key, or its value as a whole; else an element of it. */
#define JSON_PLACE_KEY	 (SIZE_MAX - 1)
#define JSON_PLACE_VALUE SIZE_MAX

/*
 * Where a part of the root object begins.
 *
 *   text     that json_parse() took; of another the answer means nothing
 *   member   which one of the root's members, from 0, in the text's order
 *   part     JSON_PLACE_KEY, JSON_PLACE_VALUE, or which element of an array
 *
 * Nowhere if there is no such part.
 */
struct json_place json_place_of(const char *text, size_t len, size_t member,
				size_t part);

/* The place of a byte; one past the end is the place after the last. */
struct json_place json_place_at(const char *text, size_t len, size_t byte);

#endif /* COMMON_JSON_PLACE_H */
