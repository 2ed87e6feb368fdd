/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feeder - write the batches of tests/story.h into files, one each.
 *
 *	feeder DIR BEGIN_MS FIRST_WINDOW N_WINDOWS [SLOW_MS]
 *
 * DIR/WINDOW-COHORT-INSTANCE.batch; six baseline instances, two canaries.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/arena.h"
#include "common/batch.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/num.h"
#include "tests/story.h"

enum { N_BASELINE = 6, N_CANARY = 2 };

static int write_batch(const char *dir, const struct story *s, bool canary,
		       uint32_t instance, uint32_t window, struct err *err)
{
	struct arena *arena = NULL;
	struct batch *b;
	void *bytes = NULL;
	size_t len = 0;
	char path[512];
	FILE *f;
	int rc;

	rc = arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, err);
	if (rc < 0)
		return rc;
	b = story_batch(s, canary, instance, window, arena);
	rc = b ? batch_encode(b, &bytes, &len, err) : -1;
	snprintf(path, sizeof(path), "%s/%04u-%s-%u.batch", dir, window,
		 canary ? "canary" : "baseline", instance);
	f = rc == 0 ? fopen(path, "w") : NULL;
	if (!f || fwrite(bytes, 1, len, f) != len)
		rc = err_set(err, -1, "%s: cannot be written", path);
	if (f)
		fclose(f);
	free(bytes);
	arena_free(arena);
	return rc;
}

int main(int argc, char **argv)
{
	struct story s = { .n_requests = 60 };
	struct err err = { "" };
	uint64_t slow_ms = 40;
	uint64_t first = 0;
	uint64_t n = 0;
	int rc;

	if (argc < 5) {
		fprintf(stderr, "usage: feeder DIR BEGIN_MS FIRST_WINDOW "
				"N_WINDOWS [SLOW_MS]\n");
		return 2;
	}
	rc = num_i64("BEGIN_MS", argv[2], 0, LIMIT_TIME_MS, &s.begin_ms, &err);
	if (rc == 0)
		rc = num_u64("FIRST", argv[3], 0, 100000, &first, &err);
	if (rc == 0)
		rc = num_u64("N_WINDOWS", argv[4], 0, 100000, &n, &err);
	if (rc == 0 && argc > 5)
		rc = num_u64("SLOW_MS", argv[5], 0, 10000, &slow_ms, &err);
	s.slow_ns = slow_ms * 1000000;
	s.begin_ms -= s.begin_ms % STORY_WINDOW_MS;
	for (uint64_t w = first; rc == 0 && w < first + n; w++)
		for (uint32_t i = 0; rc == 0 && i < N_BASELINE + N_CANARY; i++)
			rc = write_batch(argv[1], &s, i >= N_BASELINE,
					 i >= N_BASELINE ? i - N_BASELINE : i,
					 (uint32_t)w, &err);
	if (rc < 0)
		fprintf(stderr, "feeder: %s\n", err.text);
	return rc < 0 ? 1 : 0;
}
