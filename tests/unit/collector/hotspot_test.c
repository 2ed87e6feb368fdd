/* SPDX-License-Identifier: Apache-2.0 */
/* hotspot: what is refused before anything is done to a process. */
#include "collector/hotspot.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/test.h"

static const uint64_t SECOND_NS = UINT64_C(1000000000);

static void nothing_is_done_unless_a_map_is_wanted(void)
{
	struct hotspot *h = NULL;

	CHECK_EQ(hotspot_new(getpid(), &h, NULL), 0);
	CHECK_EQ(hotspot_step(h, SECOND_NS, 0, NULL), HOTSPOT_IDLE);
	hotspot_free(h);
	hotspot_free(NULL);
}

static void what_is_no_jvm_is_refused_for_good(void)
{
	struct hotspot *h = NULL;
	struct err err = { .text = "" };

	CHECK_EQ(hotspot_new(getpid(), &h, NULL), 0);
	CHECK_EQ(hotspot_step(h, SECOND_NS, 1, &err), -EOPNOTSUPP);
	CHECK(strstr(err.text, "no libjvm.so"));
	CHECK_EQ(hotspot_step(h, 1000 * SECOND_NS, 9999, &err), HOTSPOT_IDLE);
	hotspot_free(h);
}

static void a_process_that_is_gone_is_said_once_a_minute(void)
{
	struct hotspot *h = NULL;
	struct err err = { .text = "" };

	CHECK_EQ(hotspot_new(0x7ffffffe, &h, NULL), 0);
	CHECK_EQ(hotspot_step(h, SECOND_NS, 1, &err), -ENOENT);
	CHECK(err.text[0] != '\0');
	CHECK_EQ(hotspot_step(h, 59 * SECOND_NS, 2, NULL), HOTSPOT_IDLE);
	CHECK_EQ(hotspot_step(h, 62 * SECOND_NS, 2, NULL), -ENOENT);
	/* much code without a name: sooner */
	CHECK_EQ(hotspot_step(h, 66 * SECOND_NS, 2000, NULL), HOTSPOT_IDLE);
	CHECK_EQ(hotspot_step(h, 68 * SECOND_NS, 2000, NULL), -ENOENT);
	hotspot_free(h);
}

const struct test_case test_cases[] = {
	{ "hotspot: nothing is done unless a map is wanted",
	  nothing_is_done_unless_a_map_is_wanted },
	{ "hotspot: what is no JVM is refused for good",
	  what_is_no_jvm_is_refused_for_good },
	{ "hotspot: a process that is gone is said once a minute",
	  a_process_that_is_gone_is_said_once_a_minute },
	{ NULL, NULL },
};
