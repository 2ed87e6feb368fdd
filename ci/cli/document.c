/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/document.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/text.h"
#include "common/time_text.h"

/* The text of a member, or NULL if it is none. */
static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_t *load(const char *bytes, size_t len)
{
	return json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
}

static int word_find(const char *name, enum verdict_word *ret_word)
{
	for (int i = 0; i < VERDICT_WORD_N; i++) {
		enum verdict_word word = (enum verdict_word)i;

		if (strcmp(name, verdict_word_name(word)) == 0) {
			*ret_word = word;
			return 0;
		}
	}
	return -ENOENT;
}

/* A count of the document, or false if there is none. */
static bool count_of(const json_t *object, const char *key, uint64_t *ret_n)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret_n = (uint64_t)json_integer_value(value);
	return true;
}

/* For progress alone: a document without them is a document. */
static void figures_read(const json_t *root, struct document *d)
{
	d->has_figures =
		count_of(root, "windows", &d->windows) &&
		count_of(root, "canary_requests", &d->canary_requests) &&
		count_of(root, "need_requests", &d->need_requests) &&
		count_of(root, "need_instances", &d->need_instances);
	/* gates before this one do not say */
	(void)count_of(root, "need_baseline_instances",
		       &d->need_baseline_instances);
}

/* The word and the three flags must agree: readers go by either. */
static int check_flags(const json_t *root, const struct document *d,
		       struct err *err)
{
	const json_t *pass = json_object_get(root, "pass");
	const json_t *fail = json_object_get(root, "fail");

	if (!json_is_boolean(pass) || !json_is_boolean(fail) ||
	    json_is_true(pass) != (d->word == VERDICT_PASS) ||
	    json_is_true(fail) != (d->word == VERDICT_FAIL))
		return err_set(err, -EBADMSG,
			       "the gate's document says \"%s\", and pass or "
			       "fail contradict it",
			       verdict_word_name(d->word));
	return 0;
}

static int members_read(const json_t *root, struct document *d, struct err *err)
{
	const char *word = text_of(root, "verdict");
	const char *code = text_of(root, "code");
	const char *reason = text_of(root, "reason");
	const char *report = text_of(root, "report");
	const json_t *final = json_object_get(root, "final");

	if (!word || !code || !reason || !json_is_boolean(final))
		return err_set(err, -EBADMSG,
			       "the gate's document lacks verdict, code, "
			       "reason or final");
	if (word_find(word, &d->word) < 0)
		return err_set(err, -EBADMSG,
			       "the gate's document has the verdict \"%.40s\"",
			       word);
	d->final = json_is_true(final);
	text_clean(d->code, sizeof(d->code), code);
	text_clean(d->reason, sizeof(d->reason), reason);
	text_clean(d->report, sizeof(d->report), report ? report : "");
	figures_read(root, d);
	return check_flags(root, d, err);
}

static int verdict_read(const json_t *root, struct document *ret_d,
			struct err *err)
{
	struct document d = { 0 };
	int rc;

	if (!json_is_object(root))
		return err_set(err, -EBADMSG,
			       "what the gate answered is no JSON object: is "
			       "this a gate?");
	rc = members_read(root, &d, err);
	if (rc < 0)
		return rc;
	/* 15 digits, because 17 write 1.246 as 1.2460000000000000 and more */
	d.text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(15));
	if (!d.text)
		return err_set(err, -ENOMEM, "no memory");
	if (!text_is_clean(d.text)) {
		free(d.text);
		return err_set(err, -EBADMSG,
			       "the gate's document has control characters");
	}
	*ret_d = d;
	return 0;
}

int document_parse(const char *bytes, size_t len, struct document *ret_d,
		   struct err *err)
{
	json_t *root = load(bytes, len);
	int rc = verdict_read(root, ret_d, err);

	json_decref(root);
	return rc;
}

int document_rollout_parse(const char *bytes, size_t len,
			   struct document *ret_d, struct err *err)
{
	json_t *root = load(bytes, len);
	int rc = verdict_read(json_object_get(root, "verdict"), ret_d, err);

	json_decref(root);
	return rc;
}

void document_release(struct document *d)
{
	free(d->text);
	d->text = NULL;
}

void document_error_parse(const char *bytes, size_t len,
			  struct document_error *ret_e)
{
	json_t *root = load(bytes, len);
	const char *code = text_of(root, "code");
	const char *text = text_of(root, "error");

	text_clean(ret_e->code, sizeof(ret_e->code), code ? code : "");
	text_clean(ret_e->text, sizeof(ret_e->text),
		   text ? text : "it gave no reason");
	json_decref(root);
}

int document_pending_parse(const char *bytes, size_t len, uint64_t *ret_windows,
			   struct err *err)
{
	json_t *root = load(bytes, len);
	const char *state = text_of(root, "state");
	int rc = 0;

	if (!state || !count_of(root, "windows", ret_windows) ||
	    (strcmp(state, "queued") != 0 && strcmp(state, "running") != 0))
		rc = err_set(err, -EBADMSG,
			     "what the gate answered is no work of its own: is "
			     "this a gate?");
	json_decref(root);
	return rc;
}

static int outcome_find(const char *name, enum replay_outcome *ret_outcome)
{
	static const char *const names[REPLAY_N] = {
		[REPLAY_IDENTICAL] = "identical",
		[REPLAY_CLOSE] = "close",
		[REPLAY_DIFFERENT] = "different",
		[REPLAY_OTHER_METHOD] = "other_method",
		[REPLAY_NOTHING] = "nothing",
	};

	for (int i = 0; name && i < REPLAY_N; i++)
		if (strcmp(name, names[i]) == 0) {
			*ret_outcome = (enum replay_outcome)i;
			return 0;
		}
	return -ENOENT;
}

/* The counts must add up to the outcome, or neither is to be believed. */
static bool replay_adds_up(const struct document_replay *r)
{
	if (r->identical + r->close + r->different != r->windows ||
	    r->other_method > r->windows ||
	    r->unexplained + r->other_method > r->windows)
		return false;
	switch (r->outcome) {
	case REPLAY_IDENTICAL:
		return r->windows > 0 && r->identical == r->windows &&
		       r->same_decision;
	case REPLAY_CLOSE:
		return r->close > 0 && r->different == 0 &&
		       r->unexplained == 0 && r->same_decision;
	case REPLAY_DIFFERENT:
		return r->unexplained > 0;
	case REPLAY_OTHER_METHOD:
		return r->different > 0 && r->unexplained == 0 &&
		       r->other_method >= r->different &&
		       r->judged_by_method != r->method;
	case REPLAY_NOTHING:
	case REPLAY_N:
		break;
	}
	return r->windows == 0;
}

static bool replay_read(const json_t *root, struct document_replay *r)
{
	const json_t *same = json_object_get(root, "same_decision");
	const json_t *most = json_object_get(root, "largest_difference");
	const char *field = text_of(root, "first_field");
	const char *stored = text_of(root, "first_stored");
	const char *recomputed = text_of(root, "first_recomputed");

	if (outcome_find(text_of(root, "outcome"), &r->outcome) < 0 ||
	    !json_is_boolean(same) || !json_is_number(most) || !field ||
	    !stored || !recomputed || !count_of(root, "method", &r->method) ||
	    !count_of(root, "judged_by_method", &r->judged_by_method) ||
	    !count_of(root, "other_method", &r->other_method) ||
	    !count_of(root, "unexplained", &r->unexplained) ||
	    !count_of(root, "windows", &r->windows) ||
	    !count_of(root, "identical", &r->identical) ||
	    !count_of(root, "close", &r->close) ||
	    !count_of(root, "different", &r->different) ||
	    !count_of(root, "first_from_ms", &r->first_from_ms))
		return false;
	r->same_decision = json_is_true(same);
	r->largest_difference = json_number_value(most);
	text_clean(r->field, sizeof(r->field), field);
	text_clean(r->stored, sizeof(r->stored), stored);
	text_clean(r->recomputed, sizeof(r->recomputed), recomputed);
	return replay_adds_up(r);
}

int document_replay_parse(const char *bytes, size_t len,
			  struct document_replay *ret_r, struct err *err)
{
	struct document_replay r = { 0 };
	json_t *root = load(bytes, len);
	int rc = 0;

	if (replay_read(root, &r))
		*ret_r = r;
	else
		rc = err_set(err, -EBADMSG,
			     "what the gate answered says nothing of a "
			     "replay, or contradicts itself");
	json_decref(root);
	return rc;
}

/* One rollout: a row, or nothing of it. */
static int row_add(struct buf *out, const json_t *r, struct err *err)
{
	static const char *const keys[] = { "service", "baseline", "canary" };
	const json_t *verdict = json_object_get(r, "verdict");
	const json_t *id = json_object_get(r, "id");
	const char *word = text_of(verdict, "verdict");
	const char *code = text_of(verdict, "code");
	char shown[DOCUMENT_CODE_BYTES];

	if (!json_is_integer(id) || !word || !code)
		return err_set(err, -EBADMSG,
			       "a rollout in the gate's list lacks its id or "
			       "its verdict");
	buf_printf(out, "%-8lld", (long long)json_integer_value(id));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *text = text_of(r, keys[i]);

		text_clean(shown, sizeof(shown), text ? text : "");
		buf_printf(out, " %-20s", shown);
	}
	text_clean(shown, sizeof(shown), word);
	buf_printf(out, " %-12s", shown);
	text_clean(shown, sizeof(shown), code);
	buf_printf(out, " %s\n", shown);
	return 0;
}

int document_table(const char *bytes, size_t len, struct buf *out,
		   struct err *err)
{
	json_t *root = load(bytes, len);
	const json_t *list = json_object_get(root, "rollouts");
	int rc = 0;

	if (!json_is_array(list)) {
		rc = err_set(err, -EBADMSG,
			     "what the gate answered is no list of rollouts");
		goto out;
	}
	buf_printf(out, "%-8s %-20s %-20s %-20s %-12s %s\n", "ROLLOUT",
		   "SERVICE", "BASELINE", "CANARY", "VERDICT", "CODE");
	for (size_t i = 0; i < json_array_size(list) && rc == 0; i++)
		rc = row_add(out, json_array_get(list, i), err);
	if (rc == 0 && out->bad)
		rc = err_set(err, -ENOMEM, "no memory");
out:
	json_decref(root);
	return rc;
}

/* --- backtests --- */

int document_backtest_id(const char *bytes, size_t len, uint64_t *ret_id,
			 struct err *err)
{
	json_t *root = load(bytes, len);
	bool ok = count_of(root, "id", ret_id);

	json_decref(root);
	return ok ? 0
		  : err_set(err, -EBADMSG,
			    "what the gate answered has no number of a "
			    "backtest");
}

int document_backtest_parse(const char *bytes, size_t len,
			    struct document_backtest *ret_b, struct err *err)
{
	struct document_backtest b = { 0 };
	json_t *root = load(bytes, len);
	const char *state = text_of(root, "state");
	const char *error = text_of(root, "error");
	int rc = 0;

	if (state && error && count_of(root, "done", &b.n_done) &&
	    count_of(root, "total", &b.n_total) &&
	    count_of(root, "windows", &b.windows)) {
		b.running = strcmp(state, "running") == 0 ||
			    strcmp(state, "queued") == 0;
		b.done = strcmp(state, "done") == 0;
		text_clean(b.error, sizeof(b.error), error);
		*ret_b = b;
	} else {
		rc = err_set(err, -EBADMSG,
			     "what the gate answered is no backtest");
	}
	json_decref(root);
	return rc;
}

/* "fail P99_SHIFT" of a verdict, or false if it is none. */
static bool verdict_text(const json_t *verdict, char *to, size_t size)
{
	const char *word = text_of(verdict, "verdict");
	const char *code = text_of(verdict, "code");
	char all[DOCUMENT_CODE_BYTES];

	if (!word || !code)
		return false;
	snprintf(all, sizeof(all), "%.20s %.40s", word, code);
	text_clean(to, size, all);
	return true;
}

/* Pass and fail are told apart, and from all that decides nothing. */
static bool decides_alike(const json_t *then, const json_t *now)
{
	enum verdict_word a, b;

	if (word_find(text_of(then, "verdict"), &a) < 0 ||
	    word_find(text_of(now, "verdict"), &b) < 0)
		return false;
	return (a == VERDICT_PASS) == (b == VERDICT_PASS) &&
	       (a == VERDICT_FAIL) == (b == VERDICT_FAIL);
}

/* A stored rollout: a row, marked where the policy decides otherwise. */
static bool backtest_row(struct buf *out, const json_t *r, uint64_t *n_other)
{
	const json_t *then = json_object_get(r, "then");
	const json_t *now = json_object_get(r, "now");
	const char *baseline = text_of(r, "baseline");
	const char *canary = text_of(r, "canary");
	char text[4][DOCUMENT_CODE_BYTES];
	uint64_t id;
	bool other;

	if (!count_of(r, "id", &id) || !baseline || !canary ||
	    !verdict_text(then, text[2], sizeof(text[2])) ||
	    !verdict_text(now, text[3], sizeof(text[3])))
		return false;
	text_clean(text[0], sizeof(text[0]), baseline);
	text_clean(text[1], sizeof(text[1]), canary);
	other = !decides_alike(then, now);
	*n_other += other;
	buf_printf(out, "%-8" PRIu64 " %-20s %-20s %-32s %-32s%s\n", id,
		   text[0], text[1], text[2], text[3], other ? " *" : "");
	return true;
}

/* "2.0 d"; hours where it is less than a day. */
static void span_text(uint64_t ms, char *to, size_t size)
{
	if (ms >= 86400000)
		snprintf(to, size, "%.1f d", (double)ms / 86400000);
	else
		snprintf(to, size, "%.1f h", (double)ms / 3600000);
}

/* How much of the time that was asked for there really is. */
static bool backtest_reach(struct buf *out, const json_t *root)
{
	bool trimmed = json_is_true(json_object_get(root, "trimmed"));
	char asked[32], reached[32], at[TIME_TEXT_BYTES];
	uint64_t from_ms, until_ms, reach_ms, hours;

	if (!count_of(root, "from_ms", &from_ms) ||
	    !count_of(root, "until_ms", &until_ms) ||
	    !count_of(root, "reaches_back_to_ms", &reach_ms) ||
	    !count_of(root, "hours_with_batches", &hours) ||
	    from_ms > until_ms || reach_ms > until_ms ||
	    until_ms > LIMIT_TIME_MS)
		return false;
	span_text(until_ms - from_ms, asked, sizeof(asked));
	span_text(until_ms - reach_ms, reached, sizeof(reached));
	buf_printf(out, "time: asked for the last %s; ", asked);
	if (reach_ms == 0) {
		buf_puts(out, "there are no batches of it");
	} else {
		time_text_write((int64_t)reach_ms, at);
		buf_printf(out,
			   "batches reach back %s, to %s, and are there in "
			   "%" PRIu64 " hour%s of that",
			   reached, at, hours, hours == 1 ? "" : "s");
	}
	buf_puts(out, trimmed ? "; what is older was deleted (the gate's "
				"--retention and --retention-bytes)\n"
			      : "\n");
	return true;
}

static bool backtest_rollouts(struct buf *out, const json_t *root)
{
	const json_t *list = json_object_get(root, "rollouts");
	uint64_t n = json_array_size(list);
	uint64_t n_other = 0;
	uint64_t gone;

	if (!json_is_array(list) || !count_of(root, "rollouts_gone", &gone))
		return false;
	if (n > 0)
		buf_printf(out, "%-8s %-20s %-20s %-32s %s\n", "ROLLOUT",
			   "BASELINE", "CANARY", "DECIDED", "THIS POLICY");
	for (size_t i = 0; i < n; i++)
		if (!backtest_row(out, json_array_get(list, i), &n_other))
			return false;
	if (n == 0)
		buf_puts(out, "rollouts: none of that time can be judged");
	else
		buf_printf(out,
			   "rollouts: of %" PRIu64 " that are stored %" PRIu64
			   " would have been decided otherwise%s",
			   n, n_other, n_other > 0 ? " (*)" : "");
	if (gone > 0)
		buf_printf(out, "; the batches of %" PRIu64 " more are gone",
			   gone);
	buf_puts(out, "\n");
	return true;
}

static bool backtest_split(struct buf *out, const json_t *s)
{
	const json_t *now = json_object_get(s, "now");
	const char *revision = text_of(s, "revision");
	const char *route = text_of(now, "route");
	char at[TIME_TEXT_BYTES];
	char shown[DOCUMENT_ERROR_BYTES];
	char verdict[DOCUMENT_CODE_BYTES];
	uint64_t from_ms, k, n;

	if (!revision || !route ||
	    !verdict_text(now, verdict, sizeof(verdict)) ||
	    !count_of(s, "from_ms", &from_ms) || from_ms > LIMIT_TIME_MS ||
	    !count_of(s, "canary_instances", &k) ||
	    !count_of(s, "instances", &n))
		return false;
	time_text_write((int64_t)from_ms, at);
	text_clean(shown, sizeof(shown), revision);
	buf_printf(out, "  %s: %s, %" PRIu64 " of %" PRIu64 " instances: %s",
		   at, shown, k, n, verdict);
	text_clean(shown, sizeof(shown), route);
	buf_printf(out, "%s%s\n", shown[0] ? ", " : "", shown);
	return true;
}

static bool backtest_splits(struct buf *out, const json_t *root)
{
	const json_t *list = json_object_get(root, "failed");
	uint64_t asked, n, pass, fail, undecided;

	if (!json_is_array(list) || !count_of(root, "splits_asked", &asked) ||
	    !count_of(root, "splits", &n) || !count_of(root, "pass", &pass) ||
	    !count_of(root, "fail", &fail) ||
	    !count_of(root, "undecided", &undecided))
		return false;
	if (asked == 0)
		return true;
	if (n == 0) {
		buf_puts(out, "A/A: no build of this service had enough "
			      "instances at one time to be split\n");
		return true;
	}
	buf_printf(
		out,
		"A/A: of %" PRIu64 " splits of this service's own instances "
		"it would have failed %" PRIu64
		", %.1f %% (95 %% interval %.1f to %.1f by Clopper and "
		"Pearson, if no two share their time), passed %" PRIu64
		" and left %" PRIu64 " undecided\n",
		n, fail,
		100.0 * json_number_value(json_object_get(root, "fail_share")),
		100.0 * json_number_value(
				json_object_get(root, "fail_share_lo")),
		100.0 * json_number_value(
				json_object_get(root, "fail_share_hi")),
		pass, undecided);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (!backtest_split(out, json_array_get(list, i)))
			return false;
	return true;
}

int document_backtest_table(const char *bytes, size_t len, struct buf *out,
			    struct err *err)
{
	json_t *root = load(bytes, len);
	bool ok = backtest_rollouts(out, root) && backtest_splits(out, root) &&
		  backtest_reach(out, root);
	int rc = 0;

	if (!ok)
		rc = err_set(err, -EBADMSG,
			     "what the gate answered is no backtest");
	else if (json_is_true(json_object_get(root, "capped")))
		buf_puts(out, "There was more: it ended at as many windows as "
			      "the gate folds for one backtest.\n");
	if (rc == 0 && out->bad)
		rc = err_set(err, -ENOMEM, "no memory");
	json_decref(root);
	return rc;
}
