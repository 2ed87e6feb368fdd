/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user_bytes - the bytes of the system call that is under way.
 *
 * The kernel's own description of them (msghdr) is used up by the time the
 * hooks run, but the arguments of the system call are still where the entry
 * code saved them.  They hold only if this really is that system call: work
 * for io_uring is done by kernel threads, and on the way out of others.  The
 * saved ax tells: it is -ENOSYS from entry to return, and never otherwise.
 */
#ifndef BPF_USER_BYTES_H
#define BPF_USER_BYTES_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#include "bpf/events.h"
#include "bpf/kernel.h"

enum {
	USER_IOVECS_MAX = 16, /* gathered; servers use 2 to 4 */
	USER_ENOSYS = 38,
	USER_TS_COMPAT = 2, /* a 32-bit process: other numbers */
};

/* System calls of x86-64 that move bytes of one socket. */
enum {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_READV = 19,
	NR_WRITEV = 20,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
	NR_SENDMSG = 46,
	NR_RECVMSG = 47,
	NR_PREADV = 295,
	NR_PWRITEV = 296,
	NR_PREADV2 = 327,
	NR_PWRITEV2 = 328,
};

/* One read or write on its way to an event. */
struct call {
	__u64 at_ns;
	__u64 arrive_ns;
	__u64 conn;
	__u64 base;  /* of the bytes, or of n_iov iovecs */
	__u64 n_iov; /* 0: base is the bytes themselves */
	__u32 target;
	__u32 n_bytes;
	__u32 flags;
	__u32 op;
};

/*
 * x = min(x, most), in a way that the verifier follows: compilers test one
 * half of a register and use the other.
 */
#define CLAMP(x, most)                           \
	asm volatile("if %[v] <= %[m] goto +1\n" \
		     "%[v] = %[m]"               \
		     : [v] "+r"(x)               \
		     : [m] "i"(most))

/* Find the bytes of the current system call; false if it shows none. */
static __always_inline bool call_find_bytes(struct call *k)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct pt_regs *regs = (void *)bpf_task_pt_regs(task);
	struct user_msghdr_head msg;
	struct user_iovec iov;
	__u64 second = regs->si;
	__u64 third = regs->dx;

	if ((long)regs->ax != -USER_ENOSYS ||
	    task->thread_info.status & USER_TS_COMPAT)
		return false;

	/* else one load is made of these and of msg's, and the verifier does
	   not take an instruction that reads two kinds of memory */
	asm volatile("" : "+r"(second), "+r"(third));
	k->base = second;
	switch (regs->orig_ax) {
	case NR_READ:
	case NR_WRITE:
	case NR_SENDTO:
	case NR_RECVFROM:
		k->n_iov = 0;
		return true;
	case NR_READV:
	case NR_WRITEV:
	case NR_PREADV:
	case NR_PWRITEV:
	case NR_PREADV2:
	case NR_PWRITEV2:
		k->n_iov = third;
		break;
	case NR_SENDMSG:
	case NR_RECVMSG:
		if (bpf_probe_read_user(&msg, sizeof(msg), (void *)k->base))
			return false;
		k->base = msg.iov;
		k->n_iov = msg.n_iov;
		break;
	default:
		return false;
	}

	if (k->n_iov == 0)
		return false;
	if (k->n_iov == 1) { /* the common case, and cheaper */
		if (bpf_probe_read_user(&iov, sizeof(iov), (void *)k->base))
			return false;
		k->base = iov.base;
		k->n_iov = 0;
	}
	return true;
}

static __always_inline void event_start(struct sock_event *e,
					const struct call *k)
{
	e->at_ns = k->at_ns;
	e->arrive_ns = k->arrive_ns;
	e->conn = k->conn;
	e->target = k->target;
	e->n_bytes = k->n_bytes;
	e->n_head = 0;
	e->n_tail = 0;
	e->op = k->op;
	e->flags = k->flags;
}

/* Bytes in one piece.  False if they could not be read. */
static __always_inline bool event_copy(struct sock_event *e,
				       const struct call *k, const __u32 room)
{
	__u8 *bytes = (__u8 *)(e + 1);
	__u64 head = k->n_bytes;
	__u64 tail;

	CLAMP(head, room);
	if (bpf_probe_read_user(bytes, head, (void *)k->base))
		return false;
	e->n_head = head;
	if (k->op != SOCK_WRITE || k->n_bytes <= room)
		return true;
	tail = k->n_bytes - room;
	CLAMP(tail, SOCK_TAIL_BYTES);
	if (!bpf_probe_read_user(bytes + room, tail,
				 (void *)(k->base + k->n_bytes - tail)))
		e->n_tail = tail;
	return true;
}

/*
 * Bytes in several pieces.  The verifier adds the largest offset to the
 * largest piece, so both are held below half of the room: a piece longer than
 * that ends the gathering.  The tail is taken from the piece that holds the
 * last byte, and is no longer than that piece.
 *
 * False if some could not be read.
 */
static __always_inline bool event_gather(struct sock_event *e,
					 const struct call *k, const __u32 room)
{
	__u8 *bytes = (__u8 *)(e + 1);
	const __u32 half = room / 2;
	struct user_iovec iov;
	bool full = false;
	__u64 filled = 0; /* of bytes; one run from the first */
	__u64 seen = 0;	  /* of the call's bytes, pieces before this one */

	for (__u32 i = 0; i < USER_IOVECS_MAX; i++) {
		__u64 piece;
		__u64 left = k->n_bytes - seen;

		if (i >= k->n_iov || seen >= k->n_bytes)
			break;
		if (bpf_probe_read_user(&iov, sizeof(iov),
					(void *)(k->base + i * sizeof(iov))))
			return false;
		if (iov.len > left)
			iov.len = left; /* a read that filled less */
		piece = iov.len;
		if (!full && filled < half) {
			__u64 at = filled;

			CLAMP(at, half - 1);
			CLAMP(piece, half);
			if (bpf_probe_read_user(bytes + at, piece,
						(void *)iov.base))
				return false;
			filled = at + piece;
			full = piece != iov.len;
		} else {
			full = true;
		}
		seen += iov.len;
	}
	e->n_head = filled;

	if (k->op == SOCK_WRITE && seen == k->n_bytes && filled < k->n_bytes) {
		__u64 at = filled;
		__u64 tail = k->n_bytes - filled;

		if (tail > iov.len)
			tail = iov.len;
		CLAMP(at, room);
		CLAMP(tail, SOCK_TAIL_BYTES);
		if (!bpf_probe_read_user(bytes + at, tail,
					 (void *)(iov.base + iov.len - tail)))
			e->n_tail = tail;
	}
	return true;
}

/*
 * Put the front of the call's bytes, and the end of a write's, behind e,
 * which has room for room + SOCK_TAIL_BYTES of them.
 */
static __always_inline bool event_fill(struct sock_event *e,
				       const struct call *k, const __u32 room)
{
	bool ok;

	ok = k->n_iov ? event_gather(e, k, room) : event_copy(e, k, room);
	if (!ok) {
		e->n_head = 0;
		e->flags |= SOCK_UNREADABLE;
	}
	return ok;
}

#endif /* BPF_USER_BYTES_H */
