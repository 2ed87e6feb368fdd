/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/probe.h"

#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "requests.skel.h"

#include "common/err.h"
#include "common/limits.h"

/* inode of the first pid namespace, fixed since kernel 3.8 */
static const uint32_t FIRST_PIDNS_INODE = UINT32_C(0xEFFFFFFC);

enum {
	TIER_HOOKS = 5,
	CPUS_MAX = 4096,
};

struct hook {
	const char *program; /* its name in bpf/requests.bpf.c */
	const char *hook;    /* what it is attached to */
	bool optional;	     /* not every kernel of the tier has it */
};

struct tier {
	const char *name;
	enum probe_hooks hooks;
	struct hook rows[TIER_HOOKS];
	const char *needs;
};

/* Best first. */
static const struct tier tiers[] = {
	{ .name = "tp_btf",
	  .hooks = PROBE_HOOKS_TP_BTF,
	  .rows = { { "tp_read", "tp_btf/sock_recv_length", false },
		    { "tp_write", "tp_btf/sock_send_length", false },
		    { "tp_arrive", "tp_btf/sk_data_ready", false },
		    { "on_state", "tp_btf/inet_sock_set_state", false } },
	  .needs = "Linux 6.3 or later" },
	{ .name = "fexit",
	  .hooks = PROBE_HOOKS_FEXIT,
	  .rows = { { "fx_read", "fexit/tcp_recvmsg", false },
		    { "fx_write", "fexit/tcp_sendmsg", false },
		    { "fx_arrive", "fentry/sock_def_readable", false },
		    { "on_state", "tp_btf/inet_sock_set_state", false },
		    { "fx_sendpage", "fexit/tcp_sendpage", true } },
	  .needs = "Linux 5.19 or later with CONFIG_FUNCTION_TRACER and "
		   "trampolines allowed" },
};

enum { N_TIERS = sizeof(tiers) / sizeof(tiers[0]) };

struct probe {
	const struct tier *tier;
	struct requests *skel;
	struct bpf_link *links[TIER_HOOKS];
	struct ring_buffer *ring;
	int stats_fd; /* -1 while run times are not measured */
	int n_cpus;
	sock_event_fn *on_event; /* while a drain is under way */
	void *ctx;
	size_t n_drained;
};

int probe_hooks_parse(const char *text, enum probe_hooks *ret_hooks,
		      struct err *err)
{
	if (strcmp(text, "auto") == 0) {
		*ret_hooks = PROBE_HOOKS_AUTO;
		return 0;
	}
	for (size_t i = 0; i < N_TIERS; i++) {
		if (strcmp(text, tiers[i].name) == 0) {
			*ret_hooks = tiers[i].hooks;
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		       "hooks '%.32s': want auto, tp_btf or fexit", text);
}

/* What a person can do about a hook that the kernel refused. */
static const char *advice(int rc, const struct tier *tier)
{
	switch (-rc) {
	case EPERM:
	case EACCES:
		return "run as root or give CAP_BPF and CAP_PERFMON; if that "
		       "is "
		       "so, this kernel forbids the hook "
		       "(/sys/kernel/security/lockdown)";
	case ENOENT:
	case ESRCH:
		return tier->needs; /* the kernel's BTF has no such hook */
	case E2BIG:
	case EINVAL:
		return "the verifier did not take the program: please report "
		       "this kernel's version";
	default:
		return "see dmesg";
	}
}

/* Choose which programs of skel are loaded: those of tier, or one of them. */
static void choose_programs(struct requests *skel, const struct tier *tier,
			    const struct hook *only)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj)
	{
		const char *name = bpf_program__name(prog);
		bool load = false;

		for (size_t i = 0; i < TIER_HOOKS; i++) {
			const struct hook *h = &tier->rows[i];

			if (h->program && strcmp(h->program, name) == 0)
				load = only ? h == only : !h->optional;
		}
		bpf_program__set_autoload(prog, load);
	}
}

/*
 * Processes are looked up by the numbers that the collector sees.  The
 * kernel's own device number is not encoded the way stat() shows it.
 */
static int set_pid_namespace(struct requests *skel, struct err *err)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0)
		return err_set(err, -errno, "/proc/self/ns/pid: %s",
			       err_describe(errno));
	if (st.st_ino == FIRST_PIDNS_INODE)
		return 0; /* the first namespace: no look-up needed */
	skel->rodata->pidns_dev =
		(uint64_t)major(st.st_dev) << 20 | minor(st.st_dev);
	skel->rodata->pidns_inode = st.st_ino;
	return 0;
}

static int open_skel(struct requests **ret_skel, struct err *err)
{
	struct requests *skel = requests__open();
	int rc;

	if (!skel)
		return err_set(err, -errno, "kernel programs: %s",
			       err_describe(errno));
	rc = set_pid_namespace(skel, err);
	if (rc < 0)
		requests__destroy(skel);
	else
		*ret_skel = skel;
	return rc;
}

/* Load one hook alone: 0 if the kernel takes it, else why not. */
static int try_hook(const struct tier *tier, const struct hook *h,
		    struct err *err)
{
	struct requests *skel = NULL;
	int rc = open_skel(&skel, err);

	if (rc < 0)
		return rc;
	choose_programs(skel, tier, h);
	rc = requests__load(skel);
	requests__destroy(skel);
	return rc;
}

/*
 * Loading is whole or not at all and does not say which program it was, so
 * each is tried again alone.
 */
static int explain_refusal(const struct tier *tier, int rc, struct err *err)
{
	for (size_t i = 0; i < TIER_HOOKS; i++) {
		const struct hook *h = &tier->rows[i];
		int why;

		if (!h->program || h->optional)
			continue;
		why = try_hook(tier, h, err);
		if (why < 0)
			return err_set(err, why, "%s: %s (errno %d): %s",
				       h->hook, err_describe(-why), -why,
				       advice(why, tier));
	}
	return err_set(err, rc, "hooks of tier %s: %s (errno %d): %s",
		       tier->name, err_describe(-rc), -rc, advice(rc, tier));
}

static void choose_optional(struct requests *skel, const struct tier *tier)
{
	for (size_t i = 0; i < TIER_HOOKS; i++) {
		const struct hook *h = &tier->rows[i];
		struct bpf_program *prog;

		if (!h->program || !h->optional)
			continue;
		if (try_hook(tier, h, NULL) < 0)
			continue;
		prog = bpf_object__find_program_by_name(skel->obj, h->program);
		bpf_program__set_autoload(prog, true);
	}
}

static int attach_tier(struct probe *p, struct err *err)
{
	for (size_t i = 0; i < TIER_HOOKS; i++) {
		const struct hook *h = &p->tier->rows[i];
		struct bpf_program *prog;
		int rc;

		if (!h->program)
			continue;
		prog = bpf_object__find_program_by_name(p->skel->obj,
							h->program);
		if (!bpf_program__autoload(prog))
			continue;
		p->links[i] = bpf_program__attach(prog);
		if (!p->links[i]) {
			rc = -errno;
			return err_set(err, rc, "%s: %s (errno %d): %s",
				       h->hook, err_describe(-rc), -rc,
				       advice(rc, p->tier));
		}
	}
	return 0;
}

static int on_record(void *ctx, void *bytes, size_t len)
{
	struct probe *p = ctx;
	const struct sock_event *e = bytes;

	if (len < sizeof(*e) ||
	    len - sizeof(*e) < (size_t)e->n_head + e->n_tail ||
	    (uint64_t)e->n_head + e->n_tail > e->n_bytes)
		return 0; /* not a record of ours */
	p->on_event(p->ctx, e);
	return ++p->n_drained >= LIMIT_DRAIN_EVENTS ? -ECANCELED : 0;
}

static int open_tier(const struct tier *tier, struct probe **ret_p,
		     struct err *err)
{
	struct probe *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(err, -ENOMEM, "probe: out of memory");
	p->tier = tier;
	p->stats_fd = -1;
	p->n_cpus = libbpf_num_possible_cpus();
	if (p->n_cpus < 1 || p->n_cpus > CPUS_MAX)
		p->n_cpus = CPUS_MAX;
	rc = open_skel(&p->skel, err);
	if (rc < 0)
		goto out;
	choose_programs(p->skel, tier, NULL);
	choose_optional(p->skel, tier);
	rc = requests__load(p->skel);
	if (rc < 0) {
		rc = explain_refusal(tier, rc, err);
		goto out;
	}
	rc = attach_tier(p, err);
	if (rc < 0)
		goto out;
	p->ring = ring_buffer__new(bpf_map__fd(p->skel->maps.sock_events),
				   on_record, p, NULL);
	if (!p->ring)
		rc = err_set(err, -errno, "request ring: %s",
			     err_describe(errno));
out:
	if (rc < 0)
		probe_close(p);
	else
		*ret_p = p;
	return rc;
}

static int ignore_print(enum libbpf_print_level level, const char *fmt,
			va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

int probe_open(enum probe_hooks hooks, struct probe **ret_p, struct err *err)
{
	struct err first = { .text = "" };
	int first_rc = 0;

	/* a tier that is refused is not an error, and what is one we say */
	libbpf_set_print(ignore_print);
	for (size_t i = 0; i < N_TIERS; i++) {
		struct err why = { .text = "" };
		int rc;

		if (hooks != PROBE_HOOKS_AUTO && hooks != tiers[i].hooks)
			continue;
		rc = open_tier(&tiers[i], ret_p, &why);
		if (rc == 0)
			return 0;
		if (first_rc < 0)
			return err_set(err, first_rc, "%.110s; %.120s",
				       first.text, why.text);
		first = why;
		first_rc = rc;
	}
	return err_set(err, first_rc, "%s", first.text);
}

void probe_close(struct probe *p)
{
	if (!p)
		return;
	if (p->stats_fd >= 0)
		close(p->stats_fd);
	ring_buffer__free(p->ring);
	for (size_t i = 0; i < TIER_HOOKS; i++)
		bpf_link__destroy(p->links[i]);
	requests__destroy(p->skel);
	free(p);
}

const char *probe_tier(const struct probe *p)
{
	return p->tier->name;
}

int probe_target_add(struct probe *p, uint32_t tgid, uint32_t target,
		     struct err *err)
{
	int fd = bpf_map__fd(p->skel->maps.targets);

	if (bpf_map_update_elem(fd, &tgid, &target, BPF_ANY) < 0)
		return err_set(err, -errno, "target pid %u: %s", tgid,
			       err_describe(errno));
	return 0;
}

void probe_target_remove(struct probe *p, uint32_t tgid)
{
	/* that it is not there is what was asked for */
	(void)bpf_map_delete_elem(bpf_map__fd(p->skel->maps.targets), &tgid);
}

int probe_listener_add(struct probe *p, uint32_t netns, uint16_t port,
		       struct err *err)
{
	int fd = bpf_map__fd(p->skel->maps.listeners);
	const uint32_t key[2] = { netns, port };
	const uint32_t unused = 0;

	if (bpf_map_update_elem(fd, key, &unused, BPF_ANY) < 0)
		return err_set(err, -errno, "listener port %u: %s", port,
			       err_describe(errno));
	p->skel->bss->port_bits[port / 64] |= UINT64_C(1) << port % 64;
	return 0;
}

void probe_listener_remove(struct probe *p, uint32_t netns, uint16_t port)
{
	int fd = bpf_map__fd(p->skel->maps.listeners);
	const uint32_t gone[2] = { netns, port };
	uint32_t at[2];
	const uint32_t *from = NULL;

	/* that it is not there is what was asked for */
	(void)bpf_map_delete_elem(fd, gone);
	for (; bpf_map_get_next_key(fd, from, at) == 0; from = at) {
		if (at[1] == port)
			return; /* in another namespace: the bit stays */
	}
	p->skel->bss->port_bits[port / 64] &= ~(UINT64_C(1) << port % 64);
}

int probe_drain(struct probe *p, sock_event_fn *on_event, void *ctx,
		struct err *err)
{
	int rc;

	p->on_event = on_event;
	p->ctx = ctx;
	p->n_drained = 0;
	rc = ring_buffer__consume(p->ring);
	if (rc < 0 && rc != -ECANCELED)
		return err_set(err, rc, "request ring: %s", err_describe(-rc));
	return (int)p->n_drained;
}

void probe_losses(const struct probe *p, uint64_t loss[KLOSS_N])
{
	int fd = bpf_map__fd(p->skel->maps.losses);
	uint64_t *per_cpu = calloc((size_t)p->n_cpus, sizeof(*per_cpu));

	for (uint32_t what = 0; what < KLOSS_N; what++) {
		loss[what] = 0;
		if (!per_cpu || bpf_map_lookup_elem(fd, &what, per_cpu) < 0)
			continue;
		for (int cpu = 0; cpu < p->n_cpus; cpu++)
			loss[what] += per_cpu[cpu];
	}
	free(per_cpu);
}

int probe_stats_on(struct probe *p, struct err *err)
{
	int fd;

	if (p->stats_fd >= 0)
		return 0;
	fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (fd < 0)
		return err_set(err, -errno, "run-time statistics: %s",
			       err_describe(errno));
	p->stats_fd = fd;
	return 0;
}

size_t probe_costs(const struct probe *p,
		   struct probe_cost costs[PROBE_PROGRAMS_MAX])
{
	struct bpf_program *prog;
	size_t n = 0;

	bpf_object__for_each_program(prog, p->skel->obj)
	{
		struct bpf_prog_info info = { .run_cnt = 0 };
		uint32_t len = sizeof(info);
		struct probe_cost *c = &costs[n];

		if (n == PROBE_PROGRAMS_MAX || bpf_program__fd(prog) < 0)
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) <
		    0)
			continue;
		memset(c, 0, sizeof(*c));
		snprintf(c->program, sizeof(c->program), "%s",
			 bpf_program__name(prog));
		c->n_runs = info.run_cnt;
		c->run_ns = info.run_time_ns;
		c->n_recursion_misses = info.recursion_misses;
		n++;
	}
	return n;
}
