/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/report_table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/limits.h"
#include "gate/figure.h"
#include "gate/html.h"
#include "stats/policy.h"
#include "stats/rollout.h"

enum { ROUTES_MAX = 200, INSTANCES_MAX = 200, FINDINGS_MAX = 50 };

void report_shape(struct buf *b, enum verdict_word word, int size)
{
	/* a tick in a circle, a cross in an octagon, a question in a
	   triangle, dots in a circle, an exclamation in a square */
	static const char *const shapes[VERDICT_WORD_N] = {
		[VERDICT_PASS] = "<circle cx=\"12\" cy=\"12\" r=\"11\"/><path "
				 "fill=\"none\" stroke-width=\"3\" "
				 "d=\"M6 12l4 5 8-10\"/>",
		[VERDICT_FAIL] = "<path d=\"M7 1h10l6 6v10l-6 6H7l-6-6V7z\"/>"
				 "<path fill=\"none\" stroke-width=\"3\" "
				 "d=\"M7 7l10 10M17 7L7 17\"/>",
		[VERDICT_INCONCLUSIVE] =
			"<path d=\"M12 1l11 21H1z\"/><path fill=\"none\" "
			"stroke-width=\"2.2\" d=\"M9 11a3 3 0 1 1 3 "
			"3.2v1.6M12 18v2\"/>",
		[VERDICT_RUNNING] =
			"<circle cx=\"12\" cy=\"12\" r=\"11\"/><path "
			"fill=\"none\" stroke-width=\"3.4\" "
			"stroke-linecap=\"round\" d=\"M7 12h0M12 12h0M17 "
			"12h0\"/>",
		[VERDICT_ERROR] = "<path d=\"M2 2h20v20H2z\"/><path "
				  "fill=\"none\" stroke-width=\"3\" "
				  "d=\"M12 5v9M12 17v2\"/>",
	};

	buf_printf(b,
		   "<svg aria-hidden=\"true\" viewBox=\"0 0 24 24\" "
		   "width=\"%d\" height=\"%d\">%s</svg>",
		   size, size, shapes[word]);
}

void report_word(struct buf *b, enum verdict_word word)
{
	buf_printf(b, "<span class=\"word %s\">", verdict_word_name(word));
	report_shape(b, word, 14);
	buf_printf(b, "%s</span>", verdict_word_name(word));
}

/* A table that scrolls by itself where it is too wide, by keyboard too. */
static void begin_table(struct buf *b, const char *name, const char *caption)
{
	buf_printf(b,
		   "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
		   "aria-label=\"%s\"><table><caption>%s</caption>",
		   name, caption);
}

static void end_table(struct buf *b)
{
	buf_puts(b, "</tbody></table></div>\n");
}

/* The head of a table: "n:" before a name aligns its column right. */
static void write_head(struct buf *b, const char *const *names)
{
	buf_puts(b, "<thead><tr>");
	for (; *names; names++) {
		bool right = strncmp(*names, "n:", 2) == 0;

		buf_printf(b, "<th scope=\"col\"%s>%s</th>",
			   right ? " class=\"n\"" : "",
			   *names + (right ? 2 : 0));
	}
	buf_puts(b, "</tr></thead>\n<tbody>");
}

static void cell_count(struct buf *b, uint64_t n)
{
	buf_puts(b, "<td class=\"n\">");
	html_count(b, n);
	buf_puts(b, "</td>");
}

static void cell_ms(struct buf *b, double ms)
{
	buf_puts(b, "<td class=\"n\">");
	if (ms > 0)
		html_ms(b, ms);
	else
		buf_puts(b, "none");
	buf_puts(b, "</td>");
}

/* "baseline -> canary" of two shares. */
static void cell_shares(struct buf *b, uint64_t base, uint64_t base_of,
			uint64_t can, uint64_t can_of)
{
	buf_puts(b, "<td class=\"n\">");
	html_percent(b, base_of ? (double)base / (double)base_of : 0);
	buf_puts(b, " \xe2\x86\x92 ");
	html_percent(b, can_of ? (double)can / (double)can_of : 0);
	buf_puts(b, "</td>");
}

static void cell_p99(struct buf *b, const double ms[COHORT_N])
{
	buf_puts(b, "<td class=\"n\">");
	for (int c = 0; c < COHORT_N; c++) {
		if (c > 0)
			buf_puts(b, " \xe2\x86\x92 ");
		if (ms[c] > 0)
			html_ms(b, ms[c]);
		else
			buf_puts(b, "none");
	}
	buf_puts(b, "</td>");
}

static void write_route(struct buf *b, const struct rollout_route_view *v)
{
	buf_puts(b, "<tr><th scope=\"row\"><code>");
	html_text(b, v->route);
	buf_puts(b, "</code></th><td>");
	if (v->ignored)
		buf_puts(b, "<span class=\"soft\">left out</span>");
	else
		report_word(b, v->word);
	buf_puts(b, "</td>");
	cell_p99(b, v->p99_ms);
	buf_puts(b, "<td class=\"n\">");
	html_ms_signed(b, v->shift_ms);
	buf_puts(b, "<br><span class=\"soft\">");
	html_ms_signed(b, v->shift_lo_ms);
	buf_puts(b, " to ");
	html_ms_signed(b, v->shift_hi_ms);
	buf_puts(b, "</span></td><td class=\"n\">");
	html_ms_signed(b, v->limit_ms);
	buf_puts(b, "</td><td>");
	figure_shift(b, v);
	buf_puts(b, "</td><td class=\"n\">");
	html_count(b, v->n_requests[COHORT_BASELINE]);
	buf_puts(b, "<br>");
	html_count(b, v->n_requests[COHORT_CANARY]);
	if (v->throughput_ratio != 1.0) {
		buf_puts(b, "<br><span class=\"soft\">");
		html_percent(b, v->throughput_ratio);
		buf_puts(b, " of its share</span>");
	}
	buf_puts(b, "</td>");
	cell_shares(b, v->n_errors[COHORT_BASELINE],
		    v->n_requests[COHORT_BASELINE], v->n_errors[COHORT_CANARY],
		    v->n_requests[COHORT_CANARY]);
	cell_shares(b, v->n_unanswered[COHORT_BASELINE],
		    v->n_requests[COHORT_BASELINE],
		    v->n_unanswered[COHORT_CANARY],
		    v->n_requests[COHORT_CANARY]);
	buf_puts(b, "</tr>\n");
}

static void say_more(struct buf *b, size_t n, size_t shown, const char *what)
{
	if (n > shown)
		buf_printf(b,
			   "<p class=\"soft\">%zu more %s are not shown; the "
			   "evidence has them.</p>\n",
			   n - shown, what);
}

void report_routes(struct buf *b, const struct rollout *r)
{
	static const char *const head[] = {
		"route",      "verdict",	"n:P99",
		"n:shift",    "n:limit",	"shift against the limit",
		"n:requests", "n:errors (5xx)", "n:unanswered",
		NULL
	};
	size_t n = rollout_n_routes(r);

	buf_puts(b, "<h2 id=\"routes\">P99 by route</h2>\n");
	if (n == 0) {
		buf_puts(b, "<p>No request was compared yet.</p>\n");
		return;
	}
	begin_table(b, "P99 by route",
		    "Baseline \xe2\x86\x92 canary; requests: baseline above, "
		    "canary below. Shift is canary minus baseline with its "
		    "95 % interval, valid at every look. In the drawing: bar "
		    "the interval, diamond the shift, dashed line the limit, "
		    "shaded beyond it.");
	write_head(b, head);
	for (size_t i = 0; i < n && i < ROUTES_MAX; i++) {
		struct rollout_route_view v;

		rollout_route(r, i, &v);
		write_route(b, &v);
	}
	end_table(b);
	say_more(b, n, ROUTES_MAX, "routes");
}

static void cell_quantile(struct buf *b, const double ms[COHORT_N])
{
	cell_ms(b, ms[COHORT_BASELINE]);
	cell_ms(b, ms[COHORT_CANARY]);
}

void report_quantiles(struct buf *b, const struct rollout *r)
{
	static const char *const head[] = { "route",	"n:P50 baseline",
					    "n:canary", "n:P90 baseline",
					    "n:canary", "n:P99 baseline",
					    "n:canary", "n:P99.9 baseline",
					    "n:canary", NULL };
	size_t n = rollout_n_routes(r);

	if (n == 0)
		return;
	buf_puts(b, "<h3>Quantiles</h3>\n");
	begin_table(b, "Quantiles by route",
		    "Read from histograms with an error of at most 0.8 %.");
	write_head(b, head);
	for (size_t i = 0; i < n && i < ROUTES_MAX; i++) {
		struct rollout_route_view v;

		rollout_route(r, i, &v);
		buf_puts(b, "<tr><th scope=\"row\"><code>");
		html_text(b, v.route);
		buf_puts(b, "</code></th>");
		cell_quantile(b, v.p50_ms);
		cell_quantile(b, v.p90_ms);
		cell_quantile(b, v.p99_ms);
		cell_quantile(b, v.p999_ms);
		buf_puts(b, "</tr>\n");
	}
	end_table(b);
}

void report_instances(struct buf *b, const struct rollout *r)
{
	static const char *const head[] = { "instance",	  "cohort",
					    "n:P99",	  "n:requests",
					    "n:restarts", "n:lost",
					    "state",	  NULL };
	size_t n = rollout_n_instances(r);

	buf_puts(b, "<h2 id=\"instances\">Instances</h2>\n");
	if (n == 0) {
		buf_puts(b, "<p>No instance was seen yet.</p>\n");
		return;
	}
	figure_instances(b, r);
	buf_printf(b, "<details><summary>%zu instances</summary>\n", n);
	begin_table(b, "Instances", "P99 over all judged routes.");
	write_head(b, head);
	for (size_t i = 0; i < n && i < INSTANCES_MAX; i++) {
		struct rollout_instance_view v;

		rollout_instance(r, i, &v);
		buf_puts(b, "<tr><th scope=\"row\"><code>");
		html_text(b, v.name);
		buf_printf(b, "</code></th><td>%s</td>",
			   v.cohort == COHORT_CANARY ? "canary" : "baseline");
		cell_ms(b, v.p99_ms);
		cell_count(b, v.n_requests);
		cell_count(b, v.n_restarts);
		cell_count(b, v.n_lost);
		buf_printf(b, "<td>%s</td></tr>\n",
			   v.warm ? "warm" : "not warm yet");
	}
	end_table(b);
	say_more(b, n, INSTANCES_MAX, "instances");
	buf_puts(b, "</details>\n");
}

/*
 * The call path, root first, folded away behind its function; of a function
 * with several, the heaviest.
 */
static void write_call_path(struct buf *b, const struct rollout_path *paths,
			    uint32_t node, uint32_t n_paths)
{
	uint32_t stack[LIMIT_PATH_DEPTH];
	size_t n = 0;

	for (int32_t at = (int32_t)node;
	     at != BATCH_NO_PARENT && n < LIMIT_PATH_DEPTH;
	     at = paths[at].parent)
		stack[n++] = (uint32_t)at;
	buf_puts(b, "<details><summary><code>");
	html_text(b, paths[node].function);
	buf_puts(b, "</code>");
	if (n_paths > 1)
		buf_printf(b,
			   " <span class=\"soft\">over %" PRIu32
			   " call paths, the heaviest:</span>",
			   n_paths);
	buf_puts(b, "</summary><ol class=\"path\">");
	while (n > 0) {
		buf_puts(b, "<li>");
		html_text(b, paths[stack[--n]].function);
		buf_puts(b, "</li>");
	}
	buf_puts(b, "</ol></details>");
}

static void write_finding(struct buf *b, const struct rollout_path *paths,
			  const struct rollout_finding *f)
{
	buf_printf(b, "<tr><td>%s</td><th scope=\"row\">",
		   path_class_name(f->class));
	write_call_path(b, paths, f->path, f->n_paths);
	buf_puts(b, "</th><td class=\"n\">");
	html_percent(b, f->share[COHORT_BASELINE]);
	buf_puts(b, " \xe2\x86\x92 ");
	html_percent(b, f->share[COHORT_CANARY]);
	buf_puts(b, "</td><td class=\"n\">");
	html_percent(b, f->self_share[COHORT_BASELINE]);
	buf_puts(b, " \xe2\x86\x92 ");
	html_percent(b, f->self_share[COHORT_CANARY]);
	buf_puts(b, "</td><td class=\"n\">");
	html_ms(b, f->cost_ns[COHORT_BASELINE] / 1e6);
	buf_puts(b, " \xe2\x86\x92 ");
	html_ms(b, f->cost_ns[COHORT_CANARY] / 1e6);
	buf_printf(b,
		   "</td><td class=\"n\">%" PRIu32 " / %" PRIu32
		   "</td><td>%s</td></tr>\n",
		   f->n_instances[COHORT_BASELINE],
		   f->n_instances[COHORT_CANARY],
		   f->gates ? "strong" : "a hint");
}

void report_hot_paths(struct buf *b, const struct rollout *r)
{
	static const char *const head[] = { "class",
					    "function and call path",
					    "n:share of CPU",
					    "n:of which itself",
					    "n:CPU per request",
					    "n:instances that show it",
					    "evidence",
					    NULL };
	const struct rollout_finding *findings = NULL;
	const struct rollout_path *paths = NULL;
	size_t n = rollout_findings(r, &findings);

	(void)rollout_paths(r, &paths); /* finding.path is one of them */
	buf_puts(b, "<h2 id=\"paths\">Hot paths</h2>\n");
	if (n == 0) {
		buf_puts(b, "<p>No function and no call path differs "
			    "significantly between baseline and canary.</p>\n");
		return;
	}
	begin_table(b, "Hot paths",
		    "Functions, over all their call paths, and single call "
		    "paths whose share of CPU differs between the cohorts, "
		    "baseline \xe2\x86\x92 canary. A share also "
		    "rises when others fall: the CPU per request does not. "
		    "Unsettled is what differs while a runtime still compiles "
		    "its code: it says nothing about the build.");
	write_head(b, head);
	for (size_t i = 0; i < n && i < FINDINGS_MAX; i++)
		write_finding(b, paths, &findings[i]);
	end_table(b);
	say_more(b, n, FINDINGS_MAX, "functions and call paths");
}

static void quality_row(struct buf *b, const char *what, uint64_t base,
			uint64_t base_of, uint64_t can, uint64_t can_of)
{
	buf_printf(b, "<tr><th scope=\"row\">%s</th>", what);
	cell_count(b, base);
	cell_count(b, can);
	cell_shares(b, base, base_of, can, can_of);
	buf_puts(b, "</tr>\n");
}

static void write_losses(struct buf *b, const struct rollout_quality *q)
{
	static const char *const causes[LOSS_N] = {
		[LOSS_OTHER] = "lost for another cause",
		[LOSS_RING_FULL] = "socket events: collector too slow",
		[LOSS_NO_MEMORY] = "connections without memory",
		[LOSS_UNREADABLE] = "socket events not readable",
		[LOSS_OPAQUE] = "socket events that cannot be followed",
		[LOSS_UNPARSED] = "requests that were not HTTP/1.1",
		[LOSS_ROUTES_FULL] = "requests put under {other}",
		[LOSS_SAMPLE_RING] = "samples: collector too slow",
		[LOSS_SAMPLE_STACK] = "samples without a user stack",
		[LOSS_PATHS_FULL] = "samples: too many call paths",
		[LOSS_SPOOL_FULL] = "batches: spool full",
		[LOSS_REFUSED] = "batches that the gate refused",
	};
	const int base = COHORT_BASELINE;
	const int can = COHORT_CANARY;

	for (int i = 0; i < LOSS_N; i++) {
		bool of_samples = i == LOSS_SAMPLE_RING ||
				  i == LOSS_SAMPLE_STACK ||
				  i == LOSS_PATHS_FULL;

		if (q->lost[base][i] == 0 && q->lost[can][i] == 0)
			continue;
		quality_row(b, causes[i] ? causes[i] : "lost", q->lost[base][i],
			    of_samples ? q->n_samples[base] : q->n_events[base],
			    q->lost[can][i],
			    of_samples ? q->n_samples[can] : q->n_events[can]);
	}
}

static void write_groups(struct buf *b, const struct rollout_quality *q)
{
	static const char *const names[PROFILE_GROUP_N] = {
		[PROFILE_APP] = "CPU of the application, ms",
		[PROFILE_JIT] = "CPU of the JIT compiler, ms",
		[PROFILE_GC] = "CPU of the garbage collector, ms",
		[PROFILE_VM] = "CPU of the runtime, ms",
	};
	uint64_t all[COHORT_N] = { 0 };

	for (int c = 0; c < COHORT_N; c++)
		for (int i = 0; i < PROFILE_GROUP_N; i++)
			all[c] += q->group_ns[c][i];
	for (int i = 0; i < PROFILE_GROUP_N; i++)
		quality_row(b, names[i],
			    q->group_ns[COHORT_BASELINE][i] / 1000000,
			    all[COHORT_BASELINE] / 1000000,
			    q->group_ns[COHORT_CANARY][i] / 1000000,
			    all[COHORT_CANARY] / 1000000);
}

static void write_hooks(struct buf *b, const struct rollout_quality *q)
{
	buf_puts(b, "<p>Measured by kernel hooks <code>");
	html_text(b, q->hooks[COHORT_BASELINE] ? q->hooks[COHORT_BASELINE]
					       : "none");
	buf_puts(b, "</code> on the baseline and <code>");
	html_text(b,
		  q->hooks[COHORT_CANARY] ? q->hooks[COHORT_CANARY] : "none");
	buf_printf(
		b,
		"</code> on the canary; compared is %s. %" PRIu32
		" windows were skipped because one cohort or the other was "
		"missing.</p>\n",
		q->basis == LATENCY_TOTAL
			? "the time from a request's arrival to the last byte "
			  "of its answer"
			: "the time from reading a request to the first byte "
			  "of its answer",
		q->n_windows_skipped);
}

void report_quality(struct buf *b, const struct rollout *r)
{
	static const char *const head[] = { "what", "n:baseline", "n:canary",
					    "n:share", NULL };
	struct rollout_quality q;

	rollout_quality(r, &q);
	buf_puts(b, "<h2 id=\"quality\">Data quality</h2>\n");
	write_hooks(b, &q);
	begin_table(b, "Data quality",
		    "Over all judged windows. Causes of loss that did not "
		    "happen are left out.");
	write_head(b, head);
	quality_row(b, "socket events seen", q.n_events[COHORT_BASELINE],
		    q.n_events[COHORT_BASELINE], q.n_events[COHORT_CANARY],
		    q.n_events[COHORT_CANARY]);
	write_losses(b, &q);
	quality_row(b, "stack samples", q.n_samples[COHORT_BASELINE],
		    q.n_samples[COHORT_BASELINE], q.n_samples[COHORT_CANARY],
		    q.n_samples[COHORT_CANARY]);
	quality_row(b, "frames without a name",
		    q.n_unsymbolised[COHORT_BASELINE],
		    q.n_frames[COHORT_BASELINE],
		    q.n_unsymbolised[COHORT_CANARY], q.n_frames[COHORT_CANARY]);
	write_groups(b, &q);
	end_table(b);
}

static void fact(struct buf *b, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void fact(struct buf *b, const char *name, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(b, "<tr><th scope=\"row\">%s</th><td>", name);
	html_text(b, text);
	buf_puts(b, "</td></tr>\n");
}

static void write_limits(struct buf *b, const struct policy *p)
{
	fact(b, "P99 may rise by", "%.4g %% or %.4g ms, the larger of both",
	     p->margin * 100, p->margin_ms);
	fact(b, "chance of failing a healthy canary, ever", "%.4g %%",
	     p->alpha_fail * 100);
	fact(b, "chance of passing one beyond the margin", "%.4g %%",
	     p->alpha_pass * 100);
	fact(b, "errors may rise by",
	     "a factor of %.4g or %.4g percentage points", p->error_ratio,
	     p->error_margin * 100);
	fact(b, "unanswered requests may rise by", "%.4g percentage points",
	     p->unanswered_margin * 100);
	fact(b, "windows before a pass", "%" PRIu32, p->soak_windows);
	fact(b, "instances at least",
	     "%" PRIu32 " baseline, %" PRIu32 " canary", p->min_baseline,
	     p->min_canary);
	fact(b, "requests before an instance is warm", "%" PRIu64,
	     p->warm_requests);
	if (p->settle_after_ms > 0)
		fact(b, "young code is allowed for up to an age of",
		     "%" PRId64 " s", p->settle_after_ms / 1000);
	fact(b, "requests per instance, canary over baseline", "%.4g to %.4g%s",
	     p->load_lo, p->load_hi,
	     p->load_unequal_ok ? ", otherwise allowed too" : "");
	if (p->throughput_lo > 0.0)
		fact(b, "of a route's requests, the canary answers at least",
		     "%.4g %% of what its traffic would have",
		     p->throughput_lo * 100);
	if (p->split_lo > 0.0)
		fact(b, "of a step's weight, the canary gets at least",
		     "%.4g %%", p->split_lo * 100);
	fact(b, "events lost at most", "%.4g %%", p->loss_max * 100);
	fact(b, "restarts of canary instances at most", "%" PRIu32,
	     p->restarts_max);
}

void report_policy(struct buf *b, const struct policy *p)
{
	buf_puts(b, "<h2 id=\"policy\">Policy</h2>\n"
		    "<details><summary><code>");
	html_text(b, p->name);
	buf_printf(b, "@%" PRIu32 "</code></summary>\n", p->version);
	begin_table(b, "Policy", "What the rollout is allowed.");
	buf_puts(b, "<tbody>");
	write_limits(b, p);
	fact(b, "inconclusive after silence of", "%" PRId64 " s",
	     p->no_data_after_ms / 1000);
	fact(b, "inconclusive after, in all", "%" PRId64 " s",
	     p->give_up_after_ms / 1000);
	fact(b, "a new hot path", "%s",
	     p->profile_gates ? "fails by itself"
			      : "explains a failure, and warns alone");
	fact(b, "a hot path has at least",
	     "%.4g %% of CPU and %.4g percentage points more than before",
	     p->path_min_share * 100, p->path_min_rise * 100);
	fact(b, "false discoveries among hot paths at most", "%.4g %%",
	     p->profile_alpha * 100);
	for (uint32_t i = 0; i < p->n_ignore; i++)
		fact(b, "route left out", "%s", p->ignore_routes[i]);
	end_table(b);
	buf_puts(b, "</details>\n");
}
