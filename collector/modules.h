/* SPDX-License-Identifier: Apache-2.0 */
/*
 * modules - the symbol tables of ELF files that processes have mapped, kept
 * within a number of bytes: the least recently used goes first.
 *
 * A file is known again by (device, inode, time of change, size), and two
 * files with one build-id share a table.
 */
#ifndef COLLECTOR_MODULES_H
#define COLLECTOR_MODULES_H

#include <stddef.h>
#include <stdint.h>

struct elf_table;
struct err;
struct modules;

/* Returns 0 and the caller owns *ret_m: modules_free(); or -ENOMEM. */
int modules_new(size_t max_bytes, struct modules **ret_m, struct err *err);

/* Release m.  modules_free(NULL) does nothing. */
void modules_free(struct modules *m);

/*
 * The number of the table for the file fd, read if it is not there.
 *
 *   fd       the file; taken over in every case
 *   root_fd  where its debug files are looked for first: the root of the
 *            target; then the root of the collector
 *   path     the file's path below that root
 *
 * Returns a number above 0 that modules_get() takes, or 0 if the file holds
 * no symbols or cannot be read.
 */
uint64_t modules_load(struct modules *m, int fd, int root_fd, const char *path);

/* The table of that number, or NULL if it has gone since. */
const struct elf_table *modules_get(struct modules *m, uint64_t number);

/* What the tables use, in bytes. */
size_t modules_bytes(const struct modules *m);

#endif /* COLLECTOR_MODULES_H */
