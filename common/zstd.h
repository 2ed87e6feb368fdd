/* SPDX-License-Identifier: Apache-2.0 */
/* zstd - one zstd frame (RFC 8878), with a ceiling on what comes out. */
#ifndef COMMON_ZSTD_H
#define COMMON_ZSTD_H

#include <stddef.h>

struct err;

/*
 * Compress bytes into one frame that carries its length and a checksum.  The
 * same bytes give the same frame as long as libzstd stays the same.
 * Returns 0, and the caller free()s *ret_bytes; or -ENOMEM.
 */
int zstd_compress(const void *bytes, size_t len, void **ret_bytes,
		  size_t *ret_len, struct err *err);

/*
 * Decompress the one frame that bytes, which are untrusted, must be.
 *
 *   max  the most that may come out, in bytes, below SIZE_MAX; no more is
 *        allocated for it, beside a byte and zstd's own window of
 *        2^LIMIT_ZSTD_WINDOW_LOG bytes
 *
 * Returns 0, and the caller free()s *ret_bytes; -EBADMSG if the bytes are no
 * frame, are cut short, fail their checksum or go on after it; -EMSGSIZE if
 * more than max would come out; or -ENOMEM.
 */
int zstd_decompress(const void *bytes, size_t len, size_t max, void **ret_bytes,
		    size_t *ret_len, struct err *err);

#endif /* COMMON_ZSTD_H */
