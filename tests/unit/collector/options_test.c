/* SPDX-License-Identifier: Apache-2.0 */
/* options: a command line is taken, or refused with the option named. */
#include "collector/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "tests/test.h"

enum { ARGS_MAX = 24 };

static struct options o;

/* Split line at its blanks and parse it. */
static int parse(const char *line, struct err *err)
{
	static char copy[1024];
	char *argv[ARGS_MAX] = { "tailgate-collector" };
	char *save = NULL;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	return options_parse(argc, argv, &o, err);
}

#define WHOLE "--gate http://g:1 --service s --revision r --pid 1 "

static void a_whole_line_is_taken(void)
{
	struct err err = { "" };

	CHECK_EQ(parse("--port 8080 --gate=https://gate:8443// --service s "
		       "--revision sha256:ab --pid 7 --instance env:HOSTNAME "
		       "--window-ms 2000 --hooks fexit --once --no-profile "
		       "--spool-max-mib 1 --log-level debug",
		       &err),
		 0);
	CHECK(strcmp(o.gate, "https://gate:8443") == 0);
	CHECK_EQ(o.n_specs, 2);
	CHECK_EQ(o.specs[0].port, 8080);
	CHECK(strcmp(o.specs[0].name, "--port 8080") == 0);
	CHECK_EQ(o.specs[1].pid, 7);
	CHECK_EQ(o.specs[1].instance.kind, SOURCE_ENV);
	CHECK(strcmp(o.specs[1].revision.text, "sha256:ab") == 0);
	CHECK_EQ(o.window_ms, 2000);
	CHECK_EQ(o.hooks, PROBE_HOOKS_FEXIT);
	CHECK(o.once && o.no_profile && !o.jvm_attach);
	CHECK_EQ(o.spool_max_bytes, 1 << 20);
	CHECK_EQ(o.log_level, LOG_DEBUG);
}

static void what_is_not_said_has_a_default(void)
{
	CHECK_EQ(parse(WHOLE, NULL), 0);
	CHECK_EQ(o.window_ms, 10000);
	CHECK_EQ(o.hooks, PROBE_HOOKS_AUTO);
	CHECK_EQ(o.spool_max_bytes, UINT64_C(256) << 20);
	CHECK(!o.once && !o.no_profile && !o.token_file && !o.spool_dir);
	CHECK_EQ(parse("--help", NULL), 0);
	CHECK(o.help);
}

static void every_refusal_names_the_option(void)
{
	static const struct {
		const char *line;
		const char *want;
	} cases[] = {
		{ "", "--gate" },
		{ "--gate http://g", "no target" },
		{ "--gate http://g --pid 1", "--service" },
		{ "--gate http://g --pid 1 --service s", "--revision" },
		{ WHOLE "--frobnicate", "--frobnicate" },
		{ WHOLE "--win 1000", "--win:" }, /* nothing is completed */
		{ WHOLE "stray", "stray" },
		{ WHOLE "--port", "--port: PORT is missing" },
		{ WHOLE "--port 0", "--port" },
		{ WHOLE "--port 65536", "--port" },
		{ WHOLE "--pid -1", "--pid" },
		{ WHOLE "--exe=", "--exe" },
		{ WHOLE "--cgroup x", "--cgroup" },
		{ WHOLE "--service t", "--service" },
		{ WHOLE "--once=1", "--once: takes no value" },
		{ WHOLE "--window-ms 999", "--window-ms" },
		{ WHOLE "--window-ms 1500", "--window-ms" },
		{ WHOLE "--window-ms 7000", "--window-ms" },
		{ WHOLE "--window-ms 61000", "--window-ms" },
		{ WHOLE "--window-ms 2s", "--window-ms" },
		{ WHOLE "--hooks kprobe", "--hooks" },
		{ WHOLE "--log-level loud", "--log-level" },
		{ WHOLE "--spool-max-mib 0", "--spool-max-mib" },
		{ WHOLE "--cert-file c", "--key-file" },
		{ WHOLE "--targets d", "--targets" },
		{ "--gate g:1", "--gate" },
		{ "--gate ftp://g", "--gate" },
		{ "--gate http://", "--gate" },
		{ "--gate http://g?x", "--gate" },
		{ "--gate http://u:p@g", "--gate" },
		{ "--gate http://g --pid 1 --service .. --revision r",
		  "--service" },
		{ "--gate http://g --pid 1 --service s --revision env:",
		  "--revision" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { "" };
		int rc = parse(cases[i].line, &err);

		if (rc != -EINVAL || !strstr(err.text, cases[i].want))
			test_fail(__FILE__, __LINE__, "%s: %d, \"%s\"",
				  cases[i].line, rc, err.text);
	}
}

static void a_directory_that_is_not_there_is_named(void)
{
	struct err err = { "" };

	CHECK_EQ(parse("--gate http://g --targets /nonexistent", &err),
		 -ENOENT);
	CHECK(strstr(err.text, "/nonexistent"));
}

static void the_help_lists_what_is_taken(void)
{
	static const char *const options[] = {
		"--gate URL",	"--service NAME", "--once",
		"--hooks TIER", "--targets DIR",  "--jvm-attach",
	};
	struct buf b = { 0 };

	options_help(&b);
	CHECK(!b.bad);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		CHECK(strstr(b.bytes, options[i]));
	for (const char *line = b.bytes; *line; line += strcspn(line, "\n") + 1)
		CHECK(strcspn(line, "\n") <= 80);
	buf_release(&b);
}

static void a_spool_belongs_to_one_gate(void)
{
	char one[256];
	char two[256];

	CHECK_EQ(
		options_spool_dir("http://a", true, NULL, NULL, one, 256, NULL),
		0);
	CHECK_EQ(
		options_spool_dir("http://b", true, NULL, NULL, two, 256, NULL),
		0);
	CHECK(strncmp(one, "/var/lib/tailgate/", 18) == 0);
	CHECK(strcmp(one, two) != 0);
	CHECK_EQ(options_spool_dir("http://a", false, NULL, "/home/x", one, 256,
				   NULL),
		 0);
	CHECK(strncmp(one, "/home/x/.local/state/tailgate/", 30) == 0);
	CHECK_EQ(options_spool_dir("http://a", false, NULL, NULL, one, 256,
				   NULL),
		 -EINVAL);
}

const struct test_case test_cases[] = {
	{ "options: a whole line is taken", a_whole_line_is_taken },
	{ "options: what is not said has a default",
	  what_is_not_said_has_a_default },
	{ "options: every refusal names the option",
	  every_refusal_names_the_option },
	{ "options: a directory that is not there is named",
	  a_directory_that_is_not_there_is_named },
	{ "options: the help lists what is taken",
	  the_help_lists_what_is_taken },
	{ "options: a spool belongs to one gate", a_spool_belongs_to_one_gate },
	{ NULL, NULL },
};
