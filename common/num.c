/* SPDX-License-Identifier: Apache-2.0 */
#include "common/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

enum { SHOWN = 40 }; /* bytes of the text that a message repeats */

/* The digits at the front, moving *at past them; false if none, or too big. */
static bool digits(const char **at, uint64_t *ret_value)
{
	uint64_t v = 0;
	const char *c = *at;

	for (; *c >= '0' && *c <= '9'; c++) {
		if (__builtin_mul_overflow(v, UINT64_C(10), &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*c - '0'), &v))
			return false;
	}
	if (c == *at)
		return false;
	*at = c;
	*ret_value = v;
	return true;
}

int num_u64(const char *field, const char *text, uint64_t min, uint64_t max,
	    uint64_t *ret_value, struct err *err)
{
	const char *at = text ? text : "";
	uint64_t v;

	if (!digits(&at, &v) || *at != '\0' || v < min || v > max)
		return err_set(err, -EINVAL,
			       "%s: \"%.*s\" is not a whole number of %" PRIu64
			       " to %" PRIu64,
			       field, SHOWN, text ? text : "", min, max);
	*ret_value = v;
	return 0;
}

int num_i64(const char *field, const char *text, int64_t min, int64_t max,
	    int64_t *ret_value, struct err *err)
{
	const char *at = text ? text : "";
	bool minus = *at == '-';
	uint64_t most = (uint64_t)INT64_MAX + (minus ? 1 : 0);
	uint64_t v;
	int64_t n = 0;
	bool ok;

	at += minus;
	ok = digits(&at, &v) && *at == '\0' && v <= most;
	if (ok)
		n = minus ? (int64_t)(0 - v) : (int64_t)v;
	if (!ok || n < min || n > max)
		return err_set(err, -EINVAL,
			       "%s: \"%.*s\" is not a whole number of %" PRId64
			       " to %" PRId64,
			       field, SHOWN, text ? text : "", min, max);
	*ret_value = n;
	return 0;
}

/* [-] digits [. digits] [e [+-] digits], as JSON has it. */
static bool is_decimal(const char *c)
{
	const char *from;

	c += *c == '-';
	from = c;
	c += strspn(c, "0123456789");
	if (c == from)
		return false;
	if (*c == '.') {
		from = ++c;
		c += strspn(c, "0123456789");
		if (c == from)
			return false;
	}
	if (*c == 'e' || *c == 'E') {
		c++;
		c += *c == '-' || *c == '+';
		from = c;
		c += strspn(c, "0123456789");
		if (c == from)
			return false;
	}
	return *c == '\0';
}

/*
 * strtod() also reads hexadecimal, "nan" and "inf", so the shape is checked
 * first.  Our programs never call setlocale(), so its point is a point.
 */
int num_double(const char *field, const char *text, double min, double max,
	       double *ret_value, struct err *err)
{
	bool ok = text && is_decimal(text);
	double v = ok ? strtod(text, NULL) : 0.0;

	if (!ok || !(v >= min && v <= max)) /* also catches infinity */
		return err_set(err, -EINVAL,
			       "%s: \"%.*s\" is not a number of %g to %g",
			       field, SHOWN, text ? text : "", min, max);
	*ret_value = v;
	return 0;
}

/* How many ms the unit has; 0 if it is none. */
static uint64_t unit_ms(const char *unit)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {
		{ "ms", 1 },
		{ "s", 1000 },
		{ "m", 60 * 1000 },
		{ "h", 60 * 60 * 1000 },
		{ "d", 24 * 60 * 60 * 1000 },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].unit) == 0)
			return units[i].ms;
	}
	return 0;
}

/* In the largest unit that leaves no rest: "1m", "8760h". */
static void duration_write(int64_t ms, char *to, size_t size)
{
	if (ms >= 3600000 && ms % 3600000 == 0)
		(void)snprintf(to, size, "%" PRId64 "h", ms / 3600000);
	else if (ms >= 60000 && ms % 60000 == 0)
		(void)snprintf(to, size, "%" PRId64 "m", ms / 60000);
	else if (ms >= 1000 && ms % 1000 == 0)
		(void)snprintf(to, size, "%" PRId64 "s", ms / 1000);
	else
		(void)snprintf(to, size, "%" PRId64 "%s", ms, ms ? "ms" : "");
}

/*
 * A whole number with a unit, times what per() says the unit is; "0" needs
 * none.  Returns false if it is not that, or beyond UINT64_MAX.
 */
static bool with_unit(const char *text, uint64_t (*per)(const char *unit),
		      uint64_t *ret_v)
{
	const char *at = text ? text : "";
	uint64_t v = 0;
	uint64_t times;

	if (!digits(&at, &v))
		return false;
	times = v == 0 && *at == '\0' ? 1 : per(at);
	return times > 0 && !__builtin_mul_overflow(v, times, ret_v);
}

int num_duration_ms(const char *field, const char *text, int64_t min_ms,
		    int64_t max_ms, int64_t *ret_ms, struct err *err)
{
	uint64_t v = 0;
	char least[32], most[32];

	if (!with_unit(text, unit_ms, &v) || v > INT64_MAX ||
	    (int64_t)v < min_ms || (int64_t)v > max_ms) {
		duration_write(min_ms, least, sizeof(least));
		duration_write(max_ms, most, sizeof(most));
		return err_set(err, -EINVAL,
			       "%s: \"%.*s\" is not a duration of %s to %s; "
			       "write 500ms, 2s, 30m or 1h",
			       field, SHOWN, text ? text : "", least, most);
	}
	*ret_ms = (int64_t)v;
	return 0;
}

/* Bytes of "G" and the like; 0 if it is none. */
static uint64_t unit_bytes(const char *unit)
{
	static const char units[] = "KMGT";
	const char *at = unit[0] ? strchr(units, unit[0]) : NULL;

	return at && unit[1] == '\0' ? UINT64_C(1) << 10 * (at - units + 1) : 0;
}

/* In the largest unit that leaves no rest: "16M", "100T". */
static void size_write(uint64_t bytes, char *to, size_t size)
{
	const char *unit = "KMGT";

	bytes >>= 10;
	for (; unit[1] != '\0' && bytes > 0 && bytes % 1024 == 0; unit++)
		bytes >>= 10;
	(void)snprintf(to, size, "%" PRIu64 "%c", bytes, *unit);
}

int num_size(const char *field, const char *text, uint64_t min_bytes,
	     uint64_t max_bytes, uint64_t *ret_bytes, struct err *err)
{
	uint64_t v = 0;
	char least[32], most[32];

	if (!with_unit(text, unit_bytes, &v) || v < min_bytes ||
	    v > max_bytes) {
		size_write(min_bytes, least, sizeof(least));
		size_write(max_bytes, most, sizeof(most));
		return err_set(err, -EINVAL,
			       "%s: \"%.*s\" is not a size of %s to %s; write "
			       "500M, 20G or 1T",
			       field, SHOWN, text ? text : "", least, most);
	}
	*ret_bytes = v;
	return 0;
}
