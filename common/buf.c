/* SPDX-License-Identifier: Apache-2.0 */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"

enum { FIRST_ROOM = 256 }; /* most documents are about that long */

void buf_release(struct buf *b)
{
	free(b->bytes);
	b->bytes = NULL;
	b->len = 0;
	b->room = 0;
	b->bad = false;
}

/* Make room for len more bytes and the NUL; false once b is bad. */
static bool buf_grow(struct buf *b, size_t len)
{
	size_t max = b->max ? b->max : LIMIT_BUF_BYTES;
	size_t room = b->room ? b->room : FIRST_ROOM;
	char *bytes;

	if (b->bad || b->len > max || len > max - b->len) {
		b->bad = true;
		return false;
	}
	if (len < b->room - b->len && b->room > 0)
		return true;
	while (room - b->len <= len)
		room *= 2;
	bytes = realloc(b->bytes, room);
	if (!bytes) {
		b->bad = true;
		return false;
	}
	b->bytes = bytes;
	b->room = room;
	return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (!buf_grow(b, len))
		return;
	if (len > 0)
		memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	b->bytes[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0) {
		b->bad = true;
		return;
	}
	if (!buf_grow(b, (size_t)len))
		return;
	va_start(ap, fmt);
	vsnprintf(b->bytes + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

char *buf_take(struct buf *b, size_t *ret_len)
{
	char *bytes;

	buf_add(b, "", 0); /* an empty document is still a string */
	if (b->bad) {
		buf_release(b);
		return NULL;
	}
	bytes = b->bytes;
	if (ret_len)
		*ret_len = b->len;
	b->bytes = NULL;
	buf_release(b);
	return bytes;
}
