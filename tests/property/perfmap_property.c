/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perfmap: what must hold for any map.  The oracle goes through the lines
 * from the last to the first for each address.
 *
 * A failure prints the seed; pass it as the first argument to repeat it.
 */
#include "collector/perfmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/rng.h"
#include "tests/test.h"

enum { ROUNDS = 400, LINES_MAX = 60, ADDRESSES = 512 };

struct line {
	uint64_t start;
	uint64_t size;
	char name[16];
};

/* Some lines, near each other so that they overlap; returns how many. */
static size_t draw(struct rng *rng, struct line *lines, char *text, size_t room,
		   size_t *ret_len)
{
	size_t n = (size_t)(rng_next(rng) % (LINES_MAX + 1));
	uint64_t widest = 1 + rng_next(rng) % 100;

	*ret_len = 0;
	for (size_t i = 0; i < n; i++) {
		lines[i].start = rng_next(rng) % ADDRESSES;
		lines[i].size = rng_next(rng) % widest;
		snprintf(lines[i].name, sizeof(lines[i].name), "f%zu", i);
		*ret_len += (size_t)snprintf(
			text + *ret_len, room - *ret_len, "%s%llx %llx %s\n",
			rng_next(rng) % 2 ? "0x" : "",
			(unsigned long long)lines[i].start,
			(unsigned long long)lines[i].size, lines[i].name);
	}
	return n;
}

static const char *oracle(const struct line *lines, size_t n, uint64_t address)
{
	while (n-- > 0)
		if (address >= lines[n].start &&
		    address - lines[n].start < lines[n].size)
			return lines[n].name;
	return NULL;
}

static void every_address_has_the_name_of_the_last_line(void)
{
	struct rng rng = { .state = test_seed() };
	static struct line lines[LINES_MAX];
	static char text[LINES_MAX * 64];

	for (int round = 0; round < ROUNDS; round++) {
		size_t len;
		size_t n = draw(&rng, lines, text, sizeof(text), &len);
		char *copy = malloc(len + 1);
		struct perfmap pm;

		CHECK(copy);
		memcpy(copy, text, len);
		CHECK_EQ(perfmap_parse(copy, len, &pm, NULL), 0);
		for (uint64_t a = 0; a < ADDRESSES + 100; a++) {
			const char *want = oracle(lines, n, a);
			const char *got = perfmap_find(&pm, a);

			CHECK(!want == !got);
			CHECK(!want || strcmp(want, got) == 0);
		}
		for (size_t i = 1; i < pm.n; i++)
			CHECK(pm.entries[i - 1].end <= pm.entries[i].start);
		perfmap_release(&pm);
	}
}

const struct test_case test_cases[] = {
	{ "perfmap: every address has the name of the last line",
	  every_address_has_the_name_of_the_last_line },
	{ NULL, NULL },
};
