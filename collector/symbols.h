/* SPDX-License-Identifier: Apache-2.0 */
/*
 * symbols - what the frames of a sample are called.
 *
 * Names come out normalised (collector/names).  A frame has one of
 *
 *   a function's name    from the target's ELF files, its perf map, or the
 *                        kernel
 *   [vdso]               the kernel's page of user code
 *   [irq]                an interrupt, which is not the target's work
 *   [libfoo.so]          code of that file which no symbol covers
 *   [jit]                memory without a file, and no perf map says what
 *   [kernel]             the kernel, when it hides its addresses
 *   [unknown]            no memory that the target has now
 *
 * of which the last four are counted as frames without a name.
 *
 * Tables of ELF files are shared by all processes, found by (device, inode,
 * time, size), merged by build-id, and the least recently used go when they
 * outgrow their bytes.  A process's memory map and perf map are read again
 * when an address is not in them, once a second at most, and the map every
 * half minute in any case.  Code that a runtime compiles moves: resolve a
 * sample within a second of taking it.
 *
 * One thread.
 */
#ifndef COLLECTOR_SYMBOLS_H
#define COLLECTOR_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct symbols;
struct symbols_process;

struct symbol {
	const char *name; /* valid until the next call with the same object */
	bool named; /* false for [libfoo.so], [jit], [kernel], [unknown] */
};

/*
 * Make the tables that all processes share, and read the kernel's names.
 *
 *   max_bytes  what the tables of ELF files may use together
 *
 * A kernel that hides its addresses is no error: see
 * symbols_kernel_problem().  Returns 0 and the caller owns *ret_s:
 * symbols_free(); or -ENOMEM.
 */
int symbols_new(size_t max_bytes, struct symbols **ret_s, struct err *err);

/* Release s, after every process that was made with it.  NULL is fine. */
void symbols_free(struct symbols *s);

/* Why kernel frames have no names, in words, or "". */
const char *symbols_kernel_problem(const struct symbols *s);

/* What the tables of ELF files use now, in bytes. */
size_t symbols_bytes(const struct symbols *s);

/*
 * Name a kernel address; "" is a frame to leave out (name_of_kernel()).  A
 * return address is given less one.
 */
struct symbol symbols_kernel(struct symbols *s, uint64_t address);

/*
 * Begin to name addresses of pid, as the collector's pid namespace numbers
 * it.  s is kept until symbols_process_free().
 *
 * Returns 0 and the caller owns *ret_sp; -ENOENT if there is no such
 * process; -EACCES without CAP_SYS_PTRACE; or -ENOMEM.
 */
int symbols_process_new(struct symbols *s, pid_t pid,
			struct symbols_process **ret_sp, struct err *err);

/* Release sp.  symbols_process_free(NULL) does nothing. */
void symbols_process_free(struct symbols_process *sp);

/*
 * Name a user address.  A return address is given less one: what follows a
 * call may be another function.
 *
 *   now_ns  CLOCK_MONOTONIC, as in the sample
 */
struct symbol symbols_user(struct symbols_process *sp, uint64_t address,
			   uint64_t now_ns);

/* Read the perf map again at the next address that is not in it. */
void symbols_process_stale(struct symbols_process *sp);

/* True if the process has a HotSpot JVM mapped. */
bool symbols_process_is_jvm(const struct symbols_process *sp);

/* How often [jit] was the answer, since the start. */
uint64_t symbols_process_n_jit(const struct symbols_process *sp);

/* Entries of the perf map as last read; 0 if there is none. */
size_t symbols_process_n_perfmap(const struct symbols_process *sp);

/* Why the perf map could not be used, in words, or "". */
const char *symbols_process_problem(const struct symbols_process *sp);

#endif /* COLLECTOR_SYMBOLS_H */
