/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/document.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/json.h"
#include "common/json_text.h"
#include "common/limits.h"
#include "common/text.h"
#include "gate/store.h"
#include "stats/verdict.h"

/* The figures, in the order in which they are written. */
#define FIGURE(field)                                   \
	{                                               \
#field, offsetof(struct verdict, field) \
	}
static const struct figure {
	const char *key;
	size_t offset;
} figures[] = {
	FIGURE(p99_ratio),	  FIGURE(p99_ratio_lo),
	FIGURE(p99_ratio_hi),	  FIGURE(p99_baseline_ms),
	FIGURE(p99_canary_ms),	  FIGURE(shift_ms),
	FIGURE(shift_lo_ms),	  FIGURE(shift_hi_ms),
	FIGURE(limit_ms),	  FIGURE(hot_share_baseline),
	FIGURE(hot_share_canary), FIGURE(detectable_ratio),
};

enum { N_FIGURES = sizeof(figures) / sizeof(figures[0]) };

/* Bytes of each text that may be long. */
struct room {
	size_t reason;
	size_t route;
	size_t function;
};

/* text, cut to at most max bytes at a character's end, marked "...". */
static void put_cut(struct buf *out, const char *text, size_t max)
{
	char cut[VERDICT_REASON_BYTES + 4];
	size_t len = strlen(text);
	size_t at = 0;

	if (len <= max) {
		json_text_string(out, text);
		return;
	}
	for (;;) {
		size_t n = text_char(text + at, len - at);

		n = n == 0 ? 1 : n; /* no UTF-8 is replaced when written */
		if (at + n > max || at + n >= VERDICT_REASON_BYTES)
			break;
		at += n;
	}
	memcpy(cut, text, at);
	memcpy(cut + at, "...", 4);
	json_text_string(out, cut);
}

static void put_text(struct buf *out, const char *key, const char *text,
		     size_t max)
{
	buf_printf(out, ",\"%s\":", key);
	put_cut(out, text, max);
}

static void put_count(struct buf *out, const char *key, uint64_t n)
{
	buf_printf(out, ",\"%s\":%" PRIu64, key, n);
}

static void put_identities(struct buf *out, const struct store_rollout *r)
{
	const size_t max = STORE_IDENTITY_BYTES;

	put_text(out, "service", r->service, max);
	put_text(out, "baseline", r->baseline, max);
	put_text(out, "canary", r->canary, max);
	put_count(out, "attempt", r->attempt);
	buf_printf(out, ",\"rollout\":%" PRId64, r->rollout_id);
	/* a policy's name is an identity: nothing in it is escaped */
	buf_printf(out, ",\"policy\":\"%s@%" PRIu32 "\"", r->policy,
		   r->policy_version);
}

static void put_figures(struct buf *out, const struct verdict *v, bool exact)
{
	for (size_t i = 0; i < N_FIGURES; i++) {
		double x;

		memcpy(&x, (const char *)v + figures[i].offset, sizeof(x));
		buf_printf(out, ",\"%s\":", figures[i].key);
		if (exact)
			json_text_number(out, x);
		else
			buf_printf(out, "%.6g", x);
	}
}

/* What a document is written for. */
struct form {
	const char *base_url;
	bool exact; /* figures to the bit, not to six digits */
	size_t max; /* bytes that it stays below */
};

static void write_document(struct buf *out, const struct store_rollout *r,
			   const struct verdict *v, const struct form *form,
			   const struct room *room)
{
	char report[256];

	buf_printf(out, "{\"verdict\":\"%s\",\"pass\":%s,\"fail\":%s",
		   verdict_word_name(v->word),
		   v->word == VERDICT_PASS ? "true" : "false",
		   v->word == VERDICT_FAIL ? "true" : "false");
	buf_printf(out, ",\"final\":%s,\"code\":\"%s\"",
		   v->final ? "true" : "false", verdict_code_name(v->code));
	put_identities(out, r);
	put_count(out, "step", v->step);
	/* it stands beside a record, and is no part of what is compared */
	if (!form->exact)
		put_count(out, "method", v->method);
	put_text(out, "route", v->route, room->route);
	put_text(out, "reason", v->reason, room->reason);
	put_figures(out, v, form->exact);
	put_text(out, "hot_function", v->hot_function, room->function);
	put_count(out, "canary_requests", v->canary_requests);
	put_count(out, "baseline_requests", v->baseline_requests);
	put_count(out, "canary_instances", v->canary_instances);
	put_count(out, "baseline_instances", v->baseline_instances);
	put_count(out, "windows", v->windows);
	put_count(out, "need_requests", v->need_requests);
	put_count(out, "need_seconds", v->need_seconds);
	put_count(out, "need_instances", v->need_instances);
	put_count(out, "need_baseline_instances", v->need_baseline_instances);
	(void)!snprintf(report, sizeof(report), "%.200s/rollouts/%" PRId64,
			form->base_url, r->rollout_id);
	put_text(out, "report", report, sizeof(report));
	buf_puts(out, "}");
}

/* The document in that form, its texts cut until it fits. */
static int write_fitting(struct buf *out, const struct store_rollout *r,
			 const struct verdict *v, const struct form *form,
			 struct err *err)
{
	struct room room = { .reason = VERDICT_REASON_BYTES,
			     .route = VERDICT_ROUTE_BYTES,
			     .function = VERDICT_FUNCTION_BYTES };

	for (size_t i = 0; i < N_FIGURES; i++) {
		double x;

		memcpy(&x, (const char *)v + figures[i].offset, sizeof(x));
		if (!isfinite(x))
			return err_set(err, -EINVAL,
				       "verdict: %s is not finite",
				       figures[i].key);
	}
	for (;;) {
		out->len = 0;
		write_document(out, r, v, form, &room);
		if (out->bad)
			return err_set(err, -ENOMEM, "verdict: no memory");
		if (out->len < form->max)
			return 0;
		/* the reason names the function, so that goes first */
		if (room.function > 64)
			room.function /= 2;
		else if (room.route > 64)
			room.route /= 2;
		else if (room.reason > 0)
			room.reason /= 2;
		else
			return err_set(err, -EINVAL,
				       "verdict: %zu bytes without its texts",
				       out->len);
	}
}

int verdict_document(struct buf *out, const struct store_rollout *r,
		     const struct verdict *v, const char *base_url,
		     struct err *err)
{
	struct form form = { .base_url = base_url,
			     .max = LIMIT_DOCUMENT_BYTES };

	return write_fitting(out, r, v, &form, err);
}

int verdict_record(struct buf *out, const struct store_rollout *r,
		   const struct verdict *v, struct err *err)
{
	struct form form = { .base_url = "",
			     .exact = true,
			     .max = LIMIT_RECORD_BYTES };

	return write_fitting(out, r, v, &form, err);
}

bool verdict_document_is_figure(const char *key)
{
	for (size_t i = 0; i < N_FIGURES; i++)
		if (strcmp(figures[i].key, key) == 0)
			return true;
	return false;
}

static int word_find(const char *name, enum verdict_word *ret_word)
{
	for (int w = 0; w < VERDICT_WORD_N; w++)
		if (strcmp(verdict_word_name((enum verdict_word)w), name) ==
		    0) {
			*ret_word = (enum verdict_word)w;
			return 0;
		}
	return -EBADMSG;
}

static int read_text(const struct json *root, const char *key, char *to,
		     size_t room, struct err *err)
{
	const char *text = "";
	int rc = json_get_string(root, key, room - 1, &text, err);

	(void)!snprintf(to, room, "%s", text);
	return rc;
}

static int read_u32(const struct json *root, const char *key, uint32_t *ret_n,
		    struct err *err)
{
	uint64_t n = 0;
	int rc = json_get_u64(root, key, 0, UINT32_MAX, &n, err);

	*ret_n = (uint32_t)n;
	return rc;
}

static int read_words(const struct json *root, struct verdict *v,
		      struct err *err)
{
	const char *word = "";
	const char *code = "";
	int rc = json_get_string(root, "verdict", 32, &word, err);

	if (rc == 0)
		rc = json_get_string(root, "code", 64, &code, err);
	if (rc == 0)
		rc = json_get_bool(root, "final", &v->final, err);
	if (rc < 0)
		return rc;
	if (word_find(word, &v->word) < 0 ||
	    verdict_code_find(code, &v->code) < 0)
		return err_set(err, -EBADMSG, "verdict: %.32s %.64s is none",
			       word, code);
	return 0;
}

static int read_counts(const struct json *root, struct verdict *v,
		       struct err *err)
{
	int rc = read_u32(root, "step", &v->step, err);

	if (rc == 0) /* a record has none */
		rc = read_u32(root, "method", &v->method, err);
	if (rc == 0)
		rc = read_u32(root, "canary_instances", &v->canary_instances,
			      err);
	if (rc == 0)
		rc = read_u32(root, "baseline_instances",
			      &v->baseline_instances, err);
	if (rc == 0)
		rc = read_u32(root, "windows", &v->windows, err);
	if (rc == 0)
		rc = read_u32(root, "need_seconds", &v->need_seconds, err);
	if (rc == 0)
		rc = read_u32(root, "need_instances", &v->need_instances, err);
	if (rc == 0)
		rc = read_u32(root, "need_baseline_instances",
			      &v->need_baseline_instances, err);
	if (rc == 0)
		rc = json_get_u64(root, "canary_requests", 0, INT64_MAX,
				  &v->canary_requests, err);
	if (rc == 0)
		rc = json_get_u64(root, "baseline_requests", 0, INT64_MAX,
				  &v->baseline_requests, err);
	if (rc == 0)
		rc = json_get_u64(root, "need_requests", 0, INT64_MAX,
				  &v->need_requests, err);
	return rc;
}

static int read_verdict(const struct json *root, struct verdict *v,
			struct err *err)
{
	int rc = json_want_key(root, "verdict", err);

	if (rc == 0)
		rc = read_words(root, v, err);
	if (rc == 0)
		rc = read_text(root, "route", v->route, sizeof(v->route), err);
	if (rc == 0)
		rc = read_text(root, "reason", v->reason, sizeof(v->reason),
			       err);
	if (rc == 0)
		rc = read_text(root, "hot_function", v->hot_function,
			       sizeof(v->hot_function), err);
	for (size_t i = 0; i < N_FIGURES && rc == 0; i++) {
		double x = 0.0;

		rc = json_get_number(root, figures[i].key, &x, err);
		memcpy((char *)v + figures[i].offset, &x, sizeof(x));
	}
	if (rc == 0)
		rc = read_counts(root, v, err);
	return rc;
}

int verdict_document_read(const char *text, size_t len, struct verdict *ret_v,
			  struct err *err)
{
	struct verdict v = { .word = VERDICT_RUNNING };
	struct json_doc *doc = NULL;
	struct json root;
	int rc = json_parse(text, len, &doc, &root, err);

	if (rc == 0)
		rc = read_verdict(&root, &v, err);
	json_doc_free(doc);
	if (rc == -ENOMEM)
		return rc;
	if (rc < 0)
		return -EBADMSG;
	*ret_v = v;
	return 0;
}
