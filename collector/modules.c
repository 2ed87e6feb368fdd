/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/elf.h"
#include "collector/rootfile.h"
#include "common/err.h"

/* each holds a descriptor or two; a host runs some hundred libraries */
enum { MODULES_MAX = 256 };

struct key {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct module {
	uint64_t number; /* 0: the place is free */
	uint64_t used;	 /* the clock when it was last asked for */
	struct key key;
	struct elf_table *table;
};

struct modules {
	struct module all[MODULES_MAX];
	uint64_t clock;
	uint64_t next;
	size_t max_bytes;
	size_t n_bytes;
};

/* Where debug files are looked for. */
struct roots {
	int target_fd;
	int own_fd;
};

int modules_new(size_t max_bytes, struct modules **ret_m, struct err *err)
{
	struct modules *m = calloc(1, sizeof(*m));

	if (!m)
		return err_set(err, -ENOMEM, "symbols: no memory");
	m->max_bytes = max_bytes;
	m->next = 1;
	*ret_m = m;
	return 0;
}

static void evict(struct modules *m, struct module *one)
{
	m->n_bytes -= elf_table_bytes(one->table);
	elf_table_free(one->table);
	*one = (struct module){ .number = 0 };
}

void modules_free(struct modules *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < MODULES_MAX; i++)
		if (m->all[i].number != 0)
			evict(m, &m->all[i]);
	free(m);
}

static int open_debug(void *arg, const char *path)
{
	const struct roots *r = arg;
	int fd = rootfile_open(r->target_fd, path, NULL);

	return fd >= 0 ? fd : rootfile_open(r->own_fd, path, NULL);
}

static int key_same(const struct key *a, const struct key *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static uint64_t touch(struct modules *m, struct module *one)
{
	one->used = ++m->clock;
	return one->number;
}

static struct module *find_key(struct modules *m, const struct key *key)
{
	for (size_t i = 0; i < MODULES_MAX; i++)
		if (m->all[i].number != 0 && key_same(&m->all[i].key, key))
			return &m->all[i];
	return NULL;
}

static struct module *find_build_id(struct modules *m,
				    const struct elf_table *t)
{
	size_t len;
	const uint8_t *id = elf_table_build_id(t, &len);

	for (size_t i = 0; id && i < MODULES_MAX; i++) {
		const uint8_t *other;
		size_t n;

		if (m->all[i].number == 0)
			continue;
		other = elf_table_build_id(m->all[i].table, &n);
		/* a stripped copy must not stand in for one with symbols */
		if (other && n == len && memcmp(other, id, len) == 0 &&
		    elf_table_n(m->all[i].table) == elf_table_n(t))
			return &m->all[i];
	}
	return NULL;
}

/* A free place, made by letting the least recently used go if need be. */
static struct module *make_place(struct modules *m, size_t n_bytes)
{
	for (;;) {
		struct module *free_one = NULL;
		struct module *oldest = NULL;

		for (size_t i = 0; i < MODULES_MAX; i++) {
			struct module *one = &m->all[i];

			if (one->number == 0)
				free_one = one;
			else if (!oldest || one->used < oldest->used)
				oldest = one;
		}
		if (free_one && (m->n_bytes + n_bytes <= m->max_bytes))
			return free_one;
		if (!oldest)
			return NULL;
		evict(m, oldest);
	}
}

uint64_t modules_load(struct modules *m, int fd, int root_fd, const char *path)
{
	struct roots roots = { .target_fd = root_fd, .own_fd = -1 };
	struct elf_table *t = NULL;
	struct module *one;
	struct stat st;
	struct key key;
	int rc;

	if (fstat(fd, &st) < 0) {
		close(fd);
		return 0;
	}
	key = (struct key){ .dev = st.st_dev,
			    .ino = st.st_ino,
			    .size = st.st_size,
			    .mtime = st.st_mtim };
	one = find_key(m, &key);
	if (one) {
		close(fd);
		return touch(m, one);
	}
	roots.own_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	rc = elf_table_new(fd, path, open_debug, &roots, &t, NULL);
	if (roots.own_fd >= 0)
		close(roots.own_fd);
	if (rc < 0)
		return 0;
	one = find_build_id(m, t);
	if (one) {
		elf_table_free(t);
		return touch(m, one);
	}
	one = make_place(m, elf_table_bytes(t));
	if (!one) { /* larger alone than all may be together */
		elf_table_free(t);
		return 0;
	}
	*one = (struct module){ .number = m->next++, .key = key, .table = t };
	m->n_bytes += elf_table_bytes(t);
	return touch(m, one);
}

const struct elf_table *modules_get(struct modules *m, uint64_t number)
{
	for (size_t i = 0; i < MODULES_MAX; i++)
		if (m->all[i].number == number && number != 0) {
			touch(m, &m->all[i]);
			return m->all[i].table;
		}
	return NULL;
}

size_t modules_bytes(const struct modules *m)
{
	return m->n_bytes;
}
