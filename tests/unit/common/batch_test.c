/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: each promise, each documented error, and what a refusal says.
 *
 * A case changes one thing of a batch that is good, or of bytes that are;
 * property tests see to it that good ones survive.
 */
#include "common/batch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/batch_wire.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/strtab.h"
#include "common/zstd.h"
#include "tests/test.h"

/* A small batch with one of everything, all of it open to change. */
struct parts {
	struct batch b;
	const char *strings[3];
	struct batch_series series[2];
	uint32_t bucket[2];
	uint64_t count[2];
	struct batch_slow slow[1];
	struct batch_profile profiles[2];
	int32_t parent[3];
	uint32_t function[3];
	uint64_t self_ns[3];
	struct batch_thread threads[1];
};

static void parts_init(struct parts *p)
{
	*p = (struct parts){
		.b = { .service = "orders",
		       .revision = "5c9f8d7b6f",
		       .instance = "orders-1",
		       .stream_id = 0xfeedfacecafebeef,
		       .seq = 3,
		       .from_ms = INT64_C(1700000000000),
		       .to_ms = INT64_C(1700000010000),
		       .started_ms = INT64_C(1699999000000),
		       .hooks = "tp_btf",
		       .collector = "tailgate-collector 0.1.0",
		       .refused_code = "",
		       .n_strings = 3,
		       .n_series = 2,
		       .n_slow = 1,
		       .n_profiles = 2,
		       .n_threads = 1 },
		.strings = { "GET /orders/{}", "encode", "worker-{}" },
		.bucket = { 17, 4235 },
		.count = { 5, 1 },
		.parent = { BATCH_NO_PARENT, 0, 0 },
		.function = { 1, 2, 1 },
		.self_ns = { 0, 100, 200 },
	};
	p->b.strings = p->strings;
	p->b.series = p->series;
	p->b.slow = p->slow;
	p->b.profiles = p->profiles;
	p->b.threads = p->threads;
	for (unsigned int i = 0; i < 2; i++) {
		p->series[i].kind = (enum latency_kind)i;
		p->series[i].status = STATUS_2XX;
		p->series[i].n = 2;
		p->series[i].bucket = p->bucket;
		p->series[i].count = p->count;
		p->profiles[i].group = (enum profile_group)i;
		p->profiles[i].n_samples = 3;
		p->profiles[i].period_ns = 20408163;
		p->profiles[i].n = 3;
		p->profiles[i].parent = p->parent;
		p->profiles[i].function = p->function;
		p->profiles[i].self_ns = p->self_ns;
	}
	p->threads[0].name = 2;
}

/* Check p and say what came of it. */
static int checked(const struct parts *p, struct err *err)
{
	struct arena *arena = NULL;
	int rc;

	err->text[0] = '\0';
	if (arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL) < 0)
		return -ENOMEM;
	rc = batch_check(&p->b, arena, err);
	arena_free(arena);
	return rc;
}

/* One thing that a batch must not say: how to say it, and the answer. */
#define CASE(rc, says, change)                                             \
	do {                                                               \
		struct parts p;                                            \
		struct err err;                                            \
		int got;                                                   \
                                                                           \
		parts_init(&p);                                            \
		change;                                                    \
		got = checked(&p, &err);                                   \
		if (got != (rc) || !strstr(err.text, says))                \
			test_fail(__FILE__, __LINE__,                      \
				  "%d \"%s\", want \"%s\"", got, err.text, \
				  says);                                   \
	} while (0)

static char long_text[300];
static const char many_zeroes[100];

static void identities_and_texts_are_checked(void)
{
	memset(long_text, 'a', sizeof(long_text) - 1);
	CASE(0, "", (void)p);
	CASE(-EINVAL, "service is empty", p.b.service = "");
	CASE(-EINVAL, "revision \"a b\"", p.b.revision = "a b");
	CASE(-EINVAL, "instance \"/x\"", p.b.instance = "/x");
	CASE(-EINVAL, "hooks is empty", p.b.hooks = "");
	CASE(-EINVAL, "hooks is missing", p.b.hooks = NULL);
	CASE(-EINVAL, "collector is missing", p.b.collector = NULL);
	CASE(-EINVAL, "refused_code is missing", p.b.refused_code = NULL);
	CASE(-EINVAL, "service is empty", p.b.service = NULL);
	CASE(-EMSGSIZE, "hooks", p.b.hooks = long_text);
	CASE(-EINVAL, "collector is empty", p.b.collector = "");
	CASE(-EINVAL, "collector is not UTF-8", p.b.collector = "a\x1b[2J");
	CASE(-EINVAL, "refused_code", p.b.refused_code = "bad code");
	CASE(-EMSGSIZE, "refused_code", p.b.refused_code = long_text);
	CASE(-EINVAL, "strings[1] is empty", p.strings[1] = "");
	CASE(-EINVAL, "not UTF-8", p.strings[1] = "\xff");
	CASE(-EMSGSIZE, "longer than 255", p.strings[1] = long_text);
	CASE(-EINVAL, "strings[0] and [2] are both \"GET /orders/{}\"",
	     p.strings[2] = "GET /orders/{}");
	CASE(-EMSGSIZE, "strings: 16385", p.b.n_strings = 16385);
}

static void windows_and_times_are_checked(void)
{
	CASE(-EINVAL, "has 0 ms", p.b.to_ms = p.b.from_ms);
	CASE(-EINVAL, "has -10000 ms", p.b.to_ms = p.b.from_ms - 10000);
	CASE(-EINVAL, "has 61000 ms", p.b.to_ms = p.b.from_ms + 61000);
	CASE(-EINVAL, "has 500 ms", p.b.to_ms = p.b.from_ms + 500);
	CASE(-EINVAL, "has 1500 ms", p.b.to_ms = p.b.from_ms + 1500);
	CASE(-EINVAL, "no multiple of the window's 7000 ms",
	     p.b.to_ms = p.b.from_ms + 7000);
	CASE(-EINVAL, "from_ms is -10000",
	     (p.b.from_ms = -10000, p.b.to_ms = 0));
	CASE(-EINVAL, "to_ms is 92233", p.b.to_ms = INT64_MAX);
	CASE(-EINVAL, "started_ms is -1", p.b.started_ms = -1);
	CASE(-EINVAL, "slow[].at_ms", p.slow[0].at_ms = -1);
}

static void numbers_are_checked(void)
{
	uint64_t much = LIMIT_NUMBER + 1;

	CASE(0, "", p.b.seq = LIMIT_NUMBER);
	CASE(-EINVAL, "seq is", p.b.seq = much);
	CASE(-EINVAL, "n_requests_before", p.b.n_requests_before = much);
	CASE(-EINVAL, "lost", p.b.lost[LOSS_N - 1] = much);
	CASE(-EINVAL, "n_events", p.b.n_events = much);
	CASE(-EINVAL, "n_unsymbolised", p.b.n_unsymbolised = much);
	CASE(-EINVAL, "n_frames", p.b.n_frames = much);
	CASE(-EINVAL, "basis is 2", p.b.basis = LATENCY_QUEUE);
	CASE(-EINVAL, "total_ns", p.slow[0].total_ns = much);
	CASE(-EINVAL, "service_ns", p.slow[0].service_ns = much);
	CASE(-EINVAL, "queue_ns", p.slow[0].queue_ns = much);
}

static void series_are_checked(void)
{
	CASE(-EMSGSIZE, "series: 4225", p.b.n_series = 4225);
	CASE(-EINVAL, "series[1].route is 3, not below 3",
	     p.series[1].route = 3);
	CASE(-EINVAL, "series[0].kind is 3", p.series[0].kind = LATENCY_KIND_N);
	CASE(-EINVAL, "series[0].status is 7", p.series[0].status = STATUS_N);
	CASE(-EINVAL,
	     "series[1] has route \"GET /orders/{}\", kind 0 and status 2",
	     p.series[1].kind = LATENCY_TOTAL);
	CASE(-EINVAL, "series[0] has no buckets", p.series[0].n = 0);
	CASE(-EINVAL, "bucket[1] is 4236", p.bucket[1] = 4236);
	CASE(-EINVAL, "bucket[1] is 17 after 17", p.bucket[1] = 17);
	CASE(-EINVAL, "count[1] is 0", p.count[1] = 0);
	CASE(0, "", p.count[0] = LIMIT_BATCH_REQUESTS - 1);
	CASE(-EINVAL, "count[1] is 1: more than",
	     p.count[0] = LIMIT_BATCH_REQUESTS);
	CASE(-EINVAL, "count[0]", p.count[0] = UINT64_MAX);
	CASE(-EMSGSIZE, "slow: 2049", p.b.n_slow = 2049);
	CASE(-EINVAL, "slow[0].route", p.slow[0].route = 3);
	CASE(-EINVAL, "slow[0].status", p.slow[0].status = STATUS_N);
}

static void profiles_and_threads_are_checked(void)
{
	CASE(-EMSGSIZE, "profiles: 9", p.b.n_profiles = 9);
	CASE(-EMSGSIZE, "32769 call paths",
	     (p.profiles[0].n = 32768, p.profiles[1].n = 1));
	CASE(-EINVAL, "profiles[0].kind is 2",
	     p.profiles[0].kind = PROFILE_KIND_N);
	CASE(-EINVAL, "profiles[0].group is 4",
	     p.profiles[0].group = PROFILE_GROUP_N);
	CASE(-EINVAL, "profiles[1] has kind 0 and group 0 of an earlier",
	     p.profiles[1].group = PROFILE_APP);
	CASE(-EINVAL, "parent[1] is 1", p.parent[1] = 1);
	CASE(-EINVAL, "parent[0] is 0", p.parent[0] = 0);
	CASE(-EINVAL, "parent[2] is -2", p.parent[2] = -2);
	CASE(-EINVAL, "function[2] is 3", p.function[2] = 3);
	CASE(-EINVAL, "self_ns", p.self_ns[1] = LIMIT_BATCH_CPU_NS);
	CASE(-EINVAL, "samples of", p.profiles[0].n_samples = UINT64_MAX);
	CASE(-EINVAL, "samples of", p.profiles[0].period_ns = UINT64_MAX / 3);
	CASE(-EMSGSIZE, "threads: 513", p.b.n_threads = 513);
	CASE(-EINVAL, "threads[0].name", p.threads[0].name = 3);
	CASE(-EINVAL, "threads[0].group", p.threads[0].group = PROFILE_GROUP_N);
	CASE(-EINVAL, "cpu_ns", p.threads[0].cpu_ns = LIMIT_BATCH_CPU_NS + 1);
}

static void a_broken_batch_is_not_encoded(void)
{
	struct parts p;
	struct err err = { "" };
	void *bytes = NULL;
	size_t len = 7;

	parts_init(&p);
	p.b.service = "";
	CHECK_EQ(batch_encode(&p.b, &bytes, &len, &err), -EINVAL);
	CHECK(bytes == NULL && len == 7 && err.text[0] != '\0');
}

/* Protobuf by hand: a varint, a field of one, and one of bytes. */
static void varint_add(struct buf *b, uint64_t v)
{
	char byte;

	for (; v >= 0x80; v >>= 7) {
		byte = (char)(v | 0x80);
		buf_add(b, &byte, 1);
	}
	byte = (char)v;
	buf_add(b, &byte, 1);
}

static void number_add(struct buf *b, uint32_t field, uint64_t v)
{
	varint_add(b, (uint64_t)field << 3);
	varint_add(b, v);
}

static void bytes_add(struct buf *b, uint32_t field, const void *bytes,
		      size_t len)
{
	varint_add(b, (uint64_t)field << 3 | 2);
	varint_add(b, len);
	buf_add(b, bytes, len);
}

/* The fields that a batch cannot be without, up to to_ms. */
static void head_add(struct buf *b)
{
	number_add(b, 1, BATCH_VERSION);
	bytes_add(b, 2, "orders", 6);
	bytes_add(b, 3, "1.4.2", 5);
	bytes_add(b, 4, "orders-1", 8);
	number_add(b, 7, 10000);
	number_add(b, 8, 20000);
	bytes_add(b, 11, "tp_btf", 6);
	bytes_add(b, 12, "other 1.0", 9);
	bytes_add(b, 16, "GET /", 5);
}

/* Decode b's bytes in a frame; b is released. */
static int decoded(struct buf *b, struct arena *arena, struct batch **ret_b,
		   struct err *err)
{
	void *frame = NULL;
	size_t len;
	int rc = zstd_compress(b->bytes, b->len, &frame, &len, NULL);

	err->text[0] = '\0';
	if (rc == 0)
		rc = batch_decode(frame, len, arena, ret_b, err);
	free(frame);
	buf_release(b);
	return rc;
}

/* One thing that bytes must not say, added to those of a good batch. */
#define BYTES_CASE(rc, says, add)                                              \
	do {                                                                   \
		struct arena *arena = NULL;                                    \
		struct batch *batch = NULL;                                    \
		struct buf b = { 0 };                                          \
		struct err err;                                                \
		int got;                                                       \
                                                                               \
		CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL), 0); \
		add;                                                           \
		got = decoded(&b, arena, &batch, &err);                        \
		if (got != (rc) || !strstr(err.text, says) ||                  \
		    (batch != NULL) != ((rc) == 0))                            \
			test_fail(__FILE__, __LINE__,                          \
				  "%d \"%s\", want \"%s\"", got, err.text,     \
				  says);                                       \
		arena_free(arena);                                             \
	} while (0)

static void versions_are_told_apart(void)
{
	BYTES_CASE(0, "", head_add(&b));
	BYTES_CASE(-EPROTO, "version 2 is newer than 1",
		   (number_add(&b, 1, 2), buf_puts(&b, "\xff\xff")));
	BYTES_CASE(-EPROTO, "is newer", number_add(&b, 1, UINT64_MAX >> 1));
	BYTES_CASE(-EBADMSG, "version is 0", number_add(&b, 1, 0));
	BYTES_CASE(-EBADMSG, "version is no number",
		   number_add(&b, 1, UINT64_MAX));
	BYTES_CASE(-EBADMSG, "version is no number", buf_puts(&b, "\x08"));
	BYTES_CASE(-EBADMSG, "version is not the first", number_add(&b, 6, 1));
	BYTES_CASE(-EBADMSG, "version is not the first", buf_puts(&b, ""));
	BYTES_CASE(-EBADMSG, "version is given twice",
		   (head_add(&b), number_add(&b, 1, 2)));
}

static void bytes_that_hold_no_batch_are_refused(void)
{
	BYTES_CASE(-EBADMSG, "no protobuf Batch",
		   (head_add(&b), buf_puts(&b, "\xff")));
	BYTES_CASE(-EBADMSG, "hooks is empty",
		   (head_add(&b), bytes_add(&b, 11, "", 0)));
	BYTES_CASE(-EBADMSG, "1 gaps and 0 counts",
		   (head_add(&b), bytes_add(&b, 17, "\x22\x01\x05", 3)));
	BYTES_CASE(-EBADMSG, "gap[1] is 0",
		   (head_add(&b),
		    bytes_add(&b, 17, "\x22\x02\x05\x00\x2a\x02\x01\x01", 8)));
	BYTES_CASE(-EBADMSG, "bucket 4294967295 is not below 4236",
		   (head_add(&b),
		    bytes_add(&b, 17,
			      "\x22\x05\xff\xff\xff\xff\x0f\x2a\x01\x01", 10)));
	BYTES_CASE(
		-EBADMSG, "back[0]: 1 reaches before the first",
		(head_add(&b),
		 bytes_add(&b, 19, "\x2a\x01\x01\x32\x01\x00\x3a\x01\x00", 9)));
	BYTES_CASE(-EBADMSG, "1 back, 0 function and 0 self_ns",
		   (head_add(&b), bytes_add(&b, 19, "\x2a\x01\x00", 3)));
}

static void more_causes_than_there_can_be_are_refused(void)
{
	BYTES_CASE(
		-EBADMSG, "lost[1] is",
		(head_add(&b),
		 bytes_add(&b, 21, "\0\xff\xff\xff\xff\xff\xff\xff\x7f", 9)));
	BYTES_CASE(-EMSGSIZE, "lost has 65 causes",
		   (head_add(&b), bytes_add(&b, 21, many_zeroes, 65)));
}

/* Bytes of a batch that may be broken, or NULL; the caller free()s them. */
static void *bytes_of(const struct batch *b, size_t *ret_len)
{
	struct arena *arena = NULL;
	void *plain = NULL;
	void *bytes = NULL;
	size_t len = 0;

	if (arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL) == 0 &&
	    batch_wire_write(b, arena, &plain, &len, NULL) == 0 &&
	    zstd_compress(plain, len, &bytes, ret_len, NULL) < 0)
		bytes = NULL;
	free(plain);
	arena_free(arena);
	return bytes;
}

static void strings_are_numbered_alike_in_all_batches(void)
{
	static const char *const other[] = { "decode", "worker-{}",
					     "GET /orders/{}" };
	static const char *const two[] = { "a", "encode", "a" };
	struct strtab *names = NULL;
	struct arena *arena = NULL;
	struct batch *a = NULL;
	struct batch *b = NULL;
	struct err err = { .text = "" };
	struct parts p;
	void *bytes;
	size_t len = 0;

	CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL), 0);
	CHECK_EQ(strtab_new(5, 1 << 16, &names, NULL), 0);
	parts_init(&p);
	bytes = bytes_of(&p.b, &len);
	CHECK_EQ(batch_decode_named(bytes, len, arena, names, &a, NULL), 0);
	free(bytes);
	p.b.strings = other;
	bytes = bytes_of(&p.b, &len);
	CHECK_EQ(batch_decode_named(bytes, len, arena, names, &b, NULL), 0);
	free(bytes);
	CHECK_EQ(a->names[2], b->names[1]);
	CHECK_EQ(a->names[0], b->names[2]);
	CHECK(strcmp(strtab_get(names, b->names[0]), "decode") == 0);
	p.b.strings = two;
	bytes = bytes_of(&p.b, &len);
	CHECK_EQ(batch_decode_named(bytes, len, arena, names, &b, &err),
		 -EBADMSG);
	CHECK(strstr(err.text, "strings[0] and [2] are both \"a\""));
	/* and where the table has no room for "a" */
	CHECK_EQ(strtab_count(names), 5);
	p.strings[2] = "one too many";
	p.b.strings = p.strings;
	free(bytes);
	bytes = bytes_of(&p.b, &len);
	CHECK_EQ(batch_decode_named(bytes, len, arena, names, &b, NULL), 0);
	CHECK(!b->names);
	CHECK(strcmp(b->strings[2], "one too many") == 0);
	free(bytes);
	strtab_free(names);
	arena_free(arena);
}

static void unknown_fields_are_ignored(void)
{
	BYTES_CASE(0, "",
		   (head_add(&b), bytes_add(&b, 99, "later", 5),
		    number_add(&b, 26, 5)));
}

static void unknown_causes_of_loss_are_kept_together(void)
{
	char lost[LOSS_N + 2];
	struct arena *arena = NULL;
	struct batch *batch = NULL;
	struct buf b = { 0 };
	struct err err;

	memset(lost, 1, sizeof(lost));
	CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL), 0);
	head_add(&b);
	bytes_add(&b, 21, lost, sizeof(lost));
	CHECK_EQ(decoded(&b, arena, &batch, &err), 0);
	CHECK_EQ(batch->lost[LOSS_OTHER], 3);
	CHECK_EQ(batch->lost[LOSS_N - 1], 1);
	arena_free(arena);
}

/* Add the field again and again, just up to or just beyond the limit. */
static void field_fill(struct buf *b, uint32_t field, const char *text,
		       bool beyond)
{
	size_t len = strlen(text);
	size_t most = LIMIT_BATCH_BYTES + (beyond ? len + 4 : 0);

	while (b->len + len + 4 <= most)
		bytes_add(b, field, text, len);
}

/* The two bytes of an empty sub-message cost protobuf-c some 200. */
static void small_bytes_cannot_take_much_memory(void)
{
	static const uint32_t fields[] = { 16, 17, 18, 19, 20 };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		BYTES_CASE(
			-EMSGSIZE, "more memory than a batch may",
			(head_add(&b), field_fill(&b, fields[i], "", false)));
	BYTES_CASE(-EMSGSIZE, "the frame holds",
		   (head_add(&b), field_fill(&b, 99, "later", true)));
}

static void frames_beyond_the_limit_are_refused(void)
{
	struct arena *arena = NULL;
	struct batch *batch = NULL;
	struct err err = { "" };
	static uint8_t bytes[LIMIT_BATCH_BYTES + 1];

	CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL), 0);
	CHECK_EQ(
		batch_decode(bytes, LIMIT_BATCH_BYTES + 1, arena, &batch, &err),
		-EMSGSIZE);
	CHECK_EQ(batch_decode(bytes, 10, arena, &batch, &err), -EBADMSG);
	CHECK(batch == NULL);
	arena_free(arena);
}

const struct test_case test_cases[] = {
	{ "batch: identities and texts are checked",
	  identities_and_texts_are_checked },
	{ "batch: windows and times are checked",
	  windows_and_times_are_checked },
	{ "batch: numbers are checked", numbers_are_checked },
	{ "batch: series are checked", series_are_checked },
	{ "batch: profiles and threads are checked",
	  profiles_and_threads_are_checked },
	{ "batch: a broken batch is not encoded",
	  a_broken_batch_is_not_encoded },
	{ "batch: versions are told apart", versions_are_told_apart },
	{ "batch: bytes that hold no batch are refused",
	  bytes_that_hold_no_batch_are_refused },
	{ "batch: more causes than there can be are refused",
	  more_causes_than_there_can_be_are_refused },
	{ "batch: unknown fields are ignored", unknown_fields_are_ignored },
	{ "batch: strings are numbered alike in all batches",
	  strings_are_numbered_alike_in_all_batches },
	{ "batch: unknown causes of loss are kept together",
	  unknown_causes_of_loss_are_kept_together },
	{ "batch: small bytes cannot take much memory",
	  small_bytes_cannot_take_much_memory },
	{ "batch: frames beyond the limit are refused",
	  frames_beyond_the_limit_are_refused },
	{ NULL, NULL },
};
