/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targets: who is measured, as what, and what changes when procfs does.
 *
 * tests/cases/proc holds a host at two moments.  before: a service (100), a
 * proxy that holds its port too (101), a server with a worker (200, 201), a
 * container (300), a thread of the kernel (400).  after: 100 is another
 * process, 200 and 201 are gone, 300 listens on one more port.
 */
#include "collector/targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/spec.h"
#include "common/buf.h"
#include "common/err.h"
#include "tests/test.h"

static char root[64];

/* Everything that was told, a line each. */
static void add_instance(void *ctx, const struct target_instance *i)
{
	buf_printf(ctx, "+%s %s %s\n", i->service, i->revision, i->instance);
}

static void end_instance(void *ctx, const struct target_instance *i)
{
	buf_printf(ctx, "-%s %s\n", i->service, i->instance);
}

static void add_process(void *ctx, const struct target_process *p)
{
	buf_printf(ctx, "+pid %d of %u\n", p->pid, p->instance);
}

static void end_process(void *ctx, const struct target_process *p)
{
	buf_printf(ctx, "-pid %d\n", p->pid);
}

static void add_port(void *ctx, uint32_t netns, uint16_t port)
{
	buf_printf(ctx, "+port %u/%u\n", netns % 1000, port);
}

static void end_port(void *ctx, uint32_t netns, uint16_t port)
{
	buf_printf(ctx, "-port %u/%u\n", netns % 1000, port);
}

static void unresolved(void *ctx, const char *spec, int pid, const char *why)
{
	buf_printf(ctx, "!%s %d: %s\n", spec, pid, why);
}

static const struct targets_events events = {
	add_instance, end_instance, add_process, end_process,
	add_port,     end_port,	    unresolved,
};

/* Scan each of the moments with these specs; what was told, or NULL. */
static char *told(const char *const *conf, size_t n_conf, const char *moments)
{
	struct targets_options o = {
		.proc = root,
		.host = "host 1",
		.booted_ms = 1000,
		.own_pidns = 4026531836U,
		.own_pid = 1,
	};
	struct spec specs[4];
	struct targets *t = NULL;
	struct err err = { "" };
	struct buf b = { 0 };

	for (size_t i = 0; i < n_conf; i++)
		if (spec_parse("x.conf", conf[i], strlen(conf[i]), &specs[i],
			       &err) < 0)
			return NULL;
	if (targets_new(specs, n_conf, &o, &t) < 0)
		return NULL;
	for (; *moments; moments++) {
		snprintf(root, sizeof(root), "tests/cases/proc/%s",
			 *moments == 'b' ? "before" : "after");
		if (targets_scan(t, &events, &b, &err) < 0)
			buf_printf(&b, "error %s\n", err.text);
		buf_puts(&b, ".\n");
	}
	targets_free(t);
	return buf_take(&b, NULL);
}

static void check_table(const char *file, int line, const char *why,
			const char *const *conf, size_t n, const char *moments,
			const char *want)
{
	char *got = told(conf, n, moments);

	if (!got || strcmp(got, want) != 0)
		test_fail(file, line, "%s: got\n%s", why, got ? got : "");
	free(got);
}

#define CHECK_TOLD(why, moments, want, ...)                                   \
	do {                                                                  \
		static const char *const conf_[] = { __VA_ARGS__ };           \
                                                                              \
		check_table(__FILE__, __LINE__, why, conf_,                   \
			    sizeof(conf_) / sizeof(conf_[0]), moments, want); \
	} while (0)

static void each_way_to_match_finds_its_process(void)
{
	CHECK_TOLD("by pid, with all its ports", "b",
		   "+o r host-1:100:5000\n+pid 100 of 1\n+port 840/8080\n"
		   "+port 840/9090\n.\n",
		   "pid = 100\nservice = o\nrevision = r\n");
	CHECK_TOLD("by port, in every namespace, that port alone; and not "
		   "the proxy",
		   "b",
		   "+o r host-1:100:5000\n+pid 100 of 1\n"
		   "+o r cid:4f1c0e2d9b8a\n+pid 300 of 2\n"
		   "+port 840/8080\n+port 1/8080\n.\n",
		   "port = 8080\nservice = o\nrevision = r\n");
	CHECK_TOLD("by the path of the executable", "b",
		   "+o r cid:4f1c0e2d9b8a\n+pid 300 of 1\n+port 1/8080\n.\n",
		   "exe = /opt/*/bin/java\nservice = o\nrevision = r\n");
	CHECK_TOLD("by its last part, and by the cgroup too", "b",
		   "+o r host-1:100:5000\n+pid 100 of 1\n+port 840/8080\n"
		   "+port 840/9090\n.\n",
		   "exe = jav?\ncgroup = /system.slice\nservice = o\n"
		   "revision = r\n");
	CHECK_TOLD("a cgroup is no prefix of a name", "b", ".\n",
		   "cgroup = /system.sli\nservice = o\nrevision = r\n");
}

static void a_proxy_is_a_target_when_it_is_named(void)
{
	CHECK_TOLD("by a glob that would match anything", "b",
		   "+o r host-1:100:5000\n+pid 100 of 1\n"
		   "+o r host-1:200:6000\n+pid 200 of 2\n+pid 201 of 2\n"
		   "+o r cid:4f1c0e2d9b8a\n+pid 300 of 3\n"
		   "+port 840/8080\n+port 840/9090\n+port 840/80\n"
		   "+port 1/8080\n.\n",
		   "exe = *\nservice = o\nrevision = r\n");
	CHECK_TOLD("by its name", "b",
		   "+o r host-1:101:5001\n+pid 101 of 1\n+port 840/15001\n"
		   "+port 840/8080\n.\n",
		   "exe = envoy\nservice = o\nrevision = r\n");
}

static void workers_are_one_instance_with_their_parent(void)
{
	CHECK_TOLD("a worker that inherited the socket", "b",
		   "+web n1 host-1:200:6000\n+pid 200 of 1\n+pid 201 of 1\n"
		   "+port 840/80\n.\n",
		   "port = 80\nservice = web\nrevision = env:REVISION\n");
}

static void names_come_from_where_the_spec_says(void)
{
	CHECK_TOLD("file and variable", "b",
		   "+o build-77 c1\n+pid 300 of 1\n+port 1/8080\n.\n",
		   "pid = 300\nservice = o\nrevision = file:/app/REVISION\n"
		   "instance = env:REVISION\n");
	CHECK_TOLD("a link inside the root", "b",
		   "+o build-77 cid:4f1c0e2d9b8a\n+pid 300 of 1\n"
		   "+port 1/8080\n.\n",
		   "pid = 300\nservice = o\nrevision = file:/app/link\n");
	CHECK_TOLD("the unit, with its escapes undone", "b",
		   "+orders-api r orders-0\n+pid 100 of 1\n+port 840/8080\n"
		   "+port 840/9090\n.\n",
		   "pid = 100\nservice = unit:\nrevision = r\n"
		   "instance = env:HOSTNAME\n");
}

static void what_cannot_be_resolved_is_said_once(void)
{
	CHECK_TOLD("no such variable", "bb",
		   "!x.conf 100: revision = env:REV: the process was started "
		   "without that variable\n.\n.\n",
		   "pid = 100\nservice = o\nrevision = env:REV\n");
	CHECK_TOLD("an empty variable", "b",
		   "!x.conf 100: revision = env:EMPTY: it is empty\n.\n",
		   "pid = 100\nservice = o\nrevision = env:EMPTY\n");
	CHECK_TOLD("no unit", "b",
		   "!x.conf 101: service = unit:: its cgroup /user.slice is "
		   "of no systemd service\n.\n",
		   "pid = 101\nservice = unit:\nrevision = r\n");
}

static void a_link_does_not_lead_out_of_the_root(void)
{
	static const char conf[] =
		"pid = 300\nservice = o\nrevision = file:/app/out\n";
	const char *const one = conf;
	char *got = told(&one, 1, "b");

	/* below the root there is no /100/environ */
	CHECK(got && strstr(got, "!x.conf 300: revision = file:/app/out: "));
	CHECK(!strstr(got, "+"));
	free(got);
}

static void a_reused_pid_is_another_process(void)
{
	CHECK_TOLD("its successor", "ba",
		   "+o r host-1:100:5000\n+pid 100 of 1\n+port 840/8080\n"
		   "+port 840/9090\n.\n"
		   "-pid 100\n-o host-1:100:5000\n+o r host-1:100:9000\n"
		   "+pid 100 of 2\n-port 840/8080\n-port 840/9090\n.\n",
		   "pid = 100\nservice = o\nrevision = r\n");
	CHECK_TOLD("under one name it is the same instance", "ba",
		   "+o r i\n+pid 100 of 1\n+port 840/8080\n+port 840/9090\n.\n"
		   "-pid 100\n-o i\n+o r i\n+pid 100 of 1\n-port 840/8080\n"
		   "-port 840/9090\n.\n",
		   "pid = 100\nservice = o\nrevision = r\ninstance = i\n");
}

static void what_went_away_is_told(void)
{
	CHECK_TOLD("a server and its worker", "bab",
		   "+web r host-1:200:6000\n+pid 200 of 1\n+pid 201 of 1\n"
		   "+port 840/80\n.\n"
		   "-pid 200\n-pid 201\n-web host-1:200:6000\n-port 840/80\n"
		   ".\n"
		   "+web r host-1:200:6000\n+pid 200 of 1\n+pid 201 of 1\n"
		   "+port 840/80\n.\n",
		   "exe = nginx\nservice = web\nrevision = r\n");
	CHECK_TOLD("a port that came later", "ba",
		   "+o r cid:4f1c0e2d9b8a\n+pid 300 of 1\n+port 1/8080\n.\n"
		   "+port 1/8443\n.\n",
		   "pid = 300\nservice = o\nrevision = r\n");
}

static void two_ports_of_one_process_are_both_measured(void)
{
	CHECK_TOLD("as one instance, whichever spec it met first", "b",
		   "+o r host-1:100:5000\n+pid 100 of 1\n"
		   "+o r cid:4f1c0e2d9b8a\n+pid 300 of 2\n"
		   "+port 840/8080\n+port 840/9090\n+port 1/8080\n.\n",
		   "port = 8080\nservice = o\nrevision = r\n",
		   "port = 9090\nservice = o\nrevision = r\n");
}

const struct test_case test_cases[] = {
	{ "targets: each way to match finds its process",
	  each_way_to_match_finds_its_process },
	{ "targets: a proxy is a target when it is named",
	  a_proxy_is_a_target_when_it_is_named },
	{ "targets: workers are one instance with their parent",
	  workers_are_one_instance_with_their_parent },
	{ "targets: names come from where the spec says",
	  names_come_from_where_the_spec_says },
	{ "targets: what cannot be resolved is said once",
	  what_cannot_be_resolved_is_said_once },
	{ "targets: a link does not lead out of the root",
	  a_link_does_not_lead_out_of_the_root },
	{ "targets: a reused pid is another process",
	  a_reused_pid_is_another_process },
	{ "targets: what went away is told", what_went_away_is_told },
	{ "targets: two ports of one process are both measured",
	  two_ports_of_one_process_are_both_measured },
	{ NULL, NULL },
};
