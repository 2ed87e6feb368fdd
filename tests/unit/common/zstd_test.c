/* SPDX-License-Identifier: Apache-2.0 */
/* zstd: frames come back, and each refusal. */
#include "common/zstd.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "tests/test.h"

/* "tailgate" twice, from a compressor that does not know the length. */
static const uint8_t streamed[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x81,
				    0x00, 0x00, 't',  'a',  'i',  'l',	'g',
				    'a',  't',	'e',  't',  'a',  'i',	'l',
				    'g',  'a',	't',  'e' };

static void a_frame_comes_back(void)
{
	static char text[100000];
	void *frame = NULL;
	void *back = NULL;
	size_t frame_len;
	size_t len;

	for (size_t n = 0; n <= sizeof(text); n += sizeof(text) / 2) {
		memset(text, 'x', n);
		CHECK_EQ(zstd_compress(text, n, &frame, &frame_len, NULL), 0);
		CHECK_EQ(
			zstd_decompress(frame, frame_len, n, &back, &len, NULL),
			0);
		CHECK_EQ(len, n);
		CHECK(n == 0 || memcmp(back, text, n) == 0);
		free(back);
		free(frame);
	}
}

static void a_frame_without_its_length_comes_back(void)
{
	void *back = NULL;
	size_t len;
	struct err err = { "" };

	CHECK_EQ(zstd_decompress(streamed, sizeof(streamed), 16, &back, &len,
				 &err),
		 0);
	CHECK_EQ(len, 16);
	CHECK(memcmp(back, "tailgatetailgate", 16) == 0);
	free(back);
	CHECK_EQ(zstd_decompress(streamed, sizeof(streamed), 15, &back, &len,
				 NULL),
		 -EMSGSIZE);
}

static void what_is_no_whole_frame_is_refused(void)
{
	char text[1000] = "";
	uint8_t *frame = NULL;
	static uint8_t more[2000];
	void *back = NULL;
	size_t len;
	size_t got = 7;
	struct err err = { "" };

	CHECK_EQ(zstd_compress(text, sizeof(text), (void **)&frame, &len, NULL),
		 0);
	CHECK_EQ(zstd_decompress(frame, len, 999, &back, &got, &err),
		 -EMSGSIZE);
	CHECK(strstr(err.text, "1000 bytes, limit 999") != NULL);
	for (size_t cut = 0; cut < len; cut++)
		CHECK_EQ(zstd_decompress(frame, cut, 1000, &back, &got, NULL),
			 -EBADMSG);
	frame[len - 1] ^= 1; /* the checksum */
	CHECK_EQ(zstd_decompress(frame, len, 1000, &back, &got, NULL),
		 -EBADMSG);
	frame[len - 1] ^= 1;
	CHECK(len + 3 <= sizeof(more));
	memcpy(more, frame, len);
	err.text[0] = '\0';
	CHECK_EQ(zstd_decompress(more, len + 3, 1000, &back, &got, &err),
		 -EBADMSG);
	CHECK(strstr(err.text, "3 bytes follow") != NULL);
	CHECK_EQ(zstd_decompress("plain text", 10, 1000, &back, &got, NULL),
		 -EBADMSG);
	CHECK(back == NULL && got == 7);
	free(frame);
}

const struct test_case test_cases[] = {
	{ "zstd: a frame comes back", a_frame_comes_back },
	{ "zstd: a frame without its length comes back",
	  a_frame_without_its_length_comes_back },
	{ "zstd: what is no whole frame is refused",
	  what_is_no_whole_frame_is_refused },
	{ NULL, NULL },
};
