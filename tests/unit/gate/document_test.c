/* SPDX-License-Identifier: Apache-2.0 */
/* document: what every reader gets, whatever the texts are. */
#include "gate/document.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"
#include "common/limits.h"
#include "gate/store.h"
#include "stats/verdict.h"
#include "tests/test.h"

static const struct store_rollout rollout = {
	.rollout_id = 3000042,
	.service = "orders",
	.baseline = "v1",
	.canary = "v2",
	.attempt = 1,
	.policy = "default",
	.policy_version = 3,
};

static const struct verdict failed = {
	.word = VERDICT_FAIL,
	.code = CODE_P99_SHIFT,
	.final = true,
	.step = 1,
	.method = 7,
	.route = "GET /orders/{}",
	.reason = "GET /orders/{}: P99 61.8 ms against 49.6 ms",
	.p99_ratio = 1.24596774,
	.p99_ratio_lo = 1.179,
	.p99_ratio_hi = 1.317,
	.shift_ms = 12.2,
	.hot_function = "kotlinx.serialization.encode",
	.hot_share_canary = 0.041,
	.canary_requests = 4213,
	.baseline_requests = 80102,
	.windows = 14,
	.need_instances = 3,
	.need_baseline_instances = 2,
};

static void keys_are_as_the_readers_expect(void)
{
	static const char want[] =
		"{\"verdict\":\"fail\",\"pass\":false,\"fail\":true,"
		"\"final\":true,\"code\":\"P99_SHIFT\",\"service\":\"orders\","
		"\"baseline\":\"v1\",\"canary\":\"v2\",\"attempt\":1,"
		"\"rollout\":3000042,\"policy\":\"default@3\",\"step\":1,"
		"\"method\":7,\"route\":\"GET /orders/{}\",\"reason\":\"GET "
		"/orders/{}: P99 "
		"61.8 ms against 49.6 ms\",\"p99_ratio\":1.24597,";
	struct buf out = { .max = 0 };

	CHECK_EQ(
		verdict_document(&out, &rollout, &failed, "https://gate", NULL),
		0);
	CHECK(strncmp(out.bytes, want, strlen(want)) == 0);
	CHECK(strstr(out.bytes,
		     "\"report\":\"https://gate/rollouts/3000042\"}"));
	buf_release(&out);
}

static void document_reads_back(void)
{
	struct buf out = { .max = 0 };
	struct buf again = { .max = 0 };
	struct verdict v;

	CHECK_EQ(verdict_document(&out, &rollout, &failed, "", NULL), 0);
	CHECK_EQ(verdict_document_read(out.bytes, out.len, &v, NULL), 0);
	CHECK_EQ(v.word, VERDICT_FAIL);
	CHECK_EQ(v.code, CODE_P99_SHIFT);
	CHECK(v.final && strcmp(v.reason, failed.reason) == 0);
	CHECK_EQ(v.baseline_requests, 80102);
	CHECK_EQ(v.method, 7);
	CHECK_EQ(verdict_document(&again, &rollout, &v, "", NULL), 0);
	CHECK(strcmp(out.bytes, again.bytes) == 0);
	buf_release(&out);
	buf_release(&again);
	CHECK_EQ(verdict_document_read("{}", 2, &v, NULL), -EBADMSG);
	CHECK_EQ(verdict_document_read("nonsense", 8, &v, NULL), -EBADMSG);
}

static void longest_texts_are_cut_to_fit(void)
{
	struct store_rollout r = rollout;
	struct verdict v = failed;
	struct buf out = { .max = 0 };
	struct json_doc *doc = NULL;
	struct json root;

	memset(r.service, 's', sizeof(r.service) - 1);
	memset(r.baseline, 'b', sizeof(r.baseline) - 1);
	memset(r.canary, 'c', sizeof(r.canary) - 1);
	memset(v.route, '<', sizeof(v.route) - 1); /* six bytes, escaped */
	memset(v.hot_function, '&', sizeof(v.hot_function) - 1);
	for (size_t i = 0; i + 4 < sizeof(v.reason); i += 3)
		memcpy(v.reason + i, "\xe2\x82\xac", 4);
	v.canary_requests = v.baseline_requests = v.need_requests = UINT64_MAX;
	CHECK_EQ(verdict_document(&out, &r, &v, "https://gate", NULL), 0);
	CHECK(out.len < LIMIT_DOCUMENT_BYTES);
	CHECK(strstr(out.bytes, "...\""));
	/* no character was cut in two */
	CHECK(!strstr(out.bytes, "\\ufffd"));
	buf_release(&out);
	v.canary_requests = v.baseline_requests = v.need_requests = 0;
	CHECK_EQ(verdict_document(&out, &r, &v, "", NULL), 0);
	CHECK_EQ(json_parse(out.bytes, out.len, &doc, &root, NULL), 0);
	json_doc_free(doc);
	buf_release(&out);
}

static void figure_that_is_not_finite_is_refused(void)
{
	struct verdict v = failed;
	struct buf out = { .max = 0 };
	struct err err = { .text = "" };

	v.p99_ratio_hi = INFINITY;
	CHECK_EQ(verdict_document(&out, &rollout, &v, "", &err), -EINVAL);
	CHECK(strstr(err.text, "p99_ratio_hi"));
	v.p99_ratio_hi = NAN;
	CHECK_EQ(verdict_document(&out, &rollout, &v, "", NULL), -EINVAL);
	buf_release(&out);
}

const struct test_case test_cases[] = {
	{ "document: keys are as the readers expect",
	  keys_are_as_the_readers_expect },
	{ "document: a document reads back", document_reads_back },
	{ "document: the longest texts are cut to fit",
	  longest_texts_are_cut_to_fit },
	{ "document: a figure that is not finite is refused",
	  figure_that_is_not_finite_is_refused },
	{ NULL, NULL },
};
