/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc - what procfs says about a process, as far as targets need it.
 *
 * Every function takes the directory to read, "/proc" in earnest and a tree
 * of files and links in a test.  A process that goes away in the meantime is
 * -ENOENT or -ESRCH, which callers take for "not there".
 *
 * Regions, symbols and files of a target are read elsewhere (maps, elf,
 * rootfile).
 */
#ifndef COLLECTOR_PROC_H
#define COLLECTOR_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROC_NAME_BYTES = 16,	/* the kernel's TASK_COMM_LEN */
	PROC_PATH_BYTES = 4096, /* of an executable or a cgroup */
};

struct proc_stat {
	char name[PROC_NAME_BYTES];
	int parent;
	uint64_t start_ticks; /* since boot: tells a reused pid apart */
};

/* One TCP socket that waits for connections. */
struct proc_listener {
	uint64_t inode;
	uint16_t port;
};

/* Read the text of /proc/PID/stat.  Returns 0 or -EBADMSG. */
int proc_stat_parse(const char *text, size_t len, struct proc_stat *ret_stat);

/*
 * Read one line of /proc/PID/net/tcp or tcp6, untrusted, ended by a NUL.
 * Returns 1 and the socket if it listens, 0 if it is in another state or the
 * line is the heading, -EBADMSG for anything else.
 */
int proc_listener_parse(const char *line, struct proc_listener *ret_listener);

/*
 * The processes there are, ascending.
 *
 *   max     room in pids; LIMIT_PROCESSES
 *   ret_n   how many were written
 *
 * Returns 0; -E2BIG if there are more than max; or another negative errno.
 */
int proc_pids(const char *root, int *pids, size_t max, size_t *ret_n);

/* Name, parent and start of pid.  Returns 0 or a negative errno. */
int proc_stat_read(const char *root, int pid, struct proc_stat *ret_stat);

/*
 * The path of pid's executable as it sees it, without the " (deleted)" of
 * one that was replaced.  Returns 0 or a negative errno; a kernel thread has
 * none: -ENOENT.
 */
int proc_exe(const char *root, int pid, char path[PROC_PATH_BYTES]);

/*
 * The number of one of pid's namespaces.
 *
 *   which  "net" or "pid"
 *
 * Returns 0, -EBADMSG, or another negative errno.
 */
int proc_namespace(const char *root, int pid, const char *which,
		   uint32_t *ret_number);

/*
 * The cgroup of pid: of the unified hierarchy, or where that is only "/",
 * of the first other hierarchy that says more.
 * Returns 0, -EBADMSG, or another negative errno.
 */
int proc_cgroup(const char *root, int pid, char path[PROC_PATH_BYTES]);

/*
 * The value of a variable with which pid was started.
 *
 *   value, size  receives it; one that does not fit is -EMSGSIZE
 *
 * Returns 0; -ENODATA if it is not among the first LIMIT_ENVIRON_BYTES; or
 * another negative errno.
 */
int proc_variable(const char *root, int pid, const char *key, char *value,
		  size_t size);

/*
 * The sockets that listen in the network namespace of pid.
 *
 *   max  room in listeners; those beyond are left out
 *
 * Returns 0 or a negative errno.
 */
int proc_listeners(const char *root, int pid, struct proc_listener *listeners,
		   size_t max, size_t *ret_n);

/*
 * Which of them pid holds a descriptor of: sets held[i] for each, and leaves
 * the others.  Returns 0 or a negative errno.
 */
int proc_holds(const char *root, int pid, const struct proc_listener *listeners,
	       size_t n, bool *held);

#endif /* COLLECTOR_PROC_H */
