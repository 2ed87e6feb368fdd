/* SPDX-License-Identifier: Apache-2.0 */
/* ask - the commands: each talks to the gate and says what came of it. */
#ifndef CI_CLI_ASK_H
#define CI_CLI_ASK_H

#include <stdint.h>

#include "ci/cli/decide.h"

struct client;
struct client_reply;
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

/* tailgate replay: have the rollout judged again and say how it compares. */
enum exit_code ask_replay(struct client *c, const struct options *o);

/*
 * tailgate backtest: have a policy tried on what the gate has stored, wait
 * for it and print what came of it.  Whoever ends the program ends it there.
 */
enum exit_code ask_backtest(struct client *c, const struct options *o);

/*
 * Send one request: a POST of json, or a GET for NULL.  What went wrong is
 * said on stderr.  Returns EXIT_PASS with a reply of 200, 201 or 202 (it is
 * not done yet), which the caller releases either way, or what to exit with.
 */
enum exit_code ask_call(struct client *c, const char *target, const char *json,
			int64_t timeout_ms, struct client_reply *ret_r);

#endif /* CI_CLI_ASK_H */
