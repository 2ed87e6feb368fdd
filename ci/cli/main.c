/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailgate - asks a gate whether a canary may go on; for pipelines and people.
 *
 * Here only the command line is read and the command called.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ci/cli/ask.h"
#include "ci/cli/client.h"
#include "ci/cli/options.h"
#include "ci/cli/policy_file.h"
#include "ci/cli/token.h"
#include "common/err.h"
#include "common/version.h"

static enum exit_code command_run(struct client *c, const struct options *o)
{
	switch (o->command) {
	case COMMAND_WAIT:
	case COMMAND_VERDICT:
		return ask_verdict(c, o);
	case COMMAND_ROLLOUTS:
		return ask_rollouts(c, o);
	case COMMAND_STOP:
		return ask_stop(c, o);
	case COMMAND_BACKTEST:
		return ask_backtest(c, o);
	case COMMAND_REPLAY:
		return ask_replay(c, o);
	case COMMAND_POLICY:
	case COMMAND_VERSION:
	case COMMAND_HELP:
	case COMMAND_N:
		break;
	}
	return EXIT_USAGE; /* main() has dealt with these */
}

static int usage(const struct err *err)
{
	fprintf(stderr, "tailgate: %s\n", err->text);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct options o;
	struct token token;
	struct client *client = NULL;
	struct err err = { "" };
	enum exit_code code;

	if (options_parse(argc, argv, &o, &err) < 0)
		return usage(&err);
	if (o.command == COMMAND_HELP) {
		/* asked for, it is output; for no command at all, advice */
		fputs(options_help(o.help_on), argc > 1 ? stdout : stderr);
		return argc > 1 ? EXIT_PASS : EXIT_USAGE;
	}
	if (o.command == COMMAND_VERSION) {
		puts("tailgate " TAILGATE_VERSION);
		return EXIT_PASS;
	}
	if (o.command == COMMAND_POLICY)
		return (int)policy_file_check(o.file, o.json);
	if (token_read(o.token_file, getenv("TAILGATE_TOKEN"), &token, &err) <
	    0)
		return usage(&err);
	if (client_new(o.gate, token.text, o.ca_file, &client, &err) < 0) {
		fprintf(stderr, "tailgate: %s\n", err.text);
		return EXIT_GATE;
	}
	code = command_run(client, &o);
	client_free(client);
	return (int)code;
}
