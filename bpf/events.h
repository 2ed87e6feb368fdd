/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * events - the records the kernel side hands to the collector.
 *
 * Included by both sides, so it holds nothing but fixed-width fields laid
 * out without padding.  It never leaves the host: what goes on the network
 * is the batch of schema/FORMATS.md.
 *
 * Times are CLOCK_MONOTONIC in ns.
 */
#ifndef BPF_EVENTS_H
#define BPF_EVENTS_H

#include <linux/types.h>

enum sock_op {
	SOCK_READ,  /* the service took bytes off the connection */
	SOCK_WRITE, /* the service put bytes on it */
	SOCK_CLOSE, /* the connection is over; n_bytes is 0 */
};

/* flags of a sock_event */
enum {
	SOCK_UNREADABLE = 1, /* the bytes could not be read; lengths hold */
	SOCK_OPAQUE = 2,     /* sendfile, io_uring: no buffer to be had */
	SOCK_GAP = 4,	     /* bytes of earlier calls that were not reported;
				at_ns is not theirs */
};

enum {
	SOCK_TAIL_BYTES = 8, /* enough for the end of a chunked body */
	/* how much of one call's bytes is shown, by size class */
	SOCK_HEAD_SMALL = 64,
	SOCK_HEAD_MEDIUM = 512,
	SOCK_HEAD_WIDE = 2048, /* the most of a write: it has no long path */
	SOCK_HEAD_LARGE = 4096,
};

/*
 * One call of the service on one of its server-side connections.  The first
 * n_head of the call's n_bytes follow in the record, then, for SOCK_WRITE
 * only, its last n_tail bytes where they are not among the first.
 */
struct sock_event {
	__u64 at_ns;	 /* when the call was done */
	__u64 arrive_ns; /* SOCK_READ: when the oldest of its bytes came;
			    0 where that was not seen */
	__u64 conn;	 /* socket cookie: the connection, while it lasts */
	__u32 target;	 /* what the collector called this process */
	__u32 n_bytes;
	__u16 n_head;
	__u8 n_tail;
	__u8 op; /* enum sock_op */
	__u32 flags;
};

_Static_assert(sizeof(struct sock_event) == 40,
	       "sock_event has no padding to leak or to disagree about");

enum {
	STACK_USER_MAX = 127, /* the kernel's own default ceiling */
	STACK_KERNEL_MAX = 64,
	TASK_NAME_BYTES = 16,
};

/*
 * One stack sample of a target.  Frames are addresses, leaf first; a stack
 * of exactly STACK_USER_MAX frames was cut at its root.
 */
struct sample_event {
	__u64 at_ns;
	__u64 period_ns; /* CPU time this sample stands for */
	__u32 target;
	__u32 tid;    /* in the collector's pid namespace */
	__u32 n_user; /* frames */
	__u32 n_kernel;
	char name[TASK_NAME_BYTES]; /* of the thread */
	__u64 user[STACK_USER_MAX];
	__u64 kernel[STACK_KERNEL_MAX];
};

/* Which process is sampled, and how: written by the collector alone. */
struct sample_target {
	__u32 target; /* what the collector calls it */
	__u32 stride; /* report every stride-th tick, which weighs as many */
};

/* What became of a target's ticks: written by the kernel side alone. */
struct sample_counts {
	__u64 n_ticks;	   /* of the clock while the target was running */
	__u64 n_ring_full; /* samples the collector was too slow for */
	__u64 n_no_stack;  /* samples reported without a user stack */
};

_Static_assert(sizeof(struct sample_event) == 48 + 191 * 8,
	       "sample_event has no padding to leak or to disagree about");

/* What could not be reported; counted per cause, never silent. */
enum kernel_loss {
	KLOSS_NO_MEMORY,  /* connections with nowhere to keep their state */
	KLOSS_RING_FULL,  /* socket events the collector was too slow for */
	KLOSS_UNREADABLE, /* socket events whose bytes could not be read */
	KLOSS_OPAQUE,	  /* socket events without a user buffer */
	KLOSS_SEEN,	  /* not a loss: socket events of targets */
	KLOSS_N,
};

#endif /* BPF_EVENTS_H */
