/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfile - open files of a target without leaving its root.
 *
 * A target may hold anything below its root: links that point outside, pipes
 * that block whoever opens them, devices that act on being opened.  Every
 * path is resolved by the kernel inside the target's root (openat2, with
 * RESOLVE_IN_ROOT and without magic links), the file is looked at before it
 * is opened for reading, and only a regular file of a real file system is.
 */
#ifndef COLLECTOR_ROOTFILE_H
#define COLLECTOR_ROOTFILE_H

#include <stddef.h>
#include <sys/types.h>

struct err;

/*
 * Open the root directory of pid as the target sees it.
 * Returns a descriptor, which the caller closes, or a negative errno: -ENOENT
 * or -ESRCH if the process is gone, -EACCES without CAP_SYS_PTRACE.
 */
int rootfile_open_root(pid_t pid, struct err *err);

/*
 * Open path, taken below root_fd, for reading.
 *
 * Returns a descriptor, which the caller closes, or
 *   -ENOENT  no such file
 *   -EINVAL  not a regular file, or one of procfs, sysfs and their like
 *   -ELOOP   the path goes through a magic link
 * or another negative errno.
 */
int rootfile_open(int root_fd, const char *path, struct err *err);

/*
 * Open the file that pid has mapped at start..end, wherever it lies and even
 * if its name is gone.  Needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN.
 * Returns as rootfile_open() does.
 */
int rootfile_open_mapped(pid_t pid, unsigned long start, unsigned long end,
			 struct err *err);

/*
 * Read fd from where it stands to its end.
 *
 *   max_bytes  the most that is taken; a longer file is -EMSGSIZE
 *   ret_bytes  receives the bytes, with a NUL after the last that is not
 *              counted; the caller free()s them
 *
 * Returns 0, -EMSGSIZE, -ENOMEM or another negative errno.
 */
int rootfile_read(int fd, size_t max_bytes, char **ret_bytes, size_t *ret_len,
		  struct err *err);

/*
 * Read a file of procfs about pid: name is below /proc/PID, "maps".
 * Returns as rootfile_read() does, or -ENOENT if the process is gone.
 */
int rootfile_read_proc(pid_t pid, const char *name, size_t max_bytes,
		       char **ret_bytes, size_t *ret_len, struct err *err);

#endif /* COLLECTOR_ROOTFILE_H */
