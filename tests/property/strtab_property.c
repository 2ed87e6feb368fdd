/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strtab: what must hold for any strings.  The oracle is a list that is
 * searched from the front.
 *
 * A failure prints the seed; pass it as the first argument to repeat it.
 */
#include "common/strtab.h"

#include <errno.h>
#include <string.h>

#include "stats/rng.h"
#include "tests/test.h"

enum { ROUNDS = 20, ADDS = 3000, MAX = 700, LEN = 4 };

struct list {
	uint32_t n;
	char text[MAX][LEN + 1];
};

static uint32_t list_find(const struct list *l, const char *text)
{
	uint32_t i;

	for (i = 0; i < l->n && strcmp(l->text[i], text) != 0; i++)
		;
	return i;
}

static void a_table_answers_as_a_list_does(void)
{
	struct rng rng = { .state = test_seed() };
	static struct list list;

	for (int round = 0; round < ROUNDS; round++) {
		struct strtab *t = NULL;

		list.n = 0;
		CHECK_EQ(strtab_new(MAX, 1 << 20, &t, NULL), 0);
		for (int i = 0; i < ADDS; i++) {
			char text[LEN + 1] = "";
			size_t len = (size_t)(rng_next(&rng) % (LEN + 1));
			uint32_t want;
			uint32_t got = MAX;
			int rc;

			/* six letters: most of the longest are new */
			for (size_t c = 0; c < len; c++)
				text[c] = (char)('a' + rng_next(&rng) % 6);
			want = list_find(&list, text);
			rc = strtab_add(t, text, len, &got);
			if (want == list.n && list.n == MAX) {
				CHECK_EQ(rc, -EMSGSIZE);
				continue;
			}
			CHECK_EQ(rc, 0);
			CHECK_EQ(got, want);
			if (want == list.n)
				memcpy(list.text[list.n++], text, LEN + 1);
		}
		CHECK_EQ(strtab_count(t), list.n);
		for (uint32_t i = 0; i < list.n; i++)
			CHECK(strcmp(strtab_get(t, i), list.text[i]) == 0);
		strtab_free(t);
	}
}

const struct test_case test_cases[] = {
	{ "strtab: a table answers as a list does",
	  a_table_answers_as_a_list_does },
	{ NULL, NULL },
};
