/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "ci/cli/client.h"
#include "ci/cli/document.h"
#include "ci/cli/options.h"
#include "ci/cli/progress.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/time_text.h"

enum {
	/* a day of windows of a hundred instances is folded in some minutes */
	REPLAY_MS = 15 * 60 * 1000,
	/* one request: below the idle limits of proxies */
	POLL_S = 20,
	CALL_MS = 30 * 1000,
	/* a gate that does not wait when asked to is asked once a second */
	POLL_MIN_MS = 1000,
	PROGRESS_MS = 20 * 1000,
};

/* What follows "verdict" where there are n. */
static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* "method 3", or that nobody knows. */
static const char *method_name(uint64_t method, char text[32])
{
	if (method == 0)
		return "a method that was not written down then";
	(void)!snprintf(text, 32, "method %" PRIu64, method);
	return text;
}

/* "judged by method 3, recomputed by method 4: figures may differ". */
static void say_methods(const struct document_replay *r)
{
	char text[32];

	printf("judged by %s, recomputed by method %" PRIu64
	       ": figures may differ",
	       method_name(r->judged_by_method, text), r->method);
}

/* "the first is that of the window at ..., in which ...". */
static void say_first(const struct document_replay *r)
{
	char at[TIME_TEXT_BYTES];

	time_text_write((int64_t)r->first_from_ms, at);
	printf("the first is that of the window at %s, in which %s was "
	       "written down as %s and is recomputed as %s\n",
	       at, r->field, r->stored[0] ? r->stored : "(nothing)",
	       r->recomputed[0] ? r->recomputed : "(nothing)");
}

static const char *decisions(const struct document_replay *r)
{
	return r->same_decision ? "though every decision is the same"
				: "and not every decision is the same";
}

static void say_different(const struct options *o,
			  const struct document_replay *r)
{
	printf("rollout %" PRIu64 " does not replay: %" PRIu64 " of %" PRIu64
	       " verdict%s differ%s from what was written down, %s; the "
	       "same method %" PRIu64 " judged %s: somebody altered what is "
	       "stored, or the gate has a defect; ",
	       o->id, r->unexplained, r->windows, plural(r->windows),
	       r->unexplained == 1 ? "s" : "", decisions(r), r->method,
	       r->unexplained == 1 ? "it" : "them");
	say_first(r);
}

static void say_other_method(const struct options *o,
			     const struct document_replay *r)
{
	printf("rollout %" PRIu64 " was ", o->id);
	say_methods(r);
	printf(", and %" PRIu64 " of %" PRIu64 " verdict%s do%s, %s; ",
	       r->different, r->windows, plural(r->windows),
	       r->different == 1 ? "es" : "", decisions(r));
	say_first(r);
}

/* At the end of a sentence about a rollout whose verdicts agree. */
static void say_end(const struct document_replay *r)
{
	if (r->other_method > 0) {
		printf("; it was ");
		say_methods(r);
		printf(", and here they do not");
	}
	puts("");
}

static void say_outcome(const struct options *o,
			const struct document_replay *r)
{
	switch (r->outcome) {
	case REPLAY_IDENTICAL:
		printf("rollout %" PRIu64 " replays to the bit: judged again "
		       "from what is stored, its %" PRIu64 " verdict%s %s "
		       "as written down",
		       o->id, r->windows, plural(r->windows),
		       r->windows == 1 ? "is" : "are");
		say_end(r);
		break;
	case REPLAY_CLOSE:
		printf("rollout %" PRIu64 " replays to the same decisions: of "
		       "%" PRIu64 " verdict%s %" PRIu64 " %s in figures by "
		       "less than 1e-9 of their value (at most %.1e), as "
		       "another mathematics library makes them",
		       o->id, r->windows, plural(r->windows), r->close,
		       r->close == 1 ? "differs" : "differ",
		       r->largest_difference);
		say_end(r);
		break;
	case REPLAY_DIFFERENT:
		say_different(o, r);
		break;
	case REPLAY_OTHER_METHOD:
		say_other_method(o, r);
		break;
	case REPLAY_NOTHING:
	case REPLAY_N:
		printf("rollout %" PRIu64 " has no verdict on a window yet: "
		       "there is nothing to compare\n",
		       o->id);
		break;
	}
}

static enum exit_code exit_of(enum replay_outcome outcome)
{
	switch (outcome) {
	case REPLAY_IDENTICAL:
	case REPLAY_CLOSE:
		return EXIT_PASS;
	case REPLAY_DIFFERENT:
		return EXIT_FAIL;
	case REPLAY_OTHER_METHOD:
		return EXIT_INCONCLUSIVE;
	case REPLAY_NOTHING:
	case REPLAY_N:
		break;
	}
	return EXIT_USAGE;
}

/* The gate is at it: say so, and leave it a moment before it is asked again. */
static enum exit_code wait_on(const struct client_reply *reply,
			      struct progress *progress, int64_t asked_ms)
{
	struct err err = { "" };
	uint64_t windows = 0;
	char text[80];

	if (document_pending_parse(reply->body.bytes, reply->body.len, &windows,
				   &err) < 0) {
		fprintf(stderr, "tailgate: %s\n", err.text);
		return EXIT_GATE;
	}
	snprintf(text, sizeof(text), "%" PRIu64 " windows judged again",
		 windows);
	progress_say(progress, "running", text, clock_monotonic_ms());
	clock_sleep_ms(asked_ms + POLL_MIN_MS - clock_monotonic_ms());
	return EXIT_PASS;
}

/* Ask until the gate has done it. */
static enum exit_code replay_call(struct client *c, const struct options *o,
				  struct client_reply *reply)
{
	int64_t begun_ms = clock_monotonic_ms();
	struct progress progress;
	enum exit_code code;
	char target[80];

	snprintf(target, sizeof(target),
		 "/v1/rollouts/%" PRIu64 "/replay?wait=%d", o->id, POLL_S);
	progress_init(&progress, STDERR_FILENO, PROGRESS_MS, begun_ms);
	for (;;) {
		int64_t asked_ms = clock_monotonic_ms();

		code = ask_call(c, target, NULL, CALL_MS, reply);
		if (code != EXIT_PASS ||
		    decide_answer(reply->status) != ANSWER_PENDING)
			break;
		code = wait_on(reply, &progress, asked_ms);
		if (code != EXIT_PASS)
			break;
		if (clock_monotonic_ms() - begun_ms > REPLAY_MS) {
			fprintf(stderr, "tailgate: the gate still judges it "
					"again; ask for it once more\n");
			code = EXIT_TIMEOUT;
			break;
		}
	}
	progress_end(&progress);
	return code;
}

enum exit_code ask_replay(struct client *c, const struct options *o)
{
	struct client_reply reply = { 0 };
	struct document_replay r;
	struct err err = { "" };
	enum exit_code code = replay_call(c, o, &reply);

	if (code != EXIT_PASS)
		goto out;
	if (document_replay_parse(reply.body.bytes, reply.body.len, &r, &err) <
	    0) {
		fprintf(stderr, "tailgate: %s\n", err.text);
		code = EXIT_GATE;
	} else {
		code = exit_of(r.outcome);
		if (o->json)
			fputs(reply.body.bytes, stdout);
		else
			say_outcome(o, &r);
	}
out:
	buf_release(&reply.body);
	return code;
}
