/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/svg_flame.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "gate/html.h"
#include "stats/rollout.h"

enum {
	WIDTH = 1200,
	ROW = 18,
	NODES_MAX = 2000, /* some 500 KB of a page */
	ROWS_MAX = 400,
	CHAR_W = 7,   /* of an 11 px monospace letter, rounded up */
	TEXT_MIN = 6, /* letters; fewer say nothing */
};
#define WIDTH_MIN 0.4 /* px; less cannot be seen */

struct node {
	double weight; /* px */
	double x;
	uint32_t row;
	uint32_t first; /* child, in order */
	uint32_t next;	/* sibling */
	bool drawn;
};

struct flame {
	const struct rollout_path *paths;
	size_t n;
	double total[COHORT_N];
	double px_all;	  /* the weight of all roots, before scaling */
	double threshold; /* px */
	struct node *nodes;
	uint32_t *order;
};

#define NONE UINT32_MAX

static double share_of(const struct flame *f, size_t i, enum cohort c)
{
	return f->total[c] > 0 ? (double)f->paths[i].total_ns[c] / f->total[c]
			       : 0;
}

/* Own weight in the layout: canary's, or baseline's where it vanished. */
static double self_weight(const struct flame *f, size_t i)
{
	enum cohort c = f->paths[i].class == PATH_VANISHED ? COHORT_BASELINE
							   : COHORT_CANARY;

	return f->total[c] > 0 ? (double)f->paths[i].self_ns[c] / f->total[c]
			       : 0;
}

/* Weights from the leaves up, in shares, then in pixels. */
static void weigh(struct flame *f)
{
	for (size_t i = 0; i < f->n; i++)
		f->nodes[i].weight = self_weight(f, i);
	for (size_t i = f->n; i-- > 0;) {
		int32_t parent = f->paths[i].parent;

		if (parent == BATCH_NO_PARENT)
			f->px_all += f->nodes[i].weight;
		else
			f->nodes[parent].weight += f->nodes[i].weight;
	}
	for (size_t i = 0; i < f->n && f->px_all > 0; i++)
		f->nodes[i].weight *= WIDTH / f->px_all;
}

static int by_weight(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x < y) - (x > y);
}

/* Below which width nothing is drawn, so that NODES_MAX is kept. */
static int choose_threshold(struct flame *f)
{
	double *weights;

	f->threshold = WIDTH_MIN;
	if (f->n <= NODES_MAX)
		return 0;
	weights = malloc(f->n * sizeof(*weights));
	if (!weights)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++)
		weights[i] = f->nodes[i].weight;
	qsort(weights, f->n, sizeof(*weights), by_weight);
	/* above the first that does not fit: its equals are left out too */
	f->threshold = fmax(WIDTH_MIN, nextafter(weights[NODES_MAX], INFINITY));
	free(weights);
	return 0;
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const struct flame *f = ctx;
	const uint32_t x = *(const uint32_t *)a;
	const uint32_t y = *(const uint32_t *)b;
	int rc = strcmp(f->paths[x].function, f->paths[y].function);

	return rc ? rc : (x > y) - (x < y);
}

/* Siblings by name, so that two graphs of one program look alike. */
static void link_children(struct flame *f, uint32_t *ret_root)
{
	*ret_root = NONE;
	for (size_t i = 0; i < f->n; i++) {
		f->order[i] = (uint32_t)i;
		f->nodes[i].first = NONE;
		f->nodes[i].next = NONE;
	}
	qsort_r(f->order, f->n, sizeof(*f->order), by_name, f);
	for (size_t k = f->n; k-- > 0;) {
		uint32_t i = f->order[k];
		int32_t parent = f->paths[i].parent;
		uint32_t *head = parent == BATCH_NO_PARENT
					 ? ret_root
					 : &f->nodes[parent].first;

		f->nodes[i].next = *head;
		*head = i;
	}
}

/* Place a row of siblings. */
static void place(struct flame *f, uint32_t first, double x, uint32_t row)
{
	for (uint32_t i = first; i != NONE; i = f->nodes[i].next) {
		struct node *node = &f->nodes[i];

		node->x = x;
		node->row = row;
		node->drawn = node->weight >= f->threshold && row < ROWS_MAX;
		x += node->weight;
	}
}

static const char *class_mark(enum path_class c)
{
	static const char *const marks[PATH_CLASS_N] = {
		[PATH_UNCHANGED] = "f0", [PATH_NEW] = "fn",
		[PATH_VANISHED] = "fv",	 [PATH_GROWN] = "fg",
		[PATH_SHRUNK] = "fs",	 [PATH_SHIFTED] = "fm",
		[PATH_UNSETTLED] = "fm", [PATH_INSUFFICIENT] = "f0",
	};

	return marks[c];
}

/* The last part of a name, which says most: the method, not its package. */
static const char *last_part(const char *name)
{
	const char *part = name;

	/* what stands in brackets are arguments */
	for (const char *at = name; *at && !strchr("(<[", *at); at++)
		if ((*at == '.' || *at == ':' || *at == '/') && at[1] != '\0' &&
		    !strchr("(<[.:/", at[1]))
			part = at + 1;
	return part;
}

/* As much as fits: the name, else its last part, else how that begins. */
static void write_name(struct buf *b, const char *name, size_t max)
{
	if (strlen(name) > max)
		name = last_part(name);
	html_text_cut(b, name, max);
}

static void write_node(struct buf *b, const struct flame *f, uint32_t i)
{
	const struct node *node = &f->nodes[i];
	const struct rollout_path *p = &f->paths[i];
	unsigned int y = node->row * ROW;
	size_t letters = (size_t)(node->weight / CHAR_W);

	buf_printf(b, "<g class=\"%s\"><title>", class_mark(p->class));
	html_text(b, p->function);
	buf_printf(b, "\n%s: ", path_class_name(p->class));
	html_percent(b, share_of(f, i, COHORT_BASELINE));
	buf_puts(b, " \xe2\x86\x92 ");
	html_percent(b, share_of(f, i, COHORT_CANARY));
	buf_printf(b,
		   " of CPU</title><rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" "
		   "height=\"%d\"/>",
		   node->x, y, fmax(node->weight - 0.3, 0.3), ROW - 1);
	if (letters >= TEXT_MIN) {
		buf_printf(b, "<text x=\"%.1f\" y=\"%u\">", node->x + 3,
			   y + 13);
		write_name(b, p->function, letters);
		buf_puts(b, "</text>");
	}
	buf_puts(b, "</g>\n");
}

/* Parents before children: one pass down places everything. */
static uint32_t place_all(struct flame *f, uint32_t root)
{
	uint32_t rows = 0;

	place(f, root, 0, 0);
	for (size_t i = 0; i < f->n; i++) {
		const struct node *node = &f->nodes[i];

		if (!node->drawn)
			continue;
		if (node->row + 1 > rows)
			rows = node->row + 1;
		place(f, node->first, node->x, node->row + 1);
	}
	return rows;
}

static void write_graph(struct buf *b, struct flame *f,
			struct svg_flame_pruned *ret_pruned)
{
	struct svg_flame_pruned pruned = { .n_paths = f->n };
	uint32_t root;
	uint32_t rows;

	link_children(f, &root);
	rows = place_all(f, root);
	buf_printf(b,
		   "<svg class=\"flame\" role=\"img\" viewBox=\"0 0 %d %u\" "
		   "width=\"%d\" height=\"%u\" aria-label=\"differential "
		   "flame graph; the table of hot paths has what differs\">"
		   "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" "
		   "patternUnits=\"userSpaceOnUse\" "
		   "patternTransform=\"rotate(45)\"><rect class=\"hatch0\" "
		   "width=\"6\" height=\"6\"/><rect class=\"hatch1\" "
		   "width=\"2\" height=\"6\"/></pattern></defs>\n",
		   WIDTH, rows * ROW, WIDTH, rows * ROW);
	for (uint32_t i = 0; i < f->n; i++) {
		if (f->nodes[i].drawn) {
			write_node(b, f, i);
			pruned.n_drawn++;
		} else if (f->total[COHORT_CANARY] > 0) {
			pruned.pruned_self +=
				(double)f->paths[i].self_ns[COHORT_CANARY] /
				f->total[COHORT_CANARY];
		}
	}
	buf_puts(b, "</svg>");
	*ret_pruned = pruned;
}

int svg_flame_write(struct buf *b, const struct rollout_path *paths, size_t n,
		    struct svg_flame_pruned *ret_pruned)
{
	struct flame f = { .paths = paths, .n = n };
	int rc = -ENODATA;

	for (size_t i = 0; i < n; i++)
		for (int c = 0; c < COHORT_N; c++)
			f.total[c] += (double)paths[i].self_ns[c];
	if (n == 0)
		return -ENODATA;
	if (!(f.total[COHORT_BASELINE] > 0) && !(f.total[COHORT_CANARY] > 0))
		return -ENODATA;
	f.nodes = calloc(n, sizeof(*f.nodes));
	f.order = calloc(n, sizeof(*f.order));
	if (!f.nodes || !f.order) {
		rc = -ENOMEM;
		goto out;
	}
	weigh(&f);
	if (!(f.px_all > 0))
		goto out;
	rc = choose_threshold(&f);
	if (rc == 0)
		write_graph(b, &f, ret_pruned);
out:
	free(f.nodes);
	free(f.order);
	return rc;
}
