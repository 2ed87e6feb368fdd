/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "gate/figure.h"
#include "gate/html.h"
#include "gate/report_style.h"
#include "gate/report_table.h"
#include "gate/store.h"
#include "gate/svg_flame.h"
#include "stats/method.h"
#include "stats/policy.h"
#include "stats/rollout.h"
#include "stats/verdict.h"

/* What may be loaded or run from a page: nothing but its own style. */
static const char page_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
	"'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
	"form-action 'none'\">\n"
	"<meta name=\"viewport\" content=\"width=device-width,"
	"initial-scale=1\">\n"
	"<meta name=\"referrer\" content=\"no-referrer\">\n";

static void begin_page(struct buf *b, const char *of, const char *what)
{
	buf_puts(b, page_head);
	buf_puts(b, "<title>");
	html_text(b, of);
	html_text(b, what);
	buf_puts(b, "</title>\n<style>\n");
	buf_puts(b, report_style);
	buf_puts(b, "</style>\n</head>\n<body>\n"
		    "<a class=\"skip\" href=\"#main\">Skip to content</a>\n");
}

static void begin_fact(struct buf *b, const char *name)
{
	buf_printf(b, "<div><dt>%s</dt><dd>", name);
}

static void end_fact(struct buf *b)
{
	buf_puts(b, "</dd></div>\n");
}

static void text_fact(struct buf *b, const char *name, const char *text)
{
	begin_fact(b, name);
	html_text(b, text);
	end_fact(b);
}

/* How far the shift is from the limit, and on which side. */
static void write_margin(struct buf *b, const struct verdict *v)
{
	double left = v->limit_ms - v->shift_ms;

	begin_fact(b, "margin to the limit");
	if (!(v->limit_ms > 0)) {
		buf_puts(b, "not known yet");
	} else {
		html_ms(b, fabs(left));
		buf_puts(b, left >= 0 ? " below" : " above");
		buf_puts(b, " <small>shift ");
		html_ms_signed(b, v->shift_ms);
		buf_puts(b, " (");
		html_ms_signed(b, v->shift_lo_ms);
		buf_puts(b, " to ");
		html_ms_signed(b, v->shift_hi_ms);
		buf_puts(b, "), limit ");
		html_ms_signed(b, v->limit_ms);
		buf_puts(b, "</small>");
	}
	end_fact(b);
}

static void write_p99(struct buf *b, const struct verdict *v)
{
	begin_fact(b, "P99, baseline \xe2\x86\x92 canary");
	if (v->p99_baseline_ms > 0 && v->p99_canary_ms > 0) {
		html_ms(b, v->p99_baseline_ms);
		buf_puts(b, " \xe2\x86\x92 ");
		html_ms(b, v->p99_canary_ms);
		buf_puts(b, " <small>");
		html_text(b, v->route);
		buf_puts(b, "</small>");
	} else {
		buf_puts(b, "not known yet");
	}
	end_fact(b);
}

/* ", 7 min at this rate"; nothing of 0. */
static void write_seconds(struct buf *b, uint32_t s)
{
	if (s > 0 && s < 120)
		buf_printf(b, ", %" PRIu32 " s at this rate", s);
	else if (s > 0)
		buf_printf(b, ", %" PRIu32 " min at this rate", (s + 30) / 60);
}

/* Data held against data needed. */
static void write_data(struct buf *b, const struct verdict *v)
{
	uint64_t need = v->canary_requests + v->need_requests;

	begin_fact(b, "data");
	html_count(b, v->canary_requests);
	buf_puts(b, " canary requests");
	if (v->need_requests > 0) {
		buf_puts(b, ", about ");
		html_count(b, v->need_requests);
		buf_puts(b, " more needed");
		write_seconds(b, v->need_seconds);
		buf_printf(b,
			   "<br><meter min=\"0\" max=\"%" PRIu64
			   "\" value=\"%" PRIu64
			   "\" aria-label=\"canary requests held\"></meter>",
			   need, v->canary_requests);
	}
	buf_puts(b, " <small>");
	html_count(b, v->baseline_requests);
	buf_printf(b,
		   " baseline requests; %" PRIu32 " canary and %" PRIu32
		   " baseline instances; %" PRIu32 " windows",
		   v->canary_instances, v->baseline_instances, v->windows);
	if (v->need_instances > 0)
		buf_printf(b,
			   "; about %" PRIu32 " more canary instances needed",
			   v->need_instances);
	if (v->need_baseline_instances > 0)
		buf_printf(b,
			   "; about %" PRIu32 " more baseline instances needed",
			   v->need_baseline_instances);
	if (v->detectable_ratio > 0) {
		buf_puts(b, "; a rise of P99 by ");
		html_percent(b, v->detectable_ratio - 1);
		buf_puts(b, " could be seen");
	}
	buf_puts(b, "</small>");
	end_fact(b);
}

static void write_hot(struct buf *b, const struct verdict *v)
{
	if (v->hot_function[0] == '\0')
		return;
	begin_fact(b, "hot in the canary");
	buf_puts(b, "<code>");
	html_text(b, v->hot_function);
	buf_puts(b, "</code> <small>");
	html_percent(b, v->hot_share_baseline);
	buf_puts(b, " \xe2\x86\x92 ");
	html_percent(b, v->hot_share_canary);
	buf_puts(b, " of CPU</small>");
	end_fact(b);
}

static void write_verdict(struct buf *b, const struct store_rollout *meta,
			  const struct verdict *v)
{
	buf_printf(b, "<div class=\"verdict %s\">", verdict_word_name(v->word));
	report_shape(b, v->word, 64);
	buf_puts(b, "<div><h1>Canary <code>");
	html_text(b, meta->canary);
	buf_puts(b, "</code> of <code>");
	html_text(b, meta->service);
	buf_printf(b, "</code></h1><div class=\"big\">%s</div>",
		   verdict_word_name(v->word));
	buf_puts(b, "<p class=\"why\">");
	html_text(b, v->reason);
	buf_printf(b, "</p><p class=\"soft\"><code>%s</code>, %s</p>",
		   verdict_code_name(v->code),
		   v->final ? "final for its step"
			    : "may change as more arrives");
	buf_puts(b, "</div></div>\n");
}

static void write_identities(struct buf *b, const struct store_rollout *meta,
			     const struct policy *policy, int64_t now_ms)
{
	text_fact(b, "baseline revision", meta->baseline);
	text_fact(b, "canary revision", meta->canary);
	begin_fact(b, "rollout");
	buf_printf(b,
		   "%" PRId64 " <small>attempt %" PRIu32 ", step %" PRIu32
		   "</small>",
		   meta->rollout_id, meta->attempt, meta->step);
	end_fact(b);
	begin_fact(b, "policy");
	html_text(b, policy->name);
	buf_printf(b, "@%" PRIu32, policy->version);
	end_fact(b);
	begin_fact(b, meta->until_ms > 0 ? "judged afterwards: from" : "begun");
	html_time(b, meta->begun_ms);
	end_fact(b);
	if (meta->until_ms > 0) {
		begin_fact(b, "until");
		html_time(b, meta->until_ms);
		end_fact(b);
	}
	begin_fact(b, "this page");
	html_time(b, now_ms);
	end_fact(b);
	if (meta->stopped)
		text_fact(b, "stopped", meta->stop_reason);
}

/* The route the verdict is about, or the one with most requests. */
static void write_tail(struct buf *b, const struct rollout *r,
		       const struct verdict *v)
{
	size_t n = rollout_n_routes(r);
	struct rollout_route_view view;
	bool found = false;

	for (size_t i = 0; i < n && !found; i++) {
		rollout_route(r, i, &view);
		found = strcmp(view.route, v->route) == 0;
	}
	if (n > 0 && !found)
		rollout_route(r, 0, &view);
	if (n == 0)
		return;
	buf_puts(b, "<h3>The tail of <code>");
	html_text(b, view.route);
	buf_puts(b, "</code></h3>\n");
	figure_tail(b, &view);
}

static void write_time(struct buf *b, const struct rollout *r)
{
	const struct rollout_point *points = NULL;

	if (rollout_points(r, &points) == 0)
		return;
	buf_puts(b, "<h2 id=\"time\">P99 over time</h2>\n");
	figure_time(b, r);
}

static void write_flame_key(struct buf *b)
{
	static const struct {
		const char *mark;
		const char *text;
	} rows[] = {
		{ "fn", "new in the canary" },
		{ "fg", "grown" },
		{ "fs", "shrunk" },
		{ "fv", "vanished: as wide as its baseline share" },
		{ "fm", "shifted between siblings, or unsettled" },
		{ "f0", "no significant difference" },
	};

	buf_puts(b, "<ul class=\"key\">");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		buf_printf(b,
			   "<li><svg class=\"flame\" aria-hidden=\"true\" "
			   "viewBox=\"0 0 28 20\"><g class=\"%s\"><rect "
			   "x=\"1\" y=\"1\" width=\"26\" height=\"18\"/></g>"
			   "</svg>%s</li>",
			   rows[i].mark, rows[i].text);
	buf_puts(b, "</ul>\n");
}

/* Returns 0 or -ENOMEM. */
static int write_flame(struct buf *b, const struct rollout *r)
{
	const struct rollout_path *paths = NULL;
	size_t n = rollout_paths(r, &paths);
	struct svg_flame_pruned pruned = { .n_paths = 0 };
	int rc;

	buf_puts(b, "<h2 id=\"flame\">Differential flame graph</h2>\n"
		    "<p>CPU of the application's threads, root on top. A call "
		    "path is as wide as its share of the canary's CPU; point "
		    "at it for its name and both shares.</p>\n");
	write_flame_key(b);
	buf_puts(b, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
		    "aria-label=\"flame graph\">\n");
	rc = svg_flame_write(b, paths, n, &pruned);
	buf_puts(b, "</div>\n");
	if (rc == -ENODATA) {
		buf_puts(b, "<p>There is no stack sample to draw.</p>\n");
		return 0;
	}
	if (rc < 0)
		return rc;
	if (pruned.n_drawn == pruned.n_paths) {
		buf_printf(b,
			   "<p class=\"soft\">All %zu call paths are "
			   "drawn.</p>\n",
			   pruned.n_paths);
		return 0;
	}
	buf_printf(b,
		   "<p class=\"soft\">%zu of %zu call paths are drawn. The "
		   "others are too narrow: they stand in their callers, with ",
		   pruned.n_drawn, pruned.n_paths);
	html_percent(b, pruned.pruned_self);
	buf_puts(b, " of the canary's CPU. The verdict rests on all of "
		    "them.</p>\n");
	return 0;
}

/* The same answer again, for whoever has a shell. */
/* By which statistics: a reader of next year has others. */
static void write_method(struct buf *b, const struct verdict *v)
{
	buf_puts(b, "<p>Judged by ");
	if (v->method == 0)
		buf_puts(b, "a method that was not written down then");
	else
		buf_printf(b, "method %" PRIu32, v->method);
	if (v->method != METHOD_VERSION)
		buf_printf(b,
			   "; the figures of this page were recomputed by "
			   "method %d and may differ",
			   METHOD_VERSION);
	buf_puts(b, ".</p>\n");
}

static void write_repeat(struct buf *b, const struct store_rollout *meta)
{
	buf_puts(b, "<h2 id=\"repeat\">How to get this again</h2>\n<p>The "
		    "verdict, as a pipeline sees it:</p>\n<pre class=\""
		    "scroll\" tabindex=\"0\"><code>tailgate verdict --gate URL "
		    "--service ");
	html_text(b, meta->service);
	buf_puts(b, " --baseline ");
	html_text(b, meta->baseline);
	buf_puts(b, " --canary ");
	html_text(b, meta->canary);
	if (meta->attempt != 1)
		buf_printf(b, " --attempt %" PRIu32, meta->attempt);
	buf_printf(b,
		   "</code></pre>\n<p>All figures, window by window, with the "
		   "batches the judge knew of: <a href=\"/v1/rollouts/%" PRId64
		   "/evidence\">/v1/rollouts/%" PRId64 "/evidence</a>. This "
		   "page as a file: <a href=\"/rollouts/%" PRId64
		   "/report.html\">/rollouts/%" PRId64
		   "/report.html</a>.</p>\n",
		   meta->rollout_id, meta->rollout_id, meta->rollout_id,
		   meta->rollout_id);
}

static int finish(struct buf *b, int rc, struct err *err)
{
	buf_puts(b, "</main>\n</body>\n</html>\n");
	if (rc == 0 && b->bad)
		rc = -ENOMEM;
	return rc < 0 ? err_set(err, rc,
				"report: it needs more memory than "
				"it may have")
		      : 0;
}

/* The page down to the facts, with or without its figures below. */
static void begin_report(struct buf *b, const struct store_rollout *meta,
			 const struct policy *policy, const struct verdict *v,
			 int64_t now_ms)
{
	begin_page(b, meta->service, ": report on a canary");
	buf_puts(b, "<nav aria-label=\"pages\"><a href=\"/\">All rollouts</a>"
		    "</nav>\n<main id=\"main\">\n");
	write_verdict(b, meta, v);
	buf_puts(b, "<dl class=\"facts\">\n");
	write_p99(b, v);
	write_margin(b, v);
	write_data(b, v);
	write_hot(b, v);
	write_identities(b, meta, policy, now_ms);
	buf_puts(b, "</dl>\n");
}

int report_write(struct buf *b, const struct store_rollout *meta,
		 const struct policy *policy, const struct rollout *r,
		 const struct verdict *v, int64_t now_ms, struct err *err)
{
	int rc;

	begin_report(b, meta, policy, v, now_ms);
	report_routes(b, r);
	write_tail(b, r, v);
	report_quantiles(b, r);
	write_time(b, r);
	report_instances(b, r);
	report_hot_paths(b, r);
	rc = write_flame(b, r);
	report_quality(b, r);
	report_policy(b, policy);
	write_repeat(b, meta);
	write_method(b, v);
	return finish(b, rc, err);
}

int report_write_stored(struct buf *b, const struct store_rollout *meta,
			const struct policy *policy, const struct verdict *v,
			int64_t gone_before_ms, int64_t now_ms, struct err *err)
{
	begin_report(b, meta, policy, v, now_ms);
	buf_puts(b, "<h2 id=\"gone\">What the verdict rests on</h2>\n<p>The "
		    "verdict above is the one that was written down. The "
		    "windows it rests on are gone: what was measured before ");
	html_time(b, gone_before_ms);
	buf_puts(b, " was deleted when its retention was over. Routes, "
		    "figures, instances and the flame graph can no longer be "
		    "drawn; the verdict after each window is still in the "
		    "evidence below.</p>\n");
	report_policy(b, policy);
	write_repeat(b, meta);
	if (v->method != 0)
		buf_printf(b, "<p>Judged by method %" PRIu32 ".</p>\n",
			   v->method);
	return finish(b, 0, err);
}

static void write_entry(struct buf *b, const struct report_entry *e)
{
	const struct store_rollout *m = e->meta;
	const struct verdict *v = e->verdict;

	buf_puts(b, "<tr><td>");
	report_word(b, v->word);
	buf_printf(b,
		   "</td><th scope=\"row\"><a href=\"/rollouts/%" PRId64
		   "\">%" PRId64 "</a></th><td><code>",
		   m->rollout_id, m->rollout_id);
	html_text(b, m->service);
	buf_puts(b, "</code></td><td><code>");
	html_text_cut(b, m->baseline, 24);
	buf_puts(b, "</code></td><td><code>");
	html_text_cut(b, m->canary, 24);
	buf_printf(b, "</code></td><td class=\"n\">%" PRIu32 "</td><td>",
		   m->step);
	html_time(b, m->begun_ms);
	buf_puts(b, "</td><td>");
	html_text_cut(b, v->reason, 160);
	buf_puts(b, "</td></tr>\n");
}

int report_write_list(struct buf *b, const struct report_entry *entries,
		      unsigned int n, int64_t now_ms, struct err *err)
{
	begin_page(b, "Tailgate", ": rollouts");
	buf_puts(b, "<main id=\"main\">\n<h1>Rollouts</h1>\n<p class=\"soft\">"
		    "Newest first, as of ");
	html_time(b, now_ms);
	buf_puts(b, ".</p>\n");
	if (n == 0) {
		buf_puts(b, "<p>No rollout was begun yet. <code>POST "
			    "/v1/rollouts</code> or the first <code>GET "
			    "/v1/verdict</code> begins one.</p>\n");
		return finish(b, 0, err);
	}
	buf_puts(b, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
		    "aria-label=\"rollouts\"><table><thead><tr>"
		    "<th scope=\"col\">verdict</th><th scope=\"col\">rollout"
		    "</th><th scope=\"col\">service</th><th scope=\"col\">"
		    "baseline</th><th scope=\"col\">canary</th>"
		    "<th scope=\"col\" class=\"n\">step</th><th scope=\"col\">"
		    "begun</th><th scope=\"col\">reason</th></tr></thead>\n"
		    "<tbody>");
	for (unsigned int i = 0; i < n; i++)
		write_entry(b, &entries[i]);
	buf_puts(b, "</tbody></table></div>\n");
	return finish(b, 0, err);
}
