/* SPDX-License-Identifier: Apache-2.0 */
#include "common/time_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/num.h"

enum { SHOWN = 40 }; /* bytes of the text that a message repeats */

/* Exactly n digits, moving *at past them. */
static bool digits(const char **at, int n, int *ret_value)
{
	int v = 0;

	for (; n > 0; n--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		v = 10 * v + (**at - '0');
	}
	*ret_value = v;
	return true;
}

/* One of these characters, moving *at past it. */
static bool one_of(const char **at, const char *set)
{
	if (**at == '\0' || !strchr(set, **at))
		return false;
	(*at)++;
	return true;
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

static bool read_date(const char **at, struct tm *tm)
{
	int year;

	if (!digits(at, 4, &year) || !one_of(at, "-") ||
	    !digits(at, 2, &tm->tm_mon) || !one_of(at, "-") ||
	    !digits(at, 2, &tm->tm_mday))
		return false;
	if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 ||
	    tm->tm_mday > days_in(year, tm->tm_mon))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon--;
	return true;
}

static bool read_clock(const char **at, struct tm *tm)
{
	return digits(at, 2, &tm->tm_hour) && one_of(at, ":") &&
	       digits(at, 2, &tm->tm_min) && one_of(at, ":") &&
	       digits(at, 2, &tm->tm_sec) && tm->tm_hour < 24 &&
	       tm->tm_min < 60 && tm->tm_sec < 60;
}

/* ".25" is 250 ms; further digits are cut. */
static bool read_fraction(const char **at, int64_t *ret_ms)
{
	int64_t unit_ms = 100;
	int digit;

	*ret_ms = 0;
	if (!one_of(at, "."))
		return true;
	if (!digits(at, 1, &digit))
		return false;
	do {
		*ret_ms += unit_ms * digit;
		unit_ms /= 10;
	} while (digits(at, 1, &digit));
	return true;
}

/* How far the clock is ahead of UTC. */
static bool read_zone(const char **at, int64_t *ret_ms)
{
	bool minus = **at == '-';
	int hour;
	int minute;

	*ret_ms = 0;
	if (one_of(at, "Zz"))
		return true;
	if (strcmp(*at, " UTC") == 0) {
		*at += 4;
		return true;
	}
	if (!one_of(at, "+-") || !digits(at, 2, &hour) || !one_of(at, ":") ||
	    !digits(at, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*ret_ms = (60 * hour + minute) * INT64_C(60000) * (minus ? -1 : 1);
	return true;
}

static bool read_rfc3339(const char *at, int64_t *ret_ms)
{
	struct tm tm = { 0 };
	int64_t fraction_ms;
	int64_t zone_ms;

	if (!read_date(&at, &tm) || !one_of(&at, "Tt ") ||
	    !read_clock(&at, &tm) || !read_fraction(&at, &fraction_ms) ||
	    !read_zone(&at, &zone_ms) || *at != '\0')
		return false;
	*ret_ms = timegm(&tm) * INT64_C(1000) + fraction_ms - zone_ms;
	return *ret_ms >= 0 && *ret_ms <= LIMIT_TIME_MS;
}

int time_text_read(const char *field, const char *text, int64_t *ret_ms,
		   struct err *err)
{
	int64_t ms = 0;

	text = text ? text : "";
	if (num_i64(field, text, 0, LIMIT_TIME_MS, &ms, NULL) < 0 &&
	    !read_rfc3339(text, &ms))
		return err_set(err, -EINVAL,
			       "%s: \"%.*s\" is neither a time like "
			       "2026-01-31T10:00:00Z nor Unix time in ms",
			       field, SHOWN, text);
	*ret_ms = ms;
	return 0;
}

void time_text_write(int64_t unix_ms, char to[static TIME_TEXT_BYTES])
{
	time_t s = (time_t)(unix_ms / 1000);
	struct tm tm;

	if (unix_ms < 0 || unix_ms > LIMIT_TIME_MS || !gmtime_r(&s, &tm) ||
	    strftime(to, TIME_TEXT_BYTES, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		(void)snprintf(to, TIME_TEXT_BYTES, "(no time)");
}
