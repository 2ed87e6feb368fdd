/* SPDX-License-Identifier: Apache-2.0 */
/* proc: procfs as tests/cases/proc/before has it, and lines that are not. */
#include "collector/proc.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "tests/test.h"

static const char root[] = "tests/cases/proc/before";

static void a_name_may_hold_brackets_and_spaces(void)
{
	struct proc_stat st;

	CHECK_EQ(proc_stat_read(root, 200, &st), 0);
	CHECK(strcmp(st.name, "odd (name) 7") == 0);
	CHECK_EQ(st.parent, 1);
	CHECK_EQ(st.start_ticks, 6000);
}

static void a_cut_stat_is_refused(void)
{
	static const char *const cases[] = { "", "1 (a", "1 a) S 1", "1 (a)",
					     "1 (a) S 1 2 3" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proc_stat st = { .parent = 7 };

		CHECK_EQ(proc_stat_parse(cases[i], strlen(cases[i]), &st),
			 -EBADMSG);
		CHECK_EQ(st.parent, 7);
	}
}

static void lines_of_net_tcp_are_told_apart(void)
{
#define REST " 00000000:00000000 00:00000000 00000000 0 0 "
	static const struct {
		const char *why;
		const char *line;
		int want;
		uint16_t port;
		uint64_t inode;
	} cases[] = {
		{ "the heading", "  sl  local_address rem_address   st", 0, 0,
		  0 },
		{ "one that listens",
		  "  0: 00000000:1F90 00000000:0000 0A" REST "12345 1", 1, 8080,
		  12345 },
		{ "IPv6 has longer addresses",
		  "  0: 0000000000000000FFFF00000100007F:0050 "
		  "00000000000000000000000000000000:0000 0A" REST "7",
		  1, 80, 7 },
		{ "one that is connected",
		  "  1: 0100007F:1F90 0100007F:0001 01" REST "1", 0, 0, 0 },
		{ "cut before the inode",
		  "  0: 00000000:1F90 00000000:0000 0A 0:0", -EBADMSG, 0, 0 },
		{ "no port", "  0: 00000000 00000000:0000 0A" REST "1",
		  -EBADMSG, 0, 0 },
		{ "a port beyond 16 bits",
		  "  0: 00000000:1F900 00000000:0000 0A" REST "1", -EBADMSG, 0,
		  0 },
		{ "an inode that is none",
		  "  0: 00000000:1F90 00000000:0000 0A" REST "x", -EBADMSG, 0,
		  0 },
		{ "nothing", "", -EBADMSG, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proc_listener got = { 0 };
		int rc = proc_listener_parse(cases[i].line, &got);

		if (rc != cases[i].want || got.port != cases[i].port ||
		    got.inode != cases[i].inode)
			test_fail(__FILE__, __LINE__, "%s: %d, port %u",
				  cases[i].why, rc, got.port);
	}
}

static void only_numbers_are_processes(void)
{
	int pids[16];
	size_t n = 0;

	CHECK_EQ(proc_pids(root, pids, 16, &n), 0);
	CHECK_EQ(n, 6);
	CHECK_EQ(pids[0], 100);
	CHECK_EQ(pids[5], 400);
	CHECK_EQ(proc_pids(root, pids, 2, &n), -E2BIG);
}

static void a_replaced_executable_keeps_its_path(void)
{
	char path[PROC_PATH_BYTES];

	CHECK_EQ(proc_exe(root, 200, path), 0);
	CHECK(strcmp(path, "/usr/sbin/nginx") == 0);
	CHECK_EQ(proc_exe(root, 400, path), -ENOENT);
}

static void listeners_of_both_families_are_found(void)
{
	struct proc_listener found[8];
	bool held[8] = { false };
	size_t n = 0;

	CHECK_EQ(proc_listeners(root, 100, found, 8, &n), 0);
	/* 80 and 15001; reading ends at the one that does not listen */
	CHECK_EQ(n, 4);
	CHECK_EQ(found[0].port, 80);
	CHECK_EQ(found[3].port, 9090);
	CHECK_EQ(proc_holds(root, 100, found, n, held), 0);
	CHECK(!held[0] && !held[1] && held[2] && held[3]);
	CHECK_EQ(proc_listeners(root, 100, found, 3, &n), 0);
	CHECK_EQ(n, 3);
	/* without IPv6 there is no such file */
	CHECK_EQ(proc_listeners(root, 300, found, 8, &n), 0);
	CHECK_EQ(n, 1);
}

static void namespaces_and_variables_are_read(void)
{
	char value[8];
	uint32_t number = 0;

	CHECK_EQ(proc_namespace(root, 300, "pid", &number), 0);
	CHECK_EQ(number, 4026532002U);
	CHECK_EQ(proc_variable(root, 100, "REVISION", value, 8), 0);
	CHECK(strcmp(value, "1.4.2") == 0);
	CHECK_EQ(proc_variable(root, 100, "EMPTY", value, 8), 0);
	CHECK(strcmp(value, "") == 0);
	CHECK_EQ(proc_variable(root, 100, "REV", value, 8), -ENODATA);
	CHECK_EQ(proc_variable(root, 100, "HOSTNAME", value, 8), -EMSGSIZE);
	CHECK_EQ(proc_variable(root, 999, "A", value, 8), -ENOENT);
}

const struct test_case test_cases[] = {
	{ "proc: a name may hold brackets and spaces",
	  a_name_may_hold_brackets_and_spaces },
	{ "proc: a cut stat is refused", a_cut_stat_is_refused },
	{ "proc: lines of net/tcp are told apart",
	  lines_of_net_tcp_are_told_apart },
	{ "proc: only numbers are processes", only_numbers_are_processes },
	{ "proc: a replaced executable keeps its path",
	  a_replaced_executable_keeps_its_path },
	{ "proc: listeners of both families are found",
	  listeners_of_both_families_are_found },
	{ "proc: namespaces and variables are read",
	  namespaces_and_variables_are_read },
	{ NULL, NULL },
};
