/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/uplink.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/spool.h"
#include "collector/uplink_events.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"

enum {
	REPLY_BYTES = 4096,  /* of the gate's answer: a code and a sentence */
	TOKEN_BYTES = 512,   /* of a token file */
	CONNECT_MS = 10000,  /* to a gate that does not answer */
	TRANSFER_MS = 30000, /* for one batch, 4 MiB at 140 KB/s */
	IDLE_MS = 1000,	     /* longest sleep of the thread */
	RETRY_STOPPING_MS = 200, /* between tries when time is short */
};

/* A batch on its way into the spool. */
struct queued {
	struct queued *next;
	uint64_t at_ns; /* when it was pushed */
	char instance[LIMIT_IDENTITY_BYTES + 1];
	size_t len;
	uint8_t bytes[];
};

/* The one transfer that is under way. */
struct transfer {
	bool active;
	struct spool_batch batch;
	struct curl_slist *headers;
	int64_t sent_ms;
	size_t reply_len;
	char reply[REPLY_BYTES];
	char error[CURL_ERROR_SIZE];
};

struct uplink {
	struct uplink_options options;
	char url[1100];
	struct spool *spool;
	pthread_t thread;
	bool joined;

	/* the thread's alone */
	CURLM *multi;
	CURL *easy;
	struct transfer transfer;
	uint64_t next_ns;	 /* no sooner than this */
	unsigned int n_failures; /* in a row */
	enum delivery trouble;	 /* as it was last told; DONE: none */
	bool told_delivered;
	bool told_skew;
	uint64_t n_corrupt; /* as last told */

	pthread_mutex_t mutex; /* what follows belongs to both */
	struct queued *first;
	struct queued **last;
	uint64_t n_queued;
	bool finishing;
	uint64_t deadline_ns;
	struct uplink_events events;
	struct uplink_counts counts;
};

static uint64_t draw(void)
{
	uint64_t random = 0;

	/* 8 bytes never come short; without them the waits are not spread */
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = clock_monotonic_ns();
	return random;
}

static void tell(struct uplink *u, const struct uplink_event *e)
{
	pthread_mutex_lock(&u->mutex);
	uplink_events_put(&u->events, e);
	pthread_mutex_unlock(&u->mutex);
}

static size_t take_reply(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t len = size * n;
	size_t room = sizeof(t->reply) - t->reply_len;

	/* what is beyond is read and forgotten: the connection stays */
	if (len < room)
		room = len;
	memcpy(t->reply + t->reply_len, bytes, room);
	t->reply_len += room;
	return len;
}

/* The token's header, read anew: whoever rotates tokens rewrites the file. */
static int add_token(struct uplink *u, struct curl_slist **headers,
		     struct err *err)
{
	char line[TOKEN_BYTES + 32] = "Authorization: Bearer ";
	size_t at = strlen(line);
	struct curl_slist *more;
	size_t len;
	ssize_t n;
	int fd;

	if (!u->options.token_file)
		return 0;
	fd = open(u->options.token_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", u->options.token_file,
			       err_describe(errno));
	n = read(fd, line + at, TOKEN_BYTES);
	close(fd);
	line[at + (n > 0 ? (size_t)n : 0)] = '\0';
	len = strcspn(line + at, "\r\n");
	line[at + len] = '\0';
	if (len == 0 || n == TOKEN_BYTES)
		return err_set(err, -EINVAL, "%s: holds no token",
			       u->options.token_file);
	more = curl_slist_append(*headers, line);
	if (!more)
		return -ENOMEM;
	*headers = more;
	return 0;
}

static int add_header(struct curl_slist **headers, const char *line)
{
	struct curl_slist *more = curl_slist_append(*headers, line);

	if (!more)
		return -ENOMEM;
	*headers = more;
	return 0;
}

static void transfer_end(struct uplink *u)
{
	struct transfer *t = &u->transfer;

	if (t->active)
		curl_multi_remove_handle(u->multi, u->easy);
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	free(t->batch.bytes);
	t->batch.bytes = NULL;
	t->active = false;
}

/* Wait before the next try; the trouble is told once, until it changes. */
static void fail(struct uplink *u, enum delivery trouble,
		 uint64_t retry_after_s, const char *text)
{
	struct uplink_event e = { .what = trouble == DELIVERY_VERSION
						  ? UPLINK_VERSION
						  : UPLINK_KEPT };
	uint64_t wait_ms;

	u->n_failures++;
	wait_ms = delivery_backoff_ms(u->n_failures, retry_after_s, draw());
	pthread_mutex_lock(&u->mutex);
	if (u->finishing && wait_ms > RETRY_STOPPING_MS)
		wait_ms = RETRY_STOPPING_MS;
	pthread_mutex_unlock(&u->mutex);
	u->next_ns = clock_monotonic_ns() + wait_ms * 1000000;
	if (u->trouble == trouble)
		return;
	u->trouble = trouble;
	snprintf(e.text, sizeof(e.text), "%s", text);
	tell(u, &e);
}

/* Begin to send the oldest batch. */
static void transfer_begin(struct uplink *u)
{
	struct transfer *t = &u->transfer;
	struct err err = { "" };
	char sent_at[48];
	int rc;

	rc = spool_first(u->spool, &t->batch, &err);
	if (rc == -ENODATA)
		return;
	t->sent_ms = clock_realtime_ms();
	t->reply_len = 0;
	t->error[0] = '\0';
	snprintf(sent_at, sizeof(sent_at), "Sent-At: %" PRId64, t->sent_ms);
	if (rc == 0)
		rc = add_token(u, &t->headers, &err);
	if (rc == 0)
		rc = add_header(&t->headers, sent_at);
	if (rc == 0)
		rc = add_header(&t->headers,
				"Content-Type: application/vnd.tailgate.batch");
	if (rc == 0) /* a batch is small: do not ask before sending it */
		rc = add_header(&t->headers, "Expect:");
	if (rc < 0) {
		transfer_end(u);
		fail(u, DELIVERY_MISDIRECTED, 0,
		     err.text[0] ? err.text : "no memory");
		return;
	}
	curl_easy_setopt(u->easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(u->easy, CURLOPT_POSTFIELDS, t->batch.bytes);
	curl_easy_setopt(u->easy, CURLOPT_POSTFIELDSIZE, (long)t->batch.len);
	t->active = curl_multi_add_handle(u->multi, u->easy) == CURLM_OK;
	if (!t->active) {
		transfer_end(u);
		fail(u, DELIVERY_LATER, 0, "libcurl took no transfer");
	}
}

static void told_working(struct uplink *u)
{
	struct uplink_event e = { .what = UPLINK_DELIVERED, .n = 1 };

	if (u->told_delivered && u->trouble == DELIVERY_DONE)
		return;
	u->told_delivered = true;
	u->trouble = DELIVERY_DONE;
	tell(u, &e);
}

/* Say it when the clocks have come apart, and again after they met. */
static void check_skew(struct uplink *u)
{
	struct uplink_event e = { .what = UPLINK_SKEW };
	struct curl_header *date = NULL;
	time_t date_s;

	if (curl_easy_header(u->easy, "Date", 0, CURLH_HEADER, -1, &date) !=
	    CURLHE_OK)
		return;
	date_s = curl_getdate(date->value, NULL);
	if (date_s < 0)
		return;
	e.skew_ms = delivery_skew_ms(date_s, u->transfer.sent_ms,
				     clock_realtime_ms());
	if (e.skew_ms >= -DELIVERY_SKEW_MS && e.skew_ms <= DELIVERY_SKEW_MS) {
		u->told_skew = false;
		return;
	}
	if (!u->told_skew)
		tell(u, &e);
	u->told_skew = true;
}

/* The gate has answered: act on what it said. */
static void answered(struct uplink *u, long status)
{
	struct transfer *t = &u->transfer;
	struct uplink_event e = { .what = UPLINK_REFUSED, .n = 1 };
	curl_off_t retry_after_s = 0;
	enum delivery d;
	char text[320];

	delivery_code(t->reply, t->reply_len, e.code);
	d = delivery_of(status, e.code);
	snprintf(text, sizeof(text), "the gate said %ld %s%s%.*s", status,
		 e.code, e.code[0] ? ": " : "",
		 (int)(t->reply_len < 200 ? t->reply_len : 200), t->reply);
	check_skew(u);
	if (d != DELIVERY_DONE && d != DELIVERY_REFUSED) {
		curl_easy_getinfo(u->easy, CURLINFO_RETRY_AFTER,
				  &retry_after_s);
		fail(u, d, (uint64_t)retry_after_s, text);
		return;
	}
	u->n_failures = 0;
	/* a file that cannot be removed is sent again, which does no harm */
	(void)spool_remove(u->spool, t->batch.number, NULL);
	if (d == DELIVERY_DONE) {
		pthread_mutex_lock(&u->mutex);
		u->counts.n_delivered++;
		pthread_mutex_unlock(&u->mutex);
		told_working(u);
		return;
	}
	if (e.code[0] == '\0')
		snprintf(e.code, sizeof(e.code), "HTTP_%ld", status);
	memcpy(e.instance, t->batch.instance, sizeof(e.instance));
	snprintf(e.text, sizeof(e.text), "%.255s", text);
	tell(u, &e);
}

static void transfer_check(struct uplink *u)
{
	struct transfer *t = &u->transfer;
	CURLMsg *message;
	long status = 0;
	int left;

	while ((message = curl_multi_info_read(u->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		if (message->data.result == CURLE_OK) {
			curl_easy_getinfo(u->easy, CURLINFO_RESPONSE_CODE,
					  &status);
			answered(u, status);
		} else {
			fail(u, DELIVERY_LATER, 0,
			     t->error[0] ? t->error
					 : curl_easy_strerror(
						   message->data.result));
		}
		transfer_end(u);
		return;
	}
}

static void spool_one(struct uplink *u, const struct queued *q)
{
	struct uplink_event e = { .what = UPLINK_SPOOL_FULL };
	struct err err = { "" };
	uint64_t dropped = 0;
	int rc;

	rc = spool_put(u->spool, q->instance, q->bytes, q->len, &dropped, &err);
	memcpy(e.instance, q->instance, sizeof(e.instance));
	e.n = dropped;
	if (dropped > 0)
		tell(u, &e);
	if (rc < 0) {
		e.what = UPLINK_SPOOL_FAILED;
		e.n = 1;
		snprintf(e.text, sizeof(e.text), "%s", err.text);
		tell(u, &e);
	}
}

/* Move what was pushed into the spool. */
static void take_queue(struct uplink *u)
{
	bool was_empty = spool_counts(u->spool).n_batches == 0;
	struct spool_counts spool;
	struct queued *q;
	uint64_t not_before;

	pthread_mutex_lock(&u->mutex);
	q = u->first;
	u->first = NULL;
	u->last = &u->first;
	u->n_queued = 0;
	pthread_mutex_unlock(&u->mutex);

	if (q && was_empty && u->n_failures == 0) {
		not_before = q->at_ns + u->options.delay_ms * 1000000;
		if (u->next_ns < not_before)
			u->next_ns = not_before;
	}
	while (q) {
		struct queued *next = q->next;

		spool_one(u, q);
		free(q);
		q = next;
	}
	spool = spool_counts(u->spool);
	if (spool.n_corrupt != u->n_corrupt) {
		struct uplink_event e = { .what = UPLINK_CORRUPT };

		e.n = spool.n_corrupt - u->n_corrupt;
		u->n_corrupt = spool.n_corrupt;
		tell(u, &e);
	}
	pthread_mutex_lock(&u->mutex);
	u->counts.n_waiting = spool.n_batches;
	u->counts.n_bytes = spool.n_bytes;
	pthread_mutex_unlock(&u->mutex);
}

/* Whether to end, and until when to sleep if nothing happens. */
static bool is_over(struct uplink *u, int *ret_sleep_ms)
{
	uint64_t now_ns = clock_monotonic_ns();
	bool empty = spool_counts(u->spool).n_batches == 0;
	uint64_t sleep_ms = IDLE_MS;
	bool finishing;
	bool over;

	pthread_mutex_lock(&u->mutex);
	finishing = u->finishing;
	over = finishing && !u->first && (empty || now_ns >= u->deadline_ns);
	pthread_mutex_unlock(&u->mutex);
	if (finishing && u->n_failures == 0)
		u->next_ns = 0; /* the delay is for a fleet in its stride */
	if (!empty && !u->transfer.active) {
		sleep_ms = u->next_ns > now_ns
				   ? (u->next_ns - now_ns) / 1000000 + 1
				   : 0;
		if (sleep_ms > IDLE_MS)
			sleep_ms = IDLE_MS;
	}
	if (finishing && sleep_ms > 50)
		sleep_ms = 50;
	*ret_sleep_ms = (int)sleep_ms;
	return over;
}

static void *run(void *arg)
{
	struct uplink *u = arg;
	int sleep_ms;
	int running;

	/* it inherits the hurry of the thread that measures, and has none */
	if (getpriority(PRIO_PROCESS, 0) < 0)
		(void)setpriority(PRIO_PROCESS, 0, 0);
	for (;;) {
		take_queue(u);
		if (is_over(u, &sleep_ms))
			break;
		if (!u->transfer.active && clock_monotonic_ns() >= u->next_ns)
			transfer_begin(u);
		if (u->transfer.active && sleep_ms == 0)
			sleep_ms = IDLE_MS;
		if (u->transfer.active) {
			curl_multi_perform(u->multi, &running);
			transfer_check(u);
			if (!u->transfer.active)
				continue;
		}
		curl_multi_poll(u->multi, NULL, 0, sleep_ms, NULL);
	}
	transfer_end(u);
	return NULL;
}

static int set_up(struct uplink *u, struct err *err)
{
	const struct uplink_options *o = &u->options;
	CURL *c = u->easy;
	CURLcode rc = CURLE_OK;

	snprintf(u->url, sizeof(u->url), "%s/v1/batches", o->gate);
	curl_easy_setopt(c, CURLOPT_URL, u->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_POST, 1L);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)TRANSFER_MS);
	curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_reply);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &u->transfer);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, u->transfer.error);
	/* nothing that the environment says may lead batches elsewhere */
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	if (o->user_agent)
		rc = curl_easy_setopt(c, CURLOPT_USERAGENT, o->user_agent);
	if (rc == CURLE_OK && o->ca_file)
		rc = curl_easy_setopt(c, CURLOPT_CAINFO, o->ca_file);
	if (rc == CURLE_OK && o->cert_file)
		rc = curl_easy_setopt(c, CURLOPT_SSLCERT, o->cert_file);
	if (rc == CURLE_OK && o->key_file)
		rc = curl_easy_setopt(c, CURLOPT_SSLKEY, o->key_file);
	if (rc != CURLE_OK)
		return err_set(err, -EINVAL, "uplink: %s",
			       curl_easy_strerror(rc));
	return 0;
}

int uplink_new(const struct uplink_options *options, struct spool *spool,
	       struct uplink **ret_u, struct err *err)
{
	struct uplink *u = calloc(1, sizeof(*u));
	int rc;

	if (!u)
		return err_set(err, -ENOMEM, "uplink: no memory");
	u->options = *options;
	u->spool = spool;
	u->last = &u->first;
	u->joined = true; /* there is no thread yet */
	pthread_mutex_init(&u->mutex, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	u->multi = curl_multi_init();
	u->easy = curl_easy_init();
	rc = u->multi && u->easy ? set_up(u, err)
				 : err_set(err, -ENOMEM, "uplink: no memory");
	if (rc < 0)
		goto out;
	rc = -pthread_create(&u->thread, NULL, run, u);
	if (rc < 0) {
		err_set(err, rc, "uplink: thread: %s", err_describe(-rc));
		goto out;
	}
	u->joined = false;
	*ret_u = u;
	u = NULL;
out:
	if (u)
		u->spool = NULL; /* the caller's again */
	uplink_free(u);
	return rc;
}

void uplink_push(struct uplink *u, const char *instance, const void *bytes,
		 size_t len)
{
	struct uplink_event e = { .what = UPLINK_SPOOL_FAILED, .n = 1 };
	struct queued *q = malloc(sizeof(*q) + len);

	snprintf(e.instance, sizeof(e.instance), "%s", instance);
	if (!q || u->joined) {
		free(q);
		snprintf(e.text, sizeof(e.text), "no memory for a batch");
		tell(u, &e);
		return;
	}
	q->next = NULL;
	q->at_ns = clock_monotonic_ns();
	q->len = len;
	memcpy(q->instance, e.instance, sizeof(q->instance));
	memcpy(q->bytes, bytes, len);
	pthread_mutex_lock(&u->mutex);
	*u->last = q;
	u->last = &q->next;
	u->n_queued++;
	pthread_mutex_unlock(&u->mutex);
	curl_multi_wakeup(u->multi);
}

bool uplink_next(struct uplink *u, struct uplink_event *ret_event)
{
	bool any;

	pthread_mutex_lock(&u->mutex);
	any = uplink_events_take(&u->events, ret_event);
	pthread_mutex_unlock(&u->mutex);
	return any;
}

struct uplink_counts uplink_counts(struct uplink *u)
{
	struct uplink_counts counts;

	pthread_mutex_lock(&u->mutex);
	counts = u->counts;
	counts.n_waiting += u->n_queued;
	pthread_mutex_unlock(&u->mutex);
	return counts;
}

void uplink_finish(struct uplink *u, uint64_t max_ms)
{
	if (u->joined)
		return;
	pthread_mutex_lock(&u->mutex);
	u->finishing = true;
	u->deadline_ns = clock_monotonic_ns() + max_ms * 1000000;
	pthread_mutex_unlock(&u->mutex);
	curl_multi_wakeup(u->multi);
	pthread_join(u->thread, NULL);
	u->joined = true;
}

void uplink_free(struct uplink *u)
{
	if (!u)
		return;
	uplink_finish(u, 0);
	curl_easy_cleanup(u->easy);
	curl_multi_cleanup(u->multi);
	pthread_mutex_destroy(&u->mutex);
	spool_close(u->spool);
	free(u);
}
