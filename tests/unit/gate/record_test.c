/* SPDX-License-Identifier: Apache-2.0 */
/* record: what another libm may change of a verdict, and what nobody may. */
#include "gate/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "gate/document.h"
#include "gate/store.h"
#include "stats/method.h"
#include "stats/verdict.h"
#include "tests/test.h"

static void records_are_compared_field_by_field(void)
{
	static const char stored[] =
		"{\"verdict\":\"fail\",\"windows\":14,\"reason\":\"a\","
		"\"p99_ratio\":1.25,\"limit_ms\":6}";
	static const struct {
		const char *why;
		const char *found;
		enum record_match match;
		bool decision;
		const char *field;
		const char *said[2]; /* stored, found */
	} cases[] = {
		{ "nothing changed",
		  "{\"verdict\":\"fail\",\"windows\":14,\"reason\":\"a\","
		  "\"p99_ratio\":1.25,\"limit_ms\":6}",
		  RECORD_IDENTICAL,
		  false,
		  "",
		  { "", "" } },
		{ "the last bits of a figure",
		  "{\"verdict\":\"fail\",\"windows\":14,\"reason\":\"a\","
		  "\"p99_ratio\":1.2500000000000002,\"limit_ms\":6}",
		  RECORD_CLOSE,
		  false,
		  "p99_ratio",
		  { "1.25", "1.2500000000000002" } },
		{ "a figure by a little more than that",
		  "{\"verdict\":\"fail\",\"windows\":14,\"reason\":\"a\","
		  "\"p99_ratio\":1.250000002,\"limit_ms\":6}",
		  RECORD_DIFFERENT,
		  false,
		  "p99_ratio",
		  { "1.25", "1.250000002" } },
		{ "a count is no figure",
		  "{\"verdict\":\"fail\",\"windows\":15,\"reason\":\"a\","
		  "\"p99_ratio\":1.25,\"limit_ms\":6}",
		  RECORD_DIFFERENT,
		  false,
		  "windows",
		  { "14", "15" } },
		{ "what is worse is named, wherever it stands",
		  "{\"verdict\":\"pass\",\"windows\":14,\"reason\":\"a\","
		  "\"p99_ratio\":1.2500000000000002,\"limit_ms\":6}",
		  RECORD_DIFFERENT,
		  true,
		  "verdict",
		  { "\"fail\"", "\"pass\"" } },
		{ "the sentence belongs to it",
		  "{\"verdict\":\"fail\",\"windows\":14,\"reason\":\"b\","
		  "\"p99_ratio\":1.25,\"limit_ms\":6}",
		  RECORD_DIFFERENT,
		  false,
		  "reason",
		  { "\"a\"", "\"b\"" } },
		{ "a field too few",
		  "{\"verdict\":\"fail\",\"windows\":14,\"reason\":\"a\","
		  "\"p99_ratio\":1.25}",
		  RECORD_DIFFERENT,
		  false,
		  "limit_ms",
		  { "6", "" } },
		{ "a field too many",
		  "{\"verdict\":\"fail\",\"windows\":14,\"reason\":\"a\","
		  "\"p99_ratio\":1.25,\"limit_ms\":6,\"code\":\"X\"}",
		  RECORD_DIFFERENT,
		  true,
		  "code",
		  { "", "\"X\"" } },
		{ "bytes that say the same",
		  "{\"verdict\":\"fail\",\"windows\":14, \"reason\":\"a\","
		  "\"p99_ratio\":1.25,\"limit_ms\":6}",
		  RECORD_DIFFERENT,
		  false,
		  "document",
		  { "{", "{" } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record_difference d;

		CHECK_EQ(record_compare(stored, cases[i].found, &d, NULL), 0);
		if (d.match != cases[i].match ||
		    d.decision != cases[i].decision ||
		    strcmp(d.field, cases[i].field) != 0 ||
		    strncmp(d.stored, cases[i].said[0],
			    strlen(cases[i].said[0])) != 0 ||
		    strncmp(d.found, cases[i].said[1],
			    strlen(cases[i].said[1])) != 0)
			test_fail(__FILE__, __LINE__, "%s: %d %s %s %s",
				  cases[i].why, d.match, d.field, d.stored,
				  d.found);
	}
}

static void what_is_no_record_differs_and_says_so(void)
{
	static const char *const stored[] = { "", "nothing", "[1]", "null",
					      "{\"verdict\":" };
	struct record_difference d;
	struct err err = { "" };

	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
		CHECK_EQ(
			record_compare(stored[i], "{\"code\":\"X\"}", &d, NULL),
			0);
		CHECK_EQ(d.match, RECORD_DIFFERENT);
		CHECK(strcmp(d.field, "document") == 0);
		CHECK(strcmp(d.stored, stored[i]) == 0);
	}
	CHECK_EQ(record_compare("{}", "{", &d, &err), -EINVAL);
	CHECK(err.text[0] != '\0');
}

/* Neither writing nor reading may round a figure. */
static void a_record_keeps_every_bit(void)
{
	static const struct store_rollout r = { .rollout_id = 3000042,
						.service = "orders",
						.baseline = "v1",
						.canary = "v2",
						.attempt = 1,
						.policy = "default",
						.policy_version = 3 };
	const struct verdict v = { .word = VERDICT_FAIL,
				   .code = CODE_P99_SHIFT,
				   .p99_ratio = 1.0 / 3.0,
				   .shift_ms = -1e-300 / 7.0,
				   .limit_ms = 0x1.fffffffffffffp+1000 };
	struct buf out = { .max = 0 };
	struct verdict again;

	CHECK_EQ(verdict_record(&out, &r, &v, NULL), 0);
	CHECK_EQ(verdict_document_read(out.bytes, out.len, &again, NULL), 0);
	CHECK(again.p99_ratio == v.p99_ratio);
	CHECK(again.shift_ms == v.shift_ms);
	CHECK(again.limit_ms == v.limit_ms);
	CHECK(strstr(out.bytes, "\"report\":\"/rollouts/3000042\"") != NULL);
	buf_release(&out);
}

/* The keys of a JSON object without nested ones, in order. */
static void keys_list(const char *json, char *to, size_t room)
{
	size_t len = 0;

	for (const char *at = strchr(json, '"'); at;) {
		const char *end = strchr(at + 1, '"');
		size_t n = end ? (size_t)(end - at) - 1 : 0;

		if (end && end[1] == ':' && len + n + 2 < room) {
			memcpy(to + len, at + 1, n);
			len += n;
			to[len++] = ' ';
		}
		at = end ? strchr(end + 1, '"') : NULL;
	}
	to[len] = '\0';
}

/* What replay compares: a record with another key differs from older ones. */
static void a_records_keys_belong_to_the_method(void)
{
	static const char pinned[] =
		"verdict pass fail final code service baseline canary attempt "
		"rollout policy step route reason p99_ratio p99_ratio_lo "
		"p99_ratio_hi p99_baseline_ms p99_canary_ms shift_ms "
		"shift_lo_ms shift_hi_ms limit_ms hot_share_baseline "
		"hot_share_canary detectable_ratio hot_function "
		"canary_requests baseline_requests canary_instances "
		"baseline_instances windows need_requests need_seconds "
		"need_instances need_baseline_instances report ";
	enum { PINNED_METHOD = 5 };
	static const struct store_rollout r = { .rollout_id = 3000042,
						.attempt = 1 };
	const struct verdict v = { .method = METHOD_VERSION };
	struct buf out = { .max = 0 };
	char keys[1024];

	CHECK_EQ(PINNED_METHOD, METHOD_VERSION);
	CHECK_EQ(verdict_record(&out, &r, &v, NULL), 0);
	keys_list(out.bytes, keys, sizeof(keys));
	if (strcmp(keys, pinned) != 0)
		test_fail(__FILE__, __LINE__,
			  "a record has other keys: raise METHOD_VERSION "
			  "(stats/method.h) and pin these: %s",
			  keys);
	buf_release(&out);
}

const struct test_case test_cases[] = {
	{ "record: records are compared field by field",
	  records_are_compared_field_by_field },
	{ "record: what is no record differs and says so",
	  what_is_no_record_differs_and_says_so },
	{ "record: a record keeps every bit", a_record_keeps_every_bit },
	{ "record: a record's keys belong to the method",
	  a_records_keys_belong_to_the_method },
	{ NULL, NULL },
};
