/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/html.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/text.h"

static const char *entity_of(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* Append the character of n_bytes at text; 0 bytes: one that is broken. */
static void add_char(struct buf *b, const char *text, size_t n_bytes)
{
	unsigned char c = (unsigned char)*text;
	const char *entity = n_bytes == 1 ? entity_of(*text) : NULL;

	if (entity)
		buf_puts(b, entity);
	else if (n_bytes == 0 || c == 0x7f ||
		 (c < 0x20 && c != '\t' && c != '\n'))
		buf_puts(b, "\xef\xbf\xbd");
	else
		buf_add(b, text, n_bytes);
}

void html_text_cut(struct buf *b, const char *text, size_t max)
{
	size_t left = strlen(text);

	for (size_t n = 0; left > 0; n++) {
		size_t n_bytes = text_char(text, left);
		size_t step = n_bytes ? n_bytes : 1;

		if (n + 1 >= max && left > step) {
			buf_puts(b, "\xe2\x80\xa6");
			return;
		}
		add_char(b, text, n_bytes);
		text += step;
		left -= step;
	}
}

void html_text(struct buf *b, const char *text)
{
	html_text_cut(b, text, SIZE_MAX);
}

void html_count(struct buf *b, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf_puts(b, ",");
		buf_add(b, &digits[i], 1);
	}
}

/* Three digits, and never an exponent. */
static void add_figure(struct buf *b, double x, bool is_signed,
		       const char *unit)
{
	double size = fabs(x);
	int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;

	if (!isfinite(x)) {
		buf_puts(b, "-");
		return;
	}
	if (size < 0.0005)
		decimals = 0;
	buf_printf(b, is_signed ? "%+.*f %s" : "%.*f %s", decimals, x, unit);
}

void html_ms(struct buf *b, double ms)
{
	add_figure(b, ms, false, "ms");
}

void html_ms_signed(struct buf *b, double ms)
{
	add_figure(b, ms, true, "ms");
}

void html_percent(struct buf *b, double fraction)
{
	add_figure(b, fraction * 100.0, false, "%");
}

void html_clock(struct buf *b, int64_t unix_ms)
{
	time_t s = (time_t)(unix_ms / 1000);
	char text[16];
	struct tm tm;

	if (gmtime_r(&s, &tm) && strftime(text, sizeof(text), "%T", &tm) > 0)
		buf_printf(b, "%s UTC", text);
}

void html_time(struct buf *b, int64_t unix_ms)
{
	time_t s = (time_t)(unix_ms / 1000);
	struct tm tm;
	char iso[40];
	char plain[40];

	if (!gmtime_r(&s, &tm) ||
	    strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0 ||
	    strftime(plain, sizeof(plain), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return;
	buf_printf(b, "<time datetime=\"%s\">%s</time>", iso, plain);
}
