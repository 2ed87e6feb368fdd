/* SPDX-License-Identifier: Apache-2.0 */
#include "common/zstd.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>

#include "common/err.h"
#include "common/limits.h"

enum {
	LEVEL = 3,	   /* zstd's own default */
	GUESS = 64 * 1024, /* where a frame does not say its length */
};

int zstd_compress(const void *bytes, size_t len, void **ret_bytes,
		  size_t *ret_len, struct err *err)
{
	size_t room = ZSTD_compressBound(len);
	ZSTD_CCtx *ctx = ZSTD_createCCtx();
	void *out = malloc(room);
	size_t n;
	int rc = 0;

	if (!ctx || !out) {
		rc = err_set(err, -ENOMEM, "zstd: no memory");
		goto out;
	}
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(ctx, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(ctx, out, room, bytes, len);
	if (ZSTD_isError(n)) { /* the room is enough, so it is memory */
		rc = err_set(err, -ENOMEM, "zstd: %s", ZSTD_getErrorName(n));
		goto out;
	}
	*ret_bytes = out;
	*ret_len = n;
	out = NULL;
out:
	free(out);
	ZSTD_freeCCtx(ctx);
	return rc;
}

/*
 * Room for the first bytes: all of them where the frame says how many.  One
 * byte is to spare, here and later, so that a full output always means that
 * there is more: what is cut short is not taken for too long.
 */
static int first_room(const void *bytes, size_t len, size_t max,
		      size_t *ret_room, struct err *err)
{
	unsigned long long said = ZSTD_getFrameContentSize(bytes, len);

	if (said == ZSTD_CONTENTSIZE_ERROR)
		return err_set(err, -EBADMSG,
			       "zstd: the %zu bytes do not begin with a frame",
			       len);
	if (said == ZSTD_CONTENTSIZE_UNKNOWN)
		said = max < GUESS ? max : GUESS;
	if (said > max)
		return err_set(err, -EMSGSIZE,
			       "zstd: the frame holds %llu bytes, limit %zu",
			       said, max);
	*ret_room = (size_t)said + 1;
	return 0;
}

/* Make a full output larger, up to max and the spare byte. */
static int out_grow(ZSTD_outBuffer *out, size_t max, struct err *err)
{
	size_t room = out->size <= max / 2 ? out->size * 2 : max + 1;
	void *more;

	if (out->pos > max)
		return err_set(err, -EMSGSIZE,
			       "zstd: the frame holds more than %zu bytes",
			       max);
	more = realloc(out->dst, room);
	if (!more)
		return err_set(err, -ENOMEM, "zstd: no memory for %zu bytes",
			       room);
	out->dst = more;
	out->size = room;
	return 0;
}

/* Feed the frame through, growing the output as needed. */
static int frame_read(ZSTD_DCtx *ctx, ZSTD_inBuffer *in, ZSTD_outBuffer *out,
		      size_t max, struct err *err)
{
	size_t left = 1;
	int rc = 0;

	while (left > 0 && rc == 0) {
		size_t in_before = in->pos;
		size_t out_before = out->pos;

		left = ZSTD_decompressStream(ctx, out, in);
		if (ZSTD_isError(left))
			rc = err_set(err, -EBADMSG, "zstd: %s",
				     ZSTD_getErrorName(left));
		else if (out->pos == out->size)
			rc = out_grow(out, max, err);
		else if (left > 0 && in->pos == in_before &&
			 out->pos == out_before)
			rc = err_set(err, -EBADMSG,
				     "zstd: the frame is cut short after %zu "
				     "bytes",
				     in->size);
	}
	if (rc == 0 && in->pos != in->size)
		rc = err_set(err, -EBADMSG, "zstd: %zu bytes follow the frame",
			     in->size - in->pos);
	return rc;
}

int zstd_decompress(const void *bytes, size_t len, size_t max, void **ret_bytes,
		    size_t *ret_len, struct err *err)
{
	ZSTD_inBuffer in = { bytes, len, 0 };
	ZSTD_outBuffer out = { NULL, 0, 0 };
	ZSTD_DCtx *ctx = NULL;
	size_t room = 0;
	int rc;

	assert(max < SIZE_MAX);
	rc = first_room(bytes, len, max, &room, err);
	if (rc < 0)
		return rc;
	assert(room > 0);
	ctx = ZSTD_createDCtx();
	out.dst = malloc(room);
	out.size = room;
	if (!ctx || !out.dst) {
		rc = err_set(err, -ENOMEM, "zstd: no memory");
		goto out;
	}
	ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax, LIMIT_ZSTD_WINDOW_LOG);
	rc = frame_read(ctx, &in, &out, max, err);
	if (rc < 0)
		goto out;
	*ret_bytes = out.dst;
	*ret_len = out.pos;
	out.dst = NULL;
out:
	free(out.dst);
	ZSTD_freeDCtx(ctx);
	return rc;
}
