/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/gate_room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/batch.h"
#include "common/limits.h"
#include "gate/judge.h"
#include "gate/policies.h"
#include "tests/story.h"

int gate_room_up(struct gate_room *r, int64_t now_ms)
{
	int rc = store_open(r->path, &r->st, NULL);

	if (rc == 0)
		rc = policies_open(NULL, r->st, now_ms, &r->policies, NULL);
	if (rc == 0)
		rc = judge_new(r->st, r->policies, now_ms, &r->j, NULL);
	return rc;
}

void gate_room_down(struct gate_room *r)
{
	judge_stop(r->j);
	policies_close(r->policies);
	store_close(r->st);
	r->j = NULL;
	r->policies = NULL;
	r->st = NULL;
}

int gate_room_open_at(struct gate_room *r, int64_t now_ms)
{
	memset(r, 0, sizeof(*r));
	r->slow_ns = 40000000;
	r->canary = "v2";
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/gate_room.XXXXXX");
	if (!mkdtemp(r->dir))
		return -errno;
	(void)snprintf(r->path, sizeof(r->path), "%s/store.db", r->dir);
	return gate_room_up(r, now_ms);
}

int gate_room_open(struct gate_room *r)
{
	return gate_room_open_at(r, ROOM_T0);
}

void gate_room_close(struct gate_room *r)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char path[96];

	gate_room_down(r);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", r->path, ends[i]);
		(void)unlink(path);
	}
	(void)rmdir(r->dir);
}

int gate_room_put(struct gate_room *r, bool canary, uint32_t instance,
		  uint32_t window)
{
	const struct story story = { .n_requests = 60,
				     .slow_ns = r->slow_ns,
				     .begin_ms = ROOM_T0 };
	struct arena *arena = NULL;
	struct batch *b;
	void *bytes = NULL;
	size_t len = 0;
	int rc = arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL);

	if (rc < 0)
		return rc;
	b = story_batch(&story, canary, instance, window, arena);
	if (b && canary)
		b->revision = r->canary;
	rc = b ? batch_encode(b, &bytes, &len, NULL) : -ENOMEM;
	if (rc == 0)
		rc = store_put_batch(r->st, b, bytes, len, b->to_ms, NULL,
				     NULL);
	free(bytes);
	arena_free(arena);
	return rc;
}

int gate_room_tell(struct gate_room *r, uint32_t first, uint32_t n)
{
	int rc = 0;

	for (uint32_t w = first; w < first + n && rc == 0; w++) {
		for (uint32_t i = 0; i < ROOM_BASELINE && rc == 0; i++)
			rc = gate_room_put(r, false, i, w);
		for (uint32_t i = 0; i < ROOM_CANARY && rc == 0; i++)
			rc = gate_room_put(r, true, i, w);
	}
	return rc;
}
