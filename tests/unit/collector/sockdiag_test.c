/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/sockdiag.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/limits.h"
#include "tests/test.h"

static int listen_on(int family, uint16_t *ret_port)
{
	struct sockaddr_in6 addr = { .sin6_family = (sa_family_t)family };
	socklen_t len =
		family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(addr);
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, len) < 0 ||
	    listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return -1;
	*ret_port = ntohs(addr.sin6_port); /* where IPv4 has it as well */
	return fd;
}

/* How often that socket is listed, with that port. */
static size_t count(const struct proc_listener *at, size_t n, int fd,
		    uint16_t port)
{
	struct stat st = { .st_ino = 0 };
	size_t found = 0;

	if (fstat(fd, &st) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		found += at[i].inode == st.st_ino && at[i].port == port;
	return found;
}

static void listening_sockets_are_listed_once(void)
{
	static struct proc_listener at[LIMIT_LISTENERS];
	static const int families[] = { AF_INET, AF_INET6 };
	size_t n = 0;

	if (sockdiag_listeners(at, LIMIT_LISTENERS, &n) < 0)
		return; /* a kernel without it; procfs is read instead */
	for (size_t i = 0; i < 2; i++) {
		uint16_t port = 0;
		int fd = listen_on(families[i], &port);

		if (fd < 0)
			continue; /* no IPv6 here */
		CHECK_EQ(sockdiag_listeners(at, LIMIT_LISTENERS, &n), 0);
		CHECK_EQ(count(at, n, fd, port), 1);
		CHECK_EQ(sockdiag_listeners(at, 0, &n), 0);
		CHECK_EQ(n, 0);
		close(fd);
	}
}

const struct test_case test_cases[] = {
	{ "sockdiag: listening sockets are listed once",
	  listening_sockets_are_listed_once },
	{ NULL, NULL },
};
