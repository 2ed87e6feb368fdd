/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - the socket programs in the kernel: load, attach, filter, drain.
 *
 * Two tiers of hooks lead to the same programs and the same events:
 *
 *   tp_btf  the tracepoints sock_recv_length, sock_send_length and
 *	     sk_data_ready (kernel 6.3 and later)
 *   fexit   the ends of tcp_recvmsg and tcp_sendmsg and the start of
 *	     sock_def_readable (kernel 5.19 and later, where trampolines
 *	     are allowed)
 *
 * What a kernel has says little about what it permits, so a tier is chosen by
 * really loading and attaching it, best first.
 *
 * Nothing is seen until a target and a listener were added: the targets say
 * whose calls count, the listeners which connections are server side.
 *
 * Nobody is woken by an event; the owner drains on a timer.  One thread.
 */
#ifndef COLLECTOR_PROBE_H
#define COLLECTOR_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"

struct err;
struct probe;

enum probe_hooks {
	PROBE_HOOKS_AUTO,
	PROBE_HOOKS_TP_BTF,
	PROBE_HOOKS_FEXIT,
};

enum { PROBE_DRAIN_MS = 15 }; /* how often probe_drain() wants to be called */

/* Read "auto", "tp_btf" or "fexit".  Returns 0 or -EINVAL. */
int probe_hooks_parse(const char *text, enum probe_hooks *ret_hooks,
		      struct err *err);

/*
 * Load and attach the programs.  Needs CAP_BPF and CAP_PERFMON.
 *
 * Returns 0, and the caller owns *ret_p: probe_close(); or, with the hook, the
 * errno and what to do about it in err: -EPERM, -ENOENT or what else the
 * kernel answered.
 */
int probe_open(enum probe_hooks hooks, struct probe **ret_p, struct err *err);

/* Detach and unload.  NULL does nothing. */
void probe_close(struct probe *p);

/* The tier that was taken: "tp_btf" or "fexit". */
const char *probe_tier(const struct probe *p);

/*
 * Watch the process tgid, a number of the collector's own pid namespace; its
 * events carry target.  Adding it again changes its target.
 *
 * Returns 0, -E2BIG if there are too many, or what the kernel answered.
 */
int probe_target_add(struct probe *p, uint32_t tgid, uint32_t target,
		     struct err *err);
void probe_target_remove(struct probe *p, uint32_t tgid);

/*
 * Connections of the network namespace netns (its inode number, as in
 * /proc/PID/ns/net) whose local port is port (host byte order) are server
 * side.  Adding one again does nothing.
 */
int probe_listener_add(struct probe *p, uint32_t netns, uint16_t port,
		       struct err *err);
void probe_listener_remove(struct probe *p, uint32_t netns, uint16_t port);

/* e's bytes follow it and were checked to be there; borrowed for the call. */
typedef void sock_event_fn(void *ctx, const struct sock_event *e);

/*
 * Hand every event that waits to on_event, oldest first, at most
 * LIMIT_DRAIN_EVENTS of them.
 *
 * Returns how many there were, or a negative errno.
 */
int probe_drain(struct probe *p, sock_event_fn *on_event, void *ctx,
		struct err *err);

/* What could not be reported since probe_open(): enum kernel_loss. */
void probe_losses(const struct probe *p, uint64_t loss[KLOSS_N]);

/* What one program has cost since probe_stats_on(). */
struct probe_cost {
	char program[16];
	uint64_t n_runs;
	uint64_t run_ns;
	uint64_t n_recursion_misses;
};

enum { PROBE_PROGRAMS_MAX = 8 };

/* Let the kernel measure run times until probe_close(): some 20 ns a run. */
int probe_stats_on(struct probe *p, struct err *err);

/* Fill costs with one row for each program attached; returns how many. */
size_t probe_costs(const struct probe *p,
		   struct probe_cost costs[PROBE_PROGRAMS_MAX]);

#endif /* COLLECTOR_PROBE_H */
