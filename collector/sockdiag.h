/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sockdiag - the listening sockets of our own network namespace, by netlink.
 *
 * In /proc/net/tcp they come first, but finding out that there are no more
 * takes the kernel through its whole table of connections: 1.5 ms for 64 Ki
 * places, each second, for each of IPv4 and IPv6.  The kernel's socket
 * diagnosis looks at those that listen alone.  It knows the namespace of who
 * asks and no other.
 */
#ifndef COLLECTOR_SOCKDIAG_H
#define COLLECTOR_SOCKDIAG_H

#include <stddef.h>

#include "collector/proc.h"

/*
 * List them.
 *
 *   max  room in listeners; those beyond are left out
 *
 * Returns 0, or a negative errno where the kernel does not offer this.
 */
int sockdiag_listeners(struct proc_listener *listeners, size_t max,
		       size_t *ret_n);

#endif /* COLLECTOR_SOCKDIAG_H */
