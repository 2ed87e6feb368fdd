/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text and buf: what is written for any bytes.  The oracles are jansson,
 * which reads it back, and a flat array.
 *
 * A failure prints the seed; pass it as the first argument to repeat it.
 */
#include "common/json_text.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "common/buf.h"
#include "common/text.h"
#include "stats/rng.h"
#include "tests/test.h"

enum { ROUNDS = 3000, LEN = 40 };

/* Bytes that are often the beginning, the middle or the end of a character. */
static void bytes_draw(struct rng *rng, char *text)
{
	static const char likely[] =
		"a\"\\/<>&\n\x1b\x7f\xc2\x9b\xc3\xbc\xe2\x80"
		"\xa8\xed\xa0\xf0\x9f\x9a\x97\xf4\x90\xff";
	size_t len = (size_t)(rng_next(rng) % LEN);

	for (size_t i = 0; i < len; i++)
		text[i] = likely[rng_next(rng) % (sizeof(likely) - 1)];
	text[len] = '\0';
}

/* The text with each byte that belongs to no character as U+FFFD. */
static void repaired(const char *text, struct buf *out)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t n = text_char(text, left);

		if (n == 0)
			buf_puts(out, "\xef\xbf\xbd");
		else
			buf_add(out, text, n);
		n += n == 0;
		text += n;
		left -= n;
	}
	buf_add(out, "", 0);
}

static void any_bytes_read_back_as_a_string(void)
{
	struct rng rng = { .state = test_seed() };

	for (int round = 0; round < ROUNDS; round++) {
		char text[LEN + 1];
		struct buf json = { 0 };
		struct buf want = { 0 };
		json_t *got;

		bytes_draw(&rng, text);
		repaired(text, &want);
		json_text_string(&json, text);
		CHECK(!json.bad && !want.bad);
		CHECK(text_is_clean(json.bytes) || strchr(text, '\xc2'));
		CHECK(!strpbrk(json.bytes, "<>&"));
		got = json_loadb(json.bytes, json.len, JSON_DECODE_ANY, NULL);
		CHECK(json_is_string(got));
		CHECK(strcmp(json_string_value(got), want.bytes) == 0);
		json_decref(got);
		buf_release(&want);
		buf_release(&json);
	}
}

static void any_number_reads_back(void)
{
	struct rng rng = { .state = test_seed() };

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t bits = rng_next(&rng);
		struct buf json = { 0 };
		double value;
		json_t *got;

		memcpy(&value, &bits, sizeof(value));
		if (rng_next(&rng) % 2)
			value = (double)(bits % 100000) / 1000;
		json_text_number(&json, value);
		CHECK(json.bad == !isfinite(value));
		if (!json.bad) {
			got = json_loadb(json.bytes, json.len, JSON_DECODE_ANY,
					 NULL);
			CHECK(json_is_number(got));
			CHECK(json_number_value(got) == value);
			json_decref(got);
		}
		buf_release(&json);
	}
}

static void a_buf_is_a_capped_array(void)
{
	struct rng rng = { .state = test_seed() };

	for (int round = 0; round < ROUNDS; round++) {
		char want[600];
		size_t len = 0;
		bool bad = false;
		struct buf b = { .max = 1 + (size_t)(rng_next(&rng) % 500) };

		for (int i = 0; i < 20; i++) {
			char text[LEN + 1];

			bytes_draw(&rng, text);
			if (rng_next(&rng) % 2)
				buf_puts(&b, text);
			else
				buf_printf(&b, "%s", text);
			bad = bad || len + strlen(text) > b.max;
			if (bad)
				continue;
			memcpy(want + len, text, strlen(text));
			len += strlen(text);
		}
		CHECK_EQ(b.bad, bad);
		CHECK_EQ(b.len, len);
		CHECK(len == 0 || memcmp(b.bytes, want, len) == 0);
		CHECK(len == 0 || b.bytes[len] == '\0');
		buf_release(&b);
	}
}

const struct test_case test_cases[] = {
	{ "json_text: any bytes read back as a string",
	  any_bytes_read_back_as_a_string },
	{ "json_text: any number reads back", any_number_reads_back },
	{ "buf: a buf is a capped array", a_buf_is_a_capped_array },
	{ NULL, NULL },
};
