/* SPDX-License-Identifier: Apache-2.0 */
/* batch: bytes of a usual batch, and what reading and writing one costs. */
#include "common/batch.h"

#include <stdlib.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/limits.h"
#include "tests/bench/bench.h"
#include "tests/bench/sample_batch.h"

static const double BUDGET_KB = 20.0;

int main(int argc, char **argv)
{
	const struct sample_size usual = { 8, 250, 600, 1000 };
	struct sample_batch *s = sample_batch_new(&usual);
	const struct batch *b = sample_batch_fill(s, 0, 1, 1);
	unsigned int rounds = bench_quick(argc, argv) ? 50 : 1000;
	struct err err = { .text = "" };
	void *bytes = NULL;
	size_t len = 0;
	uint64_t start_ns = bench_now_ns();
	double encode_us;
	double decode_us;

	for (unsigned int i = 0; i < rounds; i++) {
		free(bytes);
		if (batch_encode(b, &bytes, &len, &err) < 0)
			goto broken;
	}
	encode_us = (double)(bench_now_ns() - start_ns) / 1e3 / rounds;
	start_ns = bench_now_ns();
	for (unsigned int i = 0; i < rounds; i++) {
		struct arena *arena = NULL;
		struct batch *again = NULL;

		if (arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, &err) < 0 ||
		    batch_decode(bytes, len, arena, &again, &err) < 0)
			goto broken;
		arena_free(arena);
	}
	decode_us = (double)(bench_now_ns() - start_ns) / 1e3 / rounds;
	bench_row("batch: 8 routes, 600 paths, stored", (double)len / 1e3, "KB",
		  "-", NAN, "<= 20 KB", (double)len / 1e3 <= BUDGET_KB);
	bench_row("batch: encode", encode_us, "us", "-", NAN, "-", true);
	bench_row("batch: decode and check", decode_us, "us", "encode",
		  decode_us / encode_us, "-", true);
	free(bytes);
	sample_batch_free(s);
	return 0;
broken:
	fprintf(stderr, "batch_bench: %s\n", err.text);
	return 1;
}
