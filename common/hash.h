/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash - SipHash-1-3, for tables whose keys a stranger chooses.
 *
 * J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF",
 * INDOCRYPT 2012.  With a key that is drawn at start nobody can choose
 * strings that all collide, which would make a table as slow as a list.
 */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0;
	uint64_t k1;
};

/* Draw a key from the kernel.  Never waits once the machine has booted. */
struct hash_key hash_key_draw(void);

/* The hash of len bytes under key. */
uint64_t hash_bytes(struct hash_key key, const void *bytes, size_t len);

#endif /* COMMON_HASH_H */
