/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen - the socket that the gate listens on.
 *
 * A gate without tokens answers everybody everything, so it listens on the
 * machine's loopback only.
 */
#ifndef GATE_LISTEN_H
#define GATE_LISTEN_H

#include <stdbool.h>

struct err;

enum { LISTEN_ADDRESS_BYTES = 80 };

/*
 * Open a listening socket.
 *
 *   listen_at  "127.0.0.1:8437", "[::1]:0"; a numeric address or localhost;
 *              port 0 is any free one
 *   open_gate  there are no tokens
 *   ret_fd     receives the socket, the caller closes it
 *
 * Returns 0; -EINVAL for what is no address; -EPERM for one beyond loopback
 * where the gate is open; or what socket() and bind() say.
 */
int listen_open(const char *listen_at, bool open_gate, int *ret_fd,
		struct err *err);

/*
 * Where a socket listens, with the port that the kernel chose.
 *
 *   ret_address  LISTEN_ADDRESS_BYTES of room
 */
int listen_address(int fd, char *ret_address, struct err *err);

#endif /* GATE_LISTEN_H */
