/* SPDX-License-Identifier: Apache-2.0 */
/* hash: against the reference implementation's own figures. */
#include "common/hash.h"

#include <string.h>

#include "tests/test.h"

/*
 * SipHash-1-3 of 00 01 02 ... under the key 00 01 .. 0f, by length: what
 * the Rust standard library's hasher, a second implementation, is tested
 * with.
 */
static void figures_are_those_of_another_implementation(void)
{
	static const uint8_t key_bytes[16] = { 0, 1, 2,	 3,  4,	 5,  6,	 7,
					       8, 9, 10, 11, 12, 13, 14, 15 };
	static const uint64_t want[] = {
		UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93),
		UINT64_C(0x82cb9b024dc7d44d), UINT64_C(0x8bf80ab8e7ddf7fb),
		UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
		UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140),
		UINT64_C(0x369095118d299a8e),
	};
	uint8_t bytes[16];
	struct hash_key key;

	memcpy(&key, key_bytes, sizeof(key)); /* this test is little-endian */
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	for (size_t len = 0; len < sizeof(want) / sizeof(want[0]); len++)
		CHECK_EQ(hash_bytes(key, bytes, len), want[len]);
}

static void keys_differ_and_matter(void)
{
	struct hash_key a = hash_key_draw();
	struct hash_key b = hash_key_draw();

	CHECK(a.k0 != b.k0 && a.k1 != b.k1);
	CHECK(hash_bytes(a, "x", 1) != hash_bytes(b, "x", 1));
}

const struct test_case test_cases[] = {
	{ "hash: figures are those of another implementation",
	  figures_are_those_of_another_implementation },
	{ "hash: keys differ and matter", keys_differ_and_matter },
	{ NULL, NULL },
};
