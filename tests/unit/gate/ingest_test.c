/* SPDX-License-Identifier: Apache-2.0 */
/* ingest: each refusal with its code, and that it leaves nothing behind. */
#include "gate/ingest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/batch.h"
#include "common/err.h"
#include "common/limits.h"
#include "gate/store.h"
#include "tests/test.h"

enum { T0 = 1000000000 }; /* ms; the gate's clock, on every grid */

struct room {
	char dir[64];
	char path[80];
	struct store *st;
};

static int room_open(struct room *r)
{
	memset(r, 0, sizeof(*r));
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/ingest_test.XXXXXX");
	if (!mkdtemp(r->dir))
		return -errno;
	(void)snprintf(r->path, sizeof(r->path), "%s/store.db", r->dir);
	return store_open(r->path, &r->st, NULL);
}

static void room_close(struct room *r)
{
	store_close(r->st);
	(void)unlink(r->path);
	(void)rmdir(r->dir);
}

/* The bytes of a small batch that ends at to_ms. */
static void *bytes_of(uint64_t stream, int64_t to_ms, size_t *ret_len)
{
	struct batch b = { .service = "orders",
			   .revision = "v1",
			   .instance = "a",
			   .stream_id = stream,
			   .from_ms = to_ms - 10000,
			   .to_ms = to_ms,
			   .started_ms = T0 - 100000,
			   .hooks = "tp_btf",
			   .collector = "test",
			   .refused_code = "" };
	void *bytes = NULL;

	if (batch_encode(&b, &bytes, ret_len, NULL) < 0)
		return NULL;
	return bytes;
}

static void batch_is_stored_once(void)
{
	struct room r;
	struct store_stats stats;
	const char *code = NULL;
	bool is_new = false;
	size_t len = 0;
	void *bytes = bytes_of(1, T0, &len);

	CHECK(bytes != NULL);
	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(ingest_batch(r.st, bytes, len, T0, &is_new, &code, NULL), 0);
	CHECK(is_new && code[0] == '\0');
	CHECK_EQ(ingest_batch(r.st, bytes, len, T0, &is_new, NULL, NULL), 0);
	CHECK(!is_new);
	store_stats(r.st, &stats);
	CHECK_EQ(stats.n_batches, 1);
	CHECK_EQ(stats.n_repeats, 1);
	CHECK_EQ(stats.queue_depth, 0);
	room_close(&r);
	free(bytes);
}

static void refusal_has_a_code_and_changes_nothing(void)
{
	static const struct {
		const char *why;
		uint64_t stream;
		int64_t to_ms;
		size_t cut; /* bytes left off at the end */
		int want;
		const char *code;
	} cases[] = {
		{ "cut short", 1, T0, 3, -EBADMSG, "BAD_BATCH" },
		{ "no bytes", 1, T0, SIZE_MAX, -EBADMSG, "BAD_BATCH" },
		{ "its clock is wrong", 1,
		  T0 + LIMIT_BATCH_FUTURE_MS + 10000 -
			  LIMIT_BATCH_FUTURE_MS % 10000,
		  0, -EINVAL, "FUTURE" },
		{ "its clock stood", 1, T0 - LIMIT_BATCH_AGE_MS, 0, -EINVAL,
		  "TOO_OLD" },
		{ "another stream was first", 2, T0 - 10000, 0, -EEXIST,
		  "DUPLICATE_COLLECTOR" },
	};
	struct room r;
	uint64_t seq = 0;
	size_t len = 0;
	void *first = bytes_of(9, T0 - 10000, &len);

	CHECK(first != NULL);
	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(ingest_batch(r.st, first, len, T0, NULL, NULL, NULL), 0);
	free(first);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { .text = "" };
		const char *code = NULL;
		bool is_new = true;
		void *bytes = bytes_of(cases[i].stream, cases[i].to_ms, &len);
		int rc;

		CHECK(bytes != NULL);
		len = cases[i].cut > len ? 0 : len - cases[i].cut;
		rc = ingest_batch(r.st, bytes, len, T0, &is_new, &code, &err);
		if (rc != cases[i].want || strcmp(code, cases[i].code) != 0 ||
		    err.text[0] == '\0' || !is_new)
			test_fail(__FILE__, __LINE__, "%s: %d %s: %s",
				  cases[i].why, rc, code, err.text);
		free(bytes);
	}
	CHECK_EQ(store_last_seq(r.st, "orders", &seq, NULL), 0);
	CHECK_EQ(seq, 1);
	room_close(&r);
}

static void body_beyond_the_limit_is_too_large(void)
{
	static char bytes[LIMIT_BATCH_BYTES + 1];
	struct room r;
	const char *code = NULL;

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(
		ingest_batch(r.st, bytes, sizeof(bytes), T0, NULL, &code, NULL),
		-EMSGSIZE);
	CHECK(strcmp(code, "TOO_LARGE") == 0);
	room_close(&r);
}

static void full_queue_is_busy(void)
{
	struct room r;
	struct err err = { .text = "" };
	const char *code = NULL;
	size_t len = 0;
	void *bytes = bytes_of(1, T0, &len);

	CHECK(bytes != NULL);
	CHECK_EQ(room_open(&r), 0);
	for (int i = 0; i < LIMIT_STORE_QUEUE; i++)
		CHECK_EQ(store_reserve(r.st, NULL), 0);
	CHECK_EQ(ingest_batch(r.st, bytes, len, T0, NULL, &code, &err), -EBUSY);
	CHECK(strcmp(code, "BUSY") == 0 && err.text[0] != '\0');
	store_unreserve(r.st);
	CHECK_EQ(ingest_batch(r.st, bytes, len, T0, NULL, &code, NULL), 0);
	room_close(&r);
	free(bytes);
}

const struct test_case test_cases[] = {
	{ "ingest: a batch is stored once", batch_is_stored_once },
	{ "ingest: a refusal has a code and changes nothing",
	  refusal_has_a_code_and_changes_nothing },
	{ "ingest: a body beyond the limit is too large",
	  body_beyond_the_limit_is_too_large },
	{ "ingest: a full queue is busy", full_queue_is_busy },
	{ NULL, NULL },
};
