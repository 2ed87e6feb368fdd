/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/rootfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/test.h"

/* A directory that plays the root of a target; -1 if there is none. */
static int make_root(char path[64])
{
	int fd;
	int file;

	snprintf(path, 64, "/tmp/rootfile_test.XXXXXX");
	if (!mkdtemp(path))
		return -1;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || mkdirat(fd, "tmp", 0700) < 0 ||
	    mkdirat(fd, "etc", 0700) < 0 ||
	    symlinkat("/etc/passwd", fd, "tmp/absolute") < 0 ||
	    symlinkat("../../../../../../etc/passwd", fd, "tmp/upwards") < 0 ||
	    symlinkat("/proc/self/exe", fd, "tmp/magic") < 0 ||
	    symlinkat("../etc/inside", fd, "tmp/inside") < 0 ||
	    mkfifoat(fd, "tmp/pipe", 0600) < 0)
		return -1;
	file = openat(fd, "etc/inside", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0 || write(file, "hello", 5) != 5)
		return -1;
	close(file);
	return fd;
}

static void remove_root(const char *path, int fd)
{
	static const char *const names[] = { "tmp/absolute", "tmp/upwards",
					     "tmp/magic",    "tmp/inside",
					     "tmp/pipe",     "etc/inside" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(fd, names[i], 0);
	unlinkat(fd, "tmp", AT_REMOVEDIR);
	unlinkat(fd, "etc", AT_REMOVEDIR);
	close(fd);
	rmdir(path);
}

static void links_stay_below_the_root(void)
{
	static const struct {
		const char *why;
		const char *path;
		int want;
	} cases[] = {
		{ "a file", "/etc/inside", 0 },
		{ "a link inside", "/tmp/inside", 0 },
		{ "a link to the host's file", "/tmp/absolute", -ENOENT },
		{ "a link upwards", "/tmp/upwards", -ENOENT },
		{ "a path upwards", "/../../../../etc/passwd", -ENOENT },
		{ "a link into procfs", "/tmp/magic", -ENOENT },
		{ "a pipe that would block", "/tmp/pipe", -EINVAL },
		{ "a directory", "/etc", -EINVAL },
		{ "nothing", "/etc/nothing", -ENOENT },
	};
	char path[64];
	int root = make_root(path);

	CHECK(root >= 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { .text = "" };
		int rc = rootfile_open(root, cases[i].path, &err);

		if (rc >= 0) {
			close(rc);
			rc = 0;
		}
		if (rc != cases[i].want || (rc < 0) != (err.text[0] != '\0'))
			test_fail(__FILE__, __LINE__, "%s: got %d, \"%s\"",
				  cases[i].why, rc, err.text);
	}
	remove_root(path, root);
}

static void a_magic_link_is_refused(void)
{
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	CHECK(root >= 0);
	CHECK_EQ(rootfile_open(root, "/proc/self/exe", NULL), -ELOOP);
	CHECK_EQ(rootfile_open(root, "/dev/null", NULL), -EINVAL);
	CHECK_EQ(rootfile_open(root, "/proc/self/environ", NULL), -EINVAL);
	close(root);
}

static void a_file_is_read_up_to_its_cap(void)
{
	char path[64];
	int root = make_root(path);
	int fd = rootfile_open(root, "/etc/inside", NULL);
	char *bytes = NULL;
	size_t len = 0;

	CHECK(fd >= 0);
	CHECK_EQ(rootfile_read(fd, 5, &bytes, &len, NULL), 0);
	CHECK_EQ(len, 5);
	CHECK(strcmp(bytes, "hello") == 0);
	free(bytes);
	bytes = NULL;
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(rootfile_read(fd, 4, &bytes, &len, NULL), -EMSGSIZE);
	CHECK(!bytes);
	close(fd);
	remove_root(path, root);
}

static void procfs_is_read(void)
{
	char *bytes = NULL;
	size_t len = 0;
	int root = rootfile_open_root(getpid(), NULL);

	CHECK(root >= 0);
	close(root);
	CHECK_EQ(rootfile_read_proc(getpid(), "maps", 1 << 20, &bytes, &len,
				    NULL),
		 0);
	CHECK(len > 100 && strstr(bytes, "[stack]"));
	free(bytes);
	CHECK_EQ(rootfile_read_proc(0x7ffffffe, "maps", 1 << 20, &bytes, &len,
				    NULL),
		 -ENOENT);
}

const struct test_case test_cases[] = {
	{ "rootfile: links stay below the root", links_stay_below_the_root },
	{ "rootfile: a magic link is refused", a_magic_link_is_refused },
	{ "rootfile: a file is read up to its cap",
	  a_file_is_read_up_to_its_cap },
	{ "rootfile: procfs is read", procfs_is_read },
	{ NULL, NULL },
};
