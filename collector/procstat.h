/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procstat - what /proc/PID/status and /proc/PID/stat say about a process
 * that its profile needs.
 */
#ifndef COLLECTOR_PROCSTAT_H
#define COLLECTOR_PROCSTAT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

struct procstat {
	pid_t ns_pid;	 /* its number in its own pid namespace */
	uid_t uid;	 /* effective */
	gid_t gid;	 /* effective */
	uint64_t caught; /* signals with a handler: bit n - 1 is signal n */
	uint64_t start_ticks; /* since boot; tells a reused pid */
};

/*
 * Read the two texts.  Returns 0, or -EBADMSG if a field is missing.
 */
int procstat_parse(const char *status, size_t status_len, const char *stat,
		   size_t stat_len, struct procstat *ret_ps, struct err *err);

/* Read them of pid.  Returns 0, -ENOENT if it is gone, or -EBADMSG. */
int procstat_read(pid_t pid, struct procstat *ret_ps, struct err *err);

/* When the process started, in ns of CLOCK_REALTIME, good to 10 ms. */
int64_t procstat_started_ns(const struct procstat *ps);

#endif /* COLLECTOR_PROCSTAT_H */
