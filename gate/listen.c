/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/err.h"

static int split_address(const char *listen, char *host, size_t room,
			 const char **ret_port, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	size_t len = colon ? (size_t)(colon - listen) : 0;

	if (len >= 2 && listen[0] == '[' && colon[-1] == ']') {
		listen++;
		len -= 2;
	} else if (colon && memchr(listen, ':', len)) {
		len = 0; /* an IPv6 address wants its brackets */
	}
	if (len == 0 || len >= room || colon[1] == '\0')
		return err_set(err, -EINVAL,
			       "--listen \"%.60s\": want ADDRESS:PORT, such as "
			       "127.0.0.1:8437 or [::]:8437",
			       listen);
	memcpy(host, listen, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return 0;
}

static bool address_is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == 127;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in;

		memcpy(&in, sa, sizeof(in));
		return IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
	}
	return false;
}

/* Open a listening socket at one address. */
static int bind_address(const struct addrinfo *ai, const char *listen_at,
			int *ret_fd, struct err *err)
{
	int one = 1;
	int fd;
	int rc;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		return err_set(err, -errno, "socket: %s", err_describe(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, SOMAXCONN) < 0) {
		rc = err_set(err, -errno,
			     "--listen %.60s: %s; choose another address or "
			     "port",
			     listen_at, err_describe(errno));
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

int listen_open(const char *listen_at, bool open_gate, int *ret_fd,
		struct err *err)
{
	static const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
	};
	struct addrinfo *ai = NULL;
	char host[LISTEN_ADDRESS_BYTES];
	const char *port = NULL;
	int rc;

	rc = split_address(listen_at, host, sizeof(host), &port, err);
	if (rc < 0)
		return rc;
	if (getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
			port, &hints, &ai) != 0)
		return err_set(err, -EINVAL,
			       "--listen \"%.60s\": want a numeric address "
			       "and a port of 0 to 65535",
			       listen_at);
	if (open_gate && !address_is_loopback(ai->ai_addr))
		rc = err_set(err, -EPERM,
			     "--listen %.60s: without tokens anybody there "
			     "could decide rollouts; give --token-file FILE, "
			     "or listen on 127.0.0.1",
			     listen_at);
	if (rc == 0)
		rc = bind_address(ai, listen_at, ret_fd, err);
	freeaddrinfo(ai);
	return rc;
}

/* What the kernel chose, as text. */
int listen_address(int fd, char *ret_address, struct err *err)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	char host[64];
	char port[8];

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return err_set(err, -EINVAL, "getsockname: %s",
			       err_describe(errno));
	snprintf(ret_address, LISTEN_ADDRESS_BYTES,
		 ss.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return 0;
}
