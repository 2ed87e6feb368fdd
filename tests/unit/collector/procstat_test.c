/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/procstat.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/test.h"

static const char status[] = "Name:\tjava\nUid:\t0\t1000\t0\t0\n"
			     "Gid:\t0\t1001\t0\t0\nNStgid:\t7001\t12\t1\n"
			     "SigCgt:\t2000000181005ccf\n";
static const char stat[] =
	"7001 (a) b (c) S 1 7001 7001 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 "
	"123456 7 8\n";

static void fields_are_read(void)
{
	struct procstat ps;

	CHECK_EQ(procstat_parse(status, sizeof(status) - 1, stat,
				sizeof(stat) - 1, &ps, NULL),
		 0);
	CHECK_EQ(ps.ns_pid, 1);
	CHECK_EQ(ps.uid, 1000);
	CHECK_EQ(ps.gid, 1001);
	CHECK_EQ(ps.start_ticks, 123456);
	CHECK(ps.caught == 0x2000000181005ccf);
}

static void what_is_missing_is_refused(void)
{
	static const char *const bad[] = { "", "Uid:\t0\n", "Uid:\tx\t1\n" };
	struct procstat ps = { .ns_pid = 7 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(procstat_parse(bad[i], strlen(bad[i]), stat,
					sizeof(stat) - 1, &ps, NULL),
			 -EBADMSG);
	CHECK_EQ(procstat_parse(status, sizeof(status) - 1, "7 (a) S 1", 9, &ps,
				NULL),
		 -EBADMSG);
	CHECK_EQ(ps.ns_pid, 7);
}

static void a_live_process_is_read(void)
{
	struct procstat ps;

	CHECK_EQ(procstat_read(getpid(), &ps, NULL), 0);
	CHECK_EQ(ps.uid, geteuid());
	CHECK_EQ(ps.ns_pid, getpid());
	CHECK(procstat_started_ns(&ps) > 0);
	CHECK_EQ(procstat_read(0x7ffffffe, &ps, NULL), -ENOENT);
}

const struct test_case test_cases[] = {
	{ "procstat: fields are read", fields_are_read },
	{ "procstat: what is missing is refused", what_is_missing_is_refused },
	{ "procstat: a live process is read", a_live_process_is_read },
	{ NULL, NULL },
};
