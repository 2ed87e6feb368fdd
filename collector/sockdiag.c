/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REPLY_BYTES = 32 * 1024 }; /* what the kernel fills at a time */

struct list {
	struct proc_listener *at;
	size_t max;
	size_t n;
};

static int ask(int fd, uint8_t family)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} q = {
		.head = { .nlmsg_len = sizeof(q),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = 1U << TCP_LISTEN },
	};

	return send(fd, &q, sizeof(q), 0) < 0 ? -errno : 0;
}

static void take(struct list *l, const uint8_t *body, size_t len)
{
	struct inet_diag_msg m;

	if (len < sizeof(m) || l->n == l->max)
		return;
	memcpy(&m, body, sizeof(m));
	l->at[l->n++] = (struct proc_listener){
		.inode = m.idiag_inode,
		.port = ntohs(m.id.idiag_sport),
	};
}

/* One reply, many messages.  Returns 1 at the end of the list, 0 before. */
static int take_all(struct list *l, const uint8_t *bytes, size_t len)
{
	struct nlmsghdr h;
	int error;

	while (len >= sizeof(h)) {
		memcpy(&h, bytes, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len)
			return -EBADMSG;
		if (h.nlmsg_type == NLMSG_DONE)
			return 1;
		if (h.nlmsg_type == NLMSG_ERROR) {
			if (h.nlmsg_len < sizeof(h) + sizeof(error))
				return -EBADMSG;
			memcpy(&error, bytes + sizeof(h), sizeof(error));
			return error < 0 ? error : -EBADMSG;
		}
		if (h.nlmsg_type == SOCK_DIAG_BY_FAMILY)
			take(l, bytes + sizeof(h), h.nlmsg_len - sizeof(h));
		if (NLMSG_ALIGN(h.nlmsg_len) >= len)
			return 0;
		len -= NLMSG_ALIGN(h.nlmsg_len);
		bytes += NLMSG_ALIGN(h.nlmsg_len);
	}
	return 0;
}

static int list_family(int fd, uint8_t family, struct list *l)
{
	uint8_t bytes[REPLY_BYTES];
	ssize_t n;
	int rc = ask(fd, family);

	while (rc == 0) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		rc = n <= 0 ? -EIO : take_all(l, bytes, (size_t)n);
	}
	return rc < 0 ? rc : 0;
}

int sockdiag_listeners(struct proc_listener *listeners, size_t max,
		       size_t *ret_n)
{
	struct list l = { .at = listeners, .max = max };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int rc;

	if (fd < 0)
		return -errno;
	rc = list_family(fd, AF_INET, &l);
	if (rc == 0)
		rc = list_family(fd, AF_INET6, &l);
	close(fd);
	if (rc == 0)
		*ret_n = l.n;
	return rc;
}
