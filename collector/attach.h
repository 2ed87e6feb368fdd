/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach - one conversation over HotSpot's attach socket.
 *
 * The protocol (jdk.internal.attach; HotSpot's attachListener_linux.cpp): a
 * JVM listens on <tmp>/.java_pidN, N its pid in its own namespace.  It opens
 * the socket when SIGQUIT comes while there is a file <tmp>/.attach_pidN of
 * its user.  A request is five texts, each with its NUL: the version "1", a
 * command and three arguments; the answer a line with 0 or an error's number,
 * then text, then the end.
 *
 * Runs in a child of the collector, so it allocates nothing and waits as it
 * likes; collector/hotspot is the collector's side of it.
 */
#ifndef COLLECTOR_ATTACH_H
#define COLLECTOR_ATTACH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct attach {
	int root_fd; /* the target's root directory */
	int pid_fd;
	pid_t pid;
	pid_t ns_pid;
	uid_t uid; /* effective, of the target */
	gid_t gid;
	bool catches_quit; /* SIGQUIT has a handler */
};

/* How it went, as written to the pipe. */
struct attach_result {
	int rc;	      /* 0, or as hotspot_step() */
	bool knocked; /* SIGQUIT was sent */
	char text[200];
};

/* Close the descriptors of a. */
void attach_release(struct attach *a);

/* Attach, ask for the perf map, write a struct attach_result, and exit. */
void attach_run(const struct attach *a, int result_fd)
	__attribute__((noreturn));

#endif /* COLLECTOR_ATTACH_H */
