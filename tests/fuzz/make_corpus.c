/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_corpus - write the batches that the search for bad ones starts from.
 *
 *	make_corpus DIR
 *
 * Random batches of growing size, each as a whole frame (*.zst) and as the
 * protobuf inside it (*.pb), which an engine can change without a checksum
 * in its way.  The seed is fixed: the files are always the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/batch.h"
#include "common/limits.h"
#include "common/zstd.h"
#include "stats/rng.h"
#include "tests/random_batch.h"

static void file_write(const char *dir, unsigned int i, const char *suffix,
		       const void *bytes, size_t len)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/random%u.%s", dir, i, suffix);
	f = fopen(path, "wb");
	if (!f || fwrite(bytes, 1, len, f) != len || fclose(f) != 0) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = { 1, 2, 4, 8, 16, 40, 100 };
	struct rng rng = { .state = 1 };

	if (argc != 2) {
		fprintf(stderr, "usage: make_corpus DIR\n");
		return 2;
	}
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct arena *arena = NULL;
		struct batch *b;
		void *frame = NULL;
		void *plain = NULL;
		size_t frame_len;
		size_t plain_len;

		if (arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL) < 0)
			return 1;
		b = random_batch(&rng, sizes[i], arena);
		if (!b || batch_encode(b, &frame, &frame_len, NULL) < 0 ||
		    zstd_decompress(frame, frame_len, LIMIT_BATCH_BYTES, &plain,
				    &plain_len, NULL) < 0)
			return 1;
		file_write(argv[1], i, "zst", frame, frame_len);
		file_write(argv[1], i, "pb", plain, plain_len);
		free(plain);
		free(frame);
		arena_free(arena);
	}
	return 0;
}
