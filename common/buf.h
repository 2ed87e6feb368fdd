/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf - bytes that grow at the end: documents and pages are written into one.
 *
 * Running out of memory or past the cap sets `bad` and every later append
 * does nothing, so a writer appends straight down and asks once, at the end.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
	char *bytes; /* NUL after the last one; NULL while empty */
	size_t len;
	size_t room;
	size_t max; /* cap in bytes; 0 means LIMIT_BUF_BYTES */
	bool bad;
};

/* Free what b holds; b is empty and good again.  max stays. */
void buf_release(struct buf *b);

/* Append len bytes, a string, or formatted text.  bytes may be NULL with 0. */
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Hand the bytes, NUL after the last one, to the caller, who free()s them.
 * NULL if b is bad.  Either way b is empty and good again.  ret_len, which
 * may be NULL, is written only on success.
 */
char *buf_take(struct buf *b, size_t *ret_len);

#endif /* COMMON_BUF_H */
