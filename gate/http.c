/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/http.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/log.h"
#include "gate/deadline.h"
#include "gate/dispatch.h"
#include "gate/exchange.h"
#include "gate/gate.h"
#include "gate/judge.h"
#include "gate/listen.h"

enum { TICK_MS = 250, N_ENDPOINTS_MAX = 64, DRAIN_MS = 2000 };

struct conn {
	struct conn *prev;
	struct conn *next;
	int fd;
	enum phase phase;
	int64_t since_ms; /* monotonic, when the phase began */
	uint64_t n_bytes; /* of the body so far */
	bool ended;	  /* shut down already */
};

/* A request that waits for a verdict. */
struct call {
	struct exchange *ex;
	struct conn *conn;
	struct MHD_Connection *mhd;
	struct call *prev; /* among those that wait */
	struct call *next;
	bool waiting;
	bool gone; /* the caller hung up while it waited */
};

struct http {
	struct gate *gate;
	struct MHD_Daemon *daemon;
	char address[LISTEN_ADDRESS_BYTES];
	pthread_t keeper;
	bool keeper_runs;

	pthread_mutex_t lock; /* of all below, and of every conn */
	pthread_cond_t tick;
	bool stopping;
	struct conn conns; /* ring */
	struct call calls; /* ring of those that wait */
	struct http_stats stats;

	atomic_ullong n_requests[N_ENDPOINTS_MAX + 1][6];
	atomic_ullong busy_ns[N_ENDPOINTS_MAX + 1];
};

static void enter_phase(struct http *h, struct conn *c, enum phase phase)
{
	pthread_mutex_lock(&h->lock);
	c->phase = phase;
	c->since_ms = clock_monotonic_ms();
	c->n_bytes = 0;
	pthread_mutex_unlock(&h->lock);
}

/* --- waiting --- */

/* Let a call go on.  The lock is held. */
static void call_resume(struct http *h, struct call *c)
{
	c->prev->next = c->next;
	c->next->prev = c->prev;
	c->waiting = false;
	h->stats.n_waiting--;
	MHD_resume_connection(c->mhd);
}

/*
 * Suspend a call until a verdict changes or its time is over.  Returns false
 * if there is no room, or nothing to wait for any more.
 */
static bool call_suspend(struct http *h, struct call *c)
{
	const struct reply *rp = &c->ex->rp;
	bool suspended = false;

	pthread_mutex_lock(&h->lock);
	/* under the lock, so that http_wake() cannot come in between */
	if (!h->stopping && !c->gone &&
	    h->stats.n_waiting < LIMIT_HTTP_WAITERS &&
	    clock_realtime_ms() < rp->wait_until_ms) {
		suspended = true;
		MHD_suspend_connection(c->mhd);
		c->waiting = true;
		c->prev = h->calls.prev;
		c->next = &h->calls;
		c->prev->next = c;
		c->next->prev = c;
		h->stats.n_waiting++;
		if (judge_version(h->gate->judge) != rp->wait_version)
			call_resume(h, c);
	}
	pthread_mutex_unlock(&h->lock);
	return suspended;
}

void http_wake(void *ctx)
{
	struct http *h = ctx;
	struct call *next;

	pthread_mutex_lock(&h->lock);
	for (struct call *c = h->calls.next; c != &h->calls; c = next) {
		next = c->next;
		call_resume(h, c);
	}
	pthread_mutex_unlock(&h->lock);
}

/* --- deadlines --- */

/*
 * End a late connection by shutting its socket: the library then closes it.
 * The lock is held, and the library tells us before it closes, so the number
 * still is this connection's.
 */
static void conn_end(struct http *h, struct conn *c)
{
	static const char late[] =
		"HTTP/1.1 408 Request Timeout\r\n"
		"Content-Type: application/json\r\n"
		"Content-Length: 57\r\nConnection: close\r\n\r\n"
		"{\"error\":\"the request came too slowly\","
		"\"code\":\"TOO_SLOW\"}";

	if (c->phase == PHASE_HEAD || c->phase == PHASE_BODY) {
		/* a courtesy: whether it arrives does not matter */
		(void)send(c->fd, late, sizeof(late) - 1,
			   MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	c->ended = true;
	h->stats.n_timed_out++;
	(void)shutdown(c->fd, SHUT_RDWR);
}

/* The library does not look at a suspended connection; so we do. */
static bool caller_is_gone(const struct conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void keep_time(struct http *h)
{
	int64_t mono_ms = clock_monotonic_ms();
	int64_t real_ms = clock_realtime_ms();
	struct call *next;

	for (struct conn *c = h->conns.next; c != &h->conns; c = c->next)
		if (!c->ended &&
		    deadline_is_over(c->phase, mono_ms - c->since_ms,
				     c->n_bytes))
			conn_end(h, c);
	for (struct call *c = h->calls.next; c != &h->calls; c = next) {
		next = c->next;
		c->gone = caller_is_gone(c->conn);
		if (c->gone || real_ms >= c->ex->rp.wait_until_ms)
			call_resume(h, c);
	}
}

static void *keeper_main(void *ctx)
{
	struct http *h = ctx;

	pthread_mutex_lock(&h->lock);
	while (!h->stopping) {
		struct timespec at;
		int64_t ns;

		keep_time(h);
		clock_gettime(CLOCK_MONOTONIC, &at);
		ns = at.tv_nsec + (int64_t)TICK_MS * 1000000;
		at.tv_sec += ns / 1000000000;
		at.tv_nsec = ns % 1000000000;
		pthread_cond_timedwait(&h->tick, &h->lock, &at);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

/* --- what the library tells us --- */

static void on_connection(void *ctx, struct MHD_Connection *mhd,
			  void **socket_ctx,
			  enum MHD_ConnectionNotificationCode what)
{
	struct http *h = ctx;
	struct conn *c;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		c = *socket_ctx;
		if (!c)
			return;
		pthread_mutex_lock(&h->lock);
		c->prev->next = c->next;
		c->next->prev = c->prev;
		h->stats.n_connections--;
		pthread_mutex_unlock(&h->lock);
		free(c);
		*socket_ctx = NULL;
		return;
	}
	c = calloc(1, sizeof(*c));
	*socket_ctx = c;
	if (!c)
		return; /* its requests are refused */
	c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)
			->connect_fd;
	c->phase = PHASE_HEAD;
	c->since_ms = clock_monotonic_ms();
	pthread_mutex_lock(&h->lock);
	c->prev = h->conns.prev;
	c->next = &h->conns;
	c->prev->next = c;
	c->next->prev = c;
	h->stats.n_connections++;
	h->stats.n_accepted++;
	pthread_mutex_unlock(&h->lock);
}

/* The request line is there: the target as it came, nothing decoded. */
static void *on_target(void *ctx, const char *target,
		       struct MHD_Connection *mhd)
{
	struct http *h = ctx;
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->mhd = mhd;
	c->conn =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context;
	if (!c->conn || exchange_new(h->gate, target, &c->ex) < 0) {
		free(c);
		return NULL;
	}
	return c;
}

static void on_completed(void *ctx, struct MHD_Connection *mhd, void **call_ctx,
			 enum MHD_RequestTerminationCode why)
{
	struct http *h = ctx;
	struct call *c = *call_ctx;

	(void)mhd;
	(void)why;
	if (!c)
		return;
	enter_phase(h, c->conn, PHASE_IDLE);
	pthread_mutex_lock(&h->lock);
	if (c->waiting) {
		c->prev->next = c->next;
		c->next->prev = c->prev;
		h->stats.n_waiting--;
	}
	pthread_mutex_unlock(&h->lock);
	exchange_free(c->ex);
	free(c);
	*call_ctx = NULL;
}

struct fields {
	size_t n;
	bool too_many;
	struct framing_field at[LIMIT_HTTP_FIELDS];
};

static enum MHD_Result add_field(void *ctx, enum MHD_ValueKind kind,
				 const char *name, size_t name_len,
				 const char *value, size_t value_len)
{
	struct fields *to = ctx;

	(void)kind;
	if (to->n == LIMIT_HTTP_FIELDS) {
		to->too_many = true;
		return MHD_NO;
	}
	to->at[to->n++] = (struct framing_field){
		.name = name,
		.name_len = name_len,
		.value = value ? value : "",
		.value_len = value ? value_len : 0,
	};
	return MHD_YES;
}

static void take_head(struct call *c, const char *method, const char *version)
{
	struct fields fields = { 0 };
	struct exchange_head head;

	MHD_get_connection_values_n(c->mhd, MHD_HEADER_KIND, add_field,
				    &fields);
	head = (struct exchange_head){
		.method = method,
		/* more than can be checked is as doubtful as a bad one */
		.version = fields.too_many ? "with too many fields" : version,
		.fields = fields.at,
		.n_fields = fields.n,
	};
	exchange_take_head(c->ex, &head, clock_realtime_ms());
}

static void add_header(void *ctx, const char *name, const char *value)
{
	/* a reply without one of them is still a reply */
	(void)MHD_add_response_header(ctx, name, value);
}

static void count_reply(struct http *h, const struct exchange *ex)
{
	size_t i =
		ex->endpoint ? (size_t)(ex->endpoint - endpoints) : n_endpoints;
	unsigned int status_class = ex->status / 100;

	atomic_fetch_add(&h->n_requests[i][status_class < 6 ? status_class : 0],
			 1);
	if (ex->status == 500)
		log_event(h->gate->log, LOG_ERROR, "reply_500",
			  ex->rp.err.text);
}

static enum MHD_Result send_reply(struct http *h, struct call *c)
{
	struct exchange *ex = c->ex;
	struct MHD_Response *response;
	enum MHD_Result ok;
	size_t len = 0;
	char *bytes = buf_take(&ex->rp.body, &len);

	if (!bytes)
		return MHD_NO; /* nothing whole to send: close */
	response = MHD_create_response_from_buffer(len, bytes,
						   MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(bytes);
		return MHD_NO;
	}
	exchange_each_header(ex, add_header, response);
	count_reply(h, ex);
	enter_phase(h, c->conn, PHASE_SEND);
	ok = MHD_queue_response(c->mhd, ex->status, response);
	MHD_destroy_response(response);
	return ok;
}

static enum MHD_Result answer(struct http *h, struct call *c)
{
	struct exchange *ex = c->ex;
	uint64_t from_ns = clock_monotonic_ns();

	enter_phase(h, c->conn, PHASE_ANSWER);
	exchange_answer(ex, clock_realtime_ms());
	if (ex->endpoint)
		atomic_fetch_add(&h->busy_ns[ex->endpoint - endpoints],
				 clock_monotonic_ns() - from_ns);
	if (ex->rp.wait && call_suspend(h, c))
		return MHD_YES;
	return send_reply(h, c);
}

/*
 * Called with the head, then with each piece of the body, then with none: a
 * reply may be queued the first and the last time only.
 */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *mhd,
				  const char *url, const char *method,
				  const char *version, const char *upload,
				  size_t *upload_len, void **call_ctx)
{
	struct http *h = ctx;
	struct call *c = *call_ctx;

	(void)mhd;
	(void)url;
	if (!c)
		return MHD_NO;
	if (!c->ex->head_done) {
		take_head(c, method, version);
		if (c->ex->refused)
			return answer(h, c);
		enter_phase(h, c->conn, PHASE_BODY);
		return MHD_YES;
	}
	if (*upload_len == 0)
		return answer(h, c);

	exchange_take_body(c->ex, upload, *upload_len);
	pthread_mutex_lock(&h->lock);
	c->conn->n_bytes += *upload_len;
	pthread_mutex_unlock(&h->lock);
	*upload_len = 0;
	/* a body without an announced length that goes on is cut off */
	return c->ex->refused && c->conn->n_bytes >
					 2 * (uint64_t)LIMIT_BATCH_BYTES
		       ? MHD_NO
		       : MHD_YES;
}

static void on_library_log(void *ctx, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void on_library_log(void *ctx, const char *fmt, va_list ap)
{
	const struct http *h = ctx;
	char text[LOG_TEXT_BYTES];

	/* what a peer can cause comes through here too */
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_event(h->gate->log, LOG_DEBUG, "http", text);
}

/* --- starting and stopping --- */

static int start_daemon(struct http *h, int fd, struct err *err)
{
	h->daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
			MHD_USE_ERROR_LOG,
		0, NULL, NULL, on_request, h,
		/* first, so that it already tells about the others */
		MHD_OPTION_EXTERNAL_LOGGER, on_library_log, h,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
		(unsigned int)LIMIT_HTTP_THREADS, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)LIMIT_HTTP_CONNECTIONS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned int)LIMIT_HTTP_PER_ADDRESS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)LIMIT_HTTP_HEAD_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)(LIMIT_HTTP_IDLE_MS / 1000),
		/* a missing Host is ours to refuse: the
		   library sends that refusal's head twice */
		MHD_OPTION_STRICT_FOR_CLIENT, 0, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
		MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_END);
	if (!h->daemon)
		return err_set(err, -ENOMEM, "the HTTP server cannot start: %s",
			       err_describe(errno));
	return 0;
}

static int start_keeper(struct http *h, struct err *err)
{
	pthread_condattr_t attr;

	if (pthread_condattr_init(&attr) != 0)
		return err_set(err, -ENOMEM, "http: no memory");
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&h->tick, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&h->keeper, NULL, keeper_main, h) != 0)
		return err_set(err, -ENOMEM, "http: no thread");
	h->keeper_runs = true;
	return 0;
}

int http_start(const struct http_options *o, struct gate *g,
	       struct http **ret_h, struct err *err)
{
	struct http *h = NULL;
	int fd = -1;
	int rc;

	assert(n_endpoints <= N_ENDPOINTS_MAX);
	h = calloc(1, sizeof(*h));
	if (!h)
		return err_set(err, -ENOMEM, "http: no memory");
	h->gate = g;
	h->conns.prev = h->conns.next = &h->conns;
	h->calls.prev = h->calls.next = &h->calls;
	pthread_mutex_init(&h->lock, NULL);

	rc = listen_open(o->listen, auth_is_open(g->auth), &fd, err);
	if (rc < 0)
		goto out;
	rc = listen_address(fd, h->address, err);
	if (rc < 0)
		goto out;
	rc = start_keeper(h, err);
	if (rc < 0)
		goto out;
	rc = start_daemon(h, fd, err);
	if (rc < 0)
		goto out;
	fd = -1; /* the daemon's now */
	*ret_h = h;
	h = NULL;
out:
	if (fd >= 0)
		close(fd);
	http_stop(h);
	return rc;
}

/* Is something being answered?  Takes the lock. */
static bool is_busy(struct http *h)
{
	bool busy = false;

	pthread_mutex_lock(&h->lock);
	for (struct conn *c = h->conns.next; c != &h->conns; c = c->next)
		busy = busy || c->phase == PHASE_BODY ||
		       c->phase == PHASE_ANSWER || c->phase == PHASE_SEND;
	pthread_mutex_unlock(&h->lock);
	return busy;
}

/* Take no more connections, and let what is being answered be answered. */
static void drain(struct http *h)
{
	int fd = MHD_quiesce_daemon(h->daemon);

	if (fd >= 0)
		close(fd);
	http_wake(h); /* they find h stopping, and wait no more */
	for (int ms = 0; ms < DRAIN_MS && is_busy(h); ms += 10)
		clock_sleep_ms(10);
}

void http_stop(struct http *h)
{
	if (!h)
		return;
	pthread_mutex_lock(&h->lock);
	h->stopping = true;
	pthread_mutex_unlock(&h->lock);
	if (h->daemon) {
		drain(h);
		MHD_stop_daemon(h->daemon);
	}
	if (h->keeper_runs) {
		pthread_cond_signal(&h->tick);
		pthread_join(h->keeper, NULL);
		pthread_cond_destroy(&h->tick);
	}
	pthread_mutex_destroy(&h->lock);
	free(h);
}

const char *http_address(const struct http *h)
{
	return h->address;
}

void http_stats(struct http *h, struct http_stats *ret_stats)
{
	pthread_mutex_lock(&h->lock);
	*ret_stats = h->stats;
	pthread_mutex_unlock(&h->lock);
}

uint64_t http_n_requests(const struct http *h, size_t endpoint,
			 unsigned int status_class)
{
	return atomic_load(&h->n_requests[endpoint][status_class]);
}

uint64_t http_busy_ns(const struct http *h, size_t endpoint)
{
	return atomic_load(&h->busy_ns[endpoint]);
}
