/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/kallsyms.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "tests/test.h"

static void functions_are_found(void)
{
	static const char text[] = "ffffffff81000000 T _stext\n"
				   "ffffffff81000000 T alias\n"
				   "ffffffff81000100 t tcp_sendmsg\n"
				   "ffffffff81000180 d some_data\n"
				   "ffffffffc0000000 t send\t[module]\n"
				   "bad\n";
	struct kallsyms ks;

	CHECK_EQ(kallsyms_parse(text, sizeof(text) - 1, &ks, NULL), 0);
	CHECK_EQ(ks.n, 4);
	CHECK(!kallsyms_find(&ks, 0xffffffff80ffffff));
	CHECK(strcmp(kallsyms_find(&ks, 0xffffffff81000005), "_stext") == 0);
	CHECK(strcmp(kallsyms_find(&ks, 0xffffffff810001ff), "tcp_sendmsg") ==
	      0);
	CHECK(strcmp(kallsyms_find(&ks, 0xffffffffc0000001), "send") == 0);
	CHECK(!kallsyms_find(&ks, 0xffffffffc0010000));
	kallsyms_release(&ks);
}

static void hidden_addresses_are_said(void)
{
	static const char text[] = "0000000000000000 T _stext\n"
				   "0000000000000000 t tcp_sendmsg\n";
	struct kallsyms ks;
	struct err err = { .text = "" };

	CHECK_EQ(kallsyms_parse(text, sizeof(text) - 1, &ks, &err), -ENODATA);
	CHECK(strstr(err.text, "CAP_SYSLOG"));
}

const struct test_case test_cases[] = {
	{ "kallsyms: functions are found", functions_are_found },
	{ "kallsyms: hidden addresses are said", hidden_addresses_are_said },
	{ NULL, NULL },
};
