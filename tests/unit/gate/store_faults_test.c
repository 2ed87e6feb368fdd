/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: what is answered when the disk or the memory fails, at every place
 * where it can.
 *
 * SQLite's own seams are used: a file system layer whose writes and syncs can
 * be made to fail, and an allocator that can.  For each place in turn a small
 * life of a store is lived: what was answered with 0 must be there afterwards,
 * what was answered otherwise can be done again, and the file is sound.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/batch.h"
#include "common/err.h"
#include "gate/store.h"
#include "stats/rng.h"
#include "tests/test.h"

enum { T0 = 1000000000 /* ms */ };

/* --- what fails --- */

enum fault { FAULT_NONE, FAULT_WRITE, FAULT_SYNC, FAULT_MEMORY, FAULT_N };

static struct {
	_Atomic int kind;   /* an enum fault */
	atomic_int in;	    /* calls until it happens */
	atomic_int n_times; /* how often it does then */
	atomic_int n_happened;
} fault;

static bool happens(enum fault kind)
{
	if (atomic_load(&fault.kind) != (int)kind)
		return false;
	if (atomic_fetch_sub(&fault.in, 1) > 0)
		return false;
	if (atomic_fetch_sub(&fault.n_times, 1) <= 0)
		return false;
	atomic_fetch_add(&fault.n_happened, 1);
	return true;
}

static void fault_set(enum fault kind, int in, int n_times)
{
	atomic_store(&fault.kind, FAULT_NONE);
	atomic_store(&fault.in, in);
	atomic_store(&fault.n_times, n_times);
	atomic_store(&fault.n_happened, 0);
	atomic_store(&fault.kind, (int)kind);
}

static struct sqlite3_io_methods methods[2];
static int (*real_write)(sqlite3_file *, const void *, int, sqlite3_int64);
static int (*real_sync)(sqlite3_file *, int);
static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;
static struct sqlite3_mem_methods real_memory;
static struct sqlite3_mem_methods memory;

static int file_write(sqlite3_file *f, const void *bytes, int n,
		      sqlite3_int64 at)
{
	if (happens(FAULT_WRITE))
		return SQLITE_FULL;
	return real_write(f, bytes, n, at);
}

static int file_sync(sqlite3_file *f, int flags)
{
	if (happens(FAULT_SYNC))
		return SQLITE_IOERR_FSYNC;
	return real_sync(f, flags);
}

/*
 * Writing and syncing are the same for all files of the real layer, closing
 * is not: the database and its journals each keep a table of their own.
 */
static int file_open(sqlite3_vfs *v, const char *name, sqlite3_file *f,
		     int flags, int *out_flags)
{
	int code = real_vfs->xOpen(v, name, f, flags, out_flags);
	struct sqlite3_io_methods *mine = &methods[0];

	if (code != SQLITE_OK)
		return code;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		mine = &methods[1];
	if (!mine->xWrite) {
		*mine = *f->pMethods;
		real_write = mine->xWrite;
		real_sync = mine->xSync;
		mine->xWrite = file_write;
		mine->xSync = file_sync;
	}
	f->pMethods = mine;
	return code;
}

static void *memory_take(int n)
{
	return happens(FAULT_MEMORY) ? NULL : real_memory.xMalloc(n);
}

static void *memory_resize(void *p, int n)
{
	return happens(FAULT_MEMORY) ? NULL : real_memory.xRealloc(p, n);
}

/* Once, before SQLite is used for the first time. */
static int install(void)
{
	static bool done;

	if (done)
		return SQLITE_OK;
	done = true;
	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
	memory = real_memory;
	memory.xMalloc = memory_take;
	memory.xRealloc = memory_resize;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
	if (sqlite3_initialize() != SQLITE_OK)
		return SQLITE_ERROR;
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "faults";
	vfs.xOpen = file_open;
	return sqlite3_vfs_register(&vfs, 1);
}

/* --- a life --- */

enum { N_BATCHES = 4 };

struct life {
	char dir[64];
	char path[80];
	int open;
	int policy;
	int batch[N_BATCHES];
	int begin;
	int judged;
	int stop;
	struct store_rollout rollout;
};

static int put(struct store *st, uint64_t seq, bool *ret_new, struct err *err)
{
	static const char body[20000] = "a body that outgrows a page";
	struct batch b = { .service = "orders",
			   .revision = "v1",
			   .instance = "a",
			   .stream_id = 1,
			   .seq = seq,
			   .from_ms = T0 + (int64_t)seq * 1000,
			   .to_ms = T0 + (int64_t)seq * 1000 + 1000 };

	return store_put_batch(st, &b, body, sizeof(body), T0, ret_new, err);
}

static bool documented(int rc)
{
	return rc == 0 || rc == -ENOSPC || rc == -EIO || rc == -ENOMEM ||
	       rc == -EBUSY;
}

/* Do everything once; keep what each was answered.  False: undocumented. */
static bool live(struct life *l, struct store *st)
{
	static const struct store_judged judged = {
		.from_ms = T0, .to_ms = T0 + 1000, .step = 1, .document = "{}"
	};
	struct err err = { .text = "" };
	uint32_t version = 0;
	bool fine = true;

	l->rollout = (struct store_rollout){ .service = "orders",
					     .baseline = "v1",
					     .canary = "v2",
					     .attempt = 1,
					     .policy = "default",
					     .policy_version = 1,
					     .begun_ms = T0,
					     .step = 1 };
	l->policy = store_put_policy(st, "default", "{}", T0, &version, &err);
	fine = documented(l->policy);
	for (uint64_t i = 0; i < N_BATCHES; i++) {
		l->batch[i] = put(st, i, NULL, &err);
		fine &= documented(l->batch[i]);
	}
	l->begin = l->judged = l->stop = -ENOENT;
	if (l->policy == 0)
		l->begin = store_begin_rollout(st, &l->rollout, &l->rollout,
					       NULL, &err);
	if (l->begin == 0) {
		l->judged = store_put_judged(st, l->rollout.rollout_id, &judged,
					     &err);
		l->stop = store_stop_rollout(st, l->rollout.rollout_id, T0,
					     "stopped", &err);
		fine &= documented(l->judged) && documented(l->stop);
	}
	return fine && (l->begin == -ENOENT || documented(l->begin));
}

/* Is what was answered with 0 there, and can the rest be done now? */
static bool lived(struct life *l)
{
	struct store *st = NULL;
	struct store_rollout r;
	char *document = NULL;
	uint32_t method = 0;
	bool fine = store_open(l->path, &st, NULL) == 0;

	for (uint64_t i = 0; i < N_BATCHES && fine; i++) {
		bool is_new = true;

		fine = put(st, i, &is_new, NULL) == 0;
		if (l->open == 0 && l->batch[i] == 0)
			fine &= !is_new;
	}
	if (fine && l->open == 0 && l->begin == 0) {
		fine = store_get_rollout(st, l->rollout.rollout_id, &r, NULL) ==
		       0;
		if (l->judged == 0)
			fine &= store_last_document(st, l->rollout.rollout_id,
						    &document, &method,
						    NULL) == 0;
		if (l->stop == 0)
			fine &= r.stopped;
	}
	free(document);
	store_close(st);
	return fine;
}

static int is_ok(void *ctx, int n, char **values, char **names)
{
	(void)names;
	*(bool *)ctx = n == 1 && values[0] && strcmp(values[0], "ok") == 0;
	return 0;
}

static bool sound(const char *path)
{
	sqlite3 *db = NULL;
	bool ok = false;

	if (sqlite3_open(path, &db) == SQLITE_OK)
		sqlite3_exec(db, "PRAGMA integrity_check", is_ok, &ok, NULL);
	sqlite3_close(db);
	return ok;
}

static void forget(const struct life *l)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
	char path[96];

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", l->path, ends[i]);
		(void)unlink(path);
	}
	(void)rmdir(l->dir);
}

/*
 * One life with a fault after so many calls.  Returns 1 if the fault came, 0
 * if the life was over before, -1 if a promise was broken.
 */
static int live_with(enum fault kind, int in, int n_times)
{
	struct life l = { .open = 0 };
	struct store *st = NULL;
	struct err err = { .text = "" };
	bool fine;
	int happened;

	(void)snprintf(l.dir, sizeof(l.dir), "/dev/shm/store_faults.XXXXXX");
	if (!mkdtemp(l.dir))
		return -1;
	(void)snprintf(l.path, sizeof(l.path), "%s/store.db", l.dir);
	fault_set(kind, in, n_times);
	l.open = store_open(l.path, &st, &err);
	fine = documented(l.open) && (l.open == 0) == (st != NULL) &&
	       (l.open == 0 || err.text[0] != '\0');
	if (l.open == 0)
		fine &= live(&l, st);
	store_close(st);
	happened = atomic_load(&fault.n_happened);
	fault_set(FAULT_NONE, 0, 0);
	fine &= lived(&l) && sound(l.path);
	forget(&l);
	return fine ? happened > 0 : -1;
}

static void every_failing_write_is_answered(void)
{
	CHECK_EQ(install(), SQLITE_OK);
	for (int n_times = 1; n_times < 2000; n_times += 1998) {
		int rc = 1;

		for (int in = 0; rc == 1; in++) {
			rc = live_with(FAULT_WRITE, in, n_times);
			if (rc < 0)
				test_fail(__FILE__, __LINE__,
					  "write %d failing %d times", in,
					  n_times);
		}
	}
}

static void every_failing_sync_is_answered(void)
{
	int rc = 1;

	CHECK_EQ(install(), SQLITE_OK);
	for (int in = 0; rc == 1; in++) {
		rc = live_with(FAULT_SYNC, in, 1);
		if (rc < 0)
			test_fail(__FILE__, __LINE__, "sync %d failing", in);
	}
}

/* There are thousands of allocations: early ones all, later ones at random. */
static void failing_allocations_are_answered(void)
{
	struct rng rng = { .state = test_seed() };
	int rc = 1;

	CHECK_EQ(install(), SQLITE_OK);
	for (int in = 0; rc == 1; in += 1 + in / 30) {
		int n_times = rng_next(&rng) % 2 ? 1 : 3;
		int at = in + (int)(rng_next(&rng) % (1 + (uint64_t)in / 30));

		rc = live_with(FAULT_MEMORY, at, n_times);
		if (rc < 0)
			test_fail(__FILE__, __LINE__,
				  "allocation %d failing %d times", at,
				  n_times);
	}
}

const struct test_case test_cases[] = {
	{ "store: every failing write is answered",
	  every_failing_write_is_answered },
	{ "store: every failing sync is answered",
	  every_failing_sync_is_answered },
	{ "store: failing allocations are answered",
	  failing_allocations_are_answered },
	{ NULL, NULL },
};
