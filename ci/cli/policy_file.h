/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_file - a policy's file, checked and explained without a gate.
 *
 * It is read with stats/policy_text, as a gate reads it.
 */
#ifndef CI_CLI_POLICY_FILE_H
#define CI_CLI_POLICY_FILE_H

#include <stdbool.h>

#include "ci/cli/decide.h"

struct buf;
struct policy_text;

/*
 * tailgate policy check: read a file and print what it says, or what is wrong
 * with it; for people to stdout and stderr, as JSON to stdout alone.
 *
 * Returns EXIT_PASS for a policy that a gate takes, EXIT_FAIL for any other
 * file, EXIT_USAGE if it cannot be read, EXIT_GATE without memory.
 */
enum exit_code policy_file_check(const char *path, bool json);

/* Append the policy in effect: a summary and a table, for people. */
void policy_file_show(struct buf *out, const struct policy_text *t);

/* Append the same as one line of JSON. */
void policy_file_print(struct buf *out, const struct policy_text *t);

#endif /* CI_CLI_POLICY_FILE_H */
