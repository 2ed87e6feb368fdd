/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/rootfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/err.h"

enum { READ_FIRST_BYTES = 16 * 1024 }; /* most procfs files fit */

int rootfile_open_root(pid_t pid, struct err *err)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path,
			       err_describe(errno));
	return fd;
}

/* Files that look regular, and whose reading runs code of the kernel's. */
static bool is_made_up(int path_fd)
{
	static const unsigned long types[] = {
		PROC_SUPER_MAGIC,    SYSFS_MAGIC,	 DEBUGFS_MAGIC,
		TRACEFS_MAGIC,	     BPF_FS_MAGIC,	 SECURITYFS_MAGIC,
		CGROUP2_SUPER_MAGIC, CGROUP_SUPER_MAGIC,
	};
	struct statfs fs;

	if (fstatfs(path_fd, &fs) < 0)
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((unsigned long)fs.f_type == types[i])
			return true;
	return false;
}

/*
 * Turn a descriptor that only names a file into one that reads it.  Looking
 * first matters: to open a pipe or a device is already to act on it.
 */
static int reopen_regular(int path_fd, const char *name, struct err *err)
{
	char self[64];
	struct stat st;
	int fd;

	if (fstat(path_fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", name,
			       err_describe(errno));
	if (!S_ISREG(st.st_mode) || is_made_up(path_fd))
		return err_set(err, -EINVAL, "%s: not a regular file", name);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
	fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", name,
			       err_describe(errno));
	return fd;
}

int rootfile_open(int root_fd, const char *path, struct err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int path_fd;
	int rc;

	path_fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	if (path_fd < 0)
		return err_set(err, -errno, "%s: %s", path,
			       err_describe(errno));
	rc = reopen_regular(path_fd, path, err);
	close(path_fd);
	return rc;
}

int rootfile_open_mapped(pid_t pid, unsigned long start, unsigned long end,
			 struct err *err)
{
	char path[96];
	int path_fd;
	int rc;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", pid, start,
		 end);
	path_fd = open(path, O_PATH | O_CLOEXEC);
	if (path_fd < 0)
		return err_set(err, -errno, "%s: %s", path,
			       err_describe(errno));
	rc = reopen_regular(path_fd, path, err);
	close(path_fd);
	return rc;
}

int rootfile_read(int fd, size_t max_bytes, char **ret_bytes, size_t *ret_len,
		  struct err *err)
{
	char *bytes = NULL;
	size_t room = 0;
	size_t len = 0;
	ssize_t n = 1;
	int rc = 0;

	while (n != 0) {
		/* one byte beyond the cap tells a full file from a longer */
		if (len == room) {
			size_t more = room ? room * 2 : READ_FIRST_BYTES;
			char *grown;

			if (more > max_bytes + 1)
				more = max_bytes + 1;
			grown = realloc(bytes, more + 1);
			if (!grown) {
				rc = err_set(err, -ENOMEM,
					     "no memory for a "
					     "file");
				goto out;
			}
			bytes = grown;
			room = more;
		}
		n = read(fd, bytes + len, room - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = err_set(err, -errno, "read: %s",
				     err_describe(errno));
			goto out;
		}
		len += (size_t)n;
		if (len > max_bytes) {
			rc = err_set(err, -EMSGSIZE,
				     "a file of more than %zu bytes",
				     max_bytes);
			goto out;
		}
	}
	bytes[len] = '\0';
	*ret_bytes = bytes;
	*ret_len = len;
	bytes = NULL;
out:
	free(bytes);
	return rc;
}

int rootfile_read_proc(pid_t pid, const char *name, size_t max_bytes,
		       char **ret_bytes, size_t *ret_len, struct err *err)
{
	char path[64];
	int fd;
	int rc;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", path,
			       err_describe(errno));
	rc = rootfile_read(fd, max_bytes, ret_bytes, ret_len, err);
	close(fd);
	return rc;
}
