/* SPDX-License-Identifier: Apache-2.0 */
/* reader: fields in order, and that running out sticks. */
#include "common/reader.h"

#include "tests/test.h"

static void fields_come_in_order(void)
{
	static const uint8_t bytes[] = { 1, 0, 0, 0x80, 1, 2, 3,
					 4, 5, 6, 7,	8, 9 };
	struct reader r;

	reader_init(&r, bytes, sizeof(bytes));
	CHECK_EQ(reader_u32(&r), 0x80000001);
	CHECK_EQ(reader_u64(&r), INT64_C(0x0807060504030201));
	CHECK(!reader_done(&r));
	CHECK_EQ(*reader_bytes(&r, 1), 9);
	CHECK(reader_done(&r));
}

static void running_out_sticks(void)
{
	static const uint8_t bytes[] = { 1, 2, 3 };
	struct reader r;

	reader_init(&r, bytes, sizeof(bytes));
	CHECK_EQ(reader_u32(&r), 0);
	CHECK(r.bad && reader_bytes(&r, 1) == NULL && !reader_done(&r));
	reader_init(&r, bytes, sizeof(bytes));
	CHECK(reader_bytes(&r, SIZE_MAX) == NULL);
	reader_init(&r, NULL, 0);
	CHECK(reader_done(&r));
}

const struct test_case test_cases[] = {
	{ "reader: fields come in order", fields_come_in_order },
	{ "reader: running out sticks", running_out_sticks },
	{ NULL, NULL },
};
