/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate's own figures in Prometheus' text format.
 *
 * Bounded: a series for each endpoint, each fault, and each of the newest
 * open rollouts that the caller may read.
 */
#include "gate/api.h"

#include <inttypes.h>
#include <stdlib.h>

#include "gate/dispatch.h"
#include "gate/gate.h"
#include "gate/http.h"
#include "gate/judge.h"
#include "gate/request.h"
#include "gate/rollouts.h"
#include "gate/store.h"
#include "stats/verdict.h"

static void write_type(struct buf *b, const char *name, const char *type,
		       const char *help)
{
	buf_printf(b, "# HELP tailgate_%s %s\n# TYPE tailgate_%s %s\n", name,
		   help, name, type);
}

static void write_one(struct buf *b, const char *name, const char *type,
		      const char *help, uint64_t value)
{
	write_type(b, name, type, help);
	buf_printf(b, "tailgate_%s %" PRIu64 "\n", name, value);
}

/* A label's value: backslash, quote and newline are escaped. */
static void write_label(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"')
			buf_add(b, "\\", 1);
		if (*text == '\n')
			buf_puts(b, "\\n");
		else
			buf_add(b, text, 1);
	}
}

static void write_store(struct buf *b, struct gate *g)
{
	struct store_stats s = { 0 };

	store_stats(g->store, &s);
	write_one(b, "batches_stored_total", "counter",
		  "Batches stored since the start.",
		  atomic_load(&g->n_batches_stored));
	write_one(b, "batches_repeated_total", "counter",
		  "Batches that were there already.",
		  atomic_load(&g->n_batches_repeated));
	write_one(b, "store_commits_total", "counter",
		  "Groups that the store committed.", s.n_groups);
	write_one(b, "store_commits_failed_total", "counter",
		  "Groups that the store could not commit.", s.n_failed);
	write_one(b, "store_queue_depth", "gauge",
		  "Places taken in the writer's queue.", s.queue_depth);
	write_one(b, "store_wal_bytes", "gauge", "Size of the write-ahead log.",
		  s.wal_bytes);
}

static void write_requests(struct buf *b, struct gate *g)
{
	write_type(b, "http_requests_total", "counter",
		   "Requests answered, by endpoint and class of status.");
	for (size_t i = 0; i <= n_endpoints; i++) {
		for (unsigned int c = 1; c < 6; c++) {
			uint64_t n = http_n_requests(g->http, i, c);

			if (n == 0)
				continue;
			buf_printf(b,
				   "tailgate_http_requests_total{method=\"%s\","
				   "path=\"%s\",status=\"%uxx\"} %" PRIu64 "\n",
				   i < n_endpoints ? endpoints[i].method : "",
				   i < n_endpoints ? endpoints[i].path : "", c,
				   n);
		}
	}
	write_type(b, "http_busy_seconds_total", "counter",
		   "Time that handlers took, waiting for verdicts left out.");
	for (size_t i = 0; i < n_endpoints; i++)
		buf_printf(b,
			   "tailgate_http_busy_seconds_total{method=\"%s\","
			   "path=\"%s\"} %.6f\n",
			   endpoints[i].method, endpoints[i].path,
			   (double)http_busy_ns(g->http, i) / 1e9);
}

/* One that cannot be told now is left out. */
static void write_store_size(struct buf *b, struct gate *g)
{
	uint64_t bytes = 0;

	if (store_size(g->store, &bytes, NULL) == 0)
		write_one(b, "store_bytes", "gauge",
			  "Bytes that the store takes on the disk, without "
			  "its log.",
			  bytes);
}

static void write_http(struct buf *b, struct gate *g)
{
	struct http_stats s = { 0 };

	http_stats(g->http, &s);
	write_one(b, "http_connections", "gauge", "Connections open.",
		  s.n_connections);
	write_one(b, "http_connections_total", "counter",
		  "Connections accepted.", s.n_accepted);
	write_one(b, "http_timed_out_total", "counter",
		  "Connections ended because they were too slow.",
		  s.n_timed_out);
	write_one(b, "http_waiting", "gauge",
		  "Requests that wait for a verdict.", s.n_waiting);
	write_one(b, "http_body_bytes", "gauge",
		  "Room held for request bodies.", atomic_load(&g->body_bytes));
	write_type(b, "refusals_total", "counter", "Refusals, by code.");
	for (int f = FAULT_NONE + 1; f < FAULT_N; f++)
		buf_printf(b, "tailgate_refusals_total{code=\"%s\"} %llu\n",
			   fault_row((enum fault)f)->name,
			   atomic_load(&g->n_faults[f]));
}

static void write_rollout(struct buf *b, const struct store_rollout *r,
			  const struct verdict *v)
{
	buf_puts(b, "tailgate_rollout_verdict{service=\"");
	write_label(b, r->service);
	buf_printf(b,
		   "\",rollout=\"%" PRId64 "\",step=\"%" PRIu32
		   "\",verdict=\"%s\",code=\"%s\"} 1\n",
		   r->rollout_id, r->step, verdict_word_name(v->word),
		   verdict_code_name(v->code));
	buf_puts(b, "tailgate_rollout_p99_ratio{service=\"");
	write_label(b, r->service);
	buf_printf(b, "\",rollout=\"%" PRId64 "\"} %.6g\n", r->rollout_id,
		   v->p99_ratio);
}

static int write_rollouts(struct buf *b, struct gate *g,
			  const struct request *rq, struct err *err)
{
	struct rollouts_list *open = NULL;
	int rc = rollouts_list(g, rq, NULL, true, &open, err);

	if (rc < 0)
		return rc;
	write_type(b, "rollout_verdict", "gauge",
		   "1 for the verdict that an open rollout has now.");
	write_type(b, "rollout_p99_ratio", "gauge",
		   "P99 of the canary over the baseline's.");
	for (size_t i = 0; i < open->n; i++) {
		struct verdict v = { 0 };

		/* one that cannot be told must not hide the others */
		if (judge_verdict(g->judge, &open->rows[i], &v, NULL) == 0)
			write_rollout(b, &open->rows[i], &v);
	}
	free(open);
	return 0;
}

int api_metrics_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	struct buf *b = &rp->body;

	rp->content_type = "text/plain; version=0.0.4; charset=utf-8";
	write_type(b, "start_time_seconds", "gauge",
		   "When the gate started, Unix time.");
	buf_printf(b, "tailgate_start_time_seconds %" PRId64 "\n",
		   g->started_ms / 1000);
	write_one(b, "judge_verdicts_changed_total", "counter",
		  "Verdicts that changed, over all rollouts.",
		  judge_version(g->judge));
	write_store(b, g);
	write_store_size(b, g);
	write_http(b, g);
	write_requests(b, g);
	return write_rollouts(b, g, rq, &rp->err);
}
