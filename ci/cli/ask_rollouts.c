/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "ci/cli/client.h"
#include "ci/cli/document.h"
#include "ci/cli/options.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/json_text.h"

/* Nobody waits on these: the gate answers now or not at all. */
enum { CALL_MS = 30 * 1000 };

enum exit_code ask_call(struct client *c, const char *target, const char *json,
			int64_t timeout_ms, struct client_reply *ret_r)
{
	struct document_error e;
	struct err err = { "" };
	int rc = client_call(c, target, json, timeout_ms, ret_r, &err);

	if (rc < 0) {
		fprintf(stderr, "tailgate: %s\n", err.text);
		return rc == -EINVAL ? EXIT_USAGE : EXIT_GATE;
	}
	if (decide_answer(ret_r->status) == ANSWER_DOCUMENT ||
	    decide_answer(ret_r->status) == ANSWER_PENDING)
		return EXIT_PASS;
	document_error_parse(ret_r->body.bytes, ret_r->body.len, &e);
	fprintf(stderr, "tailgate: %s%sHTTP %u: %s\n", e.code,
		e.code[0] ? ", " : "", ret_r->status, e.text);
	return decide_answer(ret_r->status) == ANSWER_USAGE ? EXIT_USAGE
							    : EXIT_GATE;
}

enum exit_code ask_rollouts(struct client *c, const struct options *o)
{
	struct client_reply reply = { 0 };
	struct buf target = { 0 };
	struct buf table = { 0 };
	struct err err = { "" };
	enum exit_code code;

	buf_puts(&target, "/v1/rollouts");
	if (o->service)
		client_query_add(&target, "service", o->service);
	code = target.bad ? EXIT_GATE
			  : ask_call(c, target.bytes, NULL, CALL_MS, &reply);
	if (code != EXIT_PASS)
		goto out;
	if (document_table(reply.body.bytes, reply.body.len, &table, &err) <
	    0) {
		fprintf(stderr, "tailgate: %s\n", err.text);
		code = EXIT_GATE;
	} else {
		fputs(o->json ? reply.body.bytes : table.bytes, stdout);
	}
out:
	buf_release(&table);
	buf_release(&target);
	buf_release(&reply.body);
	return code;
}

enum exit_code ask_stop(struct client *c, const struct options *o)
{
	struct client_reply reply = { 0 };
	struct buf target = { 0 };
	struct buf json = { 0 };
	enum exit_code code = EXIT_GATE;

	buf_printf(&target, "/v1/rollouts/%" PRIu64 "/stop", o->id);
	buf_puts(&json, "{\"reason\":");
	json_text_string(&json, o->reason);
	buf_puts(&json, "}");
	if (!target.bad && !json.bad)
		code = ask_call(c, target.bytes, json.bytes, CALL_MS, &reply);
	if (code == EXIT_PASS && o->json)
		printf("%s\n", reply.body.bytes);
	else if (code == EXIT_PASS)
		printf("rollout %" PRIu64 " is stopped\n", o->id);
	buf_release(&json);
	buf_release(&target);
	buf_release(&reply.body);
	return code;
}
