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

/* Append a count with commas between thousands, as verdicts have them: 12,345.
 */
void html_count(struct buf *b, uint64_t n);

/* Append ms to three digits: 0.42 ms, 61.8 ms, 1 234 ms; signed: +12.2 ms. */
void html_ms(struct buf *b, double ms);
void html_ms_signed(struct buf *b, double ms);

/* Append a fraction as percent to three digits: 4.1 %, 0.03 %. */
void html_percent(struct buf *b, double fraction);

/* Append Unix time in ms as text: 09:30:00, UTC. */
void html_clock(struct buf *b, int64_t unix_ms);

/* Append Unix time in ms as a <time> element, UTC to the second. */
void html_time(struct buf *b, int64_t unix_ms);

#endif /* GATE_HTML_H */
