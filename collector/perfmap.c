/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlaps are resolved once, while reading: a sweep over the claims in order
 * of address holds the open ones in a heap, the latest line on top, and
 * writes an entry whenever the top changes.  n log n, whatever the file says.
 */
#include "collector/perfmap.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/scan.h"
#include "common/err.h"
#include "common/limits.h"

/* One line of the file. */
struct claim {
	uint64_t start;
	uint64_t end;
	const char *name;
	size_t line;
};

struct sweep {
	struct claim *claims; /* by start */
	size_t n;
	const struct claim **heap; /* open claims, the latest line first */
	size_t n_open;
	struct perfmap *out;
};

static bool parse_line(struct scan line, struct claim *ret_c)
{
	uint64_t size;
	struct claim c;

	scan_blanks(&line);
	if (!scan_hex(&line, &c.start))
		return false;
	scan_blanks(&line);
	if (!scan_hex(&line, &size))
		return false;
	scan_blanks(&line);
	if (line.left == 0 || size == 0 || size > UINT64_MAX - c.start)
		return false;
	c.end = c.start + size;
	c.name = line.at;
	*ret_c = c;
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct claim *x = a;
	const struct claim *y = b;

	if (x->start != y->start)
		return x->start > y->start ? 1 : -1;
	return (x->line > y->line) - (x->line < y->line);
}

static void heap_push(struct sweep *s, const struct claim *c)
{
	size_t i = s->n_open++;

	while (i > 0 && s->heap[(i - 1) / 2]->line < c->line) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = c;
}

static void heap_pop(struct sweep *s)
{
	const struct claim *last = s->heap[--s->n_open];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= s->n_open)
			break;
		if (child + 1 < s->n_open &&
		    s->heap[child + 1]->line > s->heap[child]->line)
			child++;
		if (s->heap[child]->line < last->line)
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
}

/* Write start..end as c's; the pieces of one claim that touch become one. */
static void emit(struct sweep *s, uint64_t start, uint64_t end,
		 const struct claim *c)
{
	struct perfmap *pm = s->out;

	if (start >= end)
		return;
	if (pm->n > 0 && pm->entries[pm->n - 1].end == start &&
	    pm->entries[pm->n - 1].name == c->name) {
		pm->entries[pm->n - 1].end = end;
		return;
	}
	pm->entries[pm->n++] = (struct perfmap_entry){
		.start = start,
		.end = end,
		.name = c->name,
	};
}

/* Write what the open claims have of at..until. */
static uint64_t advance(struct sweep *s, uint64_t at, uint64_t until)
{
	while (s->n_open > 0 && at < until) {
		const struct claim *top = s->heap[0];
		uint64_t end;

		assert(top); /* the heap holds n_open claims */
		end = top->end < until ? top->end : until;
		if (end > at) {
			emit(s, at, end, top);
			at = end;
		}
		if (top->end <= at)
			heap_pop(s);
	}
	return until;
}

static void run_sweep(struct sweep *s)
{
	uint64_t at = 0;

	for (size_t i = 0; i < s->n; i++) {
		at = advance(s, at, s->claims[i].start);
		heap_push(s, &s->claims[i]);
	}
	(void)advance(s, at, UINT64_MAX); /* where it ends is of no use */
}

static int read_claims(const char *text, size_t len, struct claim **ret_claims,
		       size_t *ret_n, size_t *ret_bad, struct err *err)
{
	struct scan all = { .at = text, .left = len };
	struct claim *claims = NULL;
	struct scan line;
	size_t n_lines = 0;
	size_t n = 0;

	while (scan_line(&all, &line))
		n_lines++;
	if (n_lines > LIMIT_PERFMAP_LINES)
		return err_set(err, -EMSGSIZE, "perf map: %zu lines, limit %d",
			       n_lines, LIMIT_PERFMAP_LINES);
	claims = calloc(n_lines + 1, sizeof(*claims));
	if (!claims)
		return err_set(err, -ENOMEM, "perf map: no memory");
	all = (struct scan){ .at = text, .left = len };
	*ret_bad = 0;
	while (scan_line(&all, &line)) {
		if (!parse_line(line, &claims[n])) {
			(*ret_bad)++;
			continue;
		}
		claims[n].line = n;
		n++;
	}
	*ret_claims = claims;
	*ret_n = n;
	return 0;
}

int perfmap_parse(char *text, size_t len, struct perfmap *ret_pm,
		  struct err *err)
{
	struct perfmap pm = { .text = text };
	struct sweep s = { .out = &pm };
	int rc;

	rc = read_claims(text, len, &s.claims, &s.n, &pm.n_bad_lines, err);
	if (rc < 0)
		goto out;
	/* a claim's end and each start that cuts it make one entry at most */
	s.heap = calloc(s.n + 1, sizeof(struct claim *));
	pm.entries = calloc(2 * s.n + 1, sizeof(*pm.entries));
	if (!s.heap || !pm.entries) {
		rc = err_set(err, -ENOMEM, "perf map: no memory");
		goto out;
	}
	/* names end where lines do; the last may lack its newline */
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			text[i] = '\0';
	if (s.n > 1)
		qsort(s.claims, s.n, sizeof(*s.claims), by_start);
	run_sweep(&s);
	/* most maps have no overlap: half of the room goes back */
	if (pm.n < 2 * s.n) {
		size_t n_bytes = (pm.n + 1) * sizeof(*pm.entries);
		struct perfmap_entry *less = realloc(pm.entries, n_bytes);

		pm.entries = less ? less : pm.entries;
	}
	*ret_pm = pm;
	pm = (struct perfmap){ .entries = NULL };
out:
	free(s.claims);
	free(s.heap);
	perfmap_release(&pm);
	return rc;
}

void perfmap_release(struct perfmap *pm)
{
	free(pm->entries);
	free(pm->text);
	*pm = (struct perfmap){ .entries = NULL };
}

const char *perfmap_find(const struct perfmap *pm, uint64_t addr)
{
	size_t lo = 0;
	size_t hi = pm->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (pm->entries[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || addr >= pm->entries[lo - 1].end)
		return NULL;
	return pm->entries[lo - 1].name;
}
