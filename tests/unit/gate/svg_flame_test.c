/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/svg_flame.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "stats/rng.h"
#include "stats/rollout.h"
#include "tests/test.h"

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void classes_are_told_apart_by_form(void)
{
	static const struct rollout_path paths[] = {
		{ .parent = BATCH_NO_PARENT,
		  .function = "root",
		  .self_ns = { 10, 10 },
		  .total_ns = { 100, 100 } },
		{ .parent = 0,
		  .function = "encode<T>",
		  .self_ns = { 0, 40 },
		  .total_ns = { 0, 40 },
		  .class = PATH_NEW },
		{ .parent = 0,
		  .function = "cache",
		  .self_ns = { 50, 0 },
		  .total_ns = { 50, 0 },
		  .class = PATH_VANISHED },
		{ .parent = 0,
		  .function = "load",
		  .self_ns = { 40, 50 },
		  .total_ns = { 40, 50 },
		  .class = PATH_GROWN },
	};
	struct svg_flame_pruned pruned = { 0 };
	struct buf b = { 0 };

	CHECK_EQ(svg_flame_write(&b, paths, 4, &pruned), 0);
	CHECK_EQ(pruned.n_paths, 4);
	CHECK_EQ(pruned.n_drawn, 4);
	CHECK(fabs(pruned.pruned_self) < 1e-9);
	CHECK(strstr(b.bytes, "<g class=\"fn\"><title>encode&lt;T&gt;"));
	CHECK(strstr(b.bytes, "<g class=\"fv\"><title>cache"));
	CHECK(strstr(b.bytes, "<g class=\"fg\"><title>load"));
	/* one that vanished has its baseline's width: a third of 150 */
	CHECK(strstr(b.bytes, "width=\"399.7\""));
	buf_release(&b);
}

static void a_large_tree_is_cut_and_says_so(void)
{
	enum { N = 20000 };
	struct rollout_path *paths = calloc(N, sizeof(*paths));
	struct rng rng = { .state = 7 };
	struct svg_flame_pruned pruned = { 0 };
	struct buf b = { 0 };

	CHECK(paths != NULL);
	for (int i = 0; i < N; i++) {
		paths[i].parent =
			i == 0 ? BATCH_NO_PARENT
			       : (int32_t)(rng_next(&rng) % (uint64_t)i);
		paths[i].function = "com.example.Some.function";
		paths[i].self_ns[0] = 100;
		paths[i].self_ns[1] = 1 + rng_next(&rng) % 200;
	}
	CHECK_EQ(svg_flame_write(&b, paths, N, &pruned), 0);
	CHECK_EQ(count(b.bytes, "<g class"), pruned.n_drawn);
	CHECK(pruned.n_drawn > 100);
	CHECK(pruned.n_drawn <= 2000);
	CHECK(pruned.pruned_self > 0 && pruned.pruned_self < 1);
	CHECK(b.len < 700 * 1024);
	buf_release(&b);
	free(paths);
}

static void nothing_to_draw_is_said(void)
{
	static const struct rollout_path empty = {
		.parent = BATCH_NO_PARENT,
		.function = "root",
	};
	struct svg_flame_pruned pruned = { 0 };
	struct buf b = { 0 };

	CHECK_EQ(svg_flame_write(&b, NULL, 0, &pruned), -ENODATA);
	CHECK_EQ(svg_flame_write(&b, &empty, 1, &pruned), -ENODATA);
	CHECK_EQ(b.len, 0);
	buf_release(&b);
}

const struct test_case test_cases[] = {
	{ "svg_flame: classes are told apart by form",
	  classes_are_told_apart_by_form },
	{ "svg_flame: a large tree is cut and says so",
	  a_large_tree_is_cut_and_says_so },
	{ "svg_flame: nothing to draw is said", nothing_to_draw_is_said },
	{ NULL, NULL },
};
