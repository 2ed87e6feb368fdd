/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/figure.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "gate/html.h"
#include "stats/hist.h"
#include "stats/rollout.h"

enum {
	PLOT_W = 720,
	PLOT_H = 260,
	LEFT = 64,
	RIGHT = 16,
	TOP = 14,
	BOTTOM = 40,
	COLUMNS_MAX = 360, /* of a plot over time: two pixels each */
	DOTS_MAX = 400,
};

/* One axis: values lo..hi to pixels from..to, perhaps by their logarithm. */
struct axis {
	double lo;
	double hi;
	double from;
	double to;
	bool log;
};

static const char *const cohort_class[COHORT_N] = { "base", "can" };

static double axis_px(const struct axis *a, double x)
{
	double t;

	if (x < a->lo)
		x = a->lo;
	if (x > a->hi)
		x = a->hi;
	t = a->log ? log(x / a->lo) / log(a->hi / a->lo)
		   : (x - a->lo) / (a->hi - a->lo);
	return a->from + t * (a->to - a->from);
}

static void begin(struct buf *b, int w, int h, const char *label)
{
	buf_printf(b,
		   "<svg class=\"plot\" role=\"img\" viewBox=\"0 0 %d %d\" "
		   "width=\"%d\" height=\"%d\" aria-label=\"",
		   w, h, w, h);
	html_text(b, label);
	buf_puts(b, "\">");
}

/* A plot too wide for its page scrolls by itself, by keyboard too. */
static void begin_wide(struct buf *b, int h, const char *name,
		       const char *label)
{
	buf_printf(b,
		   "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
		   "aria-label=\"%s\">",
		   name);
	begin(b, PLOT_W, h, label);
}

static void end_wide(struct buf *b)
{
	buf_puts(b, "</svg></div>\n");
}

static void grid_x(struct buf *b, double x, const char *text)
{
	buf_printf(b,
		   "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" "
		   "y2=\"%d\"/><text class=\"tick mid\" x=\"%.1f\" "
		   "y=\"%d\">%s</text>",
		   x, x, TOP, PLOT_H - BOTTOM, x, PLOT_H - BOTTOM + 15, text);
}

static void grid_y(struct buf *b, double y, const char *text)
{
	buf_printf(b,
		   "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" "
		   "y2=\"%.1f\"/><text class=\"tick end\" x=\"%d\" "
		   "y=\"%.1f\">%s</text>",
		   LEFT, PLOT_W - RIGHT, y, y, LEFT - 6, y + 4, text);
}

static void format_ms(double ms, char *ret_text, size_t room)
{
	struct buf b = { .bytes = NULL };

	buf_printf(&b, ms >= 1000 ? "%g s" : "%g ms",
		   ms >= 1000 ? ms / 1000 : ms);
	for (size_t i = 0; i < room; i++)
		ret_text[i] = i + 1 < room && i < b.len ? b.bytes[i] : '\0';
	buf_release(&b);
}

/* Ticks at 1, 2 and 5 of each decade of ms. */
static void ticks_log_x(struct buf *b, const struct axis *a)
{
	static const double steps[] = { 1, 2, 5 };
	double decades = log10(a->hi / a->lo);
	size_t every = decades > 3 ? 3 : 1; /* then 1 alone */
	int last = (int)floor(log10(a->hi));

	for (int e = (int)floor(log10(a->lo)); e <= last; e++) {
		for (size_t i = 0; i < 3; i += every) {
			double ms = steps[i] * pow(10, e);
			char text[24];

			if (ms < a->lo || ms > a->hi)
				continue;
			format_ms(ms, text, sizeof(text));
			grid_x(b, axis_px(a, ms), text);
		}
	}
}

/* A round step that cuts span into about n. */
static double round_step(double span, double n)
{
	double raw = span / n;
	double decade = pow(10, floor(log10(raw)));
	double lead = raw / decade;

	return decade * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
}

static void ticks_y(struct buf *b, const struct axis *a)
{
	double step = round_step(a->hi - a->lo, 5);

	for (int i = 0; i <= 10 && i * step <= a->hi; i++) {
		char text[24];

		format_ms(i * step, text, sizeof(text));
		grid_y(b, axis_px(a, i * step), text);
	}
}

static void ticks_x(struct buf *b, const struct axis *a)
{
	double step = round_step(a->hi - a->lo, 6);

	for (int i = 0; i < 14; i++) {
		double ms = (ceil(a->lo / step) + i) * step;
		char text[24];

		if (ms > a->hi)
			break;
		format_ms(ms, text, sizeof(text));
		grid_x(b, axis_px(a, ms), text);
	}
}

/* Which line is whose; in the top right corner. */
static void legend(struct buf *b)
{
	int x = PLOT_W - RIGHT - 190;

	buf_printf(b,
		   "<g class=\"legend\"><line class=\"base\" x1=\"%d\" "
		   "x2=\"%d\" y1=\"8\" y2=\"8\"/><text x=\"%d\" "
		   "y=\"12\">baseline</text><line class=\"can\" x1=\"%d\" "
		   "x2=\"%d\" y1=\"8\" y2=\"8\"/><text x=\"%d\" "
		   "y=\"12\">canary</text></g>",
		   x, x + 24, x + 30, x + 106, x + 130, x + 136);
}

static void axis_label_x(struct buf *b, const char *text)
{
	buf_printf(b, "<text class=\"label mid\" x=\"%d\" y=\"%d\">%s</text>",
		   (LEFT + PLOT_W - RIGHT) / 2, PLOT_H - 6, text);
}

/* --- shift of one route --- */

void figure_shift(struct buf *b, const struct rollout_route_view *v)
{
	enum { W = 190, H = 34, MID = 16 };
	double reach = fmax(fmax(fabs(v->shift_lo_ms), fabs(v->shift_hi_ms)),
			    v->limit_ms);
	struct axis a = { .from = 6, .to = W - 6 };
	struct buf label = { .bytes = NULL };

	if (!(reach > 0) || !isfinite(reach))
		return;
	a.lo = -fmin(reach, fmax(fmax(-v->shift_lo_ms, 0), v->limit_ms / 2)) *
	       1.1;
	a.hi = reach * 1.1;
	buf_puts(&label, "shift ");
	html_ms_signed(&label, v->shift_ms);
	buf_puts(&label, ", interval ");
	html_ms_signed(&label, v->shift_lo_ms);
	buf_puts(&label, " to ");
	html_ms_signed(&label, v->shift_hi_ms);
	buf_puts(&label, ", limit ");
	html_ms_signed(&label, v->limit_ms);
	begin(b, W, H, label.bytes ? label.bytes : "");
	buf_release(&label);

	buf_printf(b,
		   "<rect class=\"over\" x=\"%.1f\" y=\"2\" width=\"%.1f\" "
		   "height=\"28\"/><line class=\"zero\" x1=\"%.1f\" "
		   "x2=\"%.1f\" y1=\"2\" y2=\"30\"/>",
		   axis_px(&a, v->limit_ms), W - 6 - axis_px(&a, v->limit_ms),
		   axis_px(&a, 0), axis_px(&a, 0));
	buf_printf(b,
		   "<line class=\"limit\" x1=\"%.1f\" x2=\"%.1f\" y1=\"0\" "
		   "y2=\"32\"/><line class=\"interval\" x1=\"%.1f\" "
		   "x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>",
		   axis_px(&a, v->limit_ms), axis_px(&a, v->limit_ms),
		   axis_px(&a, v->shift_lo_ms), axis_px(&a, v->shift_hi_ms),
		   MID, MID);
	buf_printf(
		b,
		"<path class=\"point\" d=\"M%.1f %dl6 6l-6 6l-6-6z\"/></svg>",
		axis_px(&a, v->shift_ms), MID - 6);
}

/* --- tail --- */

/* The line of one cohort: 1 - F in steps, where it can be seen to move. */
static void tail_line(struct buf *b, const struct hist *h, enum cohort c,
		      const struct axis *x, const struct axis *y)
{
	uint64_t n = hist_count(h);
	uint64_t seen = 0;
	uint64_t count;
	uint32_t bucket;
	uint32_t at = 0;
	double px = x->from;
	double py = y->to;

	buf_printf(b, "<path class=\"%s\" d=\"M%.1f %.1f", cohort_class[c],
		   x->from, axis_px(y, 1));
	while (hist_next(h, &at, &bucket, &count)) {
		double nx = axis_px(x, (double)hist_edge(bucket) / 1e6);
		double left;
		double ny;

		seen += count;
		left = (double)(n - seen) / (double)n;
		ny = axis_px(y, left);
		if (nx - px < 0.7 && fabs(ny - py) < 0.7 && seen < n)
			continue;
		buf_printf(b, "H%.1fV%.1f", nx, ny);
		px = nx;
		py = ny;
	}
	buf_puts(b, "\"/>");
}

static void tail_bounds(const struct rollout_route_view *v, struct axis *x)
{
	double lo = INFINITY;
	double hi = 0;

	for (int c = 0; c < COHORT_N; c++) {
		uint64_t ns;

		if (!v->hist[c] || hist_count(v->hist[c]) == 0)
			continue;
		if (hist_quantile(v->hist[c], 0.05, &ns) == 0)
			lo = fmin(lo, (double)ns / 1e6);
		if (hist_quantile(v->hist[c], 1.0, &ns) == 0)
			hi = fmax(hi, (double)ns / 1e6);
	}
	x->lo = fmax(lo, 0.001);
	x->hi = fmax(hi, x->lo * 2);
}

void figure_tail(struct buf *b, const struct rollout_route_view *v)
{
	static const struct {
		double share;
		const char *text;
	} ticks[] = {
		{ 1, "100 %" },	     { 0.5, "P50" },	 { 0.1, "10 % P90" },
		{ 0.01, "1 % P99" }, { 0.001, "0.1 %" }, { 0.0001, "0.01 %" },
	};
	struct axis x = { .from = LEFT + 20,
			  .to = PLOT_W - RIGHT,
			  .log = true };
	struct axis y = { .lo = 0.0001,
			  .hi = 1,
			  .from = PLOT_H - BOTTOM,
			  .to = TOP,
			  .log = true };
	bool any = false;

	for (int c = 0; c < COHORT_N; c++)
		any = any || (v->hist[c] && hist_count(v->hist[c]) > 0);
	if (!any)
		return;
	tail_bounds(v, &x);
	begin_wide(
		b, PLOT_H, "plot of the tail",
		"share of requests slower than a latency, baseline and canary, "
		"both axes logarithmic; the table of quantiles has the "
		"figures");
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++)
		grid_y(b, axis_px(&y, ticks[i].share), ticks[i].text);
	ticks_log_x(b, &x);
	for (int c = 0; c < COHORT_N; c++)
		if (v->hist[c] && hist_count(v->hist[c]) > 0)
			tail_line(b, v->hist[c], (enum cohort)c, &x, &y);
	legend(b);
	axis_label_x(b, "latency (share of requests that took longer)");
	end_wide(b);
}

/* --- over time --- */

/* The highest P99 among the windows of one column; 0 without requests. */
static double column_p99(const struct rollout_point *p, size_t from, size_t to,
			 enum cohort c)
{
	double top = 0;

	for (size_t i = from; i < to; i++)
		if (isfinite(p[i].p99_ms[c]))
			top = fmax(top, p[i].p99_ms[c]);
	return top;
}

static void time_line(struct buf *b, const struct rollout_point *p, size_t n,
		      size_t per, enum cohort c, const struct axis *x,
		      const struct axis *y)
{
	bool down = false; /* is the pen on the paper? */

	buf_printf(b, "<path class=\"%s\" d=\"", cohort_class[c]);
	for (size_t i = 0; i < n; i += per) {
		size_t to = i + per < n ? i + per : n;
		double ms = column_p99(p, i, to, c);

		if (!(ms > 0)) {
			down = false;
			continue;
		}
		buf_printf(b, "%c%.1f %.1f", down ? 'L' : 'M',
			   axis_px(x, (double)p[i].from_ms), axis_px(y, ms));
		if (!down) /* a window alone between gaps still shows */
			buf_puts(b, "h1");
		down = true;
	}
	buf_puts(b, "\"/>");
}

void figure_time(struct buf *b, const struct rollout *r)
{
	const struct rollout_point *p = NULL;
	size_t n = rollout_points(r, &p);
	size_t per = (n + COLUMNS_MAX - 1) / COLUMNS_MAX;
	struct axis x = { .from = LEFT, .to = PLOT_W - RIGHT };
	struct axis y = { .from = PLOT_H - BOTTOM, .to = TOP + 6 };

	for (size_t i = 0; i < n; i++)
		y.hi = fmax(y.hi, fmax(column_p99(p, i, i + 1, COHORT_BASELINE),
				       column_p99(p, i, i + 1, COHORT_CANARY)));
	if (n == 0 || !(y.hi > 0))
		return;
	y.hi *= 1.05;
	x.lo = (double)p[0].from_ms;
	x.hi = fmax((double)p[n - 1].from_ms, x.lo + 1);
	begin_wide(
		b, PLOT_H, "plot of P99 over time",
		"P99 of all judged routes together, window by window, baseline "
		"and canary");
	ticks_y(b, &y);
	time_line(b, p, n, per, COHORT_BASELINE, &x, &y);
	time_line(b, p, n, per, COHORT_CANARY, &x, &y);
	legend(b);
	buf_printf(b, "<text class=\"tick\" x=\"%d\" y=\"%d\">", LEFT,
		   PLOT_H - BOTTOM + 15);
	html_clock(b, p[0].from_ms);
	buf_printf(b, "</text><text class=\"tick end\" x=\"%d\" y=\"%d\">",
		   PLOT_W - RIGHT, PLOT_H - BOTTOM + 15);
	html_clock(b, p[n - 1].from_ms);
	buf_puts(b, "</text>");
	axis_label_x(b, "P99 per window");
	end_wide(b);
}

/* --- instances --- */

static void instance_dot(struct buf *b, const struct rollout_instance_view *v,
			 size_t i, const struct axis *x)
{
	double px = axis_px(x, v->p99_ms);
	/* spread over five rows, so that equal ones do not hide each other */
	double py =
		(v->cohort == COHORT_CANARY ? 90 : 24) + (double)(i % 5) * 8;

	buf_printf(b, "<g class=\"dot %s%s\"><title>", cohort_class[v->cohort],
		   v->warm ? "" : " cold");
	html_text(b, v->name);
	buf_puts(b, v->cohort == COHORT_CANARY ? " (canary" : " (baseline");
	buf_puts(b, v->warm ? "): P99 " : ", not warm): P99 ");
	html_ms(b, v->p99_ms);
	buf_printf(b, ", %" PRIu64 " requests</title>", v->n_requests);
	if (v->cohort == COHORT_CANARY)
		buf_printf(b, "<path d=\"M%.1f %.1fl6 6l-6 6l-6-6z\"/></g>", px,
			   py - 6);
	else
		buf_printf(b, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/></g>",
			   px, py);
}

void figure_instances(struct buf *b, const struct rollout *r)
{
	size_t n = rollout_n_instances(r);
	struct axis x = { .lo = INFINITY,
			  .from = LEFT + 20,
			  .to = PLOT_W - RIGHT - 10 };
	struct rollout_instance_view v;
	size_t drawn = 0;

	for (size_t i = 0; i < n; i++) {
		rollout_instance(r, i, &v);
		if (!(v.p99_ms > 0) || !isfinite(v.p99_ms))
			continue;
		x.lo = fmin(x.lo, v.p99_ms);
		x.hi = fmax(x.hi, v.p99_ms);
	}
	if (!(x.hi > 0))
		return;
	x.lo = fmax(x.lo - (x.hi - x.lo) * 0.1 - 0.5, 0);
	x.hi += (x.hi - x.lo) * 0.05;
	begin_wide(
		b, PLOT_H - 80, "plot of instances",
		"P99 of each instance: baseline above, canary below; the table "
		"has the figures");
	buf_puts(b, "<g transform=\"translate(0 -80)\">");
	ticks_x(b, &x);
	buf_puts(b, "</g><text class=\"tick\" x=\"2\" y=\"44\">baseline</text>"
		    "<text class=\"tick\" x=\"2\" y=\"110\">canary</text>");
	for (size_t i = 0; i < n && drawn < DOTS_MAX; i++) {
		rollout_instance(r, i, &v);
		if (!(v.p99_ms > 0) || !isfinite(v.p99_ms))
			continue;
		instance_dot(b, &v, i, &x);
		drawn++;
	}
	end_wide(b);
}
