/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/elf.h"
#include "collector/kallsyms.h"
#include "collector/maps.h"
#include "collector/modules.h"
#include "collector/namecache.h"
#include "collector/names.h"
#include "collector/perfmap.h"
#include "collector/procstat.h"
#include "collector/rootfile.h"
#include "common/err.h"
#include "common/limits.h"

enum { SYMBOL_BYTES = 1024 }; /* of a raw symbol that are looked at */

static const uint64_t REREAD_NS = UINT64_C(1000000000);
static const uint64_t MAPS_AGE_NS = UINT64_C(30000000000);
/* clocks of file systems lag, and start times are in ticks */
static const int64_t START_SLACK_NS = INT64_C(1000000000);

struct symbols {
	struct modules *modules;
	struct kallsyms kernel;
	struct err kernel_problem;
	struct namecache cache;
	char name[NAME_BYTES];
};

/* What was known of the perf map's file when it was read. */
struct file_id {
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct symbols_process {
	struct symbols *shared;
	pid_t pid;
	int root_fd;
	struct procstat ps;
	struct maps maps;
	uint64_t *modules; /* number of the table of each region; 0: none */
	bool *tried;	   /* whether the region's file was looked for */
	uint64_t maps_at_ns;
	struct perfmap perfmap;
	struct file_id perfmap_id;
	uint64_t perfmap_at_ns;
	struct err perfmap_problem;
	bool is_jvm;
	uint64_t n_jit;
	struct namecache cache;
	char name[NAME_BYTES];
};

static void read_kernel(struct symbols *s)
{
	char *text = NULL;
	size_t len;
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		err_set(&s->kernel_problem, -errno, "/proc/kallsyms: %s",
			err_describe(errno));
		return;
	}
	/* a refusal says why in kernel_problem, which is all that is needed */
	if (rootfile_read(fd, LIMIT_KALLSYMS_BYTES, &text, &len,
			  &s->kernel_problem) == 0)
		(void)kallsyms_parse(text, len, &s->kernel, &s->kernel_problem);
	free(text);
	close(fd);
}

int symbols_new(size_t max_bytes, struct symbols **ret_s, struct err *err)
{
	struct symbols *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s)
		return err_set(err, rc, "symbols: no memory");
	rc = modules_new(max_bytes, &s->modules, err);
	if (rc < 0) {
		free(s);
		return rc;
	}
	read_kernel(s);
	*ret_s = s;
	return 0;
}

void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	modules_free(s->modules);
	kallsyms_release(&s->kernel);
	namecache_clear(&s->cache);
	free(s);
}

const char *symbols_kernel_problem(const struct symbols *s)
{
	return s->kernel_problem.text;
}

size_t symbols_bytes(const struct symbols *s)
{
	return modules_bytes(s->modules);
}

struct symbol symbols_kernel(struct symbols *s, uint64_t address)
{
	const struct namecache_slot *slot = namecache_find(&s->cache, address);
	const char *raw;

	if (slot)
		return (struct symbol){ slot->name, slot->named };
	raw = kallsyms_find(&s->kernel, address);
	if (raw)
		name_of_kernel(raw, s->name);
	else
		snprintf(s->name, sizeof(s->name), "[kernel]");
	namecache_put(&s->cache, address, s->name, raw != NULL);
	return (struct symbol){ s->name, raw != NULL };
}

static bool is_libjvm(const struct region *r)
{
	const char *slash = strrchr(r->path, '/');

	return slash && strcmp(slash, "/libjvm.so") == 0;
}

/* Read the memory map; the old one stays if that fails. */
static int read_maps(struct symbols_process *sp, uint64_t now_ns,
		     struct err *err)
{
	struct maps maps = { .regions = NULL };
	uint64_t *modules = NULL;
	bool *tried = NULL;
	char *text = NULL;
	size_t len;
	int rc;

	sp->maps_at_ns = now_ns;
	rc = rootfile_read_proc(sp->pid, "maps", LIMIT_MAPS_BYTES, &text, &len,
				err);
	if (rc < 0)
		goto out;
	rc = maps_parse(text, len, &maps, err);
	if (rc < 0)
		goto out;
	modules = calloc(maps.n + 1, sizeof(*modules));
	tried = calloc(maps.n + 1, sizeof(*tried));
	if (!modules || !tried) {
		rc = err_set(err, -ENOMEM, "symbols: no memory");
		goto out;
	}
	maps_release(&sp->maps);
	free(sp->modules);
	free(sp->tried);
	sp->maps = maps;
	sp->modules = modules;
	sp->tried = tried;
	maps = (struct maps){ .regions = NULL };
	modules = NULL;
	tried = NULL;
	sp->is_jvm = false;
	for (size_t i = 0; i < sp->maps.n; i++)
		if (is_libjvm(&sp->maps.regions[i]))
			sp->is_jvm = true;
	namecache_clear(&sp->cache);
out:
	free(text);
	free(modules);
	free(tried);
	maps_release(&maps);
	return rc;
}

int symbols_process_new(struct symbols *s, pid_t pid,
			struct symbols_process **ret_sp, struct err *err)
{
	struct symbols_process *sp = calloc(1, sizeof(*sp));
	int rc;

	if (!sp)
		return err_set(err, -ENOMEM, "symbols: no memory");
	sp->shared = s;
	sp->pid = pid;
	sp->root_fd = rootfile_open_root(pid, err);
	rc = sp->root_fd < 0 ? sp->root_fd : 0;
	if (rc == 0)
		rc = procstat_read(pid, &sp->ps, err);
	if (rc == 0)
		rc = read_maps(sp, 0, err);
	if (rc < 0)
		symbols_process_free(sp);
	else
		*ret_sp = sp;
	return rc == -ESRCH ? -ENOENT : rc;
}

void symbols_process_free(struct symbols_process *sp)
{
	if (!sp)
		return;
	if (sp->root_fd >= 0)
		close(sp->root_fd);
	maps_release(&sp->maps);
	perfmap_release(&sp->perfmap);
	namecache_clear(&sp->cache);
	free(sp->modules);
	free(sp->tried);
	free(sp);
}

/*
 * Whether a perf map may be believed: a process that had the number before,
 * or another user in a shared /tmp, can have left a file of that name.
 */
static int check_perfmap(const struct symbols_process *sp,
			 const struct stat *st, struct err *err)
{
	int64_t mtime_ns = (int64_t)st->st_mtim.tv_sec * INT64_C(1000000000) +
			   st->st_mtim.tv_nsec;

	if (st->st_uid != sp->ps.uid && st->st_uid != 0)
		return err_set(err, -EPERM, "perf map of uid %u, process of %u",
			       st->st_uid, sp->ps.uid);
	if (mtime_ns + START_SLACK_NS < procstat_started_ns(&sp->ps))
		return err_set(err, -ESTALE,
			       "perf map is older than the process");
	return 0;
}

static bool is_same_file(const struct symbols_process *sp,
			 const struct stat *st)
{
	const struct file_id *id = &sp->perfmap_id;

	return sp->perfmap.n > 0 && id->ino == st->st_ino &&
	       id->size == st->st_size &&
	       id->mtime.tv_sec == st->st_mtim.tv_sec &&
	       id->mtime.tv_nsec == st->st_mtim.tv_nsec;
}

/* Read the perf map if it is another than the one we have. */
static int load_perfmap(struct symbols_process *sp, struct err *err)
{
	struct perfmap pm;
	char path[64];
	char *text = NULL;
	struct stat st;
	size_t len;
	int rc;
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", sp->ps.ns_pid);
	fd = rootfile_open(sp->root_fd, path, err);
	if (fd < 0)
		return fd;
	rc = fstat(fd, &st) < 0 ? -errno : check_perfmap(sp, &st, err);
	if (rc < 0 || is_same_file(sp, &st))
		goto out;
	rc = rootfile_read(fd, LIMIT_PERFMAP_BYTES, &text, &len, err);
	if (rc < 0)
		goto out;
	rc = perfmap_parse(text, len, &pm, err);
	if (rc < 0)
		goto out;
	perfmap_release(&sp->perfmap);
	sp->perfmap = pm;
	/* of before the read: a writer in the middle of it shows next time */
	sp->perfmap_id = (struct file_id){ .ino = st.st_ino,
					   .size = st.st_size,
					   .mtime = st.st_mtim };
	namecache_clear(&sp->cache);
out:
	close(fd);
	return rc;
}

static void refresh_perfmap(struct symbols_process *sp, uint64_t now_ns)
{
	struct err problem = { .text = "" };
	int rc;

	if (sp->perfmap_at_ns != 0 && now_ns - sp->perfmap_at_ns < REREAD_NS)
		return;
	sp->perfmap_at_ns = now_ns;
	rc = load_perfmap(sp, &problem);
	/* that there is no map is usual, and no problem to tell of */
	if (rc == -ENOENT)
		problem.text[0] = '\0';
	sp->perfmap_problem = problem;
}

/* Open the file a region maps: by its path if that is still the file. */
static int open_region(struct symbols_process *sp, const struct region *r)
{
	struct stat st;
	int fd = r->deleted ? -ENOENT
			    : rootfile_open(sp->root_fd, r->path, NULL);

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == r->inode)
		return fd;
	if (fd >= 0)
		close(fd);
	return rootfile_open_mapped(sp->pid, r->start, r->end, NULL);
}

static const struct elf_table *table_of(struct symbols_process *sp,
					const struct region *r)
{
	size_t i = (size_t)(r - sp->maps.regions);
	struct modules *m = sp->shared->modules;
	const struct elf_table *t = modules_get(m, sp->modules[i]);
	int fd;

	/* tried and had none; one that had and was evicted is read again */
	if (t || (sp->tried[i] && sp->modules[i] == 0))
		return t;
	sp->tried[i] = true;
	fd = open_region(sp, r);
	if (fd < 0)
		return NULL;
	sp->modules[i] = modules_load(m, fd, sp->root_fd, r->path);
	return modules_get(m, sp->modules[i]);
}

static bool name_file(struct symbols_process *sp, const struct region *r,
		      uint64_t address)
{
	const struct elf_table *t = table_of(sp, r);
	char raw[SYMBOL_BYTES];

	if (t && elf_table_find(t, address - r->start + r->offset, raw,
				sizeof(raw)) == 0) {
		name_of_symbol(raw, sp->name);
		return true;
	}
	name_of_module(r->path, sp->name);
	return false;
}

static bool name_jit(struct symbols_process *sp, uint64_t address,
		     uint64_t now_ns)
{
	const char *raw = perfmap_find(&sp->perfmap, address);

	if (!raw) {
		refresh_perfmap(sp, now_ns);
		raw = perfmap_find(&sp->perfmap, address);
	}
	if (raw) {
		name_of_jit(raw, sp->name);
		return true;
	}
	sp->n_jit++;
	snprintf(sp->name, sizeof(sp->name), "[jit]");
	return false;
}

struct symbol symbols_user(struct symbols_process *sp, uint64_t address,
			   uint64_t now_ns)
{
	const struct namecache_slot *slot;
	const struct region *r;
	bool named = false;

	if (now_ns - sp->maps_at_ns > MAPS_AGE_NS)
		/* the old one serves where a new one cannot be had */
		(void)read_maps(sp, now_ns, NULL);
	slot = namecache_find(&sp->cache, address);
	if (slot)
		return (struct symbol){ slot->name, slot->named };
	r = maps_find(&sp->maps, address);
	if (!r && now_ns - sp->maps_at_ns > REREAD_NS) {
		(void)read_maps(sp, now_ns, NULL);
		r = maps_find(&sp->maps, address);
	}
	if (!r) {
		snprintf(sp->name, sizeof(sp->name), "[unknown]");
		return (struct symbol){ sp->name, false };
	}
	switch (r->kind) {
	case REGION_FILE:
		named = name_file(sp, r, address);
		break;
	case REGION_VDSO:
		snprintf(sp->name, sizeof(sp->name), "[vdso]");
		named = true;
		break;
	case REGION_ANON:
		named = name_jit(sp, address, now_ns);
		break;
	}
	/* what has no name yet may get one with the next perf map */
	if (named || r->kind != REGION_ANON)
		namecache_put(&sp->cache, address, sp->name, named);
	return (struct symbol){ sp->name, named };
}

void symbols_process_stale(struct symbols_process *sp)
{
	sp->perfmap_at_ns = 0;
}

bool symbols_process_is_jvm(const struct symbols_process *sp)
{
	return sp->is_jvm;
}

uint64_t symbols_process_n_jit(const struct symbols_process *sp)
{
	return sp->n_jit;
}

size_t symbols_process_n_perfmap(const struct symbols_process *sp)
{
	return sp->perfmap.n;
}

const char *symbols_process_problem(const struct symbols_process *sp)
{
	return sp->perfmap_problem.text;
}
