/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/kallsyms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/scan.h"
#include "common/err.h"

enum { LAST_BYTES = 64 * 1024 };

/* False unless the line is a function's. */
static bool parse_line(struct scan line, uint64_t *ret_start,
		       struct scan *ret_name)
{
	struct scan type;

	if (!scan_hex(&line, ret_start))
		return false;
	scan_blanks(&line);
	if (!scan_word(&line, &type) || type.left != 1 ||
	    !strchr("tTwW", type.at[0]))
		return false;
	scan_blanks(&line);
	return scan_word(&line, ret_name);
}

static int by_start(const void *a, const void *b)
{
	const struct kallsyms_entry *x = a;
	const struct kallsyms_entry *y = b;

	if (x->start != y->start)
		return x->start > y->start ? 1 : -1;
	return (x->name > y->name) - (x->name < y->name);
}

/* How much there is to keep. */
static void measure(struct scan all, size_t *ret_n, size_t *ret_bytes)
{
	struct scan line;
	struct scan name;
	uint64_t start;

	*ret_n = 0;
	*ret_bytes = 0;
	while (scan_line(&all, &line)) {
		if (!parse_line(line, &start, &name))
			continue;
		(*ret_n)++;
		*ret_bytes += name.left + 1;
	}
}

static void fill(struct scan all, struct kallsyms *ks)
{
	struct scan line;
	struct scan name;
	uint64_t start;
	size_t used = 0;

	while (scan_line(&all, &line)) {
		if (!parse_line(line, &start, &name) || start == 0)
			continue;
		ks->entries[ks->n].start = start;
		ks->entries[ks->n].name = (uint32_t)used;
		ks->n++;
		memcpy(ks->names + used, name.at, name.left);
		ks->names[used + name.left] = '\0';
		used += name.left + 1;
	}
}

int kallsyms_parse(const char *text, size_t len, struct kallsyms *ret_ks,
		   struct err *err)
{
	struct scan all = { .at = text, .left = len };
	struct kallsyms ks = { .entries = NULL };
	size_t n;
	size_t n_bytes;

	measure(all, &n, &n_bytes);
	if (n_bytes > UINT32_MAX)
		return err_set(err, -EMSGSIZE, "kallsyms: %zu bytes of names",
			       n_bytes);
	ks.entries = calloc(n + 1, sizeof(*ks.entries));
	ks.names = malloc(n_bytes + 1);
	if (!ks.entries || !ks.names) {
		kallsyms_release(&ks);
		return err_set(err, -ENOMEM, "kallsyms: no memory");
	}
	fill(all, &ks);
	if (ks.n == 0) {
		kallsyms_release(&ks);
		return err_set(err, -ENODATA,
			       "kallsyms: no addresses, so kernel frames have "
			       "no names; needs CAP_SYSLOG and "
			       "kernel.kptr_restrict below 2");
	}
	qsort(ks.entries, ks.n, sizeof(*ks.entries), by_start);
	*ret_ks = ks;
	return 0;
}

void kallsyms_release(struct kallsyms *ks)
{
	free(ks->entries);
	free(ks->names);
	*ks = (struct kallsyms){ .entries = NULL };
}

const char *kallsyms_find(const struct kallsyms *ks, uint64_t addr)
{
	size_t lo = 0;
	size_t hi = ks->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ks->entries[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 ||
	    (lo == ks->n && addr - ks->entries[lo - 1].start >= LAST_BYTES))
		return NULL;
	/* of several names for one address, the one the kernel lists first */
	while (lo > 1 && ks->entries[lo - 2].start == ks->entries[lo - 1].start)
		lo--;
	return ks->names + ks->entries[lo - 1].name;
}
