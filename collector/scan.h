/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan - take words and numbers off the front of untrusted text.
 *
 * A reader of procfs, perf maps and their like.  What cannot be taken leaves
 * the text where it was.  Nothing outside it is ever touched.
 */
#ifndef COLLECTOR_SCAN_H
#define COLLECTOR_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
	const char *at; /* borrowed; not terminated */
	size_t left;
};

/* Take the next line without its newline; false at the end of the text. */
bool scan_line(struct scan *t, struct scan *ret_line);

/* Take one character if it is c. */
bool scan_char(struct scan *t, char c);

/* Skip blanks and tabs. */
void scan_blanks(struct scan *t);

/* Take what comes before the next blank, tab or the end; false if nothing. */
bool scan_word(struct scan *t, struct scan *ret_word);

/* Take a number; false if there is none or it does not fit 64 bits. */
bool scan_decimal(struct scan *t, uint64_t *ret_n);

/* Take a hexadecimal number, with or without 0x before it. */
bool scan_hex(struct scan *t, uint64_t *ret_n);

/* True if t begins with prefix, which is then taken. */
bool scan_prefix(struct scan *t, const char *prefix);

#endif /* COLLECTOR_SCAN_H */
