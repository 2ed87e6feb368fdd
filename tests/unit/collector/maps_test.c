/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/limits.h"
#include "tests/test.h"

static const char text[] =
	"00400000-00401000 r--p 00000000 fe:01 12 /usr/bin/app\n"
	"00401000-00480000 r-xp 00001000 fe:01 12 /usr/bin/app\n"
	"7f0000000000-7f0000010000 rwxp 00000000 00:00 0 \n"
	"7f0000020000-7f0000030000 r-xp 00002000 fe:01 13 "
	"/opt/a b.so (deleted)\n"
	"7f0000040000-7f0000041000 r-xs 00000000 00:01 9 /memfd:jit "
	"(deleted)\n"
	"not a line\n"
	"7fff00000000-7fff00002000 r-xp 00000000 00:00 0 [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 "
	"[vsyscall]\n";

static void executable_regions_are_kept(void)
{
	struct maps m;
	const struct region *r;

	CHECK_EQ(maps_parse(text, sizeof(text) - 1, &m, NULL), 0);
	CHECK_EQ(m.n, 6);
	r = maps_find(&m, 0x401234);
	CHECK(r && r->kind == REGION_FILE && !r->deleted);
	CHECK_EQ(r->offset, 0x1000);
	CHECK_EQ(r->inode, 12);
	CHECK(strcmp(r->path, "/usr/bin/app") == 0);
	CHECK(!maps_find(&m, 0x400000));
	CHECK(!maps_find(&m, 0x480000));
	r = maps_find(&m, 0x7f0000000000);
	CHECK(r && r->kind == REGION_ANON && r->path[0] == '\0');
	r = maps_find(&m, 0x7f000002ffff);
	CHECK(r && r->deleted && strcmp(r->path, "/opt/a b.so") == 0);
	r = maps_find(&m, 0x7f0000040000);
	CHECK(r && r->kind == REGION_ANON);
	r = maps_find(&m, 0x7fff00000000);
	CHECK(r && r->kind == REGION_VDSO);
	r = maps_find(&m, 0xffffffffff600000);
	CHECK(r && r->kind == REGION_VDSO);
	maps_release(&m);
}

static void too_many_regions_are_refused(void)
{
	size_t room = (size_t)(LIMIT_MAPS_REGIONS + 1) * 48;
	char *many = malloc(room);
	struct maps m = { .n = 7 };
	size_t len = 0;

	CHECK(many);
	for (int i = 0; i <= LIMIT_MAPS_REGIONS; i++)
		len += (size_t)snprintf(many + len, room - len,
					"%x-%x r-xp 0 0:0 0\n", 2 * i,
					2 * i + 1);
	CHECK_EQ(maps_parse(many, len, &m, NULL), -EMSGSIZE);
	CHECK_EQ(m.n, 7);
	free(many);
}

const struct test_case test_cases[] = {
	{ "maps: executable regions are kept", executable_regions_are_kept },
	{ "maps: too many regions are refused", too_many_regions_are_refused },
	{ NULL, NULL },
};
