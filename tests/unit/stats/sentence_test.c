/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sentence of a verdict, in twenty situations, as a person reads it.
 *
 * Read them aloud before changing one: who is it about, what was measured,
 * against what limit, and what is there to do?
 */
#include <string.h>

#include "stats/spread.h"
#include "stats/verdict.h"
#include "tests/test.h"

/* A canary that is 12 ms slower, seen well. */
static const struct verdict slower = {
	.word = VERDICT_FAIL,
	.code = CODE_P99_SHIFT,
	.route = "GET /orders/{}",
	.p99_ratio = 1.246,
	.p99_ratio_lo = 1.179,
	.p99_ratio_hi = 1.317,
	.p99_baseline_ms = 49.6,
	.p99_canary_ms = 61.8,
	.shift_ms = 12.2,
	.shift_lo_ms = 8.9,
	.shift_hi_ms = 15.7,
	.limit_ms = 5.0,
	.canary_requests = 4213,
	.baseline_requests = 80102,
	.canary_instances = 2,
	.baseline_instances = 6,
	.windows = 14,
};

/* One of which little is known. */
static const struct verdict young = {
	.route = "GET /orders/{}",
	.p99_ratio = 1.3,
	.p99_ratio_lo = 1.02,
	.p99_ratio_hi = 6.05,
	.p99_baseline_ms = 49.6,
	.p99_canary_ms = 64.5,
	.shift_ms = 14.9,
	.shift_lo_ms = 1.0,
	.shift_hi_ms = 250.4,
	.limit_ms = 7.44,
	.canary_requests = 2180,
	.need_requests = 4100,
	.need_seconds = 96,
};

/* One that is as before, half way through. */
static const struct verdict same = {
	.word = VERDICT_RUNNING,
	.code = CODE_COLLECTING,
	.route = "GET /orders/{}",
	.p99_ratio = 1.01,
	.p99_ratio_lo = 0.917,
	.p99_ratio_hi = 1.125,
	.p99_baseline_ms = 49.6,
	.p99_canary_ms = 50.1,
	.shift_ms = 0.5,
	.shift_lo_ms = -4.1,
	.shift_hi_ms = 6.2,
	.limit_ms = 7.44,
	.canary_requests = 3180,
	.canary_instances = 1,
	.baseline_instances = 4,
	.need_requests = 2600,
	.need_seconds = 420,
	.detectable_ratio = 1.32,
};

/* The same where its instances differ too much. */
static const struct verdict spread = {
	.word = VERDICT_INCONCLUSIVE,
	.code = CODE_INSTANCE_VARIANCE,
	.route = "GET /orders/{}",
	.p99_baseline_ms = 49.6,
	.p99_canary_ms = 50.1,
	.shift_ms = 0.5,
	.limit_ms = 7.44,
	.canary_instances = 1,
	.baseline_instances = 4,
	.need_instances = 3,
	.need_baseline_instances = 1,
	.detectable_ratio = 1.32,
};

/* One almost at the limit. */
static const struct verdict at_limit = {
	.word = VERDICT_INCONCLUSIVE,
	.code = CODE_INSTANCE_VARIANCE,
	.route = "GET /orders/{}",
	.p99_baseline_ms = 49.6,
	.p99_canary_ms = 57.0,
	.shift_ms = 7.4,
	.limit_ms = 7.44,
	.canary_instances = 3,
	.baseline_instances = 9,
	.need_instances = SPREAD_MORE_MAX,
	.need_baseline_instances = SPREAD_MORE_MAX,
	.detectable_ratio = 1.17,
};

static const char encode[] =
	"kotlinx.serialization.json.internal.StreamingJsonEncoder.encodeString";

struct situation {
	const char *why;
	const struct verdict *from;
	enum verdict_word word;
	enum verdict_code code;
	struct verdict_facts facts;
	const char *hot;
	double hot_baseline;
	double hot_canary;
	const char *want;
};

static const struct situation situations[] = {
	{ "the story of the mission",
	  &slower,
	  VERDICT_FAIL,
	  CODE_P99_SHIFT,
	  { .also = "" },
	  encode,
	  0.0,
	  0.041,
	  "GET /orders/{}: P99 61.8 ms against 49.6 ms, +12.2 ms (95 % "
	  "interval +8.9..+15.7, limit +5.0); hot in the canary and new: "
	  "kotlinx.serialization.json.internal.StreamingJsonEncoder."
	  "encodeString (4.1 % of CPU)" },
	{ "a path that was there before",
	  &slower,
	  VERDICT_FAIL,
	  CODE_P99_SHIFT,
	  { .also = "" },
	  "orders.render",
	  0.009,
	  0.041,
	  "GET /orders/{}: P99 61.8 ms against 49.6 ms, +12.2 ms (95 % "
	  "interval +8.9..+15.7, limit +5.0); hotter in the canary: "
	  "orders.render (4.1 % of CPU against 0.90 %)" },
	{ "slower without a path to name",
	  &slower,
	  VERDICT_FAIL,
	  CODE_P99_SHIFT,
	  { .also = "" },
	  "",
	  0,
	  0,
	  "GET /orders/{}: P99 61.8 ms against 49.6 ms, +12.2 ms (95 % "
	  "interval +8.9..+15.7, limit +5.0)" },
	{ "the median moved, P99 did not",
	  &same,
	  VERDICT_FAIL,
	  CODE_P99_SHIFT,
	  { .also = "; clearest at P50, 29.0 ms against 22.0 ms" },
	  "",
	  0,
	  0,
	  "GET /orders/{}: P99 50.1 ms against 49.6 ms, +0.5 ms (95 % "
	  "interval -4.1..+6.2, limit +7.4); clearest at P50, 29.0 ms "
	  "against 22.0 ms" },
	{ "on the way",
	  &same,
	  VERDICT_RUNNING,
	  CODE_COLLECTING,
	  { 0 },
	  "",
	  0,
	  0,
	  "GET /orders/{}: P99 50.1 ms against 49.6 ms, +0.5 ms so far (95 % "
	  "interval -4.1..+6.2, limit +7.4); about 2,600 more canary "
	  "requests (7 min at this rate) are needed to decide" },
	{ "an interval that is open above",
	  &young,
	  VERDICT_RUNNING,
	  CODE_COLLECTING,
	  { 0 },
	  "",
	  0,
	  0,
	  "GET /orders/{}: P99 64.5 ms against 49.6 ms, +14.9 ms so far (95 % "
	  "interval +1.0 or more, limit +7.4); about 4,100 more canary "
	  "requests (96 s at this rate) are needed to decide" },
	{ "passed",
	  &same,
	  VERDICT_PASS,
	  CODE_WITHIN_LIMITS,
	  { 0 },
	  "",
	  0,
	  0,
	  "GET /orders/{}: P99 50.1 ms against 49.6 ms, +0.5 ms (95 % "
	  "interval -4.1..+6.2, limit +7.4); errors and unanswered "
	  "requests are within their limits; 3,180 canary requests on 1 "
	  "canary instance" },
	{ "nothing has come yet",
	  &(const struct verdict){ 0 },
	  VERDICT_RUNNING,
	  CODE_NO_DATA,
	  { .subject = "canary" },
	  "",
	  0,
	  0,
	  "no request of the canary has arrived yet" },
	{ "nothing came at all",
	  &(const struct verdict){ 0 },
	  VERDICT_INCONCLUSIVE,
	  CODE_NO_DATA,
	  { .subject = "baseline", .wait_ms = 300000 },
	  "",
	  0,
	  0,
	  "no request of the baseline arrived within 5 min: check that its "
	  "collector runs and that service and revision are spelt as it sends "
	  "them" },
	{ "cold instances",
	  &(const struct verdict){ 0 },
	  VERDICT_RUNNING,
	  CODE_WARMING_UP,
	  { .subject = "canary", .warm_requests = 1000 },
	  "",
	  0,
	  0,
	  "the canary is warming up: the first 1,000 requests of each "
	  "instance are not judged" },
	{ "code that is still being compiled",
	  &slower,
	  VERDICT_RUNNING,
	  CODE_WARMING_UP,
	  { .subject = "canary", .seen = 0.71, .wait_ms = 170000 },
	  "",
	  0,
	  0,
	  "the canary is warming up: its compilers take 71.0 % as much CPU as "
	  "its application, which may be why GET /orders/{} has a P99 of 61.8 "
	  "ms against 49.6 ms; until they settle, for 3 min at most, more is "
	  "permitted" },
	{ "few requests",
	  &same,
	  VERDICT_RUNNING,
	  CODE_NOT_ENOUGH_REQUESTS,
	  { 0 },
	  "",
	  0,
	  0,
	  "3,180 canary requests so far (GET /orders/{}: P99 50.1 ms against "
	  "49.6 ms); about 2,600 more (7 min at this rate) are needed to "
	  "decide" },
	{ "few requests and no time left",
	  &same,
	  VERDICT_INCONCLUSIVE,
	  CODE_NOT_ENOUGH_REQUESTS,
	  { 0 },
	  "",
	  0,
	  0,
	  "3,180 canary requests were too few to decide (GET /orders/{}: P99 "
	  "50.1 ms against 49.6 ms); about 2,600 more would be needed, or a "
	  "P99 shift above +32 %" },
	{ "errors",
	  &slower,
	  VERDICT_FAIL,
	  CODE_ERROR_RATE,
	  { .seen = 0.0123, .other = 0.0049, .permitted = 0.0069 },
	  "",
	  0,
	  0,
	  "GET /orders/{}: 1.2 % of the canary's requests failed against "
	  "0.49 % of the baseline's (limit 0.69 %)" },
	{ "a canary that hangs",
	  &slower,
	  VERDICT_FAIL,
	  CODE_UNANSWERED,
	  { .seen = 0.03, .other = 0.0, .permitted = 0.002 },
	  "",
	  0,
	  0,
	  "GET /orders/{}: 3.0 % of the canary's requests got no answer "
	  "against 0.00 % of the baseline's (limit 0.20 %)" },
	{ "a route that is hardly called any more",
	  &slower,
	  VERDICT_FAIL,
	  CODE_THROUGHPUT,
	  { .seen = 0.041, .other = 0.25, .permitted = 0.2105 },
	  "",
	  0,
	  0,
	  "GET /orders/{}: 4.1 % of the canary's requests were these and "
	  "answered, against 25.0 % of the baseline's (limit 21.1 %)" },
	{ "a crash loop",
	  &slower,
	  VERDICT_FAIL,
	  CODE_RESTARTS,
	  { .subject = "orders-7d9f-x2k", .seen = 3, .permitted = 1 },
	  "",
	  0,
	  0,
	  "canary instances restarted 3 times, last orders-7d9f-x2k (limit "
	  "1)" },
	{ "one pod among noisy ones",
	  &spread,
	  VERDICT_INCONCLUSIVE,
	  CODE_INSTANCE_VARIANCE,
	  { 0 },
	  "",
	  0,
	  0,
	  "GET /orders/{}: P99 50.1 ms against 49.6 ms, +0.5 ms (limit "
	  "+7.4), but instances of one build differ so much that on 1 canary "
	  "instance against 4 baseline instances a shift below +32 % can be "
	  "luck; add about 3 canary and 1 baseline instance" },
	{ "a shift that no number of pods tells from the limit",
	  &at_limit,
	  VERDICT_INCONCLUSIVE,
	  CODE_INSTANCE_VARIANCE,
	  { 0 },
	  "",
	  0,
	  0,
	  "GET /orders/{}: P99 57.0 ms against 49.6 ms, +7.4 ms (limit "
	  "+7.4), but instances of one build differ so much that on 3 canary "
	  "instances against 9 baseline instances a shift below +17 % can be "
	  "luck; the shift is so near the limit that 100 more of each would "
	  "hardly do" },
	{ "a canary without its share of the load",
	  &same,
	  VERDICT_INCONCLUSIVE,
	  CODE_LOAD_UNEQUAL,
	  { .seen = 0.083, .permitted_lo = 0.5, .permitted = 2 },
	  "",
	  0,
	  0,
	  "a canary instance gets 0.083 times the requests of a baseline "
	  "instance (permitted 0.5 to 2): their latencies cannot be "
	  "compared" },
	{ "a collector that loses",
	  &same,
	  VERDICT_INCONCLUSIVE,
	  CODE_LOSS,
	  { .subject = "canary", .seen = 0.031, .permitted = 0.01 },
	  "",
	  0,
	  0,
	  "the collectors of the canary lost 3.1 % of what happened "
	  "(permitted 1.0 %): the slowest requests may be among them" },
	{ "too few instances",
	  &same,
	  VERDICT_RUNNING,
	  CODE_TOO_FEW_INSTANCES,
	  { .subject = "baseline instance", .seen = 1, .permitted = 2 },
	  "",
	  0,
	  0,
	  "1 baseline instance so far, at least 2 are needed" },
	{ "a bump that went away",
	  &slower,
	  VERDICT_INCONCLUSIVE,
	  CODE_TRANSIENT,
	  { 0 },
	  "",
	  0,
	  0,
	  "GET /orders/{}: P99 61.8 ms against 49.6 ms, +12.2 ms over all, "
	  "but the canary was slower than permitted for a while only" },
	{ "the policy's time is over",
	  &same,
	  VERDICT_INCONCLUSIVE,
	  CODE_TIME_UP,
	  { .wait_ms = 3600000 },
	  "",
	  0,
	  0,
	  "undecided after 60 min: GET /orders/{}: P99 50.1 ms against 49.6 "
	  "ms, +0.5 ms (95 % interval -4.1..+6.2, limit +7.4)" },
	{ "a profile that fails by itself",
	  &slower,
	  VERDICT_FAIL,
	  CODE_HOT_PATH,
	  { 0 },
	  "orders.render",
	  0.0,
	  0.041,
	  "hot in the canary and new: orders.render (4.1 % of CPU); the "
	  "policy lets a profile fail a rollout" },
	{ "traffic that does not arrive",
	  &same,
	  VERDICT_INCONCLUSIVE,
	  CODE_SPLIT_UNEQUAL,
	  { .seen = 0.011, .other = 0.05 },
	  "",
	  0,
	  0,
	  "the canary gets 1.1 % of the requests that are seen where the "
	  "step's "
	  "weight is 5.0 %: what was sent to it is not what is judged" },
	{ "a profile that may fail and was not compared",
	  &same,
	  VERDICT_RUNNING,
	  CODE_PROFILE_MISSING,
	  { .also = ": code is still being compiled" },
	  "",
	  0,
	  0,
	  "within limits so far; the policy lets a profile fail a rollout, and "
	  "profiles cannot be compared yet: code is still being compiled" },
	{ "a disaster",
	  &slower,
	  VERDICT_FAIL,
	  CODE_GROSS,
	  { .also = "389 of its 400 requests failed" },
	  "",
	  0,
	  0,
	  "GET /orders/{}: the canary is broken: 389 of its 400 requests "
	  "failed; no further evidence was waited for" },
	{ "collectors that have nothing in common",
	  &same,
	  VERDICT_INCONCLUSIVE,
	  CODE_COLLECTORS_DIFFER,
	  { 0 },
	  "",
	  0,
	  0,
	  "the collectors of canary and baseline measure nothing in the same "
	  "way" },
	{ "stopped by somebody",
	  &same,
	  VERDICT_INCONCLUSIVE,
	  CODE_STOPPED,
	  { .also = ": wrong image" },
	  "",
	  0,
	  0,
	  "the rollout was stopped: wrong image" },
};

static void every_situation_reads_well(void)
{
	for (size_t i = 0; i < sizeof(situations) / sizeof(situations[0]);
	     i++) {
		const struct situation *s = &situations[i];
		struct verdict v = *s->from;

		v.word = s->word;
		v.code = s->code;
		memcpy(v.hot_function, s->hot, strlen(s->hot) + 1);
		v.hot_share_baseline = s->hot_baseline;
		v.hot_share_canary = s->hot_canary;
		verdict_say(&v, &s->facts);
		if (strcmp(v.reason, s->want) != 0)
			test_fail(__FILE__, __LINE__, "%s:\n got: %s\nwant: %s",
				  s->why, v.reason, s->want);
	}
}

static void every_code_has_a_name_and_a_sentence(void)
{
	for (int c = 0; c < CODE_N; c++) {
		enum verdict_code found = CODE_N;
		struct verdict v = same;
		struct verdict_facts f = { 0 };

		CHECK_EQ(verdict_code_find(
				 verdict_code_name((enum verdict_code)c),
				 &found),
			 0);
		CHECK_EQ(found, c);
		v.code = (enum verdict_code)c;
		v.word = VERDICT_INCONCLUSIVE;
		verdict_say(&v, &f);
		CHECK(v.reason[0] != '\0' || c == CODE_HOT_PATH);
		CHECK(strchr(v.reason, '{') == NULL ||
		      strstr(v.reason, "{}") != NULL);
	}
	CHECK_EQ(verdict_code_find("P98_SHIFT", &(enum verdict_code){ 0 }), -2);
}

static void a_long_name_is_cut_at_a_character(void)
{
	struct verdict v = slower;
	struct verdict_facts f = { .also = "" };

	memset(v.hot_function, 'x', sizeof(v.hot_function) - 1);
	v.hot_function[sizeof(v.hot_function) - 1] = '\0';
	memset(v.route, 'r', sizeof(v.route) - 1);
	v.route[sizeof(v.route) - 1] = '\0';
	verdict_say(&v, &f);
	CHECK(strlen(v.reason) < VERDICT_REASON_BYTES);

	/* two bytes each, so that one is cut in the middle somewhere */
	v.code = CODE_STOPPED;
	for (size_t pad = 0; pad < 2; pad++) {
		static char text[2000];

		memset(text, 'a', pad);
		for (size_t i = pad; i + 2 < sizeof(text); i += 2)
			memcpy(text + i, "\xc3\xa9", 3);
		f.also = text;
		verdict_say(&v, &f);
		CHECK((unsigned char)v.reason[strlen(v.reason) - 1] == 0xa9);
	}
}

const struct test_case test_cases[] = {
	{ "sentence: every situation reads well", every_situation_reads_well },
	{ "sentence: every code has a name and a sentence",
	  every_code_has_a_name_and_a_sentence },
	{ "sentence: a long name is cut at a character",
	  a_long_name_is_cut_at_a_character },
	{ NULL, NULL },
};
