/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - what the command line asks for, read strictly.
 *
 * An option is --name VALUE or --name=VALUE, whole names only: in a pipeline
 * a misspelt option must stop the deploy, not be ignored or guessed.
 */
#ifndef CI_CLI_OPTIONS_H
#define CI_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct err;

enum command {
	COMMAND_WAIT,	  /* until there is a final verdict */
	COMMAND_VERDICT,  /* ask once */
	COMMAND_ROLLOUTS, /* list */
	COMMAND_STOP,
	COMMAND_REPLAY,	  /* judge again and compare */
	COMMAND_BACKTEST, /* a policy on what is stored */
	COMMAND_POLICY,	  /* check a file, without a gate */
	COMMAND_VERSION,
	COMMAND_HELP,
	COMMAND_N,
};

/* What to make of an inconclusive verdict. */
enum on_inconclusive {
	INCONCLUSIVE_EXIT, /* with a code of its own */
	INCONCLUSIVE_FAIL,
	INCONCLUSIVE_PASS,
	INCONCLUSIVE_WAIT, /* as if it were still running */
};

/* Strings are borrowed from argv; NULL where not given. */
struct options {
	enum command command;
	enum command help_on; /* of COMMAND_HELP; COMMAND_N: of all */
	const char *gate;     /* URL */
	const char *service;
	const char *baseline;
	const char *canary;
	const char *policy;
	const char *token_file;
	const char *ca_file;
	const char *reason;
	const char *action; /* of COMMAND_POLICY: "check" */
	const char *file;   /* of COMMAND_POLICY and COMMAND_BACKTEST */
	const char *last;   /* of COMMAND_BACKTEST: "30d" */
	bool has_splits;
	uint64_t splits;
	bool has_seed;
	uint64_t seed;
	uint64_t id; /* of a rollout */
	bool has_step;
	uint64_t step;
	uint64_t attempt; /* 0: not given */
	bool has_from;	  /* verdict: on a past time, from ... */
	bool has_until;	  /* ... until */
	int64_t from_ms;
	int64_t until_ms;
	int64_t wait_ms;     /* verdict: how long it may take to be final */
	int64_t timeout_ms;  /* wait: how long in all */
	int64_t away_ms;     /* how long the gate may be out of reach */
	int64_t progress_ms; /* wait: a line of a log at least so often */
	enum on_inconclusive on_inconclusive;
	bool pass_on_error; /* the gate's absence or fault is no obstacle */
	bool json;
};

/*
 * Read a command line.  argv[0] is skipped; no words at all ask for help.
 * Returns 0, or -EINVAL with what is wrong in err.
 */
int options_parse(int argc, char *const *argv, struct options *ret_o,
		  struct err *err);

/* The help on a command, or on all of them for COMMAND_N.  Never NULL. */
const char *options_help(enum command command);

#endif /* CI_CLI_OPTIONS_H */
