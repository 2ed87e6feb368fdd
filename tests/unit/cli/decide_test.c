/* SPDX-License-Identifier: Apache-2.0 */
/* decide: every way a deploy can go on or stop. */
#include "ci/cli/decide.h"

#include <stddef.h>
#include <string.h>

#include "ci/cli/options.h"
#include "tests/test.h"

static const struct {
	enum verdict_word word;
	enum on_inconclusive on_inconclusive;
	enum exit_code code;
	bool pass_on_error;
	bool final;
	bool done;
	const char *why;
} cases[] = {
	{ VERDICT_RUNNING, INCONCLUSIVE_EXIT, EXIT_TIMEOUT, false, false, false,
	  NULL },
	{ VERDICT_RUNNING, INCONCLUSIVE_PASS, EXIT_TIMEOUT, true, true, false,
	  NULL },
	{ VERDICT_PASS, INCONCLUSIVE_EXIT, EXIT_PASS, false, true, true, NULL },
	{ VERDICT_PASS, INCONCLUSIVE_EXIT, EXIT_PASS, false, false, false,
	  NULL },
	{ VERDICT_FAIL, INCONCLUSIVE_PASS, EXIT_FAIL, true, true, true, NULL },
	{ VERDICT_INCONCLUSIVE, INCONCLUSIVE_EXIT, EXIT_INCONCLUSIVE, false,
	  false, false, NULL },
	{ VERDICT_INCONCLUSIVE, INCONCLUSIVE_EXIT, EXIT_INCONCLUSIVE, true,
	  true, true, NULL },
	{ VERDICT_INCONCLUSIVE, INCONCLUSIVE_FAIL, EXIT_FAIL, false, true, true,
	  "--on-inconclusive=fail" },
	{ VERDICT_INCONCLUSIVE, INCONCLUSIVE_PASS, EXIT_PASS, false, true, true,
	  "--on-inconclusive=pass" },
	{ VERDICT_INCONCLUSIVE, INCONCLUSIVE_WAIT, EXIT_INCONCLUSIVE, false,
	  true, false, NULL },
	{ VERDICT_ERROR, INCONCLUSIVE_PASS, EXIT_GATE, false, true, true,
	  "--on-error=fail" },
	{ VERDICT_ERROR, INCONCLUSIVE_EXIT, EXIT_PASS, true, true, true,
	  "--on-error=pass" },
	{ VERDICT_ERROR, INCONCLUSIVE_EXIT, EXIT_GATE, false, false, false,
	  "--on-error=fail" },
};

static void each_verdict_has_its_exit(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o = {
			.on_inconclusive = cases[i].on_inconclusive,
			.pass_on_error = cases[i].pass_on_error,
		};
		const char *why = "unset";
		enum exit_code code = decide_exit(&o, cases[i].word, &why);

		CHECK_EQ(decide_done(&o, cases[i].word, cases[i].final),
			 cases[i].done);
		CHECK_EQ(code, cases[i].code);
		CHECK((!why && !cases[i].why) ||
		      (why && cases[i].why && strcmp(why, cases[i].why) == 0));
	}
}

static void only_a_final_verdict_passes_unasked(void)
{
	for (int word = 0; word < VERDICT_WORD_N; word++) {
		struct options o = { .on_inconclusive = INCONCLUSIVE_EXIT };
		const char *why;

		CHECK((decide_exit(&o, (enum verdict_word)word, &why) ==
		       EXIT_PASS) == (word == VERDICT_PASS));
		CHECK(!decide_done(&o, (enum verdict_word)word, false));
	}
}

static void statuses_say_who_is_at_fault(void)
{
	static const struct {
		unsigned int status;
		enum answer answer;
	} rows[] = {
		{ 200, ANSWER_DOCUMENT }, { 204, ANSWER_RETRY },
		{ 201, ANSWER_DOCUMENT }, { 202, ANSWER_PENDING },
		{ 302, ANSWER_USAGE },	  { 400, ANSWER_USAGE },
		{ 401, ANSWER_DENIED },	  { 403, ANSWER_DENIED },
		{ 404, ANSWER_USAGE },	  { 407, ANSWER_DENIED },
		{ 408, ANSWER_RETRY },	  { 409, ANSWER_USAGE },
		{ 429, ANSWER_RETRY },	  { 500, ANSWER_RETRY },
		{ 502, ANSWER_RETRY },	  { 503, ANSWER_RETRY },
		{ 0, ANSWER_RETRY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		CHECK_EQ(decide_answer(rows[i].status), rows[i].answer);
}

static void backing_off_doubles_and_keeps_to_what_was_asked(void)
{
	CHECK_EQ(decide_backoff_ms(1, 0), 500);
	CHECK_EQ(decide_backoff_ms(2, 0), 1000);
	CHECK_EQ(decide_backoff_ms(5, 0), 8000);
	CHECK_EQ(decide_backoff_ms(6, 0), 15000);
	CHECK_EQ(decide_backoff_ms(4000000000U, 0), 15000);
	CHECK_EQ(decide_backoff_ms(9, 2), 2000);
	CHECK_EQ(decide_backoff_ms(1, INT64_MAX), 300000);
	CHECK_EQ(decide_backoff_ms(1, -5), 500);
}

const struct test_case test_cases[] = {
	{ "decide: each verdict has its exit", each_verdict_has_its_exit },
	{ "decide: only a final verdict passes unasked",
	  only_a_final_verdict_passes_unasked },
	{ "decide: statuses say who is at fault",
	  statuses_say_who_is_at_fault },
	{ "decide: backing off doubles and keeps to what was asked",
	  backing_off_doubles_and_keeps_to_what_was_asked },
	{ NULL, NULL },
};
