/* SPDX-License-Identifier: Apache-2.0 */
/* progress: what makes a line of a log, by a clock of its own. */
#include "ci/cli/progress.h"

#include <string.h>
#include <unistd.h>

#include "tests/test.h"

static void a_log_has_changes_and_a_line_in_a_while(void)
{
	static const struct {
		int64_t now_ms;
		const char *key;
		const char *text;
	} said[] = {
		{ 1000, "COLLECTING", "first" },
		{ 2000, "COLLECTING", "no change" },
		{ 3000, "WARMING_UP", "a change" },
		{ 62999, "WARMING_UP", "not due" },
		{ 63000, "WARMING_UP", "due" },
		{ 64000, "WARMING_UP", "not due again" },
	};
	struct progress p;
	char got[256] = "";
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	progress_init(&p, fds[1], 60000, 0);
	CHECK_EQ(progress_due_ms(&p), 60000);
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
		progress_say(&p, said[i].key, said[i].text, said[i].now_ms);
	CHECK_EQ(progress_due_ms(&p), 123000);
	progress_end(&p);
	close(fds[1]);
	CHECK(read(fds[0], got, sizeof(got) - 1) > 0);
	close(fds[0]);
	CHECK(strcmp(got, "first\na change\ndue\n") == 0);
}

static void a_terminal_wants_it_sooner(void)
{
	struct progress p = { .terminal = true,
			      .every_ms = 60000,
			      .said_ms = 1000 };

	CHECK_EQ(progress_due_ms(&p), 6000);
	p.every_ms = 1000;
	CHECK_EQ(progress_due_ms(&p), 2000);
}

const struct test_case test_cases[] = {
	{ "progress: a log has changes, and a line in a while",
	  a_log_has_changes_and_a_line_in_a_while },
	{ "progress: a terminal wants it sooner", a_terminal_wants_it_sooner },
	{ NULL, NULL },
};
