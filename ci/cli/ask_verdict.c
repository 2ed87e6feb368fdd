/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long polls: each request but the first lets the gate take up to 25 s, below
 * the idle limits of proxies, and the next one follows at once.
 */
#include "ci/cli/ask.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ci/cli/client.h"
#include "ci/cli/document.h"
#include "ci/cli/options.h"
#include "ci/cli/progress.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/json_text.h"

enum {
	POLL_MS = 25 * 1000,
	/* what a reply may take beyond the time it was allowed to wait */
	GRACE_MS = 10 * 1000,
	/* judging six hours of a hundred instances at once */
	PAST_MS = 15 * 60 * 1000,
	/* a gate that does not wait when asked to is asked once a second */
	POLL_MIN_MS = 1000,
};

/* One run of the command. */
struct asking {
	struct client *client;
	const struct options *o;
	struct progress progress;
	int64_t begun_ms; /* monotonic, as all times here */
	int64_t deadline_ms;
	int64_t heard_ms;      /* when the gate last answered properly */
	unsigned int n_failed; /* requests since then */
	bool has_document;
	struct document document; /* the newest */
	bool pending;		  /* the gate judges a past time */
	uint64_t n_judged;	  /* windows of it */
	struct err failure;	  /* the newest; "" once it answered again */
};

/* Sleep, but never beyond the deadline. */
static void pause_ms(const struct asking *a, int64_t ms)
{
	int64_t left = a->deadline_ms - clock_monotonic_ms();

	clock_sleep_ms(ms < left ? ms : left);
}

/* What begins a rollout over a past time. */
static void past_write(const struct options *o, struct buf *json)
{
	buf_puts(json, "{\"service\":");
	json_text_string(json, o->service);
	buf_puts(json, ",\"baseline\":");
	json_text_string(json, o->baseline);
	buf_puts(json, ",\"canary\":");
	json_text_string(json, o->canary);
	if (o->policy) {
		buf_puts(json, ",\"policy\":");
		json_text_string(json, o->policy);
	}
	if (o->has_step)
		buf_printf(json, ",\"step\":%" PRIu64, o->step);
	buf_printf(json, ",\"from\":%" PRId64 ",\"until\":%" PRId64 "}",
		   o->from_ms, o->until_ms);
}

static void target_write(const struct options *o, int64_t wait_ms,
			 struct buf *target)
{
	char number[24];

	buf_puts(target, "/v1/verdict");
	client_query_add(target, "service", o->service);
	client_query_add(target, "baseline", o->baseline);
	client_query_add(target, "canary", o->canary);
	if (o->has_step) {
		snprintf(number, sizeof(number), "%" PRIu64, o->step);
		client_query_add(target, "step", number);
	}
	if (o->attempt > 0) {
		snprintf(number, sizeof(number), "%" PRIu64, o->attempt);
		client_query_add(target, "attempt", number);
	}
	if (o->policy)
		client_query_add(target, "policy", o->policy);
	if (wait_ms >= 1000) {
		snprintf(number, sizeof(number), "%" PRId64, wait_ms / 1000);
		client_query_add(target, "wait", number);
	}
}

/* The document of a reply takes the place of the one before. */
static bool document_take(struct asking *a, const struct client_reply *r,
			  struct err *err)
{
	struct document d = { 0 };
	int rc = a->o->has_from
			 ? document_rollout_parse(r->body.bytes, r->body.len,
						  &d, err)
			 : document_parse(r->body.bytes, r->body.len, &d, err);

	if (rc < 0)
		return false;
	document_release(&a->document);
	a->document = d;
	a->has_document = true;
	return true;
}

/* ", 8 windows, 1200 canary requests (about 300 more needed)"; may be "". */
static void figures_write(const struct document *d, char *to, size_t size)
{
	int n;

	to[0] = '\0';
	if (!d->has_figures)
		return;
	n = snprintf(to, size,
		     ", %" PRIu64 " windows, %" PRIu64 " canary requests",
		     d->windows, d->canary_requests);
	if (d->need_requests > 0)
		n += snprintf(to + n, size - (size_t)n,
			      " (about %" PRIu64 " more needed)",
			      d->need_requests);
	if (d->need_instances > 0)
		n += snprintf(to + n, size - (size_t)n,
			      ", about %" PRIu64
			      " more canary instances needed",
			      d->need_instances);
	if (d->need_baseline_instances > 0)
		(void)!snprintf(to + n, size - (size_t)n,
				", about %" PRIu64
				" more baseline instances needed",
				d->need_baseline_instances);
}

static void say_document(struct asking *a)
{
	const struct document *d = &a->document;
	char key[128];
	char figures[256];
	char text[VERDICT_REASON_BYTES + 512];

	snprintf(key, sizeof(key), "%s %s", verdict_word_name(d->word),
		 d->code);
	figures_write(d, figures, sizeof(figures));
	snprintf(text, sizeof(text), "%4" PRId64 " s  %s, %s%s: %s",
		 (clock_monotonic_ms() - a->begun_ms) / 1000,
		 verdict_word_name(d->word), d->code, figures, d->reason);
	progress_say(&a->progress, key, text, clock_monotonic_ms());
}

static void say_pending(struct asking *a)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "%4" PRId64 " s  judging that time: %" PRIu64 " windows",
		 (clock_monotonic_ms() - a->begun_ms) / 1000, a->n_judged);
	progress_say(&a->progress, "pending", text, clock_monotonic_ms());
}

static void say_failure(struct asking *a)
{
	char text[512];

	snprintf(text, sizeof(text), "%4" PRId64 " s  no answer: %s",
		 (clock_monotonic_ms() - a->begun_ms) / 1000, a->failure.text);
	progress_say(&a->progress, a->failure.text, text, clock_monotonic_ms());
}

/* Wait before asking a gate again that failed, and do not fall silent. */
static void pause_after_failure(struct asking *a, int64_t ms)
{
	int64_t end_ms = clock_monotonic_ms() + ms;

	if (end_ms > a->deadline_ms)
		end_ms = a->deadline_ms;
	while (clock_monotonic_ms() < end_ms) {
		int64_t until_ms;

		say_failure(a);
		until_ms = progress_due_ms(&a->progress);
		if (until_ms > end_ms)
			until_ms = end_ms;
		/* never in a circle where no line is due yet */
		pause_ms(a, until_ms > clock_monotonic_ms()
				    ? until_ms - clock_monotonic_ms()
				    : 1);
	}
}

/* How long the gate may take to decide, for the next request. */
static int64_t wait_of(const struct asking *a, int64_t left)
{
	int64_t wait = left < 0 ? 0 : left < POLL_MS ? left : POLL_MS;
	int64_t due = progress_due_ms(&a->progress) - clock_monotonic_ms();

	/* an answer by the time that there should be a line again */
	if (a->o->command == COMMAND_WAIT && wait > due)
		wait = due > POLL_MIN_MS ? due : POLL_MIN_MS;
	if (wait > left)
		wait = left < 0 ? 0 : left;
	/* the first answer is wanted now: it shows that all is well */
	return a->has_document ? wait : 0;
}

/* The same where a past time is judged, however long that takes. */
static int64_t past_wait_of(const struct asking *a)
{
	int64_t due = progress_due_ms(&a->progress) - clock_monotonic_ms();

	return due > POLL_MS ? POLL_MS : due > POLL_MIN_MS ? due : POLL_MIN_MS;
}

/* Send the question.  Returns as client_call() does. */
static int question_send(struct asking *a, struct client_reply *ret_reply)
{
	int64_t left = a->deadline_ms - clock_monotonic_ms();
	int64_t wait = a->o->has_from ? past_wait_of(a) : wait_of(a, left);
	int64_t timeout = wait + GRACE_MS;
	char number[24];
	struct buf target = { 0 };
	struct buf json = { 0 };
	int rc;

	/* waiting ends when it was said to, even if the gate hangs */
	if (a->o->command == COMMAND_WAIT && timeout > left + 1000)
		timeout = left + 1000;
	if (a->o->has_from) {
		snprintf(number, sizeof(number), "%" PRId64 "ms", wait);
		buf_puts(&target, "/v1/rollouts");
		client_query_add(&target, "wait", number);
		past_write(a->o, &json);
	} else {
		target_write(a->o, wait, &target);
	}
	rc = target.bad || json.bad
		     ? err_set(&a->failure, -ENOMEM, "no memory")
		     : client_call(a->client, target.bytes, json.bytes, timeout,
				   ret_reply, &a->failure);
	buf_release(&target);
	buf_release(&json);
	return rc;
}

/* One request.  Fills a->failure if nothing was to be had. */
static enum answer ask_once(struct asking *a, int64_t *ret_retry_after_s)
{
	struct client_reply reply = { 0 };
	struct document_error e;
	enum answer answer = ANSWER_RETRY;
	int rc;

	a->failure.text[0] = '\0';
	a->pending = false;
	rc = question_send(a, &reply);
	if (rc < 0) {
		answer = rc == -EINVAL ? ANSWER_USAGE : ANSWER_RETRY;
		goto out;
	}
	answer = decide_answer(reply.status);
	*ret_retry_after_s = reply.retry_after_s;
	a->pending = answer == ANSWER_PENDING && a->o->has_from &&
		     document_pending_parse(reply.body.bytes, reply.body.len,
					    &a->n_judged, &a->failure) == 0;
	if (answer == ANSWER_PENDING && !a->pending)
		answer = ANSWER_RETRY; /* a proxy's, or of another time */
	if (answer == ANSWER_DOCUMENT && !document_take(a, &reply, &a->failure))
		answer = ANSWER_RETRY;
	if (answer == ANSWER_DOCUMENT || answer == ANSWER_PENDING)
		goto out;
	document_error_parse(reply.body.bytes, reply.body.len, &e);
	(void)err_set(&a->failure, 0, "%s%sHTTP %u: %s", e.code,
		      e.code[0] ? ", " : "", reply.status, e.text);
out:
	buf_release(&reply.body);
	return answer;
}

/* The document on stdout, and beside it one sentence and where to look. */
static enum exit_code say_end(struct asking *a, enum exit_code code,
			      const char *why)
{
	const struct document *d = &a->document;
	FILE *to = a->o->json ? stderr : stdout;

	progress_end(&a->progress);
	printf("%s\n", d->text);
	fflush(stdout);
	if (code == EXIT_TIMEOUT)
		fprintf(to, "no verdict in time; still %s, %s\n",
			verdict_word_name(d->word), d->reason);
	else
		fprintf(to, "%s: %s\n", verdict_word_name(d->word), d->reason);
	if (d->report[0] != '\0')
		fprintf(to, "report: %s\n", d->report);
	if (why)
		fprintf(to, "exit status %d because of %s\n", (int)code, why);
	return code;
}

/*
 * There is no verdict to print.  What is known goes to stderr, and for a
 * program an error document to stdout.
 */
static enum exit_code say_failed(struct asking *a, enum exit_code code,
				 const char *name, const char *why)
{
	struct buf out = { 0 };

	progress_end(&a->progress);
	fprintf(stderr, "tailgate: %s\n", a->failure.text);
	if (why)
		fprintf(stderr, "exit status %d because of %s\n", (int)code,
			why);
	if (!a->o->json)
		return code;
	buf_puts(&out, "{\"error\":");
	json_text_string(&out, a->failure.text);
	buf_printf(&out, ",\"code\":\"%s\"}\n", name);
	if (!out.bad)
		fputs(out.bytes, stdout);
	buf_release(&out);
	return code;
}

static enum exit_code say_unreachable(struct asking *a)
{
	const char *why;
	enum exit_code code = decide_gate_exit(a->o, &why);

	return say_failed(a, code, "UNREACHABLE", why);
}

/* Time is up. */
static enum exit_code say_late(struct asking *a)
{
	const char *why = NULL;
	enum exit_code code = EXIT_TIMEOUT;

	if (a->pending) {
		(void)err_set(&a->failure, 0,
			      "the gate still judges that time, and goes on: "
			      "ask once more");
		return say_failed(a, EXIT_TIMEOUT, "PENDING", NULL);
	}
	if (!a->has_document)
		return say_unreachable(a);
	if (a->o->command == COMMAND_VERDICT ||
	    a->document.word == VERDICT_ERROR)
		code = decide_exit(a->o, a->document.word, &why);
	return say_end(a, code, why);
}

/*
 * What came of one request; true if it was the last.  first: no document had
 * come before, so the gate was not asked to wait.
 */
static bool ended(struct asking *a, enum answer answer, bool first,
		  int64_t asked_ms, int64_t retry_after_s,
		  enum exit_code *ret_code)
{
	const char *why;

	switch (answer) {
	case ANSWER_USAGE:
		*ret_code = say_failed(a, EXIT_USAGE, "USAGE", NULL);
		return true;
	case ANSWER_DENIED:
		*ret_code = say_failed(a, EXIT_GATE, "DENIED", NULL);
		fprintf(stderr, "the gate wants a token that may decide for "
				"this service: --token-file or "
				"TAILGATE_TOKEN\n");
		return true;
	case ANSWER_RETRY:
		a->n_failed++;
		if (clock_monotonic_ms() - a->heard_ms >= a->o->away_ms) {
			*ret_code = say_unreachable(a);
			return true;
		}
		pause_after_failure(
			a, decide_backoff_ms(a->n_failed, retry_after_s));
		return false;
	case ANSWER_PENDING:
		a->heard_ms = clock_monotonic_ms();
		a->n_failed = 0;
		/* it was begun, so it is waited for */
		if (a->deadline_ms < a->begun_ms + PAST_MS)
			a->deadline_ms = a->begun_ms + PAST_MS;
		say_pending(a);
		pause_ms(a, asked_ms + POLL_MIN_MS - a->heard_ms);
		return false;
	case ANSWER_DOCUMENT:
		break;
	}
	a->heard_ms = clock_monotonic_ms();
	a->n_failed = 0;
	if (decide_done(a->o, a->document.word, a->document.final)) {
		*ret_code = decide_exit(a->o, a->document.word, &why);
		say_end(a, *ret_code, why);
		return true;
	}
	say_document(a);
	if (!first)
		pause_ms(a, asked_ms + POLL_MIN_MS - a->heard_ms);
	return false;
}

enum exit_code ask_verdict(struct client *c, const struct options *o)
{
	bool once = o->command == COMMAND_VERDICT;
	struct asking a = { .client = c,
			    .o = o,
			    .begun_ms = clock_monotonic_ms() };
	enum exit_code code = EXIT_GATE;
	bool end = false;

	a.heard_ms = a.begun_ms;
	a.deadline_ms = a.begun_ms + (once ? o->wait_ms : o->timeout_ms);
	progress_init(&a.progress, STDERR_FILENO, o->progress_ms, a.begun_ms);
	/* at least once: verdict has no time unless it is given some */
	do {
		int64_t asked_ms = clock_monotonic_ms();
		int64_t retry_after_s = 0;
		bool first = !a.has_document;
		enum answer answer = ask_once(&a, &retry_after_s);

		end = ended(&a, answer, first, asked_ms, retry_after_s, &code);
	} while (!end && clock_monotonic_ms() < a.deadline_ms);
	if (!end)
		code = say_late(&a);
	document_release(&a.document);
	return code;
}
