/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hotspot - have a JVM write its perf map, where the operator asked for it
 * (--jvm-attach).
 *
 * Does what `jcmd PID Compiler.perfmap` does, over HotSpot's attach socket:
 * JDK 17 and later then write /tmp/perf-PID.map below their own root.  It is
 * the one thing the collector does to a target, so it is careful:
 *
 *   - only a HotSpot JVM that did not turn attaching off is asked;
 *   - where there is no socket yet, SIGQUIT is the knock on the door, and is
 *     sent only if the process has a handler for it: without one (-Xrs) it
 *     would end the process;
 *   - a knock that was not answered is not repeated: that JVM prints its
 *     threads instead, as one with -XX:+DisableAttachMechanism does;
 *   - paths are resolved below the target's root, and the socket has to
 *     belong to the target's user;
 *   - only while code without a name is being sampled, at most once a minute,
 *     or once in 5 s while there is much of it, as in a JVM that warms up.
 *
 * It takes up to some seconds, so a child process does it, with the target's
 * user and group, and ends with the collector.  The caller's event loop calls
 * hotspot_step() on its timer; nothing here waits.  Not to be used where
 * SIGCHLD is ignored.
 *
 * One thread.
 */
#ifndef COLLECTOR_HOTSPOT_H
#define COLLECTOR_HOTSPOT_H

#include <stdint.h>
#include <sys/types.h>

struct err;
struct hotspot;

enum hotspot_step {
	HOTSPOT_IDLE,	 /* nothing goes on */
	HOTSPOT_RUNNING, /* the JVM is being asked */
	HOTSPOT_DONE,	 /* there is a new map: symbols_process_stale() */
};

/*
 * Returns 0 and the caller owns *ret_h: hotspot_free(); or -ENOMEM.  pid need
 * not be a JVM: that is found out when it matters.
 */
int hotspot_new(pid_t pid, struct hotspot **ret_h, struct err *err);

/* Stop what goes on and release h.  hotspot_free(NULL) does nothing. */
void hotspot_free(struct hotspot *h);

/*
 * Go on, or begin if a map is wanted and it is time.
 *
 *   now_ns  CLOCK_MONOTONIC
 *   n_jit   frames of compiled code without a name so far, which only grows:
 *           symbols_process_n_jit().  A map is wanted if it has grown
 *
 * Returns an enum hotspot_step, or what went wrong, once for each attempt:
 *   -ENOENT      no such process
 *   -EOPNOTSUPP  not HotSpot, or it does not let itself be attached to, or
 *                its version has no Compiler.perfmap; final
 *   -EPERM       it has no socket, and SIGQUIT would end it
 *   -ETIMEDOUT   it did not answer; final if it was a knock
 *   -EACCES      the user could not be changed, or the socket is another's
 * or another negative errno.  Unless final it is tried again later.
 */
int hotspot_step(struct hotspot *h, uint64_t now_ns, uint64_t n_jit,
		 struct err *err);

#endif /* COLLECTOR_HOTSPOT_H */
