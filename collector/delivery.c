/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/delivery.h"

#include <stdbool.h>
#include <string.h>

enum delivery delivery_of(long status, const char *code)
{
	if (status == 200)
		return DELIVERY_DONE;
	if (status >= 400 && status < 500 &&
	    strcmp(code, "UNSUPPORTED_VERSION") == 0)
		return DELIVERY_VERSION;
	switch (status) {
	case 401:
	case 403:
	case 404:
	case 405:
		return DELIVERY_MISDIRECTED;
	case 408:
	case 425:
	case 429:
		return DELIVERY_LATER;
	default:
		break;
	}
	if (status >= 400 && status < 500)
		return DELIVERY_REFUSED;
	return status >= 500 ? DELIVERY_LATER : DELIVERY_MISDIRECTED;
}

/* Past the string that begins at at, which holds its first quote. */
static size_t string_end(const char *body, size_t len, size_t at)
{
	for (at++; at < len && body[at] != '"'; at++)
		at += body[at] == '\\';
	return at < len ? at + 1 : len;
}

static size_t blanks_end(const char *body, size_t len, size_t at)
{
	while (at < len && (body[at] == ' ' || body[at] == '\t' ||
			    body[at] == '\r' || body[at] == '\n'))
		at++;
	return at;
}

static void code_copy(const char *text, size_t len,
		      char ret[DELIVERY_CODE_BYTES])
{
	if (len == 0 || len >= DELIVERY_CODE_BYTES)
		return;
	for (size_t i = 0; i < len; i++)
		if (!(text[i] >= 'A' && text[i] <= 'Z') &&
		    !(text[i] >= '0' && text[i] <= '9') && text[i] != '_')
			return;
	memcpy(ret, text, len);
	ret[len] = '\0';
}

/*
 * Strings are skipped whole, so a "code" inside a message is not taken, and
 * depth is counted, so one inside a nested object is not either.  That it is
 * JSON otherwise does not matter here.
 */
void delivery_code(const char *body, size_t len, char ret[DELIVERY_CODE_BYTES])
{
	size_t depth = 0;
	size_t at = 0;

	ret[0] = '\0';
	while (at < len) {
		size_t begin = at;
		size_t value;

		depth += body[at] == '{' || body[at] == '[';
		depth -= depth > 0 && (body[at] == '}' || body[at] == ']');
		if (body[at] != '"') {
			at++;
			continue;
		}
		at = string_end(body, len, at);
		if (depth != 1 || at - begin != 6 ||
		    memcmp(body + begin, "\"code\"", 6) != 0)
			continue;
		value = blanks_end(body, len, at);
		if (value == len || body[value] != ':')
			continue; /* a value that happens to be "code" */
		value = blanks_end(body, len, value + 1);
		if (value == len || body[value] != '"')
			return;
		at = string_end(body, len, value);
		if (body[at - 1] == '"' && at - value >= 2)
			code_copy(body + value + 1, at - value - 2, ret);
		return;
	}
}

uint64_t delivery_backoff_ms(unsigned int n_failures, uint64_t retry_after_s,
			     uint64_t random)
{
	uint64_t ms = DELIVERY_BACKOFF_MS;
	uint64_t least;

	while (n_failures-- > 1 && ms < DELIVERY_BACKOFF_MAX_MS)
		ms *= 2;
	if (ms > DELIVERY_BACKOFF_MAX_MS)
		ms = DELIVERY_BACKOFF_MAX_MS;
	ms = ms / 2 + random % (ms / 2 + 1);
	least = retry_after_s < DELIVERY_RETRY_AFTER_MAX_MS / 1000
			? retry_after_s * 1000
			: DELIVERY_RETRY_AFTER_MAX_MS;
	/* they were all told the same: spread by a tenth behind it */
	return ms > least ? ms : least + random % (least / 10 + 1);
}

uint64_t delivery_delay_ms(int64_t window_ms, uint64_t random)
{
	uint64_t max = (uint64_t)window_ms / 2;

	if (max > DELIVERY_DELAY_MAX_MS)
		max = DELIVERY_DELAY_MAX_MS;
	return random % (max + 1);
}

int64_t delivery_skew_ms(int64_t date_s, int64_t sent_ms, int64_t received_ms)
{
	int64_t earliest = date_s * 1000; /* the gate's clock was not before */
	int64_t latest = earliest + 999;  /* nor after */

	if (earliest > received_ms)
		return earliest - received_ms;
	if (latest < sent_ms)
		return latest - sent_ms;
	return 0;
}
