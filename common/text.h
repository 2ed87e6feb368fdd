/* SPDX-License-Identifier: Apache-2.0 */
/* text - what may stand in a string that comes from outside. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How many bytes the character at the front of text has, 1 to 4; 0 if it is
 * no UTF-8: overlong, a surrogate, beyond U+10FFFF or cut short.  A NUL is
 * one character.
 *
 *   text, left  what there is; left > 0
 */
size_t text_char(const char *text, size_t left);

/* Is text valid UTF-8 without control characters (C0, DEL and C1)? */
bool text_is_clean(const char *text);

/*
 * Copy text so that it may be shown: "?" for each byte or character that is
 * not clean, and cut between characters where size is too small.
 */
void text_clean(char *to, size_t size, const char *text);

#endif /* COMMON_TEXT_H */
