/* SPDX-License-Identifier: Apache-2.0 */
/* ask - the commands: each talks to the gate and says what came of it. */
#ifndef CI_CLI_ASK_H
#define CI_CLI_ASK_H

#include "ci/cli/decide.h"

struct client;
struct options;

/*
 * tailgate wait and verdict: ask until the verdict is final or time is up,
 * and print it: the document and one sentence on stdout, all else on stderr.
 */
enum exit_code ask_verdict(struct client *c, const struct options *o);

/* tailgate rollouts: print the list. */
enum exit_code ask_rollouts(struct client *c, const struct options *o);

/* tailgate stop: stop the rollout and say so. */
enum exit_code ask_stop(struct client *c, const struct options *o);

#endif /* CI_CLI_ASK_H */
