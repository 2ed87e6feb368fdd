/* SPDX-License-Identifier: Apache-2.0 */
/* log: one event is one line, whatever the text. */
#include "common/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/test.h"

/* What comes out of a pipe that lines were written to, after the time. */
static char *written(int fd, char *room, size_t size)
{
	ssize_t n = read(fd, room, size - 1);
	char *rest;

	room[n > 0 ? n : 0] = '\0';
	rest = strchr(room, ' ');
	return rest ? rest + 1 : room;
}

static void a_line_has_its_pairs_in_order(void)
{
	char room[LOG_LINE_BYTES + 1];
	struct log_line line;
	struct log log = { .level = LOG_INFO };
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	log.fd = fds[1];
	log_begin(&line, &log, LOG_WARN, "batch_refused");
	log_text(&line, "code", "BAD\"\\\n\xff\xc3\xbc\xc2\x9b");
	log_text(&line, "none", NULL);
	log_u64(&line, "seq", 7);
	log_i64(&line, "skew_ms", -3);
	log_double(&line, "share", 0.5);
	log_end(&line);
	CHECK(strcmp(written(fds[0], room, sizeof(room)),
		     "level=warn event=batch_refused "
		     "code=\"BAD\\\"\\\\\\x0a\\xff\xc3\xbc\\xc2\\x9b\" "
		     "none=\"\" seq=7 skew_ms=-3 share=0.5\n") == 0);
	CHECK(strncmp(room, "time=2", 6) == 0);
	log_event(&log, LOG_ERROR, "store", "full");
	CHECK(strcmp(written(fds[0], room, sizeof(room)),
		     "level=error event=store text=\"full\"\n") == 0);
	close(fds[0]);
	close(fds[1]);
}

static void what_nobody_wants_is_not_written(void)
{
	char room[8];
	struct log log = { .level = LOG_INFO };
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	log.fd = fds[1];
	log_event(&log, LOG_DEBUG, "detail", "x");
	log_event(NULL, LOG_ERROR, "no_log", "x");
	close(fds[1]);
	CHECK_EQ(read(fds[0], room, sizeof(room)), 0);
	close(fds[0]);
}

static void long_text_and_long_lines_are_cut(void)
{
	char room[LOG_LINE_BYTES + 1];
	char text[LOG_LINE_BYTES];
	struct log_line line;
	struct log log = { .level = LOG_INFO };
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	log.fd = fds[1];
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_event(&log, LOG_INFO, "long", text);
	written(fds[0], room, sizeof(room));
	CHECK(strlen(room) < LOG_TEXT_BYTES + 100);
	CHECK(strcmp(room + strlen(room) - 6, "a...\"\n") == 0);
	log_begin(&line, &log, LOG_INFO, "many");
	for (int i = 0; i < 20; i++)
		log_text(&line, "text", text);
	log_end(&line);
	written(fds[0], room, sizeof(room));
	CHECK(strlen(room) <= LOG_LINE_BYTES);
	CHECK(strcmp(room + strlen(room) - 7, " cut=1\n") == 0);
	close(fds[0]);
	close(fds[1]);
}

static void levels_have_names(void)
{
	enum log_level level = LOG_WARN;
	struct err err = { "" };

	CHECK_EQ(log_level_parse("debug", &level, NULL), 0);
	CHECK_EQ(level, LOG_DEBUG);
	CHECK_EQ(log_level_parse("loud", &level, &err), -EINVAL);
	CHECK(level == LOG_DEBUG && strstr(err.text, "loud"));
}

const struct test_case test_cases[] = {
	{ "log: a line has its pairs in order", a_line_has_its_pairs_in_order },
	{ "log: what nobody wants is not written",
	  what_nobody_wants_is_not_written },
	{ "log: long text and long lines are cut",
	  long_text_and_long_lines_are_cut },
	{ "log: levels have names", levels_have_names },
	{ NULL, NULL },
};
