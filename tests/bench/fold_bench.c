/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold: what advancing one rollout by one window costs, and how it grows.
 *
 * Batches are filled, and their strings numbered, before the clock starts:
 * decoding them does that (decode_bench).
 */
#include "stats/rollout.h"

#include <stdlib.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/strtab.h"
#include "stats/policy.h"
#include "tests/bench/bench.h"
#include "tests/bench/sample_batch.h"

static const double BUDGET_MS = 5.0;

struct shape {
	const char *name;
	uint32_t n_instances;
	struct sample_size size;
	const char *budget;
};

/* Mean ms of folding a window of this shape; ends the program on an error. */
static double fold_ms(const struct shape *shape, uint32_t n_windows)
{
	struct rollout_member *members =
		calloc(shape->n_instances, sizeof(*members));
	struct sample_batch **batches =
		calloc(shape->n_instances, sizeof(struct sample_batch *));
	struct err err = { .text = "" };
	struct strtab *names = NULL;
	struct rollout *r = NULL;
	struct policy policy;
	uint64_t spent_ns = 0;

	policy_default(&policy);
	if (!members || !batches || rollout_new(&policy, 0, &r, &err) < 0 ||
	    strtab_new(LIMIT_JUDGE_NAMES, LIMIT_JUDGE_NAME_BYTES, &names,
		       &err) < 0)
		goto broken;
	for (uint32_t i = 0; i < shape->n_instances; i++)
		batches[i] = sample_batch_new(&shape->size);
	for (uint32_t w = 0; w < n_windows; w++) {
		struct rollout_window window = { .members = members,
						 .n_members =
							 shape->n_instances };
		uint64_t start_ns;

		for (uint32_t i = 0; i < shape->n_instances; i++) {
			int canary = i % 10 == 0;

			members[i].cohort =
				canary ? COHORT_CANARY : COHORT_BASELINE;
			members[i].batch =
				sample_batch_fill(batches[i], canary, i, w);
			sample_batch_number(batches[i], names);
		}
		window.from_ms = members[0].batch->from_ms;
		window.to_ms = members[0].batch->to_ms;
		start_ns = bench_now_ns();
		if (rollout_fold(r, &window, NULL, &err) < 0)
			goto broken;
		spent_ns += bench_now_ns() - start_ns;
	}
	for (uint32_t i = 0; i < shape->n_instances; i++)
		sample_batch_free(batches[i]);
	rollout_free(r);
	strtab_free(names);
	free(batches);
	free(members);
	return (double)spent_ns / 1e6 / n_windows;
broken:
	fprintf(stderr, "fold_bench: %s: %s\n", shape->name, err.text);
	exit(1);
}

int main(int argc, char **argv)
{
	/* 200 requests of an instance in a window: what make sim judges */
	static const struct shape shapes[] = {
		{ "fold: 20 routes 100 inst 2000 paths",
		  100,
		  { 20, 10, 2000, 1000 },
		  "<= 5 ms" },
		{ "fold: the same, 1000 requests/inst",
		  100,
		  { 20, 50, 2000, 1000 },
		  "-" },
		{ "fold: the same, 4000 requests/inst",
		  100,
		  { 20, 200, 2000, 1000 },
		  "-" },
		{ "fold: the same, 25 instances",
		  25,
		  { 20, 10, 2000, 1000 },
		  "-" },
		{ "fold: the same, 5 routes", 100, { 5, 40, 2000, 1000 }, "-" },
		{ "fold: the same, 8000 paths",
		  100,
		  { 20, 10, 8000, 1000 },
		  "-" },
		{ "fold: the same, no paths", 100, { 20, 10, 0, 0 }, "-" },
	};
	uint32_t n_windows = bench_quick(argc, argv) ? 8 : 40;
	double first_ms = NAN;

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		double ms = fold_ms(&shapes[i], n_windows);

		if (i == 0)
			first_ms = ms;
		bench_row(shapes[i].name, ms, "ms/window",
			  i == 0 ? "-" : "the first row",
			  i == 0 ? NAN : ms / first_ms, shapes[i].budget,
			  ms <= BUDGET_MS);
	}
	return 0;
}
