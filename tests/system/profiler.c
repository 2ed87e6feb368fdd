/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profiler - the profile of one process, as text.
 *
 *	profiler [--attach] [--max-hz N] PID SECONDS
 *
 * Runs sampler, symbols, hotspot and profile the way the collector does and
 * prints one line for each call path:
 *
 *	path GROUP SELF_NS NAME;NAME;NAME
 *	thread GROUP CPU_NS NAME
 *	count NAME VALUE
 *
 * For the system tests: it needs the privileges of the collector.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "bpf/events.h"
#include "collector/hotspot.h"
#include "collector/profile.h"
#include "collector/sampler.h"
#include "collector/symbols.h"
#include "common/arena.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/num.h"
#include "common/strtab.h"

enum { DRAIN_MS = 20, TABLE_BYTES = 16 * 1024 * 1024 };

static const uint64_t SECOND_NS = UINT64_C(1000000000);

struct run {
	pid_t pid;
	uint64_t seconds;
	uint64_t max_hz;
	bool attach;
	struct sampler *sampler;
	struct symbols *symbols;
	struct symbols_process *process;
	struct hotspot *hotspot;
	struct profile *profile;
	uint64_t n_maps; /* the JVM wrote */
	uint64_t n_naming_ns;
	uint64_t n_events;
	uint64_t cpu_ns; /* that the target used meanwhile */
	int hz;
};

static void on_sample(void *arg, const struct sample_event *e)
{
	struct run *r = arg;
	uint64_t before_ns = clock_monotonic_ns();

	profile_add(r->profile, r->symbols, r->process, e);
	r->n_naming_ns += clock_monotonic_ns() - before_ns;
	r->n_events++;
}

static void step_hotspot(struct run *r)
{
	struct err err = { .text = "" };
	int rc;

	if (!r->attach)
		return;
	rc = hotspot_step(r->hotspot, clock_monotonic_ns(),
			  symbols_process_n_jit(r->process), &err);
	if (rc < 0)
		printf("attach %d %s\n", rc, err.text);
	if (rc == HOTSPOT_DONE) {
		symbols_process_stale(r->process);
		r->n_maps++;
	}
}

/* CPU time that a process has used. */
static uint64_t cpu_time_ns(pid_t pid)
{
	struct timespec used = { .tv_sec = 0 };
	clockid_t id;

	if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &used) < 0)
		return 0;
	return (uint64_t)used.tv_sec * SECOND_NS + (uint64_t)used.tv_nsec;
}

static int loop(struct run *r, struct err *err)
{
	struct itimerspec every = {
		.it_interval = { .tv_nsec = DRAIN_MS * 1000000L },
		.it_value = { .tv_nsec = DRAIN_MS * 1000000L },
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	uint64_t begin_ns = clock_monotonic_ns();
	uint64_t window_ns = begin_ns;
	uint64_t now_ns = begin_ns;
	int rc = 0;

	r->cpu_ns = cpu_time_ns(r->pid);
	rc = sampler_add_target(r->sampler, r->pid, 1, err);
	if (rc < 0)
		return rc;
	if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) < 0)
		return -errno;
	while (now_ns - begin_ns < r->seconds * SECOND_NS && rc >= 0) {
		uint64_t n_ticks;

		if (read(fd, &n_ticks, sizeof(n_ticks)) < 0)
			return -errno;
		rc = sampler_drain(r->sampler, on_sample, r);
		step_hotspot(r);
		now_ns = clock_monotonic_ns();
		if (rc < 0 || now_ns - window_ns < SECOND_NS)
			continue;
		rc = sampler_adapt(r->sampler, now_ns - window_ns,
				   (uint32_t)r->max_hz, err);
		r->hz = rc;
		window_ns = now_ns;
	}
	r->cpu_ns = cpu_time_ns(r->pid) - r->cpu_ns;
	close(fd);
	return rc < 0 ? rc : 0;
}

static int number_of(void *arg, const char *text, uint32_t *ret_number)
{
	return strtab_add(arg, text, strlen(text), ret_number);
}

static const char *group_name(enum profile_group group)
{
	static const char *const names[] = { "app", "jit", "gc", "vm" };

	return names[group];
}

static void print_path(const struct batch_profile *bp, const struct strtab *t,
		       uint32_t node)
{
	if (bp->parent[node] != BATCH_NO_PARENT) {
		print_path(bp, t, (uint32_t)bp->parent[node]);
		putchar(';');
	}
	fputs(strtab_get(t, bp->function[node]), stdout);
}

static void print_counts(const struct run *r)
{
	struct profile_counts c = profile_counts(r->profile);
	struct sampler_counts k = { 0 };
	struct rusage use;

	if (sampler_counts(r->sampler, r->pid, &k) < 0)
		printf("count lost_target 1\n");
	getrusage(RUSAGE_SELF, &use);
	printf("count samples %llu\n", (unsigned long long)c.n_samples);
	printf("count frames %llu\n", (unsigned long long)c.n_frames);
	printf("count unsymbolised %llu\n",
	       (unsigned long long)c.n_unsymbolised);
	printf("count no_stack %llu\n", (unsigned long long)c.n_no_stack);
	printf("count truncated %llu\n", (unsigned long long)c.n_truncated);
	printf("count ticks %llu\n", (unsigned long long)k.n_ticks);
	printf("count ring_full %llu\n", (unsigned long long)k.n_ring_full);
	printf("count cpu_ns %llu\n", (unsigned long long)r->cpu_ns);
	printf("count hz %d\n", r->hz);
	printf("count maps_written %llu\n", (unsigned long long)r->n_maps);
	printf("count perfmap_entries %zu\n",
	       symbols_process_n_perfmap(r->process));
	printf("count naming_ns %llu\n",
	       (unsigned long long)(r->n_events ? r->n_naming_ns / r->n_events
						: 0));
	printf("count table_bytes %zu\n", symbols_bytes(r->symbols));
	printf("count rss_kib %ld\n", use.ru_maxrss);
}

static int print_profile(const struct run *r, struct err *err)
{
	struct profile_result result = { .n_profiles = 0 };
	struct strtab *strings = NULL;
	struct arena *arena = NULL;
	int rc;

	rc = strtab_new(LIMIT_BATCH_STRINGS, LIMIT_BATCH_BYTES, &strings, err);
	if (rc == 0)
		rc = arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, err);
	if (rc == 0)
		rc = profile_seal(r->profile, arena, number_of, strings,
				  &result, err);
	if (rc < 0)
		goto out;
	for (uint32_t i = 0; i < result.n_profiles; i++) {
		const struct batch_profile *bp = &result.profiles[i];

		for (uint32_t node = 0; node < bp->n; node++) {
			if (bp->self_ns[node] == 0)
				continue;
			printf("path %s %llu ", group_name(bp->group),
			       (unsigned long long)bp->self_ns[node]);
			print_path(bp, strings, node);
			putchar('\n');
		}
	}
	for (uint32_t i = 0; i < result.n_threads; i++)
		printf("thread %s %llu %s\n",
		       group_name(result.threads[i].group),
		       (unsigned long long)result.threads[i].cpu_ns,
		       strtab_get(strings, result.threads[i].name));
	print_counts(r);
out:
	arena_free(arena);
	strtab_free(strings);
	return rc;
}

static int open_all(struct run *r, struct err *err)
{
	int rc = symbols_new(TABLE_BYTES, &r->symbols, err);

	if (rc == 0)
		rc = symbols_process_new(r->symbols, r->pid, &r->process, err);
	if (rc == 0)
		rc = profile_new(LIMIT_PROFILE_PATHS, &r->profile, err);
	if (rc == 0)
		rc = hotspot_new(r->pid, &r->hotspot, err);
	if (rc == 0)
		rc = sampler_new(&r->sampler, err);
	return rc;
}

static int parse(struct run *r, int argc, char **argv, struct err *err)
{
	uint64_t pid = 0;
	int rc = 0;
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--attach") == 0)
			r->attach = true;
		else if (strcmp(argv[at], "--max-hz") == 0)
			rc = num_u64("--max-hz", argv[++at], 1, 999, &r->max_hz,
				     err);
		else
			rc = err_set(err, -EINVAL, "%s: unknown", argv[at]);
		if (rc < 0)
			return rc;
	}
	if (argc - at != 2)
		return err_set(err, -EINVAL,
			       "profiler [--attach] [--max-hz N] "
			       "PID SECONDS");
	rc = num_u64("PID", argv[at], 1, INT32_MAX, &pid, err);
	r->pid = (pid_t)pid;
	return rc < 0 ? rc
		      : num_u64("SECONDS", argv[at + 1], 1, 600, &r->seconds,
				err);
}

int main(int argc, char **argv)
{
	struct err err = { .text = "" };
	struct run r = { .pid = 0 };
	int rc = parse(&r, argc, argv, &err);

	if (rc == 0)
		rc = open_all(&r, &err);
	if (rc == 0)
		rc = loop(&r, &err);
	if (rc == 0)
		rc = print_profile(&r, &err);
	if (rc < 0)
		fprintf(stderr, "profiler: %s\n", err.text);
	sampler_free(r.sampler);
	hotspot_free(r.hotspot);
	profile_free(r.profile);
	symbols_process_free(r.process);
	symbols_free(r.symbols);
	return rc < 0;
}
