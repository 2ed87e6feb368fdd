/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/measure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/conn.h"
#include "collector/names.h"
#include "collector/options.h"
#include "collector/probe.h"
#include "collector/proc.h"
#include "collector/profiling.h"
#include "collector/targets.h"
#include "collector/template.h"
#include "collector/window.h"
#include "collector/windows.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"

static const char program[] = "tailgate-collector/1";

struct measure {
	const struct options *options;
	const struct log *log;
	measure_sealed_fn *sealed;
	void *ctx;
	struct probe *probe;
	struct conn_table *conns;
	struct targets *targets;
	struct windows *windows;
	struct profiling *profiling; /* NULL: latencies only */
	int64_t offset_ns;	     /* clock_offset_ns(), of this second */
	uint64_t scan_ns;	     /* when to look for processes next */
	uint64_t sealed_ns;	     /* when a window was sealed last */
	uint64_t cpu_ns;	     /* own CPU time by then */
	uint64_t losses[KLOSS_N];    /* as told the windows */
	struct conn_counts conn_counts;
	struct measure_counts counts;
};

static int64_t unix_ms(const struct measure *m, uint64_t monotonic_ns)
{
	return clock_unix_ms(monotonic_ns, m->offset_ns);
}

static uint64_t since(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? to_ns - from_ns : 0;
}

/* CPU time of all threads of this process. */
static uint64_t own_cpu_ns(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* From a connection's record to a count. */
static void on_request(void *ctx, const struct request_record *r)
{
	struct measure *m = ctx;
	char route[ROUTE_BYTES];
	struct window_request q = { .route = route, .status = r->status };
	uint64_t began_ns = r->arrive_ns ? r->arrive_ns : r->read_ns;

	route_template(r->method, r->path, route);
	q.at_ms = unix_ms(m, r->last_ns);
	if (r->status == STATUS_UNANSWERED) {
		q.total_ns = since(began_ns, r->last_ns);
		q.service_ns = q.total_ns;
	} else {
		q.service_ns = since(r->read_ns, r->first_ns);
		if (r->arrive_ns != 0) {
			q.total_ns = since(r->arrive_ns, r->last_ns);
			q.queue_ns = since(r->arrive_ns, r->read_ns);
		}
	}
	windows_add(m->windows, r->target, &q);
}

static void on_event(void *ctx, const struct sock_event *e)
{
	struct measure *m = ctx;

	windows_event(m->windows, e->target, unix_ms(m, e->at_ns));
	conn_table_feed(m->conns, e);
}

static void on_instance_begin(void *ctx, const struct target_instance *i)
{
	struct measure *m = ctx;
	struct err err = { "" };
	struct log_line line;

	if (windows_begin(m->windows, i, clock_realtime_ms(), &err) < 0)
		log_event(m->log, LOG_ERROR, "instance_left_out", err.text);
	log_begin(&line, m->log, LOG_INFO, "instance");
	log_text(&line, "service", i->service);
	log_text(&line, "revision", i->revision);
	log_text(&line, "instance", i->instance);
	log_i64(&line, "started_ms", i->started_ms);
	log_end(&line);
}

static void on_instance_end(void *ctx, const struct target_instance *i)
{
	struct measure *m = ctx;
	struct log_line line;

	windows_end(m->windows, i->id, clock_realtime_ms());
	log_begin(&line, m->log, LOG_INFO, "instance_ended");
	log_text(&line, "service", i->service);
	log_text(&line, "instance", i->instance);
	log_end(&line);
}

static void on_process_begin(void *ctx, const struct target_process *p)
{
	struct measure *m = ctx;
	struct err err = { "" };
	struct log_line line;

	if (probe_target_add(m->probe, (uint32_t)p->pid, p->instance, &err) < 0)
		log_event(m->log, LOG_ERROR, "process_left_out", err.text);
	if (m->profiling)
		profiling_begin(m->profiling, p);
	log_begin(&line, m->log, LOG_DEBUG, "process");
	log_i64(&line, "pid", p->pid);
	log_u64(&line, "n_ports", p->n_ports);
	log_end(&line);
}

static void on_process_end(void *ctx, const struct target_process *p)
{
	struct measure *m = ctx;

	probe_target_remove(m->probe, (uint32_t)p->pid);
	if (m->profiling)
		profiling_end(m->profiling, p->pid);
}

static void on_listener_begin(void *ctx, uint32_t netns, uint16_t port)
{
	struct measure *m = ctx;
	struct err err = { "" };

	if (probe_listener_add(m->probe, netns, port, &err) < 0)
		log_event(m->log, LOG_ERROR, "port_left_out", err.text);
}

static void on_listener_end(void *ctx, uint32_t netns, uint16_t port)
{
	struct measure *m = ctx;

	probe_listener_remove(m->probe, netns, port);
}

static void on_unresolved(void *ctx, const char *spec, int pid, const char *why)
{
	struct measure *m = ctx;
	struct log_line line;

	log_begin(&line, m->log, LOG_ERROR, "target_unresolved");
	log_text(&line, "target", spec);
	log_i64(&line, "pid", pid);
	log_text(&line, "why", why);
	log_end(&line);
}

static void on_profiling(void *ctx, int pid, const char *text)
{
	struct measure *m = ctx;
	struct log_line line;

	log_begin(&line, m->log, LOG_WARN, "profile");
	if (pid != 0)
		log_i64(&line, "pid", pid);
	log_text(&line, "text", text);
	log_end(&line);
}

/* Unix time of the boot, from clocks that agree better than /proc/stat. */
static int64_t booted_ms(void)
{
	struct timespec t = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &t);
	return clock_realtime_ms() -
	       ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static int make_targets(struct measure *m, struct err *err)
{
	char host[256] = "";
	struct targets_options o = {
		.proc = "/proc",
		.host = host,
		.booted_ms = booted_ms(),
		.own_pid = getpid(),
	};

	/* a host without a name is "x", as naming_clean() has it */
	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	(void)proc_namespace(o.proc, o.own_pid, "pid", &o.own_pidns);
	if (targets_new(m->options->specs, m->options->n_specs, &o,
			&m->targets) < 0)
		return err_set(err, -ENOMEM, "targets: no memory");
	return 0;
}

static int make_windows(struct measure *m, struct err *err)
{
	struct windows_options o = {
		.window_ms = m->options->window_ms,
		.hooks = probe_tier(m->probe),
		.collector = program,
		.name_rules = NAME_RULES,
		.route_rules = ROUTE_RULES,
		.basis = LATENCY_TOTAL, /* every tier sees arrival */
	};

	return windows_new(&o, clock_realtime_ms(), &m->windows, err);
}

/* Latencies are worth having alone, so no profile is no reason to end. */
static void make_profiling(struct measure *m)
{
	struct err err = { "" };

	if (m->options->no_profile)
		return;
	if (profiling_new(m->options->jvm_attach, on_profiling, m,
			  &m->profiling, &err) < 0)
		log_event(m->log, LOG_ERROR, "no_profile", err.text);
}

int measure_new(const struct options *options, const struct log *log,
		measure_sealed_fn *sealed, void *ctx, struct measure **ret_m,
		struct err *err)
{
	struct measure *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return err_set(err, -ENOMEM, "no memory");
	m->options = options;
	m->log = log;
	m->sealed = sealed;
	m->ctx = ctx;
	m->offset_ns = clock_offset_ns();
	m->sealed_ns = clock_monotonic_ns();
	rc = probe_open(options->hooks, &m->probe, err);
	if (rc == 0)
		rc = conn_table_new(on_request, m, &m->conns);
	if (rc == 0)
		rc = make_targets(m, err);
	if (rc == 0)
		rc = make_windows(m, err);
	if (rc < 0) {
		measure_free(m);
		return err_set(err, rc, "no memory");
	}
	make_profiling(m);
	m->cpu_ns = own_cpu_ns(); /* loading is paid once */
	*ret_m = m;
	return 0;
}

void measure_free(struct measure *m)
{
	if (!m)
		return;
	profiling_free(m->profiling);
	windows_free(m->windows);
	targets_free(m->targets);
	conn_table_free(m->conns);
	probe_close(m->probe);
	free(m);
}

void measure_scan(struct measure *m)
{
	static const struct targets_events events = {
		.instance_begin = on_instance_begin,
		.instance_end = on_instance_end,
		.process_begin = on_process_begin,
		.process_end = on_process_end,
		.listener_begin = on_listener_begin,
		.listener_end = on_listener_end,
		.unresolved = on_unresolved,
	};
	struct err err = { "" };

	m->offset_ns = clock_offset_ns();
	m->scan_ns = clock_monotonic_ns() + (uint64_t)MEASURE_SCAN_MS * 1000000;
	if (targets_scan(m->targets, &events, m, &err) < 0)
		log_event(m->log, LOG_ERROR, "scan", err.text);
}

void measure_announce(const struct measure *m)
{
	struct log_line line;

	log_begin(&line, m->log, LOG_INFO, "measuring");
	log_text(&line, "hooks", probe_tier(m->probe));
	log_text(&line, "profile", m->profiling ? "cpu" : "none");
	log_u64(&line, "processes", targets_count(m->targets));
	log_u64(&line, "listening", targets_listening(m->targets));
	log_i64(&line, "window_ms", m->options->window_ms);
	log_i64(&line, "first_window_ms", windows_from_ms(m->windows));
	log_text(&line, "gate", m->options->gate);
	log_end(&line);
	for (size_t i = 0; i < m->options->n_specs; i++)
		if (!targets_matched(m->targets, i))
			log_event(m->log, LOG_WARN, "target_not_there_yet",
				  m->options->specs[i].name);
}

static void lose(struct measure *m, enum batch_loss cause, uint64_t now,
		 uint64_t before)
{
	if (now > before)
		windows_host_lost(m->windows, cause, now - before);
}

/* Bring what the kernel side and the table lost into the windows. */
static void collect_losses(struct measure *m)
{
	static const struct {
		enum kernel_loss from;
		enum batch_loss to;
	} causes[] = {
		{ KLOSS_NO_MEMORY, LOSS_NO_MEMORY },
		{ KLOSS_RING_FULL, LOSS_RING_FULL },
		{ KLOSS_UNREADABLE, LOSS_UNREADABLE },
		{ KLOSS_OPAQUE, LOSS_OPAQUE },
	};
	struct conn_counts c = conn_table_counts(m->conns);
	uint64_t now[KLOSS_N];

	probe_losses(m->probe, now);
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		lose(m, causes[i].to, now[causes[i].from],
		     m->losses[causes[i].from]);
	memcpy(m->losses, now, sizeof(now));
	lose(m, LOSS_UNPARSED, c.n_unparsed, m->conn_counts.n_unparsed);
	lose(m, LOSS_NO_MEMORY, c.n_evicted, m->conn_counts.n_evicted);
	lose(m, LOSS_NO_MEMORY, c.n_no_memory, m->conn_counts.n_no_memory);
	m->conn_counts = c;
}

static int on_fill(void *ctx, uint32_t id, struct strtab *strings,
		   struct arena *arena, struct batch *b, struct err *err)
{
	struct measure *m = ctx;

	if (!m->profiling)
		return 0;
	return profiling_fill(m->profiling, id, strings, arena, b, err);
}

static void on_sealed(void *ctx, const struct batch *b, uint64_t n_requests,
		      const void *bytes, size_t len)
{
	struct measure *m = ctx;
	struct log_line line;

	m->counts.n_batches++;
	m->counts.n_requests += n_requests;
	m->counts.window_batches++;
	m->counts.window_requests += n_requests;
	m->counts.window_events += b->n_events;
	log_begin(&line, m->log, LOG_DEBUG, "sealed");
	log_text(&line, "instance", b->instance);
	log_u64(&line, "seq", b->seq);
	log_i64(&line, "from_ms", b->from_ms);
	log_u64(&line, "requests", n_requests);
	log_u64(&line, "events", b->n_events);
	log_u64(&line, "series", b->n_series);
	log_u64(&line, "profiles", b->n_profiles);
	log_u64(&line, "bytes", len);
	log_end(&line);
	m->sealed(m->ctx, b, bytes, len);
}

static void on_failed(void *ctx, const char *instance, const char *why)
{
	struct measure *m = ctx;
	struct log_line line;

	log_begin(&line, m->log, LOG_ERROR, "batch_not_whole");
	log_text(&line, "instance", instance);
	log_text(&line, "why", why);
	log_end(&line);
}

static void drain(struct measure *m)
{
	struct err err = { "" };
	uint64_t now_ns;

	if (probe_drain(m->probe, on_event, m, &err) < 0)
		log_event(m->log, LOG_ERROR, "drain", err.text);
	now_ns = clock_monotonic_ns();
	conn_table_tick(m->conns, now_ns);
	if (m->profiling)
		profiling_drain(m->profiling, now_ns);
}

static void seal(struct measure *m, int64_t now_ms)
{
	static const struct windows_sink sink = { on_fill, on_sealed,
						  on_failed };
	int64_t last_ms = windows_to_ms(m->windows) - 1;
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t cpu_ns;

	if (last_ms > now_ms)
		last_ms = now_ms;
	/* the last moment of the window, so that they are counted in it */
	conn_table_window_end(m->conns,
			      (uint64_t)(last_ms * 1000000 - m->offset_ns));
	collect_losses(m);
	m->counts.n_windows++;
	m->counts.window_batches = 0;
	m->counts.window_requests = 0;
	m->counts.window_events = 0;
	windows_seal(m->windows, now_ms, &sink, m);
	cpu_ns = own_cpu_ns();
	if (m->profiling)
		profiling_adapt(m->profiling, now_ns - m->sealed_ns,
				since(m->cpu_ns, cpu_ns));
	m->sealed_ns = now_ns;
	m->cpu_ns = cpu_ns;
}

bool measure_tick(struct measure *m)
{
	uint64_t n_lost;
	int64_t now_ms;

	drain(m);
	if (clock_monotonic_ns() >= m->scan_ns)
		measure_scan(m);
	now_ms = clock_realtime_ms();
	n_lost = windows_turn_back(m->windows, now_ms);
	if (n_lost > 0) {
		windows_host_lost(m->windows, LOSS_NO_MEMORY, n_lost);
		log_event(m->log, LOG_WARN, "clock_set_back",
			  "the windows begin again");
	}
	if (now_ms < windows_to_ms(m->windows) + MEASURE_SEAL_MS)
		return false;
	seal(m, now_ms);
	return true;
}

void measure_stop(struct measure *m)
{
	int64_t now_ms = clock_realtime_ms();

	drain(m);
	/* the one that has ended, if it was not sealed yet, and the one that
	   has begun */
	while (windows_from_ms(m->windows) <= now_ms)
		seal(m, now_ms);
}

void measure_batches_lost(struct measure *m, const char *instance,
			  enum batch_loss cause, uint64_t n, const char *code)
{
	windows_batches_lost(m->windows, instance, cause, n, code);
}

struct measure_counts measure_counts(const struct measure *m)
{
	return m->counts;
}

size_t measure_targets(const struct measure *m)
{
	return targets_count(m->targets);
}

void measure_why_nothing(const struct measure *m, char *text, size_t size)
{
	const char *missing = NULL;

	for (size_t i = 0; !missing && i < m->options->n_specs; i++)
		if (!targets_matched(m->targets, i))
			missing = m->options->specs[i].name;
	if (targets_count(m->targets) == 0 && missing)
		snprintf(text, size, "no process matches %s", missing);
	else if (targets_count(m->targets) == 0)
		snprintf(text, size,
			 "processes match, but what they are called could not "
			 "be resolved");
	else if (targets_listening(m->targets) == 0)
		snprintf(text, size,
			 "%zu processes match, but none listens on a TCP port",
			 targets_count(m->targets));
	else if (m->counts.window_events == 0)
		snprintf(text, size,
			 "%zu processes listen, but nothing was read or "
			 "written on their connections: no traffic",
			 targets_listening(m->targets));
	else
		snprintf(text, size,
			 "%llu socket events, but no HTTP/1.1 request among "
			 "them: encrypted, or another protocol",
			 (unsigned long long)m->counts.window_events);
}
