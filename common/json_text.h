/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text - JSON values appended to a buf (RFC 8259).
 *
 * Readers of documents use jansson; writers need no more than this.  What
 * comes out may also stand inside a <script> or an HTML comment.
 */
#ifndef COMMON_JSON_TEXT_H
#define COMMON_JSON_TEXT_H

struct buf;

/*
 * Append text as a quoted string.  What is not UTF-8 becomes U+FFFD, a byte
 * at a time; control characters, DEL, <, >, &, U+2028 and U+2029 are escaped.
 */
void json_text_string(struct buf *b, const char *text);

/*
 * Append the shortest decimal that reads back as value: 0.1, 12, 1e+300.
 * NaN and infinities have no JSON: they set b->bad.
 */
void json_text_number(struct buf *b, double value);

#endif /* COMMON_JSON_TEXT_H */
