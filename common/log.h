/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - one event, one line: key=value, units in the keys.
 *
 *	struct log_line line;
 *
 *	log_begin(&line, log, LOG_WARN, "batch_refused");
 *	log_text(&line, "code", code);
 *	log_u64(&line, "seq", seq);
 *	log_end(&line);
 *
 * writes, in one write(2),
 *
 *	time=2026-01-31T09:30:00.123Z level=warn event=batch_refused \
 *	code="BAD_IDENTITY" seq=7
 *
 * Text is quoted, escaped so that it stays on its line, and cut at
 * LOG_TEXT_BYTES; a line is cut at LOG_LINE_BYTES and ends with " cut=1"
 * then.  Only programs log; modules return.  Any thread may log.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LOG_TEXT_BYTES = 256,
	LOG_LINE_BYTES = 2048, /* a pipe takes this much whole */
};

enum log_level {
	LOG_ERROR, /* something was not done */
	LOG_WARN,  /* something may be wrong */
	LOG_INFO,  /* what an operator wants to have seen */
	LOG_DEBUG, /* what peers can repeat at will */
};

struct err;

/* Where a program's lines go; one for the program. */
struct log {
	int fd;
	enum log_level level; /* lines above it are not written */
};

/* One line being written. */
struct log_line {
	const struct log *log; /* NULL: nobody wants to see it */
	size_t len;
	bool cut;
	char bytes[LOG_LINE_BYTES];
};

/* Begin a line.  log may be NULL; event is a literal of [a-z_]. */
void log_begin(struct log_line *line, const struct log *log,
	       enum log_level level, const char *event);

/* Add one pair.  Keys are literals of [a-z0-9_]; text may be NULL: "". */
void log_text(struct log_line *line, const char *key, const char *text);
void log_u64(struct log_line *line, const char *key, uint64_t value);
void log_i64(struct log_line *line, const char *key, int64_t value);
void log_double(struct log_line *line, const char *key, double value);

/* Write the line.  That it could not be written is nowhere to be said. */
void log_end(struct log_line *line);

/* A whole line with one text: log_event(log, LOG_ERROR, "store", text). */
void log_event(const struct log *log, enum log_level level, const char *event,
	       const char *text);

/* The level with this name: error, warn, info, debug.  0 or -EINVAL. */
int log_level_parse(const char *name, enum log_level *ret_level,
		    struct err *err);

#endif /* COMMON_LOG_H */
