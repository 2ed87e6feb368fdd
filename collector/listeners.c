/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/listeners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/sockdiag.h"
#include "common/limits.h"

struct listeners {
	uint32_t own_netns; /* 0: not known */
	size_t n;
	struct listener_set set[LIMIT_NETNS];
	struct proc_listener room[LIMIT_LISTENERS];
};

int listeners_new(struct listeners **ret_l)
{
	struct listeners *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	/* without it, all are read from procfs */
	(void)proc_namespace("/proc", getpid(), "net", &l->own_netns);
	*ret_l = l;
	return 0;
}

void listeners_free(struct listeners *l)
{
	if (l)
		listeners_forget(l);
	free(l);
}

void listeners_forget(struct listeners *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->set[i].at);
	l->n = 0;
}

/* Does not depend on the order, which changes as sockets come and go. */
static uint64_t sum_of(const struct proc_listener *at, size_t n)
{
	uint64_t sum = n;

	for (size_t i = 0; i < n; i++) {
		uint64_t x = at[i].inode * UINT64_C(0x9e3779b97f4a7c15);

		sum += x ^ (x >> 29);
	}
	return sum;
}

int listeners_find(struct listeners *l, const char *proc, int pid,
		   struct listener_set *ret_set)
{
	struct proc_listener *copy;
	struct listener_set *set;
	uint32_t netns;
	size_t n = 0;
	int rc;

	rc = proc_namespace(proc, pid, "net", &netns);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < l->n; i++) {
		if (l->set[i].netns == netns) {
			*ret_set = l->set[i];
			return 0;
		}
	}
	if (l->n == LIMIT_NETNS)
		return -E2BIG;
	rc = -ENOSYS;
	if (netns == l->own_netns && strcmp(proc, "/proc") == 0)
		rc = sockdiag_listeners(l->room, LIMIT_LISTENERS, &n);
	if (rc < 0)
		rc = proc_listeners(proc, pid, l->room, LIMIT_LISTENERS, &n);
	if (rc < 0)
		return rc;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, l->room, n * sizeof(*copy));
	set = &l->set[l->n++];
	set->netns = netns;
	set->n = n;
	set->at = copy;
	set->sum = sum_of(copy, n);
	*ret_set = *set;
	return 0;
}
