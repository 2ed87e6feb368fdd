/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/json_text.h"
#include "common/limits.h"
#include "common/num.h"
#include "gate/dispatch.h"
#include "gate/gate.h"
#include "gate/html.h"
#include "gate/query.h"

enum { BODY_FIRST_BYTES = 16 * 1024, RETRY_AFTER_S = 2 };

int exchange_new(struct gate *g, const char *target, struct exchange **ret_ex)
{
	struct exchange *ex = calloc(1, sizeof(*ex));

	if (!ex)
		return -ENOMEM;
	ex->gate = g;
	ex->target = strdup(target);
	if (!ex->target) {
		free(ex);
		return -ENOMEM;
	}
	*ret_ex = ex;
	return 0;
}

void exchange_free(struct exchange *ex)
{
	if (!ex)
		return;
	atomic_fetch_sub(&ex->gate->body_bytes, ex->body_room);
	buf_release(&ex->rp.body);
	buf_release(&ex->allow);
	free(ex->body);
	free(ex->target);
	free(ex);
}

/* The first refusal stands; what is wrong is in rp.err or the fault's row. */
static void refuse(struct exchange *ex, enum fault f)
{
	if (ex->refused)
		return;
	ex->refused = true;
	ex->rp.fault = f;
}

/* The value of a field, NULL if there is none; *twice if there are two. */
static const char *field_of(const struct exchange_head *head, const char *name,
			    bool *twice)
{
	const char *value = NULL;

	for (size_t i = 0; i < head->n_fields; i++) {
		if (strcasecmp(head->fields[i].name, name) != 0)
			continue;
		if (value)
			*twice = true;
		value = head->fields[i].value;
	}
	return value;
}

/* Path, query and endpoint. */
static void take_target(struct exchange *ex, const char *method)
{
	struct request *rq = &ex->rq;
	char *path = NULL;
	char *query = NULL;
	int rc;

	rc = query_split(ex->target, &path, &query, &ex->rp.err);
	if (rc < 0) {
		refuse(ex, FAULT_BAD_TARGET);
		return;
	}
	rq->path = path;
	rc = dispatch_find(method, path, &ex->endpoint);
	if (rc < 0) {
		err_set(&ex->rp.err, rc, "%.16s %.120s: %s", method, path,
			fault_row(fault_of(rc))->what);
		if (rc == -ENOTSUP)
			dispatch_allow(path, &ex->allow);
		refuse(ex, fault_of(rc));
		return;
	}
	rq->method = ex->endpoint->method;
	dispatch_params(ex->endpoint, path, ex->param_bytes,
			sizeof(ex->param_bytes), rq->param, REQUEST_PARAM_MAX);
	rc = query_parse(query, rq->query, REQUEST_QUERY_MAX, &rq->n_query,
			 &ex->rp.err);
	if (rc < 0)
		refuse(ex, FAULT_BAD_TARGET);
}

/*
 * A page of another site can make a browser send requests here.  It cannot
 * read the answers, but GET /v1/verdict begins rollouts; and a name that it
 * lets point to 127.0.0.1 would make it able to read.
 */
static void check_site(struct exchange *ex, const struct exchange_head *head,
		       const char *host)
{
	bool twice = false;
	const char *site = field_of(head, "Sec-Fetch-Site", &twice);

	if (ex->endpoint->scope == SCOPE_NONE || ex->endpoint->page)
		site = NULL;
	if (site && strcmp(site, "cross-site") == 0)
		refuse(ex, FAULT_CROSS_SITE);
	if (auth_is_open(ex->gate->auth) && host &&
	    !framing_host_is_loopback(host)) {
		err_set(&ex->rp.err, -EPERM,
			"Host \"%.60s\": a gate without tokens answers to "
			"localhost and 127.0.0.1 only; give it --token-file",
			host);
		refuse(ex, FAULT_WRONG_HOST);
	}
}

static void check_caller(struct exchange *ex, const struct exchange_head *head)
{
	struct request *rq = &ex->rq;
	const struct endpoint *e = ex->endpoint;
	bool twice = false;
	const char *header = field_of(head, "Authorization", &twice);

	rq->auth = ex->gate->auth;
	if (e->scope == SCOPE_NONE)
		return;
	if (auth_identify(rq->auth, twice ? "" : header, &rq->caller,
			  &ex->rp.err) < 0) {
		refuse(ex, FAULT_NO_TOKEN);
	} else if (!auth_may(rq->auth, rq->caller, e->scope, NULL)) {
		err_set(&ex->rp.err, -EPERM, "the token has no grant of %s",
			scope_name(e->scope));
		refuse(ex, FAULT_FORBIDDEN);
	}
}

/* Take the room for a body before it comes.  Returns 0 or -EBUSY. */
static int reserve_body(struct exchange *ex, size_t room)
{
	size_t more = room - ex->body_room;
	char *body;

	if (atomic_fetch_add(&ex->gate->body_bytes, more) + more >
	    LIMIT_HTTP_BODIES_BYTES) {
		atomic_fetch_sub(&ex->gate->body_bytes, more);
		return -EBUSY;
	}
	body = realloc(ex->body, room + 1);
	if (!body) {
		atomic_fetch_sub(&ex->gate->body_bytes, more);
		return -EBUSY;
	}
	ex->body = body;
	ex->body_room = room;
	return 0;
}

static void refuse_body_size(struct exchange *ex)
{
	err_set(&ex->rp.err, -EMSGSIZE, "the body has more than %zu bytes",
		ex->endpoint->body_max);
	refuse(ex, FAULT_TOO_LARGE);
}

static bool is_json(const char *type)
{
	size_t len = type ? strcspn(type, "; \t") : 0;

	return len == 16 && strncasecmp(type, "application/json", len) == 0;
}

static void check_body(struct exchange *ex, const struct exchange_head *head,
		       const struct framing *f)
{
	const struct endpoint *e = ex->endpoint;
	bool twice = false;
	const char *encoding = field_of(head, "Content-Encoding", &twice);
	const char *expect = field_of(head, "Expect", &twice);
	bool has_body = f->chunked || f->length > 0;

	if (encoding && strcasecmp(encoding, "identity") != 0) {
		err_set(&ex->rp.err, -EINVAL,
			"Content-Encoding \"%.40s\": want none; a batch is "
			"packed inside",
			encoding);
		refuse(ex, FAULT_MEDIA_TYPE);
	}
	if (expect && strcasecmp(expect, "100-continue") != 0) {
		err_set(&ex->rp.err, -EINVAL,
			"Expect \"%.40s\": want 100-continue", expect);
		refuse(ex, FAULT_BAD_FRAMING);
	}
	if (has_body && e->body_max == 0)
		refuse(ex, FAULT_BAD_BODY);
	else if (f->length > e->body_max)
		refuse_body_size(ex);
	if (e->json_body && has_body &&
	    !is_json(field_of(head, "Content-Type", &twice))) {
		err_set(&ex->rp.err, -EINVAL,
			"Content-Type: want application/json");
		refuse(ex, FAULT_MEDIA_TYPE);
	}
	if (!ex->refused && f->length > 0 &&
	    reserve_body(ex, (size_t)f->length) < 0)
		refuse(ex, FAULT_BUSY);
}

static void set_base_url(struct exchange *ex, const char *host)
{
	if (ex->gate->base_url)
		snprintf(ex->base_url, sizeof(ex->base_url), "%s",
			 ex->gate->base_url);
	else if (host)
		snprintf(ex->base_url, sizeof(ex->base_url), "http://%s", host);
	ex->rq.base_url = ex->base_url;
}

void exchange_take_head(struct exchange *ex, const struct exchange_head *head,
			int64_t now_ms)
{
	struct framing f = { 0 };
	bool twice = false;
	const char *sent_at;

	ex->head_done = true;
	ex->rq.came_ms = now_ms;
	if (framing_check(head->version, head->fields, head->n_fields, &f,
			  &ex->rp.err) < 0) {
		ex->must_close = true;
		refuse(ex, FAULT_BAD_FRAMING);
		return;
	}
	set_base_url(ex, f.host);
	take_target(ex, head->method);
	if (ex->refused)
		return;
	check_site(ex, head, f.host);
	check_caller(ex, head);
	check_body(ex, head, &f);

	sent_at = field_of(head, "Sent-At", &twice);
	if (sent_at && num_i64("Sent-At", sent_at, 0, LIMIT_TIME_MS,
			       &ex->rq.sent_at_ms, NULL) < 0)
		ex->rq.sent_at_ms = 0; /* says nothing, harms nothing */
}

void exchange_take_body(struct exchange *ex, const void *bytes, size_t len)
{
	size_t want = ex->rq.body_len + len;

	if (ex->refused || !ex->endpoint)
		return;
	if (want > ex->endpoint->body_max) {
		refuse_body_size(ex);
		return;
	}
	if (want > ex->body_room) {
		size_t room =
			ex->body_room ? 2 * ex->body_room : BODY_FIRST_BYTES;

		if (room < want)
			room = want;
		if (reserve_body(ex, room) < 0) {
			refuse(ex, FAULT_BUSY);
			return;
		}
	}
	memcpy(ex->body + ex->rq.body_len, bytes, len);
	ex->rq.body_len = want;
	ex->body[want] = '\0';
	ex->rq.body = ex->body;
}

bool request_may(const struct request *rq, enum scope scope,
		 const char *service)
{
	return auth_may(rq->auth, rq->caller, scope, service);
}

static void write_error_page(struct buf *b, const struct fault_row *row,
			     const char *text)
{
	buf_puts(b, "<!DOCTYPE html>\n<html lang=\"en\"><head>"
		    "<meta charset=\"utf-8\"><title>Tailgate: ");
	html_text(b, row->name);
	buf_puts(b, "</title></head><body><h1>");
	html_text(b, row->what);
	buf_puts(b, "</h1><p>");
	html_text(b, text);
	buf_printf(b, "</p><p><code>%s</code> %u</p></body></html>\n",
		   row->name, row->status);
}

static void write_error(struct buf *b, const struct fault_row *row,
			const char *text)
{
	buf_puts(b, "{\"error\":");
	json_text_string(b, text);
	buf_printf(b, ",\"code\":\"%s\"}\n", row->name);
}

/* Turn the reply into a refusal. */
static void answer_fault(struct exchange *ex, enum fault f)
{
	const struct fault_row *row = fault_row(f);
	const char *text = ex->rp.err.text[0] ? ex->rp.err.text : row->what;
	bool page = ex->endpoint && ex->endpoint->page;

	ex->status = row->status;
	ex->rp.fault = f;
	ex->rp.wait = false;
	ex->rp.filename = NULL;
	if (ex->rp.retry_after_s == 0 && row->status >= 503)
		ex->rp.retry_after_s = RETRY_AFTER_S;
	buf_release(&ex->rp.body);
	ex->rp.content_type = page ? "text/html; charset=utf-8" : NULL;
	if (page)
		write_error_page(&ex->rp.body, row, text);
	else
		write_error(&ex->rp.body, row, text);
	atomic_fetch_add(&ex->gate->n_faults[f], 1);
}

/* A success must have a body, and JSON must be one whole object. */
static bool reply_is_whole(const struct reply *rp)
{
	const struct buf *b = &rp->body;

	if (b->bad || b->len < 2)
		return false;
	if (rp->content_type)
		return true;
	return b->bytes[0] == '{' &&
	       (b->bytes[b->len - 1] == '}' ||
		(b->bytes[b->len - 1] == '\n' && b->bytes[b->len - 2] == '}'));
}

void exchange_answer(struct exchange *ex, int64_t now_ms)
{
	struct reply *rp = &ex->rp;
	int rc;

	if (ex->refused) {
		answer_fault(ex, rp->fault);
		return;
	}
	buf_release(&rp->body);
	*rp = (struct reply){ 0 };
	ex->rq.now_ms = now_ms;
	rc = ex->endpoint->handle(ex->gate, &ex->rq, rp);
	if (rc == 0 && rp->body.bad)
		rc = -ENOMEM;
	if (rc < 0) {
		answer_fault(ex, rp->fault != FAULT_NONE ? rp->fault
							 : fault_of(rc));
	} else if (!reply_is_whole(rp)) {
		err_set(&rp->err, -EIO, "%s: the reply is not whole",
			ex->endpoint->path);
		answer_fault(ex, FAULT_INTERNAL);
	} else {
		ex->status = rp->status ? rp->status : 200;
	}
}

/* What a reply may do in a browser: a page may style itself, no more. */
static const char *security_policy(const struct exchange *ex)
{
	return ex->endpoint && ex->endpoint->page
		       ? "default-src 'none'; style-src 'unsafe-inline'; "
			 "img-src data:; base-uri 'none'; form-action 'none'; "
			 "frame-ancestors 'none'"
		       : "default-src 'none'; frame-ancestors 'none'";
}

void exchange_each_header(const struct exchange *ex,
			  void (*add)(void *ctx, const char *name,
				      const char *value),
			  void *ctx)
{
	char text[160];

	add(ctx, "Content-Type",
	    ex->rp.content_type ? ex->rp.content_type : "application/json");
	add(ctx, "Cache-Control", "no-store");
	add(ctx, "X-Content-Type-Options", "nosniff");
	add(ctx, "X-Frame-Options", "DENY");
	add(ctx, "Referrer-Policy", "no-referrer");
	add(ctx, "Cross-Origin-Resource-Policy", "same-origin");
	add(ctx, "Content-Security-Policy", security_policy(ex));
	if (ex->rp.retry_after_s > 0) {
		snprintf(text, sizeof(text), "%d", ex->rp.retry_after_s);
		add(ctx, "Retry-After", text);
	}
	if (ex->allow.len > 0)
		add(ctx, "Allow", ex->allow.bytes);
	if (ex->status == 401) {
		add(ctx, "WWW-Authenticate", "Bearer realm=\"tailgate\"");
		add(ctx, "WWW-Authenticate", "Basic realm=\"tailgate\"");
	}
	if (ex->rp.filename) {
		snprintf(text, sizeof(text), "attachment; filename=\"%s\"",
			 ex->rp.filename);
		add(ctx, "Content-Disposition", text);
	}
	if (ex->must_close)
		add(ctx, "Connection", "close");
}
