/* SPDX-License-Identifier: Apache-2.0 */
#include "common/hash.h"

#include <assert.h>
#include <endian.h>
#include <string.h>
#include <sys/random.h>

struct sip {
	uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t v, unsigned int n)
{
	return v << n | v >> (64 - n);
}

/* Inline wherever it is used, so that the state stays in registers. */
static inline __attribute__((always_inline)) void sip_round(struct sip *s)
{
	s->a += s->b;
	s->b = rotate(s->b, 13) ^ s->a;
	s->a = rotate(s->a, 32);
	s->c += s->d;
	s->d = rotate(s->d, 16) ^ s->c;
	s->a += s->d;
	s->d = rotate(s->d, 21) ^ s->a;
	s->c += s->b;
	s->b = rotate(s->b, 17) ^ s->c;
	s->c = rotate(s->c, 32);
}

static inline __attribute__((always_inline)) void sip_word(struct sip *s,
							   uint64_t word)
{
	s->d ^= word;
	sip_round(s);
	s->a ^= word;
}

struct hash_key hash_key_draw(void)
{
	struct hash_key key = { 0, 0 };
	ssize_t n = getrandom(&key, sizeof(key), 0);

	/* requests of up to 256 bytes are neither cut nor interrupted */
	assert(n == (ssize_t)sizeof(key));
	return key;
}

uint64_t hash_bytes(struct hash_key key, const void *bytes, size_t len)
{
	struct sip s = {
		key.k0 ^ UINT64_C(0x736f6d6570736575),
		key.k1 ^ UINT64_C(0x646f72616e646f6d),
		key.k0 ^ UINT64_C(0x6c7967656e657261),
		key.k1 ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *at = bytes;
	uint64_t last = (uint64_t)len << 56;
	size_t left;

	for (left = len; left >= 8; left -= 8, at += 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		sip_word(&s, le64toh(word));
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)at[i] << (8 * i);
	sip_word(&s, last);
	s.c ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(&s);
	return s.a ^ s.b ^ s.c ^ s.d;
}
