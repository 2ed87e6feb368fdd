/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/scan.h"
#include "common/err.h"
#include "common/limits.h"

static bool ends_with(const struct scan *t, const char *tail)
{
	size_t len = strlen(tail);

	return t->left >= len && memcmp(t->at + t->left - len, tail, len) == 0;
}

/*
 * One line: start-end perms offset dev inode path.  False if it is none, or
 * none that can be executed.
 */
static bool parse_line(struct scan line, struct region *ret_r,
		       struct scan *ret_path)
{
	struct region r = { .path = "" };
	struct scan perms;
	struct scan dev;

	if (!scan_hex(&line, &r.start) || !scan_char(&line, '-') ||
	    !scan_hex(&line, &r.end) || r.start >= r.end)
		return false;
	scan_blanks(&line);
	if (!scan_word(&line, &perms) || perms.left < 3 || perms.at[2] != 'x')
		return false;
	scan_blanks(&line);
	if (!scan_hex(&line, &r.offset))
		return false;
	scan_blanks(&line);
	if (!scan_word(&line, &dev))
		return false;
	scan_blanks(&line);
	if (!scan_decimal(&line, &r.inode))
		return false;
	scan_blanks(&line);
	*ret_r = r;
	*ret_path = line;
	return true;
}

/* What the rest of a line says the region is; names are copied to *names. */
static void classify(struct region *r, struct scan path, char **names)
{
	static const char gone[] = " (deleted)";
	struct scan t = path;

	r->kind = REGION_ANON;
	if (scan_prefix(&t, "[vdso]") || scan_prefix(&t, "[vsyscall]")) {
		r->kind = REGION_VDSO;
		return;
	}
	/* "//anon", "/memfd:" and "/dev/zero" are memory under a name */
	if (path.left == 0 || path.at[0] != '/' || r->inode == 0)
		return;
	if (scan_prefix(&t, "/memfd:") || scan_prefix(&t, "/dev/zero") ||
	    scan_prefix(&t, "/SYSV") || scan_prefix(&t, "//anon"))
		return;
	r->kind = REGION_FILE;
	r->deleted = ends_with(&path, gone);
	if (r->deleted)
		path.left -= sizeof(gone) - 1;
	memcpy(*names, path.at, path.left);
	(*names)[path.left] = '\0';
	r->path = *names;
	*names += path.left + 1;
}

static int by_start(const void *a, const void *b)
{
	const struct region *x = a;
	const struct region *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

int maps_parse(const char *bytes, size_t len, struct maps *ret_m,
	       struct err *err)
{
	struct scan all = { .at = bytes, .left = len };
	struct maps m = { .regions = NULL };
	struct scan line;
	size_t room = 0;
	char *names;
	int rc = 0;

	/* a path is at least as long as its copy, NUL included */
	m.paths = names = malloc(len + 1);
	if (!m.paths)
		return err_set(err, -ENOMEM, "maps: no memory");
	while (scan_line(&all, &line)) {
		struct region r;
		struct scan path;

		if (!parse_line(line, &r, &path))
			continue;
		if (m.n == LIMIT_MAPS_REGIONS) {
			rc = err_set(err, -EMSGSIZE,
				     "maps: more than %d executable regions",
				     LIMIT_MAPS_REGIONS);
			goto out;
		}
		if (m.n == room) {
			struct region *grown;

			room = room ? room * 2 : 64;
			grown = realloc(m.regions, room * sizeof(*grown));
			if (!grown) {
				rc = err_set(err, -ENOMEM, "maps: no memory");
				goto out;
			}
			m.regions = grown;
		}
		classify(&r, path, &names);
		m.regions[m.n++] = r;
	}
	/* the kernel writes them in order; other text may not be */
	if (m.n > 1)
		qsort(m.regions, m.n, sizeof(*m.regions), by_start);
	*ret_m = m;
	m = (struct maps){ .regions = NULL };
out:
	maps_release(&m);
	return rc;
}

void maps_release(struct maps *m)
{
	free(m->regions);
	free(m->paths);
	*m = (struct maps){ .regions = NULL };
}

const struct region *maps_find(const struct maps *m, uint64_t addr)
{
	size_t lo = 0;
	size_t hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->regions[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0 || addr >= m->regions[lo - 1].end)
		return NULL;
	return &m->regions[lo - 1];
}
