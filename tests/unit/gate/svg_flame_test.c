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

/* The text of a box so wide that a part of the name fits. */
static void a_label_is_the_part_that_says_most(void)
{
	static const struct {
		const char *name;
		uint64_t width; /* of 1200 px */
		const char *label;
	} cases[] = {
		{ "io.netty.Channel.read", 200, ">io.netty.Channel.read<" },
		{ "io.netty.Channel.fireRead", 100, ">fireRead<" },
		{ "io.netty.Channel.fireChannelRead", 70,
		  ">fireChann\xe2\x80\xa6<" },
		{ "std::map<a.b, c.d>::find", 100, ">map&lt;a.b, c.d&gt;" },

		{ "ends.", 60, ">ends.<" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct rollout_path paths[] = {
			{ .parent = BATCH_NO_PARENT,
			  .function = cases[i].name,
			  .self_ns = { 1, cases[i].width } },
			{ .parent = BATCH_NO_PARENT,
			  .function = "other",
			  .self_ns = { 1, 1200 - cases[i].width } },
		};
		struct svg_flame_pruned pruned;
		struct buf b = { 0 };
		const char *text;

		CHECK_EQ(svg_flame_write(&b, paths, 2, &pruned), 0);
		text = strstr(b.bytes, "<text");
		if (!text || !strstr(b.bytes, cases[i].label))
			test_fail(__FILE__, __LINE__, "%s: no %s in %s",
				  cases[i].name, cases[i].label, b.bytes);
		buf_release(&b);
	}
}

const struct test_case test_cases[] = {
	{ "svg_flame: classes are told apart by form",
	  classes_are_told_apart_by_form },
	{ "svg_flame: a large tree is cut and says so",
	  a_large_tree_is_cut_and_says_so },
	{ "svg_flame: nothing to draw is said", nothing_to_draw_is_said },
	{ "svg_flame: a label is the part that says most",
	  a_label_is_the_part_that_says_most },
	{ NULL, NULL },
};
