/* SPDX-License-Identifier: Apache-2.0 */
#include "common/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/text.h"

static const char end_cut[] = " cut=1\n";

static const char *const level_names[] = {
	[LOG_ERROR] = "error",
	[LOG_WARN] = "warn",
	[LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

/* Add bytes whole, or mark the line cut.  Room for its end is always left. */
static void line_add(struct log_line *line, const char *bytes, size_t len)
{
	if (!line->log || line->cut)
		return;
	if (len > sizeof(line->bytes) - sizeof(end_cut) - line->len) {
		line->cut = true;
		return;
	}
	memcpy(line->bytes + line->len, bytes, len);
	line->len += len;
}

static void line_printf(struct log_line *line, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void line_printf(struct log_line *line, const char *fmt, ...)
{
	char room[128];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(room, sizeof(room), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(room))
		line->cut = true;
	else
		line_add(line, room, (size_t)len);
}

void log_begin(struct log_line *line, const struct log *log,
	       enum log_level level, const char *event)
{
	int64_t now_ms;
	time_t now_s;
	struct tm tm;
	char date[32];

	line->log = log && level <= log->level ? log : NULL;
	line->len = 0;
	line->cut = false;
	if (!line->log)
		return;
	now_ms = clock_realtime_ms();
	now_s = (time_t)(now_ms / 1000);
	if (!gmtime_r(&now_s, &tm))
		memset(&tm, 0, sizeof(tm));
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	line_printf(line, "time=%s.%03dZ level=%s event=%s", date,
		    (int)(now_ms % 1000), level_names[level], event);
}

/* The character at text as it may stand between quotes; what is no UTF-8 as
   its bytes. */
static void text_add(struct log_line *line, const char *text, size_t n)
{
	unsigned char c = (unsigned char)text[0];

	if (n > 1 && !(c == 0xc2 && (unsigned char)text[1] < 0xa0))
		line_add(line, text, n);
	else if (c == '"' || c == '\\')
		line_printf(line, "\\%c", c);
	else if (n == 1 && c >= ' ' && c < 0x7f)
		line_add(line, text, 1);
	else
		for (size_t i = 0; i < (n ? n : 1); i++)
			line_printf(line, "\\x%02x", (unsigned char)text[i]);
}

void log_text(struct log_line *line, const char *key, const char *text)
{
	size_t left = text ? strnlen(text, LOG_TEXT_BYTES + 1) : 0;
	size_t shown = 0;
	size_t n;

	line_printf(line, " %s=\"", key);
	for (; left > 0; text += n ? n : 1, left -= n ? n : 1) {
		n = text_char(text, left);
		shown += n ? n : 1;
		if (shown > LOG_TEXT_BYTES) {
			line_add(line, "...", 3);
			break;
		}
		text_add(line, text, n);
	}
	line_add(line, "\"", 1);
}

void log_u64(struct log_line *line, const char *key, uint64_t value)
{
	line_printf(line, " %s=%" PRIu64, key, value);
}

void log_i64(struct log_line *line, const char *key, int64_t value)
{
	line_printf(line, " %s=%" PRId64, key, value);
}

void log_double(struct log_line *line, const char *key, double value)
{
	line_printf(line, " %s=%.6g", key, value);
}

void log_end(struct log_line *line)
{
	const char *end = line->cut ? end_cut : "\n";
	size_t len = strlen(end);
	ssize_t n;

	if (!line->log)
		return;
	memcpy(line->bytes + line->len, end, len);
	n = write(line->log->fd, line->bytes, line->len + len);
	(void)n; /* there is nobody left to tell */
}

void log_event(const struct log *log, enum log_level level, const char *event,
	       const char *text)
{
	struct log_line line;

	log_begin(&line, log, level, event);
	log_text(&line, "text", text);
	log_end(&line);
}

int log_level_parse(const char *name, enum log_level *ret_level,
		    struct err *err)
{
	for (int i = LOG_ERROR; i <= LOG_DEBUG; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		       "log level \"%.20s\" is none of error, warn, info, "
		       "debug",
		       name);
}
