/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/targets.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/listeners.h"
#include "collector/match.h"
#include "collector/naming.h"
#include "collector/proc.h"
#include "collector/spec.h"
#include "common/err.h"
#include "common/limits.h"

enum {
	/* twice as many names as targets: those that may come back */
	INSTANCES_MAX = 2 * LIMIT_TARGETS,
	SERVED_MAX = 4 * LIMIT_TARGETS, /* (namespace, port) pairs */
	TICKS_PER_S = 100, /* USER_HZ: fixed by the kernel's interface */
};

struct instance {
	struct target_instance pub;
	char service[NAME_BYTES];
	char revision[NAME_BYTES];
	char name[NAME_BYTES];
};

struct process {
	struct target_process pub;
	size_t spec;
	int parent;
	bool complained;  /* unresolved was called for it */
	bool known_ports; /* ports are those of listeners_sum */
	uint64_t listeners_sum;
};

/* A port that some target serves. */
struct served {
	uint32_t netns;
	uint16_t port;
	bool still; /* seen in this scan */
};

struct targets {
	const struct spec *specs;
	size_t n_specs;
	struct targets_options options;
	char host[NAME_BYTES];
	uint32_t next_id;
	bool all_by_pid; /* no need to look at every process */
	struct listeners *listeners;
	bool matched[LIMIT_SPECS];

	size_t n_instances;
	struct instance *instances[INSTANCES_MAX];
	size_t n_processes;
	struct process processes[LIMIT_TARGETS];
	size_t n_served;
	struct served served[SERVED_MAX];
	int pids[LIMIT_PROCESSES];
};

/* What one scan carries about. */
struct scan {
	struct targets *t;
	const struct targets_events *events;
	void *ctx;
	int rc; /* the first limit met */
	struct err *err;
};

int targets_new(const struct spec *specs, size_t n_specs,
		const struct targets_options *options, struct targets **ret_t)
{
	struct targets *t = calloc(1, sizeof(*t));
	int rc;

	assert(n_specs <= LIMIT_SPECS);
	if (!t)
		return -ENOMEM;
	rc = listeners_new(&t->listeners);
	if (rc < 0) {
		free(t);
		return rc;
	}
	t->specs = specs;
	t->n_specs = n_specs;
	t->options = *options;
	t->next_id = 1;
	t->all_by_pid = true;
	for (size_t i = 0; i < n_specs; i++)
		t->all_by_pid = t->all_by_pid && specs[i].pid != 0;
	naming_clean(options->host, t->host);
	*ret_t = t;
	return 0;
}

void targets_free(struct targets *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_instances; i++)
		free(t->instances[i]);
	listeners_free(t->listeners);
	free(t);
}

static struct instance *instance_by_id(const struct targets *t, uint32_t id)
{
	for (size_t i = 0; i < t->n_instances; i++)
		if (t->instances[i]->pub.id == id)
			return t->instances[i];
	return NULL;
}

static struct process *process_by_pid(struct targets *t, int pid)
{
	for (size_t i = 0; i < t->n_processes; i++)
		if (t->processes[i].pub.pid == pid)
			return &t->processes[i];
	return NULL;
}

/*
 * Does pid listen on port?  Reading all its descriptors is dear, so it is
 * done only where a socket on that port is nobody's yet, or the parent is a
 * target and may have handed it on.
 */
static bool port_matches(struct targets *t, int pid, uint16_t port)
{
	struct listener_set set;
	struct proc_listener found[TARGET_PORTS_MAX];
	bool held[TARGET_PORTS_MAX] = { false };
	bool owned = false;
	struct proc_stat st;
	size_t n = 0;

	if (listeners_find(t->listeners, t->options.proc, pid, &set) < 0)
		return false;
	for (size_t i = 0; i < set.n && n < TARGET_PORTS_MAX; i++)
		if (set.at[i].port == port)
			found[n++] = set.at[i];
	if (n == 0)
		return false;
	for (size_t i = 0; i < t->n_processes && !owned; i++) {
		const struct target_process *p = &t->processes[i].pub;

		for (size_t j = 0; j < p->n_ports; j++)
			owned = owned ||
				(p->netns == set.netns && p->ports[j] == port);
	}
	if (owned && (proc_stat_read(t->options.proc, pid, &st) < 0 ||
		      !process_by_pid(t, st.parent)))
		return false;
	if (proc_holds(t->options.proc, pid, found, n, held) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (held[i])
			return true;
	return false;
}

static bool spec_matches(struct targets *t, const struct spec *s, int pid)
{
	char exe[PROC_PATH_BYTES];

	if (s->pid != 0)
		if (s->pid != (uint32_t)pid)
			return false;
	if (s->pid == 0 || s->exe[0] != '\0') {
		/* what has no executable is a thread of the kernel */
		if (proc_exe(t->options.proc, pid, exe) < 0 ||
		    match_bystander(exe, s))
			return false;
	}
	if (s->exe[0] != '\0' && !match_exe(exe, s->exe))
		return false;
	if (s->cgroup[0] != '\0' &&
	    !match_cgroup(t->options.proc, pid, s->cgroup))
		return false;
	return s->port == 0 || port_matches(t, pid, s->port);
}

static void default_name(struct targets *t, const struct process *p,
			 char ret[NAME_BYTES])
{
	char cgroup[PROC_PATH_BYTES];
	char id[CONTAINER_ID_SHOWN + 1];
	const char *proc = t->options.proc;
	uint32_t pidns;

	if (proc_cgroup(proc, p->pub.pid, cgroup) == 0 &&
	    naming_container(cgroup, id))
		snprintf(ret, NAME_BYTES, "cid:%s", id);
	else if (proc_namespace(proc, p->pub.pid, "pid", &pidns) == 0 &&
		 t->options.own_pidns != 0 && pidns != t->options.own_pidns)
		snprintf(ret, NAME_BYTES, "%.64s:pidns:%u", t->host, pidns);
	else
		snprintf(ret, NAME_BYTES, "%.64s:%d:%llu", t->host, p->pub.pid,
			 (unsigned long long)p->pub.start_ticks);
}

/* Make room for one more name; only one without processes may go. */
static struct instance **instance_room(struct targets *t)
{
	if (t->n_instances < INSTANCES_MAX)
		return &t->instances[t->n_instances++];
	for (size_t i = 0; i < t->n_instances; i++) {
		if (t->instances[i]->pub.n_processes == 0) {
			free(t->instances[i]);
			return &t->instances[i];
		}
	}
	return NULL;
}

static int64_t started_ms(const struct targets *t, const struct process *p)
{
	return t->options.booted_ms +
	       (int64_t)(p->pub.start_ticks * (1000 / TICKS_PER_S));
}

/* Find the instance with these names or make it; NULL: err says why not. */
static struct instance *
instance_get(struct targets *t, const struct instance *want, struct err *err)
{
	struct instance *i = NULL;
	struct instance **room;

	for (size_t k = 0; k < t->n_instances; k++) {
		i = t->instances[k];
		if (strcmp(i->service, want->service) != 0 ||
		    strcmp(i->name, want->name) != 0)
			continue;
		if (strcmp(i->revision, want->revision) == 0)
			return i;
		if (i->pub.n_processes > 0) {
			err_set(err, -EEXIST,
				"instance %s of %s is revision %s already, "
				"and this process is %s",
				i->name, i->service, i->revision,
				want->revision);
			return NULL;
		}
	}
	i = malloc(sizeof(*i));
	room = i ? instance_room(t) : NULL;
	if (!room) {
		free(i);
		err_set(err, -ENOMEM, "no room for one more instance");
		return NULL;
	}
	*i = *want;
	i->pub.id = t->next_id++;
	i->pub.service = i->service;
	i->pub.revision = i->revision;
	i->pub.instance = i->name;
	i->pub.n_processes = 0;
	*room = i;
	return i;
}

/* Whose is p?  NULL: err says why that is not known. */
static struct instance *resolve(struct targets *t, struct process *p,
				struct err *err)
{
	const struct spec *s = &t->specs[p->spec];
	const char *proc = t->options.proc;
	const struct process *parent = process_by_pid(t, p->parent);
	struct instance want;
	int rc;

	if (parent && parent->spec == p->spec && parent->pub.instance != 0)
		return instance_by_id(t, parent->pub.instance);
	rc = naming_read(proc, p->pub.pid, "service", &s->service, want.service,
			 err);
	if (rc == 0)
		rc = naming_read(proc, p->pub.pid, "revision", &s->revision,
				 want.revision, err);
	if (rc == 0 && s->instance.kind == SOURCE_NONE)
		default_name(t, p, want.name);
	else if (rc == 0)
		rc = naming_read(proc, p->pub.pid, "instance", &s->instance,
				 want.name, err);
	return rc < 0 ? NULL : instance_get(t, &want, err);
}

/* Is port of netns served as far as the spec of p goes? */
static bool port_wanted(const struct targets *t, const struct process *p,
			uint16_t port)
{
	const struct spec *own = &t->specs[p->spec];

	if (own->port == 0)
		return true;
	/* --port 8080 --port 8081 may well mean one process */
	for (size_t i = 0; i < t->n_specs; i++) {
		const struct spec *s = &t->specs[i];

		if (s->port == port && s->pid == own->pid &&
		    strcmp(s->exe, own->exe) == 0 &&
		    strcmp(s->cgroup, own->cgroup) == 0 &&
		    memcmp(&s->service, &own->service, sizeof(s->service)) ==
			    0 &&
		    memcmp(&s->revision, &own->revision, sizeof(s->revision)) ==
			    0)
			return true;
	}
	return false;
}

/* Read which ports p listens on, if that can have changed. */
static int ports_read(struct targets *t, struct process *p)
{
	bool held[LIMIT_LISTENERS] = { false };
	struct target_process *pub = &p->pub;
	struct listener_set set;
	int rc;

	rc = listeners_find(t->listeners, t->options.proc, pub->pid, &set);
	if (rc < 0)
		return rc;
	if (p->known_ports && p->listeners_sum == set.sum)
		return 0;
	rc = proc_holds(t->options.proc, pub->pid, set.at, set.n, held);
	if (rc < 0)
		return rc;
	pub->netns = set.netns;
	pub->n_ports = 0;
	for (size_t i = 0; i < set.n; i++) {
		bool twice = false;

		for (size_t j = 0; j < pub->n_ports; j++)
			twice = twice || pub->ports[j] == set.at[i].port;
		if (held[i] && !twice && pub->n_ports < TARGET_PORTS_MAX &&
		    port_wanted(t, p, set.at[i].port))
			pub->ports[pub->n_ports++] = set.at[i].port;
	}
	p->listeners_sum = set.sum;
	p->known_ports = true;
	return 0;
}

static void complain(struct scan *sc, struct process *p, const char *why)
{
	if (!p->complained)
		sc->events->unresolved(sc->ctx, sc->t->specs[p->spec].name,
				       p->pub.pid, why);
	p->complained = true;
}

/* Try to give p its instance; it may have none yet. */
static void process_begin(struct scan *sc, struct process *p)
{
	struct err why = { "" };
	struct targets *t = sc->t;
	struct instance *i = resolve(t, p, &why);
	int rc;

	if (!i) {
		complain(sc, p, why.text);
		return;
	}
	if (i->pub.n_processes == 0) {
		i->pub.started_ms = started_ms(t, p);
		sc->events->instance_begin(sc->ctx, &i->pub);
	}
	i->pub.n_processes++;
	p->pub.instance = i->pub.id;
	p->complained = false;
	rc = ports_read(t, p);
	if (rc == -EACCES || rc == -EPERM)
		complain(sc, p,
			 "its descriptors cannot be read: the "
			 "collector lacks CAP_SYS_PTRACE");
	sc->events->process_begin(sc->ctx, &p->pub);
}

static void process_end(struct scan *sc, size_t at)
{
	struct targets *t = sc->t;
	struct process gone = t->processes[at];
	struct instance *i;

	memmove(&t->processes[at], &t->processes[at + 1],
		(t->n_processes - at - 1) * sizeof(gone));
	t->n_processes--;
	if (gone.pub.instance == 0)
		return;
	sc->events->process_end(sc->ctx, &gone.pub);
	i = instance_by_id(t, gone.pub.instance);
	if (--i->pub.n_processes == 0)
		sc->events->instance_end(sc->ctx, &i->pub);
}

/* Those that went away, those whose pid is another's now. */
static void scan_known(struct scan *sc)
{
	struct targets *t = sc->t;
	struct proc_stat st;
	size_t at = 0;

	while (at < t->n_processes) {
		struct process *p = &t->processes[at];
		int rc = proc_stat_read(t->options.proc, p->pub.pid, &st);

		if (rc < 0 || st.start_ticks != p->pub.start_ticks) {
			process_end(sc, at);
			continue;
		}
		if (p->pub.instance == 0)
			process_begin(sc, p);
		else
			ports_read(t, p);
		at++;
	}
}

static void scan_one(struct scan *sc, int pid)
{
	struct targets *t = sc->t;
	struct process *p;
	struct proc_stat st;
	size_t s = 0;

	if (pid == t->options.own_pid || process_by_pid(t, pid))
		return;
	while (s < t->n_specs && !spec_matches(t, &t->specs[s], pid))
		s++;
	if (s == t->n_specs || proc_stat_read(t->options.proc, pid, &st) < 0)
		return;
	if (t->n_processes == LIMIT_TARGETS) {
		sc->rc = err_set(sc->err, -E2BIG,
				 "more than %d processes are targets",
				 LIMIT_TARGETS);
		return;
	}
	p = &t->processes[t->n_processes++];
	*p = (struct process){
		.pub = { .pid = pid, .start_ticks = st.start_ticks },
		.spec = s,
		.parent = st.parent,
	};
	process_begin(sc, p);
}

static int by_pid(const void *a, const void *b)
{
	int x = *(const int *)a;
	int y = *(const int *)b;

	return (x > y) - (x < y);
}

/* The processes that could be targets, ascending: parents mostly first. */
static int candidates(struct scan *sc, size_t *ret_n)
{
	struct targets *t = sc->t;
	int rc;

	if (t->all_by_pid) {
		for (size_t i = 0; i < t->n_specs; i++)
			t->pids[i] = (int)t->specs[i].pid;
		qsort(t->pids, t->n_specs, sizeof(t->pids[0]), by_pid);
		*ret_n = t->n_specs;
		return 0;
	}
	rc = proc_pids(t->options.proc, t->pids, LIMIT_PROCESSES, ret_n);
	if (rc < 0)
		return err_set(sc->err, rc, "%s: %s", t->options.proc,
			       err_describe(-rc));
	return 0;
}

static void serve(struct scan *sc, uint32_t netns, uint16_t port)
{
	struct targets *t = sc->t;

	for (size_t i = 0; i < t->n_served; i++) {
		struct served *s = &t->served[i];

		if (s->netns == netns && s->port == port) {
			s->still = true;
			return;
		}
	}
	if (t->n_served == SERVED_MAX) {
		sc->rc = err_set(sc->err, -E2BIG,
				 "targets listen on more than %d ports",
				 SERVED_MAX);
		return;
	}
	t->served[t->n_served++] = (struct served){ netns, port, true };
	sc->events->listener_begin(sc->ctx, netns, port);
}

/* Compare the ports that targets serve with those that they served. */
static void scan_served(struct scan *sc)
{
	struct targets *t = sc->t;
	size_t kept = 0;

	for (size_t i = 0; i < t->n_served; i++)
		t->served[i].still = false;
	for (size_t i = 0; i < t->n_processes; i++) {
		const struct target_process *p = &t->processes[i].pub;

		for (size_t j = 0; p->instance != 0 && j < p->n_ports; j++)
			serve(sc, p->netns, p->ports[j]);
	}
	for (size_t i = 0; i < t->n_served; i++) {
		struct served s = t->served[i];

		if (s.still)
			t->served[kept++] = s;
		else
			sc->events->listener_end(sc->ctx, s.netns, s.port);
	}
	t->n_served = kept;
}

int targets_scan(struct targets *t, const struct targets_events *events,
		 void *ctx, struct err *err)
{
	struct scan sc = { .t = t, .events = events, .ctx = ctx, .err = err };
	size_t n = 0;
	int rc;

	rc = candidates(&sc, &n);
	if (rc < 0)
		return rc;
	listeners_forget(t->listeners);
	scan_known(&sc);
	for (size_t i = 0; i < n; i++)
		scan_one(&sc, t->pids[i]);
	scan_served(&sc);
	for (size_t i = 0; i < t->n_specs; i++)
		t->matched[i] = false;
	for (size_t i = 0; i < t->n_processes; i++)
		t->matched[t->processes[i].spec] = true;
	return sc.rc;
}

size_t targets_count(const struct targets *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_processes; i++)
		n += t->processes[i].pub.instance != 0;
	return n;
}

size_t targets_listening(const struct targets *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_processes; i++)
		n += t->processes[i].pub.instance != 0 &&
		     t->processes[i].pub.n_ports > 0;
	return n;
}

bool targets_matched(const struct targets *t, size_t spec)
{
	return spec < t->n_specs && t->matched[spec];
}
