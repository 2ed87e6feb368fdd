/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf - the function symbols of one ELF file.
 *
 * The names of a large program outweigh everything else we hold, and few of
 * them are ever asked for.  So a table holds an address, a size and where the
 * name lies for each function (16 bytes), keeps the file open, and reads a
 * name when it is wanted.
 *
 * Where the symbols come from, the first that there is:
 *
 *   .symtab of the file
 *   .gnu_debugdata in it (xz; what Fedora ships), with .dynsym
 *   /usr/lib/debug/.build-id/NN/NNNN.debug
 *   the file that .gnu_debuglink names, if its checksum holds
 *   .dynsym
 *
 * The files are a target's and may hold anything: sections larger than their
 * limit are left out, and whatever they say, only their own bytes are read.
 */
#ifndef COLLECTOR_ELF_H
#define COLLECTOR_ELF_H

#include <stddef.h>
#include <stdint.h>

struct elf_table;
struct err;

/*
 * Opens a debug file by its absolute path.  Returns a descriptor that is then
 * the table's, or a negative errno.
 */
typedef int elf_open_fn(void *arg, const char *path);

/*
 * Read the symbols of an ELF file.
 *
 *   fd    the file; taken over in every case
 *   path  its absolute path, for .gnu_debuglink; may be ""
 *   open  how to open debug files, with arg; NULL for none
 *
 * Returns 0 and the caller owns *ret_t: elf_table_free(); a table without
 * any symbol is still one.  -EBADMSG if fd is no ELF program or library, or
 * -ENOMEM.
 */
int elf_table_new(int fd, const char *path, elf_open_fn *open, void *arg,
		  struct elf_table **ret_t, struct err *err);

/* Release t.  elf_table_free(NULL) does nothing. */
void elf_table_free(struct elf_table *t);

/* What t costs in memory. */
size_t elf_table_bytes(const struct elf_table *t);

/* How many functions t knows. */
size_t elf_table_n(const struct elf_table *t);

/* The file's build-id, *ret_len bytes, or NULL if it has none. */
const uint8_t *elf_table_build_id(const struct elf_table *t, size_t *ret_len);

/*
 * Find the function that holds a byte of the file.
 *
 *   offset    from the start of the file, as /proc/PID/maps counts
 *   ret_name  receives the symbol, cut to room bytes with its NUL
 *
 * Of several symbols for one address it takes the one with the fewest
 * leading underscores, then the shortest, then the first in the alphabet.
 * Returns 0, or -ENOENT if no function is known there.
 */
int elf_table_find(const struct elf_table *t, uint64_t offset, char *ret_name,
		   size_t room);

#endif /* COLLECTOR_ELF_H */
