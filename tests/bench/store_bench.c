/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: durable batches a second, against SQLite's own rate for the same
 * bytes, settings and batches a commit in the same run; and what judging one
 * window takes to read.
 *
 * SQLite's own rate is one connection that inserts the body and a key into a
 * table without an index of ours: what no store on it can beat.
 */
#include "gate/store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/batch.h"
#include "common/err.h"
#include "tests/bench/bench.h"

enum {
	T0 = 1000000000, /* ms */
	BODY_BYTES = 16 * 1024,
	N_ROUNDS = 7,
	N_SENDERS = 32, /* as many collectors as wait at once */
};

static char body[BODY_BYTES];

struct sender {
	struct store *st;
	uint32_t number;
	uint32_t n;
	int rc;
};

static void *send_all(void *ctx)
{
	struct sender *s = ctx;
	char instance[16];

	snprintf(instance, sizeof(instance), "i%u", s->number);
	for (uint32_t i = 0; i < s->n && s->rc == 0; i++) {
		struct batch b = { .service = "orders",
				   .revision = "v1",
				   .instance = instance,
				   .stream_id = s->number,
				   .seq = i,
				   .from_ms = T0 + (int64_t)i * 2000,
				   .to_ms = T0 + (int64_t)i * 2000 + 2000 };

		s->rc = store_put_batch(s->st, &b, body, sizeof(body), T0, NULL,
					NULL);
	}
	return NULL;
}

static int see(void *ctx, const struct store_batch *b)
{
	*(size_t *)ctx += b->len;
	return 0;
}

/* Batches a second through the store; how many a commit held. */
static int run_store(const char *path, uint32_t n_each, double *ret_rate,
		     double *ret_group, double *ret_window_us)
{
	struct sender senders[N_SENDERS];
	pthread_t threads[N_SENDERS];
	struct store *st = NULL;
	struct store_stats stats;
	size_t n_bytes = 0;
	uint64_t start_ns;
	int rc = store_open(path, &st, NULL);

	if (rc < 0)
		return rc;
	start_ns = bench_now_ns();
	for (uint32_t i = 0; i < N_SENDERS; i++) {
		senders[i] =
			(struct sender){ .st = st, .number = i, .n = n_each };
		if (pthread_create(&threads[i], NULL, send_all, &senders[i]))
			abort();
	}
	for (uint32_t i = 0; i < N_SENDERS; i++) {
		pthread_join(threads[i], NULL);
		rc = rc < 0 ? rc : senders[i].rc;
	}
	store_stats(st, &stats);
	*ret_rate = (double)stats.n_batches * 1e9 /
		    (double)(bench_now_ns() - start_ns);
	*ret_group = (double)stats.n_batches / (double)stats.n_groups;
	start_ns = bench_now_ns();
	if (rc == 0)
		rc = store_each_batch(st, "orders", "v1", T0, T0 + 2000, 0, see,
				      &n_bytes, NULL);
	*ret_window_us = (double)(bench_now_ns() - start_ns) / 1e3;
	store_close(st);
	return rc < 0 || n_bytes != N_SENDERS * sizeof(body) ? -1 : 0;
}

/* The same number of rows, so many a commit, checkpointed as often. */
static int run_sqlite(const char *path, uint32_t n, uint32_t group,
		      double *ret_rate)
{
	static const char make[] =
		"PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1024;"
		"CREATE TABLE t (k INTEGER PRIMARY KEY, body BLOB)";
	sqlite3 *db = NULL;
	sqlite3_stmt *insert = NULL;
	uint64_t start_ns = bench_now_ns();
	int rc = -1;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, make, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "INSERT INTO t (body) VALUES (?)", -1,
			       &insert, NULL) != SQLITE_OK)
		goto out;
	for (uint32_t i = 0; i < n; i++) {
		if (i % group == 0)
			sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
		sqlite3_bind_blob(insert, 1, body, sizeof(body), SQLITE_STATIC);
		if (sqlite3_step(insert) != SQLITE_DONE)
			goto out;
		sqlite3_reset(insert);
		if (i % group == group - 1 || i == n - 1)
			sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	}
	*ret_rate = (double)n * 1e9 / (double)(bench_now_ns() - start_ns);
	rc = 0;
out:
	sqlite3_finalize(insert);
	sqlite3_close(db);
	return rc;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *x)
{
	qsort(x, N_ROUNDS, sizeof(x[0]), by_value);
	return x[N_ROUNDS / 2];
}

/* Ours and SQLite's in turn: a disk that others use is slow to both. */
static int run_rounds(const char *dir, uint32_t n_each, double *rates,
		      double *ratios, double *groups, double *window_us)
{
	char ours[64], raw[64];
	int rc = 0;

	snprintf(ours, sizeof(ours), "%s/ours.db", dir);
	snprintf(raw, sizeof(raw), "%s/raw.db", dir);
	for (int i = 0; i < N_ROUNDS && rc == 0; i++) {
		double raw_rate = 1.0;

		rc = run_store(ours, n_each, &rates[i], &groups[i],
			       &window_us[i]);
		if (rc == 0)
			rc = run_sqlite(raw, N_SENDERS * n_each,
					(uint32_t)(groups[i] + 0.5), &raw_rate);
		ratios[i] = rates[i] / raw_rate;
		unlink(ours);
		unlink(raw);
	}
	return rc;
}

int main(int argc, char **argv)
{
	uint32_t n_each = bench_quick(argc, argv) ? 10 : 50;
	char dir[] = "/tmp/store_bench.XXXXXX";
	double rates[N_ROUNDS], ratios[N_ROUNDS], groups[N_ROUNDS];
	double window_us[N_ROUNDS], ratio;
	int rc;

	if (!mkdtemp(dir))
		return 1;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 131);
	rc = run_rounds(dir, n_each, rates, ratios, groups, window_us);
	rmdir(dir);
	if (rc < 0) {
		fprintf(stderr, "store_bench: %s: failed\n", dir);
		return 1;
	}
	ratio = median(ratios);
	bench_row("store: durable batches of 16 KB", median(rates), "/s",
		  "SQLite, same bytes", ratio, ">= 0.6 of it", ratio >= 0.6);
	bench_row("store: batches a commit", median(groups), "", "-", NAN, "-",
		  true);
	bench_row("store: read a window of 32", median(window_us), "us", "-",
		  NAN, "-", true);
	return 0;
}
