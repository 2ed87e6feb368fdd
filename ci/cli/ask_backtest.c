/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ci/cli/client.h"
#include "ci/cli/document.h"
#include "ci/cli/options.h"
#include "ci/cli/progress.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/file.h"
#include "common/limits.h"

enum {
	CALL_MS = 30 * 1000,
	/* between two looks: well within the time after which it is ended */
	LOOK_MS = 500,
	PROGRESS_MS = 10 * 1000,
};

static enum exit_code say_error(const struct err *err, enum exit_code code)
{
	fprintf(stderr, "tailgate: %s\n", err->text);
	return code;
}

/* The policy as its file has it; "" for none. */
static enum exit_code policy_read(const char *path, char **ret_text)
{
	struct err err = { "" };
	size_t len = 0;

	if (!path) {
		*ret_text = calloc(1, 1);
		return *ret_text ? EXIT_PASS : EXIT_GATE;
	}
	if (file_read(path, LIMIT_JSON_BYTES, ret_text, &len, &err) < 0)
		return say_error(&err, EXIT_USAGE);
	/* it is sent as text, and must not be sent in part */
	if (len == 0 || strlen(*ret_text) != len) {
		free(*ret_text);
		*ret_text = NULL;
		err_set(&err, -EINVAL, "%s: it is %s", path,
			len == 0 ? "empty" : "no text");
		return say_error(&err, EXIT_USAGE);
	}
	return EXIT_PASS;
}

static void target_write(const struct options *o, struct buf *target)
{
	char number[24];

	buf_puts(target, "/v1/backtests");
	client_query_add(target, "service", o->service);
	if (o->last)
		client_query_add(target, "last", o->last);
	if (o->has_splits) {
		snprintf(number, sizeof(number), "%" PRIu64, o->splits);
		client_query_add(target, "splits", number);
	}
	if (o->has_seed) {
		snprintf(number, sizeof(number), "%" PRIu64, o->seed);
		client_query_add(target, "seed", number);
	}
}

static enum exit_code begin(struct client *c, const struct options *o,
			    uint64_t *ret_id)
{
	struct client_reply reply = { 0 };
	struct buf target = { 0 };
	struct err err = { "" };
	char *policy = NULL;
	enum exit_code code = policy_read(o->file, &policy);

	if (code != EXIT_PASS)
		return code;
	target_write(o, &target);
	code = target.bad ? EXIT_GATE
			  : ask_call(c, target.bytes, policy, CALL_MS, &reply);
	if (code == EXIT_PASS &&
	    document_backtest_id(reply.body.bytes, reply.body.len, ret_id,
				 &err) < 0)
		code = say_error(&err, EXIT_GATE);
	free(policy);
	buf_release(&target);
	buf_release(&reply.body);
	return code;
}

static void say_progress(struct progress *p, const struct document_backtest *b)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "%" PRIu64 " of %" PRIu64 " rollouts and splits, %" PRIu64
		 " windows folded",
		 b->n_done, b->n_total, b->windows);
	progress_say(p, "running", text, clock_monotonic_ms());
}

/* Look until it is over; the reply then holds what came of it. */
static enum exit_code look(struct client *c, uint64_t id,
			   struct client_reply *reply)
{
	struct document_backtest b;
	struct progress progress;
	struct err err = { "" };
	char target[64];
	enum exit_code code;

	snprintf(target, sizeof(target), "/v1/backtests/%" PRIu64, id);
	progress_init(&progress, STDERR_FILENO, PROGRESS_MS,
		      clock_monotonic_ms());
	for (;;) {
		code = ask_call(c, target, NULL, CALL_MS, reply);
		if (code == EXIT_PASS &&
		    document_backtest_parse(reply->body.bytes, reply->body.len,
					    &b, &err) < 0)
			code = say_error(&err, EXIT_GATE);
		if (code != EXIT_PASS || !b.running)
			break;
		say_progress(&progress, &b);
		clock_sleep_ms(LOOK_MS);
	}
	progress_end(&progress);
	if (code == EXIT_PASS && !b.done) {
		fprintf(stderr, "tailgate: the gate ended the backtest%s%s\n",
			b.error[0] ? ": " : "", b.error);
		code = EXIT_GATE;
	}
	return code;
}

enum exit_code ask_backtest(struct client *c, const struct options *o)
{
	struct client_reply reply = { 0 };
	struct buf table = { 0 };
	struct err err = { "" };
	uint64_t id = 0;
	enum exit_code code = begin(c, o, &id);

	if (code == EXIT_PASS)
		code = look(c, id, &reply);
	if (code == EXIT_PASS &&
	    document_backtest_table(reply.body.bytes, reply.body.len, &table,
				    &err) < 0)
		code = say_error(&err, EXIT_GATE);
	if (code == EXIT_PASS)
		fputs(o->json ? reply.body.bytes : table.bytes, stdout);
	buf_release(&table);
	buf_release(&reply.body);
	return code;
}
