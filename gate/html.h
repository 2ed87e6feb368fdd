/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html - text from outside put into HTML or SVG.
 *
 * Function names, routes and labels are chosen by strangers: a C++ template
 * may rightly be called "<script>".  Whatever was not written by us goes
 * through here.
 */
#ifndef GATE_HTML_H
#define GATE_HTML_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Append text for an element or a quoted attribute: < > & " ' are escaped,
 * and what XML forbids (control characters, broken UTF-8) becomes U+FFFD.
 */
void html_text(struct buf *b, const char *text);

/* The same, cut to at most max characters, the last of which is then "…". */
void html_text_cut(struct buf *b, const char *text, size_t max);

/* Append a count with thin spaces between thousands: 12 345. */
void html_count(struct buf *b, uint64_t n);

/* Append Unix time in ms as a <time> element, UTC to the second. */
void html_time(struct buf *b, int64_t unix_ms);

#endif /* GATE_HTML_H */
