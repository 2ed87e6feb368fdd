/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targets - which processes the specs mean now, and whose they are.
 *
 * targets_scan() looks at procfs, wants to be called once a second, and tells
 * its owner what changed.  A process is known by pid and start time, so that
 * a pid that was given away again is another process.
 *
 * An instance is what is compared: one or several processes under one name.
 * Processes with the same service, revision and instance name are one
 * instance.  Where a spec says no instance, the name is
 *
 *	cid:ID			of a container: the first 12 characters of
 *				the id that its cgroup's name holds
 *	HOST:pidns:NUMBER	in a pid namespace of its own, without such
 *	HOST:PID:START		otherwise; START in clock ticks since boot
 *
 * and a process whose parent is a target of the same spec belongs to the
 * parent's instance: the workers of a server are one instance with it.
 *
 * What a spec names but cannot be read or is no identity is never guessed:
 * the process is not measured and targets_events.unresolved says why, once.
 *
 * The listening ports of a target are the server side: all of them, or only
 * the port that its spec names.  Proxies that share a pod or a port with a
 * target (envoy, linkerd2-proxy, pilot-agent) are no targets unless a spec
 * gives their pid or the end of exe is their name; nor is the caller.
 *
 * One thread.
 */
#ifndef COLLECTOR_TARGETS_H
#define COLLECTOR_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct spec;
struct targets;

enum { TARGET_PORTS_MAX = 32 }; /* listening ports of one process */

/* One instance; the same names have the same id as long as t lives. */
struct target_instance {
	uint32_t id; /* counts from 1 */
	const char *service;
	const char *revision;
	const char *instance;
	int64_t started_ms; /* Unix time its newest first process started */
	size_t n_processes;
};

/* One process that is measured. */
struct target_process {
	int pid;
	uint64_t start_ticks;
	uint32_t instance; /* id */
	uint32_t netns;
	size_t n_ports;
	uint16_t ports[TARGET_PORTS_MAX];
};

/*
 * What changed.  Arguments are borrowed for the call.  An instance begins
 * before its first process and ends after its last; it may begin again.
 */
struct targets_events {
	void (*instance_begin)(void *ctx, const struct target_instance *i);
	void (*instance_end)(void *ctx, const struct target_instance *i);
	void (*process_begin)(void *ctx, const struct target_process *p);
	void (*process_end)(void *ctx, const struct target_process *p);
	void (*listener_begin)(void *ctx, uint32_t netns, uint16_t port);
	void (*listener_end)(void *ctx, uint32_t netns, uint16_t port);
	/* pid is meant by the spec of this name, but: */
	void (*unresolved)(void *ctx, const char *spec, int pid,
			   const char *why);
};

/* Where targets are looked for. */
struct targets_options {
	const char *proc;   /* "/proc" */
	const char *host;   /* for default names; made an identity */
	int64_t booted_ms;  /* Unix time of the boot */
	uint32_t own_pidns; /* of the caller: no container of its own */
	int own_pid;	    /* never a target */
};

/*
 * Make an empty set.  Specs and options' strings must outlive it.
 * Returns 0, and the caller owns *ret_t: targets_free(); or -ENOMEM.
 */
int targets_new(const struct spec *specs, size_t n_specs,
		const struct targets_options *options, struct targets **ret_t);

/* Release t without telling anybody.  NULL does nothing. */
void targets_free(struct targets *t);

/*
 * Look again, and call events for what changed.
 *
 * Returns 0; -E2BIG, with what was left out in err, when there are more
 * processes or targets than limits.h permits: the others are kept; or a
 * negative errno if procfs cannot be read, and nothing changed.
 */
int targets_scan(struct targets *t, const struct targets_events *events,
		 void *ctx, struct err *err);

/* How many processes are measured, and of those how many listen. */
size_t targets_count(const struct targets *t);
size_t targets_listening(const struct targets *t);

/*
 * Does any process match this spec now, resolved or not?  Tells a spec that
 * means nobody from one that means somebody.
 */
bool targets_matched(const struct targets *t, size_t spec);

#endif /* COLLECTOR_TARGETS_H */
