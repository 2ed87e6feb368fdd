/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/naming.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/proc.h"
#include "collector/rootfile.h"
#include "collector/spec.h"
#include "common/err.h"
#include "common/identity.h"

enum {
	CONTAINER_ID_DIGITS = 64,
	NAME_FILE_BYTES = 4096, /* a file that holds one name */
};

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool naming_container(const char *cgroup, char ret[CONTAINER_ID_SHOWN + 1])
{
	const char *found = NULL;
	size_t run = 0;

	for (const char *at = cgroup;; at++) {
		if (*at != '\0' && is_hex(*at)) {
			run++;
			continue;
		}
		if (run == CONTAINER_ID_DIGITS)
			found = at - run;
		run = 0;
		if (*at == '\0')
			break;
	}
	if (!found)
		return false;
	memcpy(ret, found, CONTAINER_ID_SHOWN);
	ret[CONTAINER_ID_SHOWN] = '\0';
	return true;
}

static int hex_value(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

bool naming_unit(const char *cgroup, char ret[NAME_BYTES])
{
	static const char suffix[] = ".service";
	const char *begin = NULL;
	size_t len = 0;
	size_t n = 0;

	/* the innermost service: a user's manager is a service itself */
	for (const char *at = cgroup; *at != '\0'; at += strcspn(at, "/")) {
		at += *at == '/';
		n = strcspn(at, "/");
		if (n >= sizeof(suffix) &&
		    memcmp(at + n - (sizeof(suffix) - 1), suffix,
			   sizeof(suffix) - 1) == 0) {
			begin = at;
			len = n - (sizeof(suffix) - 1);
		}
	}
	if (!begin)
		return false;
	n = 0;
	for (size_t i = 0; i < len && n < NAME_BYTES - 1; i++) {
		if (begin[i] == '\\' && i + 3 < len && begin[i + 1] == 'x' &&
		    is_hex(begin[i + 2]) && is_hex(begin[i + 3])) {
			ret[n++] = (char)(hex_value(begin[i + 2]) * 16 +
					  hex_value(begin[i + 3]));
			i += 3;
		} else {
			ret[n++] = begin[i];
		}
	}
	ret[n] = '\0';
	return true;
}

void naming_clean(const char *text, char ret[NAME_BYTES])
{
	char one[3] = "a";
	size_t n = 0;

	for (; *text != '\0' && n < NAME_BYTES - 1; text++) {
		/* '/' is permitted inside an identity, but not anywhere */
		one[1] = *text == '/' ? ' ' : *text;
		ret[n++] = identity_check("", one, NULL) == 0 ? *text : '-';
	}
	ret[n] = '\0';
	if (identity_check("", ret, NULL) < 0)
		ret[0] = 'x'; /* it began with a dot or the like, or is "" */
	if (n == 0)
		ret[1] = '\0';
}

/* The first line of a file below the root of pid, blanks cut off its ends. */
static int file_line(const char *proc, int pid, const char *path,
		     char ret[NAME_BYTES], struct err *err)
{
	char root[PROC_PATH_BYTES];
	char *bytes = NULL;
	int root_fd;
	int fd = -1;
	size_t begin;
	size_t len;
	int rc;

	snprintf(root, sizeof(root), "%s/%d/root", proc, pid);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return err_set(err, -errno, "%s: %s", root,
			       err_describe(errno));
	fd = rootfile_open(root_fd, path, err);
	rc = fd;
	if (rc < 0)
		goto out;
	rc = rootfile_read(fd, NAME_FILE_BYTES, &bytes, &len, err);
	if (rc < 0)
		goto out;
	begin = strspn(bytes, " \t");
	len = strcspn(bytes + begin, "\r\n");
	while (len > 0 && strchr(" \t", bytes[begin + len - 1]))
		len--;
	if (len >= NAME_BYTES) {
		rc = err_set(err, -EMSGSIZE, "its first line has %zu bytes",
			     len);
		goto out;
	}
	memcpy(ret, bytes + begin, len);
	ret[len] = '\0';
	rc = 0;
out:
	free(bytes);
	if (fd >= 0)
		close(fd);
	close(root_fd);
	return rc;
}

static int read_file(const char *proc, int pid, const char *field,
		     const struct source *source, char ret[NAME_BYTES],
		     struct err *err)
{
	struct err why = { "" };
	int rc;

	rc = file_line(proc, pid, source->text, ret, &why);
	if (rc < 0)
		return err_set(err, rc, "%s = file:%.80s: %s", field,
			       source->text, why.text);
	return 0;
}

static int read_variable(const char *proc, int pid, const char *field,
			 const struct source *source, char ret[NAME_BYTES],
			 struct err *err)
{
	int rc;

	rc = proc_variable(proc, pid, source->text, ret, NAME_BYTES);
	if (rc == -ENODATA)
		return err_set(err, rc,
			       "%s = env:%.80s: the process was started "
			       "without that variable",
			       field, source->text);
	if (rc == -EMSGSIZE)
		return err_set(err, rc, "%s = env:%.80s: longer than %d bytes",
			       field, source->text, NAME_BYTES - 1);
	if (rc < 0)
		return err_set(err, rc, "%s = env:%.80s: environ: %s", field,
			       source->text, err_describe(-rc));
	return 0;
}

static int read_unit(const char *proc, int pid, const char *field,
		     char ret[NAME_BYTES], struct err *err)
{
	char cgroup[PROC_PATH_BYTES];
	int rc;

	rc = proc_cgroup(proc, pid, cgroup);
	if (rc < 0)
		return err_set(err, rc, "%s = unit:: cgroup: %s", field,
			       err_describe(-rc));
	if (!naming_unit(cgroup, ret))
		return err_set(err, -ENODATA,
			       "%s = unit:: its cgroup %.100s is of no "
			       "systemd service",
			       field, cgroup);
	return 0;
}

int naming_read(const char *proc, int pid, const char *field,
		const struct source *source, char ret[NAME_BYTES],
		struct err *err)
{
	char name[NAME_BYTES];
	char shown[SPEC_TEXT_BYTES];
	int rc = -EINVAL;

	switch (source->kind) {
	case SOURCE_NONE:
		return err_set(err, -EINVAL, "%s is not given", field);
	case SOURCE_LITERAL:
		/* spec_set() has checked it, and with that its length */
		snprintf(name, sizeof(name), "%.*s", NAME_BYTES - 1,
			 source->text);
		rc = 0;
		break;
	case SOURCE_FILE:
		rc = read_file(proc, pid, field, source, name, err);
		break;
	case SOURCE_ENV:
		rc = read_variable(proc, pid, field, source, name, err);
		break;
	case SOURCE_UNIT:
		rc = read_unit(proc, pid, field, name, err);
		break;
	}
	if (rc < 0)
		return rc;
	snprintf(shown, sizeof(shown), "%s = %s%.80s: it", field,
		 source->kind == SOURCE_FILE   ? "file:"
		 : source->kind == SOURCE_ENV  ? "env:"
		 : source->kind == SOURCE_UNIT ? "unit:"
					       : "",
		 source->text);
	rc = identity_check(shown, name, err);
	if (rc == 0)
		memcpy(ret, name, sizeof(name));
	return rc;
}
