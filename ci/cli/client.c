/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "common/version.h"

enum { CONNECT_MS = 10 * 1000 };

struct client {
	CURL *curl;
	const char *gate;
	struct curl_slist *fields; /* of every request */
	char said[CURL_ERROR_SIZE];
};

/* What holds for every request. */
static int set_up(struct client *c, const char *ca_file)
{
	CURL *h = c->curl;
	CURLcode rc;

	rc = curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->said);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
				      (long)CONNECT_MS);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_SSLVERSION,
				      (long)CURL_SSLVERSION_TLSv1_2);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_USERAGENT,
				      "tailgate/" TAILGATE_VERSION);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_HTTPHEADER, c->fields);
	if (rc == CURLE_OK && ca_file)
		rc = curl_easy_setopt(h, CURLOPT_CAINFO, ca_file);
	return rc == CURLE_OK ? 0 : -ENOMEM;
}

/* Add a header field; false if there is no memory. */
static bool field_add(struct client *c, const char *field)
{
	struct curl_slist *more = curl_slist_append(c->fields, field);

	if (more)
		c->fields = more;
	return more != NULL;
}

int client_new(const char *gate, const char *token, const char *ca_file,
	       struct client **ret_c, struct err *err)
{
	char field[LIMIT_CLI_TOKEN_BYTES + 32];
	struct client *c = calloc(1, sizeof(*c));
	int rc = -ENOMEM;

	if (!c)
		return err_set(err, -ENOMEM, "no memory");
	c->gate = gate;
	c->curl = curl_easy_init();
	/* a POST without "Expect": the gate reads small bodies at once */
	if (!c->curl || !field_add(c, "Accept: application/json") ||
	    !field_add(c, "Content-Type: application/json") ||
	    !field_add(c, "Expect:"))
		goto out;
	if (token && token[0] != '\0') {
		snprintf(field, sizeof(field), "Authorization: Bearer %s",
			 token);
		if (!field_add(c, field))
			goto out;
	}
	rc = set_up(c, ca_file);
out:
	if (rc < 0) {
		client_free(c);
		return err_set(err, rc, "no memory for an HTTP client");
	}
	*ret_c = c;
	return 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	curl_slist_free_all(c->fields);
	curl_easy_cleanup(c->curl);
	free(c);
}

/* curl hands over the body piece by piece; taking less than all ends it. */
static size_t body_add(char *bytes, size_t size, size_t n, void *body)
{
	struct buf *b = body;

	buf_add(b, bytes, size * n);
	return b->bad ? 0 : n;
}

static int call_failed(const struct client *c, CURLcode code,
		       const struct client_reply *r, struct err *err)
{
	const char *why = c->said[0] ? c->said : curl_easy_strerror(code);

	if (code == CURLE_WRITE_ERROR && r->body.bad)
		return err_set(err, -EMSGSIZE,
			       "%.100s answers with more than %d bytes: is it "
			       "a gate?",
			       c->gate, LIMIT_REPLY_BYTES);
	if (code == CURLE_URL_MALFORMAT || code == CURLE_SSL_CACERT_BADFILE ||
	    code == CURLE_UNSUPPORTED_PROTOCOL)
		return err_set(err, -EINVAL, "%.100s: %s", c->gate, why);
	if (code == CURLE_OUT_OF_MEMORY)
		return err_set(err, -ENOMEM, "no memory");
	return err_set(err, -EIO, "%.100s: %s", c->gate, why);
}

static CURLcode perform(struct client *c, const char *url, const char *json,
			int64_t timeout_ms, struct client_reply *r)
{
	CURL *h = c->curl;
	CURLcode rc = curl_easy_setopt(h, CURLOPT_URL, url);

	if (rc == CURLE_OK && json)
		rc = curl_easy_setopt(h, CURLOPT_COPYPOSTFIELDS, json);
	else if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, body_add);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(h, CURLOPT_WRITEDATA, &r->body);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(h);
	return rc;
}

int client_call(struct client *c, const char *target, const char *json,
		int64_t timeout_ms, struct client_reply *ret_r, struct err *err)
{
	size_t gate_len = strlen(c->gate);
	struct buf url = { 0 };
	curl_off_t retry_after = 0;
	long status = 0;
	CURLcode code = CURLE_OUT_OF_MEMORY;

	buf_release(&ret_r->body);
	ret_r->body.max = LIMIT_REPLY_BYTES;
	c->said[0] = '\0';
	while (gate_len > 0 && c->gate[gate_len - 1] == '/')
		gate_len--; /* target begins with one */
	buf_add(&url, c->gate, gate_len);
	buf_puts(&url, target);
	if (!url.bad)
		code = perform(c, url.bytes, json, timeout_ms, ret_r);
	buf_release(&url);
	if (code != CURLE_OK)
		return call_failed(c, code, ret_r, err);
	buf_add(&ret_r->body, "", 0); /* a body of nothing is a string too */
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &retry_after);
	ret_r->status = (unsigned int)status;
	ret_r->retry_after_s = retry_after;
	return 0;
}

void client_query_add(struct buf *target, const char *name, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	bool first = !target->bytes || !strchr(target->bytes, '?');

	buf_printf(target, "%c%s=", first ? '?' : '&', name);
	for (; *value; value++) {
		if (strchr(plain, *value))
			buf_add(target, value, 1);
		else
			buf_printf(target, "%%%02X", (unsigned char)*value);
	}
}
