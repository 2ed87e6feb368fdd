/* SPDX-License-Identifier: Apache-2.0 */
/* The help texts, for somebody who has never seen the program. */
#include "ci/cli/options.h"

#include <stddef.h>

#define CONNECTION                                                          \
	"  --gate URL           the gate, e.g. https://gate.example:8443\n" \
	"  --token-file FILE    token for the gate; else the variable\n"    \
	"                       TAILGATE_TOKEN\n"                           \
	"  --ca-file FILE       certificates to trust instead of the\n"     \
	"                       system's\n"                                 \
	"  --json               print the gate's document alone on stdout\n"

#define IDENTITIES                                                          \
	"  --service S          what is deployed: orders\n"                 \
	"  --baseline R         the revision that serves most traffic\n"    \
	"  --canary R           the new revision\n"                         \
	"  --step N             step of the rollout, say its weight in %\n" \
	"  --policy P           a policy stricter than the service's own\n" \
	"  --attempt N          which try of this rollout, from 1\n"

#define OUTCOMES                                                               \
	"  --on-inconclusive=exit|fail|pass|wait\n"                            \
	"                       when the data cannot decide it: exit with 3\n" \
	"                       (the default), count it as fail or pass, or\n" \
	"                       wait on\n"                                     \
	"  --on-error=fail|pass when the gate is away or at fault: exit "      \
	"with\n"                                                               \
	"                       4 (fail, the default), or let the canary "     \
	"pass\n"

#define EXITS                                                               \
	"Exit status: 0 pass, 1 fail, 2 usage, 3 inconclusive, 4 gate out " \
	"of\n"                                                              \
	"reach, at fault or refusing the token, 5 no verdict in time.\n"

static const char help_all[] =
	"tailgate asks a Tailgate gate whether a canary may go on.\n"
	"\n"
	"  tailgate wait      wait for the verdict: the step for a pipeline\n"
	"  tailgate verdict   ask once and print the answer\n"
	"  tailgate rollouts  list the newest rollouts\n"
	"  tailgate stop      stop judging a rollout\n"
	"  tailgate replay    judge a rollout again from what was stored\n"
	"  tailgate backtest  try a policy on what the gate has stored\n"
	"  tailgate policy    check the file of a policy, without a gate\n"
	"  tailgate version   print the version\n"
	"\n"
	"tailgate COMMAND --help says more.  In a pipeline:\n"
	"\n"
	"  tailgate wait --gate https://gate.example:8443 --service orders \\\n"
	"      --baseline 5c9f8d7b6f --canary 7d8e9f0a1b --timeout 30m\n"
	"\n" EXITS;

static const char help_wait[] =
	"tailgate wait: wait for the verdict on a canary\n"
	"\n"
	"The rollout is begun if it is not known yet.  Progress goes to "
	"stderr,\n"
	"the verdict to stdout.\n"
	"\n" IDENTITIES "  --timeout 30m        how long it may take in all; "
	"500ms, 2s, 30m, 1h\n"
	"  --unreachable-after 2m\n"
	"                       how long the gate may be away "
	"meanwhile\n"
	"  --progress-every 60s a line of progress at least so often; each "
	"change\n"
	"                       of verdict is a line too\n" OUTCOMES CONNECTION
	"\n" EXITS;

static const char help_verdict[] =
	"tailgate verdict: ask for the verdict on a canary\n"
	"\n"
	"The rollout is begun if it is not known yet.  A verdict that is "
	"still\n"
	"running exits with 5.\n"
	"\n" IDENTITIES "  --wait SECONDS       let the gate take so long to "
	"decide; else 0\n"
	"  --from T --until T   judge what was stored of this past time, "
	"now;\n"
	"                       T is 2026-01-31T10:00:00Z or Unix ms, up to 6 "
	"h\n"
	"                       apart; the verdict is final\n" OUTCOMES
		CONNECTION "\n" EXITS;

static const char help_rollouts[] =
	"tailgate rollouts: list the newest rollouts and their verdicts\n"
	"\n"
	"  --service S          only those of this service\n" CONNECTION
	"\n" EXITS;

static const char help_stop[] =
	"tailgate stop ROLLOUT: stop judging a rollout\n"
	"\n"
	"ROLLOUT is its number, as tailgate rollouts and the report's URL "
	"have\n"
	"it.  Stopping is recorded and cannot be undone.\n"
	"\n"
	"  --reason TEXT        why; it is kept\n" CONNECTION "\n" EXITS;

static const char help_replay[] =
	"tailgate replay ROLLOUT: judge a rollout again and compare\n"
	"\n"
	"The gate folds the batches that it has stored once more, window by\n"
	"window, each up to the batch that it knew of when it judged, and\n"
	"compares every verdict with the one it wrote down.\n"
	"\n"
	"ROLLOUT is its number, as tailgate rollouts and the report's URL "
	"have\n"
	"it.\n"
	"\n" CONNECTION "\n"
	"Exit status: 0 the same to the bit, or the same decisions with\n"
	"figures within 1e-9 of their value, as another mathematics library\n"
	"gives them (the sentence says which); 1 it differs, and the same\n"
	"version of the statistics judged it: an altered store or a defect;\n"
	"2 usage, no window judged yet, or batches past their retention; 3 it\n"
	"differs, and another version judged it, as another may; 4 gate out\n"
	"of reach, at fault or refusing the token.\n";

static const char help_policy[] =
	"tailgate policy check FILE: would a gate take this policy?\n"
	"\n"
	"Reads the file as a gate does, and needs none.  Says line and column "
	"of "
	"the\n"
	"first thing that is wrong and what is permitted there, or prints the\n"
	"policy in effect: every number, what is built in, where they differ, "
	"and\n"
	"whether that is stricter or looser.\n"
	"\n"
	"  --json               print the result as one JSON object\n"
	"\n"
	"schema/FORMATS.md has every key with its range and the reason for "
	"its\n"
	"built-in value.\n"
	"\n"
	"Exit status: 0 a valid policy, 1 not valid, 2 usage or no such "
	"file.\n";

static const char help_backtest[] =
	"tailgate backtest: try a policy on what the gate has stored\n"
	"\n"
	"Judges the stored rollouts of a service once more by the policy, and "
	"A/A\n"
	"splits: instances of one build, some of which are taken for a "
	"canary.\n"
	"Nothing is wrong with those, so the share that fails is how often "
	"the\n"
	"policy would be wrong.  Nothing of it is stored.\n"
	"\n"
	"  --service S          what is deployed: orders\n"
	"  --policy FILE        the policy; without it the service's own\n"
	"  --last 30d           how far back, at most 90d\n"
	"  --splits 100         how many splits are drawn, at most 500\n"
	"  --seed 1             the same seed draws the same "
	"splits\n" CONNECTION "\n"
	"Progress goes to stderr.  Ending the program ends the work at the "
	"gate\n"
	"within 15 s.  Exit status: 0 it was run, whatever came of it; 2 "
	"usage,\n"
	"or a policy that the gate refuses, with line and column; 4 gate out "
	"of\n"
	"reach, busy with another backtest, at fault or refusing the token.\n";

const char *options_help(enum command command)
{
	switch (command) {
	case COMMAND_WAIT:
		return help_wait;
	case COMMAND_VERDICT:
		return help_verdict;
	case COMMAND_ROLLOUTS:
		return help_rollouts;
	case COMMAND_STOP:
		return help_stop;
	case COMMAND_BACKTEST:
		return help_backtest;
	case COMMAND_REPLAY:
		return help_replay;
	case COMMAND_POLICY:
		return help_policy;
	case COMMAND_VERSION:
	case COMMAND_HELP:
	case COMMAND_N:
		break;
	}
	return help_all;
}
