/* SPDX-License-Identifier: Apache-2.0 */
#include "common/text.h"

#include <string.h>

/*
 * The second byte carries every rule but the length: its range depends on
 * the first byte (Unicode 15, table 3-7), and all later bytes are 80..BF.
 */
size_t text_char(const char *text, size_t left)
{
	const unsigned char *c = (const unsigned char *)text;
	unsigned char lo = 0x80;
	unsigned char hi = 0xbf;
	size_t n;

	if (c[0] < 0x80)
		return 1;
	if (c[0] < 0xc2 || c[0] > 0xf4)
		return 0;
	n = c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
	if (c[0] == 0xe0)
		lo = 0xa0;
	else if (c[0] == 0xed)
		hi = 0x9f;
	else if (c[0] == 0xf0)
		lo = 0x90;
	else if (c[0] == 0xf4)
		hi = 0x8f;
	if (n > left || c[1] < lo || c[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if (c[i] < 0x80 || c[i] > 0xbf)
			return 0;
	}
	return n;
}

static bool is_control(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	return c[0] < 0x20 || c[0] == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0);
}

bool text_is_clean(const char *text)
{
	size_t left = strlen(text);
	size_t n;

	for (; left > 0; text += n, left -= n) {
		n = text_char(text, left);
		if (n == 0 || is_control(text))
			return false;
	}
	return true;
}

void text_clean(char *to, size_t size, const char *text)
{
	size_t left = strlen(text);
	size_t at = 0;

	while (left > 0) {
		size_t n = text_char(text, left);
		const char *one = n == 0 || is_control(text) ? "?" : text;
		size_t len = one == text ? n : 1;

		if (at + len >= size)
			break;
		memcpy(to + at, one, len);
		at += len;
		n += n == 0;
		text += n;
		left -= n;
	}
	to[at] = '\0';
}
