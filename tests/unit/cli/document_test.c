/* SPDX-License-Identifier: Apache-2.0 */
/* document: what is read, and what nothing may be concluded from. */
#include "ci/cli/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "tests/test.h"

static const char good[] =
	"{\"verdict\":\"fail\",\"pass\":false,\"fail\":true,\"final\":true,"
	"\"code\":\"P99_SHIFT\",\"reason\":\"12 ms more\",\"p99_ratio\":1.246,"
	"\"report\":\"https://gate/rollouts/42\",\"later\":[1,2]}\n";

static void a_document_is_read_and_kept(void)
{
	struct document d = { 0 };

	CHECK_EQ(document_parse(good, strlen(good), &d, NULL), 0);
	CHECK_EQ(d.word, VERDICT_FAIL);
	CHECK(d.final && strcmp(d.code, "P99_SHIFT") == 0);
	CHECK(strcmp(d.reason, "12 ms more") == 0);
	CHECK(strcmp(d.report, "https://gate/rollouts/42") == 0);
	CHECK(strlen(d.text) == strlen(good) - 1);
	CHECK(strncmp(d.text, good, strlen(d.text)) == 0);
	document_release(&d);
	document_release(&d);
}

static const struct {
	const char *json;
	const char *why;
} bad[] = {
	{ "", "no bytes" },
	{ "null", "no object" },
	{ "NaN", "no JSON" },
	{ "<html>log in</html>", "a login page" },
	{ "{}", "no members" },
	{ "{\"verdict\":\"pass\",\"pass\":true,\"fail\":false,\"code\":\"X\","
	  "\"reason\":\"\"}",
	  "no final" },
	{ "{\"verdict\":\"pass\",\"pass\":false,\"fail\":false,\"final\":true,"
	  "\"code\":\"X\",\"reason\":\"\"}",
	  "pass that does not pass" },
	{ "{\"verdict\":\"running\",\"pass\":true,\"fail\":false,"
	  "\"final\":true,\"code\":\"X\",\"reason\":\"\"}",
	  "running that passes" },
	{ "{\"verdict\":\"pass\",\"pass\":true,\"fail\":true,\"final\":true,"
	  "\"code\":\"X\",\"reason\":\"\"}",
	  "both" },
	{ "{\"verdict\":\"PASS\",\"pass\":true,\"fail\":false,\"final\":true,"
	  "\"code\":\"X\",\"reason\":\"\"}",
	  "a word we do not know" },
	{ "{\"verdict\":\"fail\",\"verdict\":\"pass\",\"pass\":true,"
	  "\"fail\":false,\"final\":true,\"code\":\"X\",\"reason\":\"\"}",
	  "a member twice" },
	{ "{\"verdict\":\"pass\",\"pass\":1,\"fail\":false,\"final\":true,"
	  "\"code\":\"X\",\"reason\":\"\"}",
	  "a number for a truth" },
};

static void what_is_no_verdict_is_refused(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct document d = { .text = NULL };
		struct err err = { "" };
		int rc = document_parse(bad[i].json, strlen(bad[i].json), &d,
					&err);

		if (rc != -EBADMSG || d.text || err.text[0] == '\0')
			test_fail(__FILE__, __LINE__, "%s: %d", bad[i].why, rc);
	}
}

static void texts_cannot_move_a_terminal(void)
{
	static const char json[] =
		"{\"verdict\":\"pass\",\"pass\":true,\"fail\":false,"
		"\"final\":true,\"code\":\"X\\u001b[2J\","
		"\"reason\":\"a\\nb\\u009b \\u00fc\"}";
	struct document d = { 0 };
	struct err err = { "" };
	int rc = document_parse(json, strlen(json), &d, &err);

	/* a C1 control cannot be printed as it stands in the document */
	CHECK(rc == -EBADMSG && strstr(err.text, "control characters"));
}

static void errors_are_read_or_made_up(void)
{
	static const char ours[] =
		"{\"error\":\"service is \\u001b empty\",\"code\":\"BAD\"}";
	struct document_error e;

	document_error_parse(ours, strlen(ours), &e);
	CHECK(strcmp(e.code, "BAD") == 0);
	CHECK(strcmp(e.text, "service is ? empty") == 0);
	document_error_parse("<html>", 6, &e);
	CHECK(e.code[0] == '\0' && e.text[0] != '\0');
	document_error_parse(NULL, 0, &e);
	CHECK(e.code[0] == '\0' && e.text[0] != '\0');
}

static void a_list_is_a_table(void)
{
	static const char list[] =
		"{\"rollouts\":[{\"id\":42,\"service\":\"orders\","
		"\"baseline\":\"a\",\"canary\":\"b\",\"verdict\":{"
		"\"verdict\":\"fail\",\"code\":\"P99_SHIFT\"}}]}";
	struct buf out = { 0 };
	struct err err = { "" };

	CHECK_EQ(document_table(list, strlen(list), &out, &err), 0);
	CHECK(strstr(out.bytes, "\n42       orders") != NULL);
	CHECK(strstr(out.bytes, "fail         P99_SHIFT\n") != NULL);
	buf_release(&out);
	CHECK_EQ(document_table("[]", 2, &out, &err), -EBADMSG);
	CHECK_EQ(document_table("{\"rollouts\":[{}]}", 17, &out, &err),
		 -EBADMSG);
	buf_release(&out);
}

#define REPLAY(outcome, counts, same)                                      \
	"{\"outcome\":\"" outcome "\"," counts ",\"same_decision\":" same  \
	",\"largest_difference\":0.5,\"first_from_ms\":7,\"first_field\":" \
	"\"a\\u001bb\",\"first_stored\":\"1\",\"first_recomputed\":\"2\"}"
#define COUNTS(windows, identical, close, different)        \
	METHODS("2", "2", "0", different)                   \
	",\"windows\":" windows ",\"identical\":" identical \
	",\"close\":" close ",\"different\":" different

/* Of now and then, windows by another, and how many nothing explains. */
#define METHODS(method, then, other, unexplained)          \
	"\"method\":" method ",\"judged_by_method\":" then \
	",\"other_method\":" other ",\"unexplained\":" unexplained

#define OF_OTHER(then, other, unexplained)                            \
	REPLAY("other_method",                                        \
	       METHODS("2", then, other,                              \
		       unexplained) ",\"windows\":3,\"identical\":1," \
				    "\"close\":0,\"different\":2",    \
	       "true")

static void a_replay_adds_up_or_is_refused(void)
{
	static const struct {
		const char *json;
		int rc;
	} cases[] = {
		{ REPLAY("identical", COUNTS("3", "3", "0", "0"), "true"), 0 },
		{ REPLAY("close", COUNTS("3", "1", "2", "0"), "true"), 0 },
		{ REPLAY("different", COUNTS("3", "1", "1", "1"), "false"), 0 },
		{ REPLAY("nothing", COUNTS("0", "0", "0", "0"), "true"), 0 },
		{ OF_OTHER("1", "2", "0"), 0 },
		{ OF_OTHER("0", "3", "0"), 0 },
		/* a defect is none of another method's */
		{ OF_OTHER("1", "2", "1"), -EBADMSG },
		{ OF_OTHER("2", "2", "0"), -EBADMSG },
		{ OF_OTHER("1", "1", "0"), -EBADMSG },
		{ OF_OTHER("1", "4", "0"), -EBADMSG },
		/* none of these may be taken for agreement */
		{ REPLAY("identical", COUNTS("0", "0", "0", "0"), "true"),
		  -EBADMSG },
		{ REPLAY("identical", COUNTS("3", "2", "1", "0"), "true"),
		  -EBADMSG },
		{ REPLAY("identical", COUNTS("3", "3", "0", "0"), "false"),
		  -EBADMSG },
		{ REPLAY("close", COUNTS("3", "1", "1", "1"), "true"),
		  -EBADMSG },
		{ REPLAY("close", COUNTS("3", "1", "1", "0"), "true"),
		  -EBADMSG },
		{ REPLAY("same", COUNTS("3", "3", "0", "0"), "true"),
		  -EBADMSG },
		{ REPLAY("identical", COUNTS("3", "3", "0", "\"0\""), "true"),
		  -EBADMSG },
		{ "{\"outcome\":\"identical\"}", -EBADMSG },
		{ "[]", -EBADMSG },
		{ "", -EBADMSG },
	};
	struct document_replay r;
	struct err err = { "" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (document_replay_parse(cases[i].json, strlen(cases[i].json),
					  &r, &err) != cases[i].rc)
			test_fail(__FILE__, __LINE__, "%s", cases[i].json);
	CHECK_EQ(document_replay_parse(cases[2].json, strlen(cases[2].json), &r,
				       &err),
		 0);
	CHECK(r.outcome == REPLAY_DIFFERENT && r.different == 1);
	CHECK(r.first_from_ms == 7 && strcmp(r.field, "a?b") == 0);
}

const struct test_case test_cases[] = {
	{ "document: a document is read and kept",
	  a_document_is_read_and_kept },
	{ "document: what is no verdict is refused",
	  what_is_no_verdict_is_refused },
	{ "document: texts cannot move a terminal",
	  texts_cannot_move_a_terminal },
	{ "document: errors are read or made up", errors_are_read_or_made_up },
	{ "document: a list is a table", a_list_is_a_table },
	{ "document: a replay adds up or is refused",
	  a_replay_adds_up_or_is_refused },
	{ NULL, NULL },
};
