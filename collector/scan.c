/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/scan.h"

#include <string.h>

static void skip(struct scan *t, size_t n)
{
	t->at += n;
	t->left -= n;
}

bool scan_line(struct scan *t, struct scan *ret_line)
{
	const char *end;
	size_t len;

	if (t->left == 0)
		return false;
	end = memchr(t->at, '\n', t->left);
	len = end ? (size_t)(end - t->at) : t->left;
	*ret_line = (struct scan){ .at = t->at, .left = len };
	skip(t, end ? len + 1 : len);
	return true;
}

bool scan_char(struct scan *t, char c)
{
	if (t->left == 0 || *t->at != c)
		return false;
	skip(t, 1);
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void scan_blanks(struct scan *t)
{
	while (t->left > 0 && is_blank(*t->at))
		skip(t, 1);
}

bool scan_word(struct scan *t, struct scan *ret_word)
{
	size_t len = 0;

	while (len < t->left && !is_blank(t->at[len]))
		len++;
	if (len == 0)
		return false;
	*ret_word = (struct scan){ .at = t->at, .left = len };
	skip(t, len);
	return true;
}

/* The value of a digit in base 16, or 16 if it is none. */
static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A' + 10);
	return 16;
}

static bool number(struct scan *t, unsigned int base, uint64_t *ret_n)
{
	uint64_t n = 0;
	size_t len = 0;

	for (; len < t->left && digit(t->at[len]) < base; len++) {
		unsigned int d = digit(t->at[len]);

		if (n > (UINT64_MAX - d) / base)
			return false;
		n = n * base + d;
	}
	if (len == 0)
		return false;
	skip(t, len);
	*ret_n = n;
	return true;
}

bool scan_decimal(struct scan *t, uint64_t *ret_n)
{
	return number(t, 10, ret_n);
}

bool scan_hex(struct scan *t, uint64_t *ret_n)
{
	struct scan after = *t;

	if (scan_prefix(&after, "0x") && number(&after, 16, ret_n)) {
		*t = after;
		return true;
	}
	return number(t, 16, ret_n);
}

bool scan_prefix(struct scan *t, const char *prefix)
{
	size_t len = strlen(prefix);

	if (t->left < len || memcmp(t->at, prefix, len) != 0)
		return false;
	skip(t, len);
	return true;
}
