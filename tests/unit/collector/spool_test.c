/* SPDX-License-Identifier: Apache-2.0 */
/* spool: order, bound, and what a crash or a bad disk may leave behind. */
#include "collector/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/test.h"

enum { MIB = 1 << 20 };

static char dir[64];

static void fresh(void)
{
	snprintf(dir, sizeof(dir), "/tmp/tailgate-spool-XXXXXX");
	if (!mkdtemp(dir))
		test_fail(__FILE__, __LINE__, "mkdtemp");
}

/* The test's directory goes with its files; names in it are not nested. */
static void clean(void)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d)) != NULL)
		unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

/* Write text into a file of the spool; returns whether it could. */
static int leave(const char *name, const char *text)
{
	char path[128];
	int fd;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		return -1;
	rc = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return rc;
}

static void put(struct spool *s, const char *text)
{
	uint64_t dropped = 0;

	if (spool_put(s, "i", text, strlen(text), &dropped, NULL) < 0)
		test_fail(__FILE__, __LINE__, "put %s", text);
}

/* Is the oldest batch this one?  Removes it. */
static int take(struct spool *s, const char *want)
{
	struct spool_batch b;
	int same;

	if (spool_first(s, &b, NULL) < 0)
		return 0;
	same = b.len == strlen(want) && memcmp(b.bytes, want, b.len) == 0 &&
	       strcmp(b.instance, "i") == 0;
	free(b.bytes);
	return spool_remove(s, b.number, NULL) == 0 && same;
}

static void batches_come_out_as_they_went_in(void)
{
	struct spool *s = NULL;
	struct spool_batch b;

	fresh();
	CHECK_EQ(spool_open(dir, MIB, &s, NULL), 0);
	CHECK_EQ(spool_first(s, &b, NULL), -ENODATA);
	put(s, "one");
	put(s, "two");
	CHECK(take(s, "one"));
	put(s, "three");
	CHECK(take(s, "two"));
	CHECK(take(s, "three"));
	CHECK_EQ(spool_counts(s).n_batches, 0);
	CHECK_EQ(spool_counts(s).n_bytes, 0);
	spool_close(s);
	clean();
}

static void a_restart_goes_on_where_it_was(void)
{
	struct spool *s = NULL;

	fresh();
	CHECK_EQ(spool_open(dir, MIB, &s, NULL), 0);
	put(s, "one");
	put(s, "two");
	spool_close(s);
	CHECK_EQ(spool_open(dir, MIB, &s, NULL), 0);
	CHECK_EQ(spool_counts(s).n_found, 2);
	put(s, "three");
	CHECK(take(s, "one"));
	CHECK(take(s, "two"));
	CHECK(take(s, "three"));
	spool_close(s);
	clean();
}

static void the_oldest_make_room_and_are_counted(void)
{
	static char big[1000];
	struct spool *s = NULL;
	uint64_t dropped = 9;
	struct spool_batch b;

	fresh();
	memset(big, 'x', sizeof(big));
	CHECK_EQ(spool_open(dir, 3500, &s, NULL), 0);
	for (int i = 0; i < 3; i++) {
		big[0] = (char)('a' + i);
		CHECK_EQ(spool_put(s, "i", big, sizeof(big), &dropped, NULL),
			 0);
		CHECK_EQ(dropped, 0);
	}
	CHECK_EQ(spool_first(s, &b, NULL), 0); /* on its way meanwhile */
	CHECK_EQ(spool_put(s, "i", big, sizeof(big), &dropped, NULL), 0);
	CHECK_EQ(dropped, 1);
	CHECK_EQ(spool_remove(s, b.number, NULL), 0);
	free(b.bytes);
	CHECK_EQ(spool_counts(s).n_batches, 3);
	CHECK_EQ(spool_counts(s).n_dropped, 1);
	CHECK(spool_counts(s).n_bytes <= 3500);
	CHECK_EQ(spool_first(s, &b, NULL), 0);
	CHECK_EQ(((char *)b.bytes)[0], 'b');
	free(b.bytes);
	spool_close(s);
	clean();
}

static void what_a_crash_leaves_is_no_batch(void)
{
	struct spool *s = NULL;
	char path[128];

	fresh();
	CHECK_EQ(leave("new", "half a ba"), 0);
	CHECK_EQ(leave("00000000000000000003.batch.old", "x"), 0);
	CHECK_EQ(leave("3.batch", "x"), 0);
	CHECK_EQ(spool_open(dir, MIB, &s, NULL), 0);
	CHECK_EQ(spool_counts(s).n_found, 0);
	snprintf(path, sizeof(path), "%s/new", dir);
	CHECK_EQ(access(path, F_OK), -1);
	put(s, "one");
	CHECK(take(s, "one"));
	spool_close(s);
	clean();
}

static void damage_is_set_aside_and_counted(void)
{
	static const char *const bad[] = { "", "GTS1",
					   "no batch at all, but "
					   "longer than a heading" };
	struct spool *s = NULL;
	char path[128];
	int fd;

	fresh();
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%020zu.batch", i);
		CHECK_EQ(leave(path, bad[i]), 0);
	}
	CHECK_EQ(spool_open(dir, MIB, &s, NULL), 0);
	put(s, "flipped");
	put(s, "good");
	snprintf(path, sizeof(path), "%s/%020d.batch", dir, 3);
	fd = open(path, O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(pwrite(fd, "F", 1, 25), 1);
	close(fd);
	CHECK(take(s, "good"));
	CHECK_EQ(spool_counts(s).n_corrupt, 4);
	snprintf(path, sizeof(path), "%s/%020d.corrupt", dir, 3);
	CHECK_EQ(access(path, F_OK), 0);
	spool_close(s);
	clean();
}

static void one_collector_has_it_at_a_time(void)
{
	struct spool *s = NULL;
	struct spool *second = NULL;
	struct err err = { "" };

	fresh();
	CHECK_EQ(spool_open(dir, MIB, &s, NULL), 0);
	CHECK_EQ(spool_open(dir, MIB, &second, &err), -EBUSY);
	CHECK(strstr(err.text, dir));
	spool_close(s);
	CHECK_EQ(spool_open(dir, MIB, &second, NULL), 0);
	spool_close(second);
	clean();
}

static void refusals_name_the_path(void)
{
	struct spool *s = NULL;
	struct err err = { "" };

	CHECK_EQ(spool_open("/dev/null/spool", MIB, &s, &err), -ENOTDIR);
	CHECK(strstr(err.text, "/dev/null/spool"));
}

const struct test_case test_cases[] = {
	{ "spool: batches come out as they went in",
	  batches_come_out_as_they_went_in },
	{ "spool: a restart goes on where it was",
	  a_restart_goes_on_where_it_was },
	{ "spool: the oldest make room and are counted",
	  the_oldest_make_room_and_are_counted },
	{ "spool: what a crash leaves is no batch",
	  what_a_crash_leaves_is_no_batch },
	{ "spool: damage is set aside and counted",
	  damage_is_set_aside_and_counted },
	{ "spool: one collector has it at a time",
	  one_collector_has_it_at_a_time },
	{ "spool: refusals name the path", refusals_name_the_path },
	{ NULL, NULL },
};
