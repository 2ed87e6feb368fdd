/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: what must hold for any order in which batches come, come again and
 * overlap.  The oracle is an array that is searched from the front.
 *
 * A failure prints the seed; pass it as the first argument to repeat it.
 */
#include "gate/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/batch.h"
#include "stats/rng.h"
#include "tests/test.h"

enum {
	T0 = 1000000000, /* ms */
	N_PUTS = 600,
	N_THREADS = 6,
	N_EACH = 60, /* batches of a thread */
};

static const char *const services[] = { "orders", "cart" };
static const char *const revisions[] = { "v1", "v2" };
static const char *const instances[] = { "a", "b", "c" };

struct room {
	char dir[64];
	char path[80];
	struct store *st;
};

static int room_open(struct room *r)
{
	memset(r, 0, sizeof(*r));
	(void)snprintf(r->dir, sizeof(r->dir), "/tmp/store_prop.XXXXXX");
	if (!mkdtemp(r->dir))
		return -errno;
	(void)snprintf(r->path, sizeof(r->path), "%s/store.db", r->dir);
	return store_open(r->path, &r->st, NULL);
}

static void room_close(struct room *r)
{
	store_close(r->st);
	(void)unlink(r->path);
	(void)rmdir(r->dir);
}

/* What one batch is; small numbers, so that they meet. */
struct key {
	size_t service, revision, instance;
	uint64_t stream, seq;
	int64_t from_ms, to_ms;
	uint64_t ingest_seq; /* once it is stored */
};

static struct key any_key(struct rng *rng)
{
	static const int64_t lengths[] = { 1000, 2000, 10000, 60000 };
	struct key k = { .service = rng_next(rng) % 2,
			 .revision = rng_next(rng) % 2,
			 .instance = rng_next(rng) % 3,
			 .stream = rng_next(rng) % 2 ? 1 : UINT64_MAX,
			 .seq = rng_next(rng) % 40 };
	int64_t length = lengths[rng_next(rng) % 4];

	k.from_ms = T0 + (int64_t)(rng_next(rng) % 240) * 1000;
	k.from_ms -= k.from_ms % length;
	k.to_ms = k.from_ms + length;
	return k;
}

static int put(struct store *st, const struct key *k, bool *ret_new)
{
	struct batch b = { .service = services[k->service],
			   .revision = revisions[k->revision],
			   .instance = instances[k->instance],
			   .stream_id = k->stream,
			   .seq = k->seq,
			   .from_ms = k->from_ms,
			   .to_ms = k->to_ms };

	return store_put_batch(st, &b, k, sizeof(*k), k->to_ms, ret_new, NULL);
}

static bool same_instance(const struct key *a, const struct key *b)
{
	return a->service == b->service && a->revision == b->revision &&
	       a->instance == b->instance;
}

/* What the oracle says of a batch: 1 new, 0 a repeat, -EEXIST overlap. */
static int oracle_put(struct key *kept, size_t *n, struct key *k,
		      uint64_t *last_seq)
{
	for (size_t i = 0; i < *n; i++)
		if (same_instance(&kept[i], k) && kept[i].stream == k->stream &&
		    kept[i].seq == k->seq)
			return 0;
	for (size_t i = 0; i < *n; i++)
		if (same_instance(&kept[i], k) && kept[i].from_ms < k->to_ms &&
		    k->from_ms < kept[i].to_ms)
			return -EEXIST;
	k->ingest_seq = ++last_seq[k->service];
	kept[(*n)++] = *k;
	return 1;
}

/* A walk, held against the oracle. */
struct walk {
	const struct key *kept;
	size_t n;
	size_t service, revision;
	int64_t from_ms, to_ms;
	uint64_t max_seq;
	size_t n_seen;
	bool wrong;
	int64_t last_ms;
};

static bool wanted(const struct walk *w, const struct key *k)
{
	return k->service == w->service && k->revision == w->revision &&
	       k->from_ms >= w->from_ms && k->from_ms < w->to_ms &&
	       k->ingest_seq <= w->max_seq;
}

static int see(void *ctx, const struct store_batch *b)
{
	struct walk *w = ctx;
	bool found = false;

	for (size_t i = 0; i < w->n && !found; i++)
		found = wanted(w, &w->kept[i]) &&
			w->kept[i].ingest_seq == b->ingest_seq &&
			w->kept[i].from_ms == b->from_ms &&
			w->kept[i].to_ms == b->to_ms &&
			strcmp(instances[w->kept[i].instance], b->instance) ==
				0 &&
			strcmp(revisions[w->revision], b->revision) == 0 &&
			b->len == sizeof(struct key);
	w->wrong |= !found || b->from_ms < w->last_ms;
	w->last_ms = b->from_ms;
	w->n_seen++;
	return 0;
}

static bool walk_agrees(struct store *st, const struct key *kept, size_t n,
			const uint64_t *last_seq, struct rng *rng)
{
	struct walk w = { .kept = kept,
			  .n = n,
			  .service = rng_next(rng) % 2,
			  .revision = rng_next(rng) % 2 };
	int64_t length = 0, first = 0, longest = 0, earliest = 0;
	size_t n_wanted = 0;

	w.from_ms = T0 - 60000 + (int64_t)(rng_next(rng) % 300) * 1000;
	w.to_ms = w.from_ms + (int64_t)(rng_next(rng) % 300) * 1000;
	w.max_seq = rng_next(rng) % (last_seq[w.service] + 1) + 1;
	for (size_t i = 0; i < n; i++) {
		const struct key *k = &kept[i];

		n_wanted += wanted(&w, k);
		if (k->service != w.service || k->revision != w.revision ||
		    k->from_ms < w.from_ms || k->from_ms >= w.to_ms)
			continue;
		if (k->to_ms - k->from_ms > longest)
			longest = k->to_ms - k->from_ms;
		if (earliest == 0 || k->from_ms < earliest)
			earliest = k->from_ms;
	}
	if (store_each_batch(st, services[w.service], revisions[w.revision],
			     w.from_ms, w.to_ms, w.max_seq, see, &w,
			     NULL) != 0 ||
	    store_find_window(st, services[w.service], revisions[w.revision],
			      NULL, w.from_ms, w.to_ms, &length, &first,
			      NULL) != 0)
		return false;
	return !w.wrong && w.n_seen == n_wanted && length == longest &&
	       first == earliest;
}

static void batches_are_kept_as_the_oracle_keeps_them(void)
{
	static struct key kept[N_PUTS];
	struct rng rng = { .state = test_seed() };
	uint64_t last_seq[2] = { 0, 0 };
	uint64_t seq = 0;
	struct room r;
	size_t n = 0;

	CHECK_EQ(room_open(&r), 0);
	for (int i = 0; i < N_PUTS; i++) {
		struct key k = any_key(&rng);
		bool is_new = false;
		int want, got;

		if (n > 0 && rng_next(&rng) % 8 == 0)
			k = kept[rng_next(&rng) % n]; /* sent again */
		want = oracle_put(kept, &n, &k, last_seq);
		got = put(r.st, &k, &is_new);
		CHECK_EQ(got, want < 0 ? want : 0);
		if (got == 0)
			CHECK_EQ(is_new, want);
		if (i == N_PUTS / 2) {
			store_close(r.st);
			r.st = NULL;
			CHECK_EQ(store_open(r.path, &r.st, NULL), 0);
		}
	}
	for (size_t s = 0; s < 2; s++) {
		CHECK_EQ(store_last_seq(r.st, services[s], &seq, NULL), 0);
		CHECK_EQ(seq, last_seq[s]);
	}
	for (int i = 0; i < 200; i++)
		CHECK(walk_agrees(r.st, kept, n, last_seq, &rng));
	room_close(&r);
}

/* --- many threads --- */

struct sender {
	struct store *st;
	size_t number;
	uint64_t seed;
	int n_failed;
};

/*
 * Each batch is sent by two threads, once or twice: whoever is second finds
 * it there.  Reading goes on beside it.
 */
static void *send_all(void *ctx)
{
	struct sender *s = ctx;
	struct rng rng = { .state = s->seed + s->number };

	for (uint64_t i = 0; i < N_EACH; i++) {
		struct key k = { .instance = s->number / 2,
				 .stream = 1,
				 .seq = i,
				 .from_ms = T0 + (int64_t)i * 1000,
				 .to_ms = T0 + (int64_t)i * 1000 + 1000 };
		uint64_t seq = 0;

		do {
			int rc = store_reserve(s->st, NULL);

			if (rc == 0) {
				rc = put(s->st, &k, NULL);
				store_unreserve(s->st);
			}
			s->n_failed += rc != 0;
			s->n_failed += store_last_seq(s->st, services[0], &seq,
						      NULL) != 0;
		} while (rng_next(&rng) % 3 == 0);
	}
	return NULL;
}

/* Commit order: each number once, none left out. */
static int see_seq(void *ctx, const struct store_batch *b)
{
	char *seen = ctx;

	if (b->ingest_seq <= N_THREADS / 2 * N_EACH)
		seen[b->ingest_seq]++;
	return 0;
}

static void threads_together_store_each_batch_once(void)
{
	enum { N = N_THREADS / 2 * N_EACH };
	static char seen[N + 1];
	struct sender senders[N_THREADS];
	pthread_t threads[N_THREADS];
	struct store_stats stats;
	struct room r;

	memset(seen, 0, sizeof(seen));
	CHECK_EQ(room_open(&r), 0);
	for (size_t i = 0; i < N_THREADS; i++) {
		senders[i] = (struct sender){ .st = r.st,
					      .number = i,
					      .seed = test_seed() };
		CHECK_EQ(pthread_create(&threads[i], NULL, send_all,
					&senders[i]),
			 0);
	}
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < N_THREADS; i++)
		CHECK_EQ(senders[i].n_failed, 0);
	CHECK_EQ(store_each_batch(r.st, services[0], NULL, 0, INT64_MAX, 0,
				  see_seq, seen, NULL),
		 0);
	for (size_t i = 1; i <= N; i++)
		CHECK_EQ(seen[i], 1);
	store_stats(r.st, &stats);
	CHECK_EQ(stats.n_batches, N);
	CHECK(stats.n_repeats >= N);
	CHECK_EQ(stats.queue_depth, 0);
	/* those that waited together were committed together */
	CHECK(stats.n_groups < stats.n_batches + stats.n_repeats);
	room_close(&r);
}

const struct test_case test_cases[] = {
	{ "store: batches are kept as the oracle keeps them",
	  batches_are_kept_as_the_oracle_keeps_them },
	{ "store: threads together store each batch once",
	  threads_together_store_each_batch_once },
	{ NULL, NULL },
};
