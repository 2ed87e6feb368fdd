/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide - from what the gate answered to what the pipeline is told.
 *
 * Pure: no I/O and no clock, so that every way a deploy can go on or stop is
 * a row of a test.
 */
#ifndef CI_CLI_DECIDE_H
#define CI_CLI_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/verdict.h"

struct options;

/* What the program exits with; a pipeline goes by nothing else. */
enum exit_code {
	EXIT_PASS = 0,
	EXIT_FAIL = 1,
	EXIT_USAGE = 2,
	EXIT_INCONCLUSIVE = 3,
	EXIT_GATE = 4, /* out of reach, at fault, or refusing the token */
	EXIT_TIMEOUT = 5,
};

/* What to do about a reply, by its HTTP status. */
enum answer {
	ANSWER_DOCUMENT, /* read it */
	ANSWER_PENDING,	 /* the gate is at it: ask again */
	ANSWER_RETRY,	 /* the gate's fault: ask again */
	ANSWER_USAGE,	 /* ours: asking again cannot help */
	ANSWER_DENIED,	 /* the token */
};

enum answer decide_answer(unsigned int status);

/*
 * Is a verdict the end of waiting?  A verdict that is not final never is; an
 * inconclusive one is not where --on-inconclusive=wait.
 */
bool decide_done(const struct options *o, enum verdict_word word, bool final);

/*
 * What to exit with on a verdict that waiting ended with.  *ret_why receives
 * the option that changed it, as it was written, or NULL if none did.
 */
enum exit_code decide_exit(const struct options *o, enum verdict_word word,
			   const char **ret_why);

/*
 * The same where there is no verdict because the gate is away or at fault.
 * *ret_why is never NULL: which way a pipeline took is always said.
 */
enum exit_code decide_gate_exit(const struct options *o, const char **ret_why);

/*
 * Ms to wait before asking again.
 *
 *   n_failed       times in a row that it failed, from 1
 *   retry_after_s  what the gate asked for; 0: nothing
 *
 * What the gate asks for is kept to, up to five minutes; otherwise it starts
 * with half a second and doubles up to 15 s.
 */
int64_t decide_backoff_ms(unsigned int n_failed, int64_t retry_after_s);

#endif /* CI_CLI_DECIDE_H */
