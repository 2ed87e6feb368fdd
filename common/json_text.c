/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/text.h"

/* Append the one-byte character c. */
static void ascii_add(struct buf *b, char c)
{
	static const char plain[] = "\b\f\n\r\t\"\\";
	static const char letter[] = "bfnrt\"\\";
	const char *short_form = strchr(plain, c);

	if (short_form)
		buf_printf(b, "\\%c", letter[short_form - plain]);
	else if (c < ' ' || c == 0x7f || strchr("<>&", c))
		buf_printf(b, "\\u%04x", (unsigned int)c);
	else
		buf_add(b, &c, 1);
}

void json_text_string(struct buf *b, const char *text)
{
	size_t left = strlen(text);

	buf_add(b, "\"", 1);
	while (left > 0) {
		size_t n = text_char(text, left);

		if (n == 1)
			ascii_add(b, text[0]);
		else if (n == 0)
			buf_puts(b, "\\ufffd");
		else if (n == 3 && memcmp(text, "\xe2\x80\xa8", 3) == 0)
			buf_puts(b, "\\u2028");
		else if (n == 3 && memcmp(text, "\xe2\x80\xa9", 3) == 0)
			buf_puts(b, "\\u2029");
		else
			buf_add(b, text, n);
		n += n == 0;
		text += n;
		left -= n;
	}
	buf_add(b, "\"", 1);
}

/* 17 digits always read back as the same double, and 15 often do. */
void json_text_number(struct buf *b, double value)
{
	char room[32];

	if (!isfinite(value)) {
		b->bad = true;
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(room, sizeof(room), "%.*g", digits, value);
		if (strtod(room, NULL) == value)
			break;
		if (digits == 6)
			digits = 14; /* what is not short is long */
	}
	buf_puts(b, room);
}
