/* SPDX-License-Identifier: Apache-2.0 */
/* options: what a pipeline may write, and what must stop it. */
#include "ci/cli/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "tests/test.h"

enum { WORDS = 40 };

/* Parse words that are apart by single spaces. */
static int parsed(const char *line, struct options *o, struct err *err)
{
	static char room[512];
	char *argv[WORDS];
	int argc = 0;
	char *at = room;

	snprintf(room, sizeof(room), "%s", line);
	err->text[0] = '\0';
	while (at && argc < WORDS) {
		char *space = strchr(at, ' ');

		if (space)
			*space++ = '\0';
		argv[argc++] = at;
		at = space;
	}
	return options_parse(argc, argv, o, err);
}

#define IDS "--gate http://g:1 --service orders --baseline a --canary b"

static void a_whole_line_is_read(void)
{
	struct options o;
	struct err err;

	CHECK_EQ(parsed("tailgate wait --gate=https://gate.example:8443/ "
			"--service team/orders --baseline sha256:ab "
			"--canary 1.4.2+b7 --step 25 --policy strict "
			"--attempt 2 --timeout 45m --on-inconclusive=wait "
			"--on-error pass --unreachable-after 30s "
			"--token-file t --ca-file c --json",
			&o, &err),
		 0);
	CHECK_EQ(o.command, COMMAND_WAIT);
	CHECK(strcmp(o.gate, "https://gate.example:8443/") == 0);
	CHECK(strcmp(o.service, "team/orders") == 0);
	CHECK(strcmp(o.canary, "1.4.2+b7") == 0);
	CHECK(o.has_step && o.step == 25 && o.attempt == 2);
	CHECK(strcmp(o.policy, "strict") == 0);
	CHECK_EQ(o.timeout_ms, 45 * 60 * 1000);
	CHECK_EQ(o.away_ms, 30 * 1000);
	CHECK_EQ(o.on_inconclusive, INCONCLUSIVE_WAIT);
	CHECK(o.pass_on_error && o.json);
	CHECK(strcmp(o.token_file, "t") == 0 && strcmp(o.ca_file, "c") == 0);
}

static void what_is_not_given_has_its_default(void)
{
	struct options o;
	struct err err;

	CHECK_EQ(parsed("tailgate wait " IDS, &o, &err), 0);
	CHECK_EQ(o.timeout_ms, 30 * 60 * 1000);
	CHECK_EQ(o.away_ms, 2 * 60 * 1000);
	CHECK_EQ(o.on_inconclusive, INCONCLUSIVE_EXIT);
	CHECK(!o.pass_on_error && !o.json && !o.has_step && o.attempt == 0);
	CHECK(!o.policy && !o.token_file);
	CHECK_EQ(parsed("tailgate verdict " IDS " --wait 25", &o, &err), 0);
	CHECK_EQ(o.wait_ms, 25000);
	CHECK_EQ(parsed("tailgate verdict " IDS " --wait 2m", &o, &err), 0);
	CHECK_EQ(o.wait_ms, 120000);
	CHECK(!o.has_from && !o.has_until);
	CHECK_EQ(parsed("tailgate verdict " IDS " --from 1700000000000 "
			"--until 2023-11-14T22:14:20Z",
			&o, &err),
		 0);
	CHECK(o.has_from && o.from_ms == INT64_C(1700000000000));
	CHECK(o.has_until && o.until_ms == INT64_C(1700000060000));
	CHECK_EQ(parsed("tailgate rollouts --gate http://g", &o, &err), 0);
	CHECK_EQ(o.command, COMMAND_ROLLOUTS);
	CHECK_EQ(parsed("tailgate stop 42 --gate http://g --reason enough", &o,
			&err),
		 0);
	CHECK(o.command == COMMAND_STOP && o.id == 42);
	CHECK_EQ(parsed("tailgate backtest --gate http://g --service s "
			"--policy p.json --last 30d --splits 7 --seed 5",
			&o, &err),
		 0);
	CHECK(o.command == COMMAND_BACKTEST && o.splits == 7 && o.seed == 5);
	CHECK(strcmp(o.file, "p.json") == 0 && strcmp(o.last, "30d") == 0);
	CHECK_EQ(parsed("tailgate replay 43 --gate http://g", &o, &err), 0);
	CHECK(o.command == COMMAND_REPLAY && o.id == 43);
}

static const struct {
	const char *line;
	const char *says;
} bad[] = {
	{ "tailgate wiat", "no command \"wiat\"" },
	{ "tailgate wait", "needs --gate" },
	{ "tailgate wait --gate http://g --service s --baseline b",
	  "needs --canary" },
	{ "tailgate wait --gate g:1", "--gate: \"g:1\"" },
	{ "tailgate wait --gate ftp://g", "--gate" },
	{ "tailgate wait --gate http://", "--gate" },
	{ "tailgate wait --gate http:///x", "--gate" },
	{ "tailgate wait --gate http://u:p@g", "--gate" },
	{ "tailgate wait --gate http://g?x", "--gate" },
	{ "tailgate wait " IDS " --gate http://h", "given twice" },
	{ "tailgate wait " IDS " --timeout", "lacks its value" },
	{ "tailgate wait " IDS " --timeout 30", "not a duration" },
	{ "tailgate wait " IDS " --timeout 1ms", "not a duration" },
	{ "tailgate wait " IDS " --timout 30m", "no option --timout" },
	{ "tailgate wait " IDS " --time 30m", "no option --time" },
	{ "tailgate wait " IDS " --wait 5", "no option --wait" },
	{ "tailgate verdict " IDS " --timeout 5s", "no option --timeout" },
	{ "tailgate verdict " IDS " --wait -1", "--wait" },
	{ "tailgate wait " IDS " --step -1", "--step" },
	{ "tailgate wait " IDS " --attempt 0", "--attempt" },
	{ "tailgate wait " IDS " --on-error=ignore", "neither fail nor pass" },
	{ "tailgate wait " IDS " --on-inconclusive=maybe", "none of exit" },
	{ "tailgate wait " IDS " extra", "one word too many" },
	{ "tailgate wait --service= ", "--service is empty" },
	{ "tailgate wait --canary {{hash}}", "does not begin" },
	{ "tailgate wait --gate http://g --service s --baseline a --canary a",
	  "nothing to compare" },
	{ "tailgate stop --gate http://g --reason x", "the number of a" },
	{ "tailgate stop x --gate http://g", "rollout: \"x\"" },
	{ "tailgate backtest --gate http://g", "needs --service" },
	{ "tailgate backtest --gate http://g --service s --splits 501",
	  "--splits: \"501\"" },
	{ "tailgate backtest --gate http://g --service s --baseline a",
	  "no option --baseline" },
	{ "tailgate replay --gate http://g", "replay needs the number" },
	{ "tailgate replay 1 2 --gate http://g", "one word too many" },
	{ "tailgate replay 1", "needs --gate" },
	{ "tailgate verdict " IDS " --from 1", "go together" },
	{ "tailgate verdict " IDS " --until 1", "go together" },
	{ "tailgate verdict " IDS " --from 1 --until 1", "not after --from" },
	{ "tailgate verdict " IDS " --from x --until 1", "--from: \"x\"" },
	{ "tailgate verdict " IDS " --from 1 --until 2 --attempt 3",
	  "--attempt: the gate counts" },
	{ "tailgate wait " IDS " --from 1 --until 2", "no option --from" },
	{ "tailgate stop 1 --gate http://g", "needs --reason" },
	{ "tailgate stop 1 2 --gate http://g", "one word too many" },
	{ "tailgate rollouts --gate http://g --canary a", "no option" },
	{ "tailgate version --gate http://g", "no option" },
	{ "tailgate policy", "tailgate policy check FILE" },
	{ "tailgate policy check", "tailgate policy check FILE" },
	{ "tailgate policy chekc f", "\"chekc\" is not \"check\"" },
	{ "tailgate policy check f g", "one word too many" },
	{ "tailgate policy check f --gate http://g", "no option" },
};

static void what_cannot_be_meant_is_refused(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct options o = { .command = COMMAND_N };
		struct err err;
		int rc = parsed(bad[i].line, &o, &err);

		if (rc != -EINVAL || !strstr(err.text, bad[i].says) ||
		    o.command != COMMAND_N)
			test_fail(__FILE__, __LINE__, "%s: %d \"%s\"",
				  bad[i].line, rc, err.text);
	}
}

static void help_names_every_option(void)
{
	static const char *const of_wait[] = {
		"--gate",
		"--service",
		"--baseline",
		"--canary",
		"--step",
		"--policy",
		"--attempt",
		"--timeout",
		"--on-inconclusive",
		"--on-error",
		"--token-file",
		"--ca-file",
		"--json",
		"--unreachable-after",
	};
	struct options o;
	struct err err;

	for (size_t i = 0; i < sizeof(of_wait) / sizeof(of_wait[0]); i++)
		CHECK(strstr(options_help(COMMAND_WAIT), of_wait[i]));
	CHECK(strstr(options_help(COMMAND_VERDICT), "--wait"));
	CHECK(strstr(options_help(COMMAND_STOP), "--reason"));
	CHECK_EQ(parsed("tailgate wait --help", &o, &err), 0);
	CHECK(o.command == COMMAND_HELP && o.help_on == COMMAND_WAIT);
	CHECK_EQ(parsed("tailgate --help", &o, &err), 0);
	CHECK(o.command == COMMAND_HELP && o.help_on == COMMAND_N);
	CHECK_EQ(parsed("tailgate help stop", &o, &err), 0);
	CHECK(o.command == COMMAND_HELP && o.help_on == COMMAND_STOP);
	CHECK_EQ(parsed("tailgate", &o, &err), 0);
	CHECK_EQ(o.command, COMMAND_HELP);
	CHECK(strstr(options_help(COMMAND_POLICY), "--json"));
	CHECK_EQ(parsed("tailgate policy check a/b.json --json", &o, &err), 0);
	CHECK(o.command == COMMAND_POLICY && o.json);
	CHECK(strcmp(o.file, "a/b.json") == 0);
	CHECK_EQ(parsed("tailgate --version", &o, &err), 0);
	CHECK_EQ(o.command, COMMAND_VERSION);
}

const struct test_case test_cases[] = {
	{ "options: a whole line is read", a_whole_line_is_read },
	{ "options: what is not given has its default",
	  what_is_not_given_has_its_default },
	{ "options: what cannot be meant is refused",
	  what_cannot_be_meant_is_refused },
	{ "options: help names every option", help_names_every_option },
	{ NULL, NULL },
};
