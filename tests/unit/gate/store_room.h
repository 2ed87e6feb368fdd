/* SPDX-License-Identifier: Apache-2.0 */
/* store_room - a directory of its own with an empty store in it. */
#ifndef TESTS_UNIT_GATE_STORE_ROOM_H
#define TESTS_UNIT_GATE_STORE_ROOM_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "gate/store.h"

struct room {
	char dir[64];
	char path[80]; /* of the store */
	struct store *st;
	struct err err;
};

/* Returns 0, and room_close() is owed either way. */
static inline int room_open(struct room *r)
{
	memset(r, 0, sizeof(*r));
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/store_room.XXXXXX");
	if (!mkdtemp(r->dir))
		return -errno;
	(void)snprintf(r->path, sizeof(r->path), "%s/store.db", r->dir);
	return store_open(r->path, &r->st, &r->err);
}

static inline int room_reopen(struct room *r)
{
	store_close(r->st);
	r->st = NULL;
	return store_open(r->path, &r->st, &r->err);
}

static inline void room_close(struct room *r)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[96];

	store_close(r->st);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", r->path, ends[i]);
		(void)unlink(path);
	}
	(void)rmdir(r->dir);
}

#endif /* TESTS_UNIT_GATE_STORE_ROOM_H */
