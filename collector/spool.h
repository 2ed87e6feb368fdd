/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool - sealed batches on disk until the gate has them.
 *
 * A directory of files, one for each batch, numbered in the order in which
 * they were sealed; the numbers go on after a restart.  Each holds a heading
 * (magic, lengths, checksum), the instance's name and the batch's bytes, which
 * never change: what is sent again is what was sent before.
 *
 * A file is written under another name, synced, renamed, and the directory
 * synced, so that after a crash a batch is there whole or not at all.  A file
 * that is damaged nevertheless is renamed to NAME.corrupt, counted, and
 * never sent.
 *
 * The files together never take more than max_bytes: the oldest go first, and
 * are counted.
 *
 * One process has a spool at a time: its file "lock" is locked.  One thread.
 */
#ifndef COLLECTOR_SPOOL_H
#define COLLECTOR_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

struct err;
struct spool;

/* One batch read back. */
struct spool_batch {
	uint64_t number;
	char instance[LIMIT_IDENTITY_BYTES + 1];
	void *bytes; /* the caller free()s them */
	size_t len;
};

/* Since spool_open(), and what is there now. */
struct spool_counts {
	uint64_t n_batches; /* now */
	uint64_t n_bytes;   /* now */
	uint64_t n_found;   /* left by an earlier run, when it was opened */
	uint64_t n_dropped; /* because the spool was full */
	uint64_t n_corrupt; /* set aside */
};

/*
 * Open a spool, making its directory and those above it if need be.
 *
 *   dir        of this spool alone
 *   max_bytes  what its files may take; at least one batch always may
 *
 * Returns 0, and the caller owns *ret_s: spool_close(); -EBUSY if another
 * process has it; or a negative errno with the path in err.
 */
int spool_open(const char *dir, uint64_t max_bytes, struct spool **ret_s,
	       struct err *err);

/* Unlock and release; the files stay.  NULL does nothing. */
void spool_close(struct spool *s);

/*
 * Append a batch; once this returns 0 it outlives the machine.
 *
 *   instance     whose it is
 *   ret_dropped  receives how many old ones had to go for it
 *
 * Returns 0; -EMSGSIZE for more than LIMIT_BATCH_BYTES; -ENOSPC or another
 * negative errno if it could not be written, and it is not there.
 */
int spool_put(struct spool *s, const char *instance, const void *bytes,
	      size_t len, uint64_t *ret_dropped, struct err *err);

/*
 * Read the oldest batch.  Corrupt ones before it are set aside.
 *
 * Returns 0; -ENODATA if the spool is empty; or a negative errno.
 */
int spool_first(struct spool *s, struct spool_batch *ret_batch,
		struct err *err);

/* Remove a batch that was read.  One that is gone already is no error. */
int spool_remove(struct spool *s, uint64_t number, struct err *err);

struct spool_counts spool_counts(const struct spool *s);

#endif /* COLLECTOR_SPOOL_H */
