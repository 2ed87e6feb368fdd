/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/sampler.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "oncpu.skel.h"

#include "bpf/events.h"
#include "collector/rate.h"
#include "common/err.h"

enum {
	START_HZ = 199,
	TARGETS_MAX = 1024, /* what the maps of bpf/oncpu hold */
	JITTER_PERCENT = 3,
};

/* inode of the first pid namespace: a constant of the kernel's interface */
static const uint64_t FIRST_PIDNS_INO = UINT64_C(0xEFFFFFFC);

struct clock {
	int fd;
	uint32_t cpu;
	struct bpf_link *link;
};

struct known {
	pid_t pid;
	uint32_t target;
	uint32_t stride;
	uint64_t n_ticks; /* at the end of the last window */
};

struct sampler {
	struct oncpu *skel;
	struct ring_buffer *ring;
	struct clock *clocks;
	int n_clocks;
	uint32_t hz;
	struct known known[TARGETS_MAX];
	size_t n_known;
	/* of the drain that is going on */
	sampler_fn *fn;
	void *arg;
};

static const char *remedy(int rc)
{
	switch (rc) {
	case -EPERM:
	case -EACCES:
		return "run as root or with CAP_BPF and CAP_PERFMON";
	case -EINVAL:
	case -EOPNOTSUPP:
		return "needs Linux 6.1 or later with BTF and BPF events";
	case -ENOMEM:
	case -ENOSPC:
		return "free memory, or raise the memory limit";
	case -EMFILE:
		return "raise the limit on open files";
	default:
		return "see the kernel's log";
	}
}

static int refused(struct err *err, int rc, const char *hook)
{
	return err_set(err, rc, "profile: %s: %s (errno %d); %s", hook,
		       err_describe(-rc), -rc, remedy(rc));
}

/* A period for hz, a little off so that clocks do not run in step. */
static uint64_t jittered_period_ns(uint32_t hz)
{
	int64_t period = 1000000000 / (int64_t)hz;
	int64_t off = 0;
	uint32_t draw = 0;

	/* without randomness the periods are equal, which only costs jitter */
	if (getrandom(&draw, sizeof(draw), GRND_NONBLOCK) == sizeof(draw))
		off = (int64_t)(draw % 2001) - 1000;
	return (uint64_t)(period + period * JITTER_PERCENT * off / 100000);
}

static int set_cpus(struct oncpu *skel, struct err *err)
{
	int n = libbpf_num_possible_cpus();

	if (n <= 0)
		return err_set(err, -EIO, "profile: cannot count the CPUs");
	return bpf_map__set_max_entries(skel->maps.periods, (uint32_t)n);
}

static int set_pid_namespace(struct oncpu *skel, struct err *err)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0)
		return err_set(err, -errno, "profile: /proc/self/ns/pid: %s",
			       err_describe(errno));
	if (st.st_ino == FIRST_PIDNS_INO)
		return 0;
	skel->rodata->pidns_dev = st.st_dev;
	skel->rodata->pidns_ino = st.st_ino;
	return 0;
}

static int take(void *arg, void *bytes, size_t len)
{
	struct sampler *s = arg;
	const struct sample_event *e = bytes;

	if (len == sizeof(*e) && e->n_user <= STACK_USER_MAX &&
	    e->n_kernel <= STACK_KERNEL_MAX)
		s->fn(s->arg, e);
	return 0;
}

static int open_clock(int cpu, uint64_t period_ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
		.disabled = 1,
		.exclude_idle = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1,
			    PERF_FLAG_FD_CLOEXEC);
}

/* Tell the program what its ticks weigh on that CPU. */
static int write_period(struct sampler *s, uint32_t cpu, uint64_t period_ns)
{
	return bpf_map__update_elem(s->skel->maps.periods, &cpu, sizeof(cpu),
				    &period_ns, sizeof(period_ns), BPF_ANY);
}

static int start_clock(struct sampler *s, int cpu, struct err *err)
{
	struct clock *c = &s->clocks[s->n_clocks];
	uint64_t period_ns = jittered_period_ns(s->hz);
	int rc;

	c->cpu = (uint32_t)cpu;
	c->fd = open_clock(cpu, period_ns);
	if (c->fd < 0 && (errno == ENODEV || errno == ENXIO))
		return 0; /* this CPU is offline */
	if (c->fd < 0)
		return refused(err, -errno, "perf_event_open(cpu-clock)");
	s->n_clocks++;
	rc = write_period(s, c->cpu, period_ns);
	if (rc < 0)
		return refused(err, rc, "set a clock's period");
	c->link = bpf_program__attach_perf_event(s->skel->progs.on_tick, c->fd);
	if (!c->link)
		return refused(err, -errno, "attach perf_event");
	return 0;
}

static int start_clocks(struct sampler *s, struct err *err)
{
	int n = libbpf_num_possible_cpus();
	int rc;

	s->clocks = calloc((size_t)n, sizeof(*s->clocks));
	if (!s->clocks)
		return -ENOMEM;
	for (int cpu = 0; cpu < n; cpu++) {
		rc = start_clock(s, cpu, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int sampler_new(struct sampler **ret_s, struct err *err)
{
	struct sampler *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s)
		return err_set(err, rc, "profile: no memory");
	s->hz = START_HZ;
	s->skel = oncpu__open();
	if (!s->skel) {
		rc = refused(err, -errno, "open BPF object oncpu");
		goto out;
	}
	rc = set_pid_namespace(s->skel, err);
	if (rc == 0)
		rc = set_cpus(s->skel, err);
	if (rc < 0)
		goto out;
	rc = oncpu__load(s->skel);
	if (rc < 0) {
		rc = refused(err, rc, "load BPF program perf_event/on_tick");
		goto out;
	}
	s->ring = ring_buffer__new(bpf_map__fd(s->skel->maps.samples), take, s,
				   NULL);
	if (!s->ring) {
		rc = refused(err, -errno, "map ring buffer of samples");
		goto out;
	}
	rc = start_clocks(s, err);
out:
	if (rc < 0)
		sampler_free(s);
	else
		*ret_s = s;
	return rc;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->n_clocks; i++) {
		if (s->clocks[i].link)
			bpf_link__destroy(s->clocks[i].link);
		else
			close(s->clocks[i].fd);
	}
	free(s->clocks);
	ring_buffer__free(s->ring);
	oncpu__destroy(s->skel);
	free(s);
}

static struct known *find(struct sampler *s, pid_t pid)
{
	for (size_t i = 0; i < s->n_known; i++)
		if (s->known[i].pid == pid)
			return &s->known[i];
	return NULL;
}

static int write_target(struct sampler *s, const struct known *k)
{
	struct sample_target t = { .target = k->target, .stride = k->stride };
	uint32_t key = (uint32_t)k->pid;

	return bpf_map__update_elem(s->skel->maps.targets, &key, sizeof(key),
				    &t, sizeof(t), BPF_ANY);
}

int sampler_add_target(struct sampler *s, pid_t pid, uint32_t target,
		       struct err *err)
{
	static const struct sample_counts none;
	uint32_t key = (uint32_t)pid;
	struct known *k = find(s, pid);
	int rc;

	if (k) {
		k->target = target;
		return write_target(s, k);
	}
	if (s->n_known == TARGETS_MAX)
		return err_set(err, -ENOSPC,
			       "profile: pid %d is one target "
			       "more than %d",
			       pid, TARGETS_MAX);
	k = &s->known[s->n_known];
	*k = (struct known){ .pid = pid, .target = target, .stride = 1 };
	/* the counts first: the program needs both */
	rc = bpf_map__update_elem(s->skel->maps.counts, &key, sizeof(key),
				  &none, sizeof(none), BPF_ANY);
	if (rc == 0)
		rc = write_target(s, k);
	if (rc < 0)
		return refused(err, rc, "add target");
	s->n_known++;
	return 0;
}

void sampler_remove_target(struct sampler *s, pid_t pid)
{
	struct known *k = find(s, pid);
	uint32_t key = (uint32_t)pid;

	if (!k)
		return;
	/* it is in both maps, and what is not there needs no removing */
	(void)bpf_map__delete_elem(s->skel->maps.targets, &key, sizeof(key), 0);
	(void)bpf_map__delete_elem(s->skel->maps.counts, &key, sizeof(key), 0);
	*k = s->known[--s->n_known];
}

int sampler_drain(struct sampler *s, sampler_fn *fn, void *arg)
{
	s->fn = fn;
	s->arg = arg;
	return ring_buffer__consume(s->ring);
}

int sampler_counts(const struct sampler *s, pid_t pid,
		   struct sampler_counts *ret_counts)
{
	struct sample_counts c;
	uint32_t key = (uint32_t)pid;

	if (bpf_map__lookup_elem(s->skel->maps.counts, &key, sizeof(key), &c,
				 sizeof(c), 0) < 0)
		return -ENOENT;
	ret_counts->n_ticks = c.n_ticks;
	ret_counts->n_ring_full = c.n_ring_full;
	ret_counts->n_no_stack = c.n_no_stack;
	return 0;
}

static int set_clocks(struct sampler *s, uint32_t hz, struct err *err)
{
	for (int i = 0; i < s->n_clocks; i++) {
		const struct clock *c = &s->clocks[i];
		uint64_t period_ns = jittered_period_ns(hz);
		int rc;

		if (ioctl(c->fd, PERF_EVENT_IOC_PERIOD, &period_ns) < 0)
			return refused(err, -errno,
				       "perf_event: set the period");
		rc = write_period(s, c->cpu, period_ns);
		if (rc < 0)
			return refused(err, rc, "set a clock's period");
	}
	return 0;
}

int sampler_adapt(struct sampler *s, uint64_t elapsed_ns, uint32_t max_hz,
		  struct err *err)
{
	uint64_t ticks[TARGETS_MAX];
	uint32_t hz;
	int rc;

	for (size_t i = 0; i < s->n_known; i++) {
		struct sampler_counts c = { 0 };

		/* one that cannot be read is as one that did not run */
		(void)sampler_counts(s, s->known[i].pid, &c);
		ticks[i] = c.n_ticks - s->known[i].n_ticks;
		s->known[i].n_ticks = c.n_ticks;
	}
	hz = rate_next(ticks, s->n_known, elapsed_ns, s->hz,
		       max_hz ? max_hz : RATE_HZ_MAX);
	for (size_t i = 0; i < s->n_known; i++) {
		struct known *k = &s->known[i];

		k->stride = rate_stride(ticks[i], elapsed_ns, s->hz, hz);
		rc = write_target(s, k);
		if (rc < 0)
			return refused(err, rc, "set a target's stride");
	}
	rc = set_clocks(s, hz, err);
	if (rc < 0)
		return rc;
	s->hz = hz;
	return (int)hz;
}
