/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perfmap - names of code compiled at run time, from a perf-PID.map.
 *
 * The text is what perf's jit-interface describes, a line for each piece of
 * code: START SIZE NAME, both numbers hexadecimal, with or without 0x before
 * them, NAME to the end of the line.  Runtimes append to it, and memory is
 * used again: where two lines claim an address, the later one has it.
 *
 * A line that is not of this form is skipped and counted.
 */
#ifndef COLLECTOR_PERFMAP_H
#define COLLECTOR_PERFMAP_H

#include <stddef.h>
#include <stdint.h>

struct err;

/* Addresses start..end are code of this name.  Entries do not overlap. */
struct perfmap_entry {
	uint64_t start;
	uint64_t end;
	const char *name; /* belongs to the map */
};

struct perfmap {
	struct perfmap_entry *entries; /* in order of address */
	size_t n;
	size_t n_bad_lines;
	char *text; /* what names point into */
};

/*
 * Read a map.
 *
 *   text, len  the file, with room for a NUL at text[len]; from malloc();
 *              taken over in every case
 *   ret_pm     receives the map; the caller owns it: perfmap_release()
 *
 * Returns 0, -EMSGSIZE beyond LIMIT_PERFMAP_LINES lines, or -ENOMEM.
 */
int perfmap_parse(char *text, size_t len, struct perfmap *ret_pm,
		  struct err *err);

/* Free what pm holds; pm is empty again. */
void perfmap_release(struct perfmap *pm);

/* The name of the code at addr, or NULL. */
const char *perfmap_find(const struct perfmap *pm, uint64_t addr);

#endif /* COLLECTOR_PERFMAP_H */
