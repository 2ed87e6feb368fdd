/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decode: what it costs the judge to decode a window's batches once more, all
 * into one arena, beside what folding the same window costs.
 */
#include <stdlib.h>

#include "common/arena.h"
#include "common/batch.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/strtab.h"
#include "stats/policy.h"
#include "stats/rollout.h"
#include "tests/bench/bench.h"
#include "tests/bench/sample_batch.h"

enum { N_INSTANCES = 100 };

/* CPU time, in ns: what others do on the machine costs the judge none. */
static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static const struct sample_size size = { 20, 200, 2000, 1000 };

struct window {
	void *bytes[N_INSTANCES];
	size_t len[N_INSTANCES];
};

static int fill(struct window *w, struct sample_batch *s, uint32_t number,
		struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < N_INSTANCES && rc == 0; i++)
		rc = batch_encode(sample_batch_fill(s, i % 10 == 0, i, number),
				  &w->bytes[i], &w->len[i], err);
	return rc;
}

static void release(struct window *w)
{
	for (uint32_t i = 0; i < N_INSTANCES; i++) {
		free(w->bytes[i]);
		w->bytes[i] = NULL;
	}
}

/* Decode and fold a window as the judge does, and add what each took. */
static int judge(const struct window *w, struct strtab *names,
		 struct rollout *r, uint64_t *decode_ns, uint64_t *fold_ns,
		 struct err *err)
{
	struct rollout_member members[N_INSTANCES];
	struct rollout_window window = { .members = members,
					 .n_members = N_INSTANCES };
	struct arena *arena = NULL;
	uint64_t start_ns = cpu_ns();
	uint64_t decoded_ns;
	int rc = arena_new(LIMIT_JUDGE_WINDOW_BYTES, &arena, err);

	for (uint32_t i = 0; i < N_INSTANCES && rc == 0; i++) {
		struct batch *b = NULL;

		rc = batch_decode_named(w->bytes[i], w->len[i], arena, names,
					&b, err);
		members[i].batch = b;
		members[i].cohort =
			i % 10 == 0 ? COHORT_CANARY : COHORT_BASELINE;
	}
	decoded_ns = cpu_ns();
	if (rc == 0) {
		window.from_ms = members[0].batch->from_ms;
		window.to_ms = members[0].batch->to_ms;
		rc = rollout_fold(r, &window, NULL, err);
	}
	*decode_ns += decoded_ns - start_ns;
	*fold_ns += cpu_ns() - decoded_ns;
	arena_free(arena);
	return rc;
}

int main(int argc, char **argv)
{
	uint32_t n_windows = bench_quick(argc, argv) ? 8 : 40;
	struct sample_batch *s = sample_batch_new(&size);
	struct window w = { .len = { 0 } };
	struct err err = { .text = "" };
	struct strtab *names = NULL;
	struct rollout *r = NULL;
	struct policy policy;
	uint64_t decode_ns = 0;
	uint64_t fold_ns = 0;
	double decode_ms;
	int rc;

	policy_default(&policy);
	rc = rollout_new(&policy, 0, &r, &err);
	if (rc == 0)
		rc = strtab_new(LIMIT_JUDGE_NAMES, LIMIT_JUDGE_NAME_BYTES,
				&names, &err);
	for (uint32_t i = 0; i < n_windows && rc == 0; i++) {
		rc = fill(&w, s, i, &err);
		if (rc == 0)
			rc = judge(&w, names, r, &decode_ns, &fold_ns, &err);
		release(&w);
	}
	rollout_free(r);
	strtab_free(names);
	sample_batch_free(s);
	if (rc < 0) {
		fprintf(stderr, "decode_bench: %s\n", err.text);
		return 1;
	}
	decode_ms = (double)decode_ns / 1e6 / n_windows;
	bench_row("decode again: 100 inst 2000 paths", decode_ms, "CPU-ms",
		  "folding the same", (double)decode_ns / (double)fold_ns, "-",
		  true);
	return 0;
}
