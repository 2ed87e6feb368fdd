/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * oncpu - where the targets' CPU time goes, by sampling their stacks.
 *
 * A clock ticks on every CPU; where a tick finds a target running, every
 * stride-th of them becomes a sample.  What is no target leaves after one
 * look-up.  A sample weighs the tick's period times the stride, so that the
 * collector can change both at any time without a gap in what they add up to.
 *
 * User stacks are walked by frame pointers.  Code built without them gives a
 * short stack, never a wrong process's.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>

#include "bpf/events.h"

enum { TARGETS_MAX = 1024 }; /* processes on one host; 24 bytes each */

/*
 * The collector's pid namespace, where it is not the kernel's first: process
 * numbers in the maps are those that the collector sees.
 */
const volatile __u64 pidns_dev = 0;
const volatile __u64 pidns_ino = 0; /* 0: the first namespace */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TARGETS_MAX);
	__type(key, __u32); /* process */
	__type(value, struct sample_target);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TARGETS_MAX);
	__type(key, __u32); /* process */
	__type(value, struct sample_counts);
} counts SEC(".maps");

/*
 * The period of each CPU's clock.  What the context says is the period that
 * the clock was opened with: for cpu-clock the kernel does not follow when it
 * is changed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* the collector makes it one for each CPU */
	__type(key, __u32);	/* CPU */
	__type(value, __u64);	/* ns */
} periods SEC(".maps");

/*
 * 660 samples: at 100 a second for each of 20 targets and a drain every
 * 20 ms it is a sixteenth full.  It is mapped twice.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* bytes */
} samples SEC(".maps");

/* Which process and thread runs now, as the collector numbers them. */
static __always_inline int task_ids(__u32 *ret_tgid, __u32 *ret_tid)
{
	struct bpf_pidns_info ids = {};
	__u64 both;

	if (pidns_ino == 0) {
		both = bpf_get_current_pid_tgid();
		*ret_tgid = both >> 32;
		*ret_tid = (__u32)both;
		return 0;
	}
	if (bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, &ids,
					sizeof(ids)) < 0)
		return -1;
	*ret_tgid = ids.tgid;
	*ret_tid = ids.pid;
	return 0;
}

static __always_inline __u32 n_frames(long n_bytes)
{
	return n_bytes > 0 ? (__u32)n_bytes / sizeof(__u64) : 0;
}

static __always_inline __u64 period_ns(void)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u64 *ns = bpf_map_lookup_elem(&periods, &cpu);

	return ns ? *ns : 0;
}

SEC("perf_event")
int on_tick(struct bpf_perf_event_data *ctx)
{
	struct sample_counts *c;
	struct sample_target *t;
	struct sample_event *e;
	__u32 tgid;
	__u32 tid;
	__u32 stride;
	__u64 tick;

	if (task_ids(&tgid, &tid) < 0)
		return 0;
	t = bpf_map_lookup_elem(&targets, &tgid);
	if (!t)
		return 0;
	c = bpf_map_lookup_elem(&counts, &tgid);
	if (!c)
		return 0;

	/* two CPUs may read the same number: one tick more or less */
	tick = c->n_ticks;
	__sync_fetch_and_add(&c->n_ticks, 1);
	stride = t->stride;
	if (stride == 0 || tick % stride != 0)
		return 0;

	e = bpf_ringbuf_reserve(&samples, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&c->n_ring_full, 1);
		return 0;
	}
	e->at_ns = bpf_ktime_get_ns();
	e->period_ns = period_ns() * stride;
	e->target = t->target;
	e->tid = tid;
	bpf_get_current_comm(e->name, sizeof(e->name));
	e->n_user = n_frames(
		bpf_get_stack(ctx, e->user, sizeof(e->user), BPF_F_USER_STACK));
	e->n_kernel =
		n_frames(bpf_get_stack(ctx, e->kernel, sizeof(e->kernel), 0));
	if (e->n_user == 0)
		__sync_fetch_and_add(&c->n_no_stack, 1);
	/* drained on a timer: waking the reader costs more than the event */
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
