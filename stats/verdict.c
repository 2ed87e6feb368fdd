/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stats/spread.h"

static const char *const words[VERDICT_WORD_N] = {
	[VERDICT_RUNNING] = "running", [VERDICT_PASS] = "pass",
	[VERDICT_FAIL] = "fail",       [VERDICT_INCONCLUSIVE] = "inconclusive",
	[VERDICT_ERROR] = "error",
};

#define P99	 "{at}P99 {canary_p99} against {baseline_p99}, {shift}"
#define INTERVAL "(95 % interval {interval}, limit {limit})"

/*
 * Every code: its name, what is said while the rollout runs, and what is
 * said when it does not decide any more.  A NULL means that it is not said.
 */
static const struct {
	const char *name;
	const char *running;
	const char *decided;
} codes[CODE_N] = {
	[CODE_NO_DATA] = { "NO_DATA",
			   "no request of the {subject} has arrived yet",
			   "no request of the {subject} arrived within {wait}: "
			   "check that "
			   "its collector runs and that service and revision "
			   "are spelt as "
			   "it sends them" },
	[CODE_WARMING_UP] = { "WARMING_UP",
			      "the {subject} is warming up: {warmth}",
			      "the {subject} never became warm: fewer than "
			      "{warm} requests on "
			      "every instance" },
	[CODE_NOT_ENOUGH_REQUESTS] = { "NOT_ENOUGH_REQUESTS",
				       "{canary_requests} canary requests so "
				       "far{so_far}; about {need} "
				       "more{need_time} are needed to decide",
				       "{canary_requests} canary requests were "
				       "too few to decide"
				       "{so_far}; about {need} more would be "
				       "needed, or a P99 shift "
				       "above {detectable}" },
	[CODE_COLLECTING] = { "COLLECTING",
			      P99 " so far " INTERVAL
				  "; about {need} more canary requests"
				  "{need_time} are needed to decide",
			      P99
			      " " INTERVAL
			      "; about {need} more canary requests would be "
			      "needed to decide" },
	[CODE_WITHIN_LIMITS] = { "WITHIN_LIMITS", NULL,
				 P99
				 " " INTERVAL
				 "; errors and unanswered requests are within "
				 "their limits; {canary_requests} canary "
				 "requests on "
				 "{canary_instances}" },
	[CODE_P99_SHIFT] = { "P99_SHIFT", NULL,
			     P99 " " INTERVAL "{also}{hot}" },
	[CODE_ERROR_RATE] = { "ERROR_RATE", NULL,
			      "{at}{seen_percent} of the canary's requests "
			      "failed against "
			      "{other_percent} of the baseline's (limit "
			      "{permitted_percent})"
			      "{hot}" },
	[CODE_UNANSWERED] = { "UNANSWERED", NULL,
			      "{at}{seen_percent} of the canary's requests got "
			      "no answer "
			      "against {other_percent} of the baseline's "
			      "(limit "
			      "{permitted_percent}){hot}" },
	[CODE_THROUGHPUT] = { "THROUGHPUT", NULL,
			      "{at}{seen_percent} of the canary's requests "
			      "were these and answered, against "
			      "{other_percent} of the baseline's (limit "
			      "{permitted_percent}){hot}" },
	[CODE_RESTARTS] = { "RESTARTS", NULL,
			    "canary instances restarted {seen_times}, last "
			    "{subject} (limit "
			    "{permitted_times})" },
	[CODE_HOT_PATH] = { "HOT_PATH", NULL,
			    "{hot_alone}; the policy lets a profile fail a "
			    "rollout" },
	[CODE_PROFILE_MISSING] = { "PROFILE_MISSING",
				   "within limits so far; the policy lets a "
				   "profile fail a rollout, and profiles "
				   "cannot "
				   "be compared yet{also}",
				   "the policy lets a profile fail a rollout, "
				   "and profiles could not be compared{also}" },
	[CODE_GROSS] = { "GROSS", NULL,
			 "{at}the canary is broken: {also}; no further "
			 "evidence was "
			 "waited for{hot}" },
	[CODE_INSTANCE_VARIANCE] = { "INSTANCE_VARIANCE", NULL,
				     P99
				     " (limit {limit}), but instances of one "
				     "build differ so "
				     "much that on {canary_instances} against "
				     "{baseline_instances} a shift below "
				     "{detectable} can be "
				     "luck{add}" },
	[CODE_LOAD_UNEQUAL] = { "LOAD_UNEQUAL", NULL,
				"a canary instance gets {seen_ratio} times the "
				"requests of a "
				"baseline instance (permitted "
				"{permitted_range}): their "
				"latencies cannot be compared" },
	[CODE_SPLIT_UNEQUAL] = { "SPLIT_UNEQUAL", NULL,
				 "the canary gets {seen_percent} of the "
				 "requests that are seen where the step's "
				 "weight is {other_percent}: what was sent to "
				 "it is not what is judged" },
	[CODE_LOSS] = { "LOSS", NULL,
			"the collectors of the {subject} lost {seen_percent} "
			"of what "
			"happened (permitted {permitted_percent}){also}: the "
			"slowest "
			"requests may be among them" },
	[CODE_COLLECTORS_DIFFER] = { "COLLECTORS_DIFFER", NULL,
				     "the collectors of canary and baseline "
				     "measure nothing in the "
				     "same way{also}" },
	[CODE_TRANSIENT] = { "TRANSIENT", NULL,
			     P99 " over all, but the canary was slower than "
				 "permitted for a while only" },
	[CODE_TOO_FEW_INSTANCES] = { "TOO_FEW_INSTANCES",
				     "{seen_count} {subject} so far, at least "
				     "{permitted_count} are "
				     "needed",
				     "{seen_count} {subject}, at least "
				     "{permitted_count} are "
				     "needed" },
	[CODE_TIME_UP] = { "TIME_UP", NULL,
			   "undecided after {wait}: " P99 " " INTERVAL },
	[CODE_STOPPED] = { "STOPPED", NULL, "the rollout was stopped{also}" },
	[CODE_INTERNAL] = { "INTERNAL", "the gate could not judge{also}",
			    "the gate could not judge{also}" },
};

const char *verdict_word_name(enum verdict_word word)
{
	if ((unsigned int)word >= VERDICT_WORD_N)
		return "error";
	return words[word];
}

const char *verdict_code_name(enum verdict_code code)
{
	if ((unsigned int)code >= CODE_N)
		return "INTERNAL";
	return codes[code].name;
}

int verdict_code_find(const char *name, enum verdict_code *ret_code)
{
	for (int i = 0; i < CODE_N; i++) {
		if (strcmp(codes[i].name, name) == 0) {
			*ret_code = (enum verdict_code)i;
			return 0;
		}
	}
	return -ENOENT;
}

/* --- figures as people read them --- */

struct text {
	char *at;
	size_t room; /* NUL included */
};

static void text_add(struct text *t, const char *s, size_t len)
{
	if (len >= t->room)
		len = t->room - 1;
	memcpy(t->at, s, len);
	t->at += len;
	t->room -= len;
	*t->at = '\0';
}

static void text_printf(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void text_printf(struct text *t, const char *fmt, ...)
{
	char s[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	if (n > 0)
		text_add(t, s,
			 (size_t)n < sizeof(s) ? (size_t)n : sizeof(s) - 1);
}

/* Decimals that leave three figures: 0.62, 61.8, 618. */
static int decimals(double v)
{
	v = fabs(v);
	return v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
}

static void add_ms(struct text *t, double ms)
{
	text_printf(t, "%.*f ms", decimals(ms), ms);
}

static void add_percent(struct text *t, double share)
{
	double v = 100.0 * share;

	text_printf(t, "%.*f %%", v < 0.995 ? 2 : v < 99.5 ? 1 : 0, v);
}

/* 81203 as "81,203" */
static void add_count(struct text *t, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text_add(t, ",", 1);
		text_add(t, digits + i, 1);
	}
}

static void add_instances(struct text *t, const char *cohort, uint32_t n)
{
	text_printf(t, "%" PRIu32 " %s instance%s", n, cohort,
		    n == 1 ? "" : "s");
}

static void add_wait(struct text *t, double ms)
{
	double s = ms / 1000.0;

	if (s < 120.0)
		text_printf(t, "%.0f s", s);
	else
		text_printf(t, "%.0f min", s / 60.0);
}

/* " (7 min at this rate)"; nothing where there is no traffic now. */
static void add_need_time(struct text *t, const struct verdict *v)
{
	if (v->need_seconds == 0)
		return;
	text_printf(t, " (");
	add_wait(t, 1000.0 * v->need_seconds);
	text_printf(t, " at this rate)");
}

/* Decimals that shift, interval and limit have in common. */
static int decimals_shift(const struct verdict *v)
{
	double most = fmax(fabs(v->shift_ms), fabs(v->limit_ms));

	return most < 0.95 ? 2 : most < 99.5 ? 1 : 0;
}

/* An end that is not known yet is at the end of what is looked at. */
static void add_interval(struct text *t, const struct verdict *v)
{
	int d = decimals_shift(v);
	bool low = v->p99_ratio_lo > VERDICT_RATIO_LEAST;
	bool high = v->p99_ratio_hi < VERDICT_RATIO_MOST;

	if (low && high)
		text_printf(t, "%+.*f..%+.*f", d, v->shift_lo_ms, d,
			    v->shift_hi_ms);
	else if (low)
		text_printf(t, "%+.*f or more", d, v->shift_lo_ms);
	else if (high)
		text_printf(t, "%+.*f or less", d, v->shift_hi_ms);
	else
		text_printf(t, "not known yet");
}

static void add_hot(struct text *t, const struct verdict *v, bool alone)
{
	if (!v->hot_function[0])
		return;
	if (!alone)
		text_add(t, "; ", 2);
	if (v->hot_share_baseline < 0.0005) {
		text_printf(t, "hot in the canary and new: %s (",
			    v->hot_function);
		add_percent(t, v->hot_share_canary);
		text_printf(t, " of CPU)");
	} else {
		text_printf(t, "hotter in the canary: %s (", v->hot_function);
		add_percent(t, v->hot_share_canary);
		text_printf(t, " of CPU against ");
		add_percent(t, v->hot_share_baseline);
		text_printf(t, ")");
	}
}

/* What is known of P99 already, where there is something. */
static void add_so_far(struct text *t, const struct verdict *v)
{
	if (v->p99_baseline_ms <= 0.0 || v->p99_canary_ms <= 0.0)
		return;
	text_printf(t, " (%s%sP99 ", v->route, v->route[0] ? ": " : "");
	add_ms(t, v->p99_canary_ms);
	text_printf(t, " against ");
	add_ms(t, v->p99_baseline_ms);
	text_printf(t, ")");
}

static void add_times(struct text *t, double n)
{
	if (n == 1.0)
		text_printf(t, "once");
	else if (n == 2.0)
		text_printf(t, "twice");
	else
		text_printf(t, "%.0f times", n);
}

/* What to do where instances differ too much. */
static void add_more(struct text *t, const struct verdict *v)
{
	uint32_t c = v->need_instances;
	uint32_t b = v->need_baseline_instances;

	if (c >= SPREAD_MORE_MAX && b >= SPREAD_MORE_MAX) {
		text_printf(t,
			    "; the shift is so near the limit that %d more of "
			    "each would hardly do",
			    SPREAD_MORE_MAX);
		return;
	}
	text_printf(t, "; add about ");
	if (c > 0 && b > 0) {
		text_printf(t, "%" PRIu32 " canary and ", c);
		add_instances(t, "baseline", b);
	} else if (b > 0) {
		add_instances(t, "baseline", b);
	} else {
		add_instances(t, "canary", c);
	}
}

/* Why a canary is not judged yet, or a shift not yet held against it. */
static void add_warmth(struct text *t, const struct verdict *v,
		       const struct verdict_facts *f)
{
	if (f->seen <= 0.0) {
		text_printf(t, "the first ");
		add_count(t, f->warm_requests);
		text_printf(t, " requests of each instance are not judged");
		return;
	}
	text_printf(t, "its compilers take ");
	add_percent(t, f->seen);
	text_printf(t, " as much CPU as its application, which may be why %s%s",
		    v->route, v->route[0] ? " has a P99 of " : "P99 is ");
	add_ms(t, v->p99_canary_ms);
	text_printf(t, " against ");
	add_ms(t, v->p99_baseline_ms);
	text_printf(t, "; until they settle, for ");
	add_wait(t, f->wait_ms);
	text_printf(t, " at most, more is permitted");
}

static void add_field(struct text *t, const char *name, size_t len,
		      const struct verdict *v, const struct verdict_facts *f)
{
#define IS(s) (len == sizeof(s) - 1 && memcmp(name, s, len) == 0)
	if (IS("at"))
		text_printf(t, "%s%s", v->route, v->route[0] ? ": " : "");
	else if (IS("subject"))
		text_printf(t, "%s", f->subject ? f->subject : "canary");
	else if (IS("also"))
		text_printf(t, "%s", f->also ? f->also : "");
	else if (IS("canary_p99"))
		add_ms(t, v->p99_canary_ms);
	else if (IS("baseline_p99"))
		add_ms(t, v->p99_baseline_ms);
	else if (IS("shift"))
		text_printf(t, "%+.*f ms", decimals_shift(v), v->shift_ms);
	else if (IS("interval"))
		add_interval(t, v);
	else if (IS("limit"))
		text_printf(t, "%+.*f", decimals_shift(v), v->limit_ms);
	else if (IS("need"))
		add_count(t, v->need_requests);
	else if (IS("need_time"))
		add_need_time(t, v);
	else if (IS("canary_requests"))
		add_count(t, v->canary_requests);
	else if (IS("canary_instances"))
		add_instances(t, "canary", v->canary_instances);
	else if (IS("baseline_instances"))
		add_instances(t, "baseline", v->baseline_instances);
	else if (IS("detectable"))
		text_printf(t, "%+.0f %%", 100.0 * (v->detectable_ratio - 1.0));
	else if (IS("so_far"))
		add_so_far(t, v);
	else if (IS("hot"))
		add_hot(t, v, false);
	else if (IS("hot_alone"))
		add_hot(t, v, true);
	else if (IS("warmth"))
		add_warmth(t, v, f);
	else if (IS("warm"))
		add_count(t, f->warm_requests);
	else if (IS("wait"))
		add_wait(t, f->wait_ms);
	else if (IS("seen_percent"))
		add_percent(t, f->seen);
	else if (IS("other_percent"))
		add_percent(t, f->other);
	else if (IS("permitted_percent"))
		add_percent(t, f->permitted);
	else if (IS("seen_times"))
		add_times(t, f->seen);
	else if (IS("seen_count"))
		text_printf(t, "%.0f", f->seen);
	else if (IS("permitted_count") || IS("permitted_times"))
		text_printf(t, "%.0f", f->permitted);
	else if (IS("seen_ratio"))
		text_printf(t, "%.2g", f->seen);
	else if (IS("permitted_range"))
		text_printf(t, "%g to %g", f->permitted_lo, f->permitted);
	else if (IS("add"))
		add_more(t, v);
#undef IS
}

/* Take back the bytes of a character that was cut in two. */
static void trim_utf8(char *s)
{
	size_t n = strlen(s);
	size_t tail = 0;

	while (tail < n && ((unsigned char)s[n - 1 - tail] & 0xc0) == 0x80)
		tail++;
	if (tail < n) {
		unsigned char lead = (unsigned char)s[n - 1 - tail];
		size_t want = lead >= 0xf0   ? 3
			      : lead >= 0xe0 ? 2
			      : lead >= 0xc0 ? 1
					     : 0;

		if (tail < want)
			s[n - 1 - tail] = '\0';
	}
}

void verdict_say(struct verdict *v, const struct verdict_facts *facts)
{
	struct text t = { v->reason, sizeof(v->reason) };
	const char *s = v->word == VERDICT_RUNNING ? codes[v->code].running
						   : codes[v->code].decided;

	if (!s) /* a code that has one sentence for both */
		s = codes[v->code].decided ? codes[v->code].decided : "";
	v->reason[0] = '\0';
	while (*s) {
		const char *end = *s == '{' ? strchr(s, '}') : NULL;

		if (end) {
			add_field(&t, s + 1, (size_t)(end - s - 1), v, facts);
			s = end + 1;
		} else {
			text_add(&t, s, 1);
			s++;
		}
	}
	trim_utf8(v->reason);
}
