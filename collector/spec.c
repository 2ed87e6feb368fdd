/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/spec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/identity.h"
#include "common/limits.h"
#include "common/num.h"
#include "common/text.h"

static const char keys[] =
	"pid, port, exe, cgroup, service, revision, instance";

static int text_set(char text[SPEC_TEXT_BYTES], const char *field,
		    const char *value, struct err *err)
{
	size_t len = strlen(value);

	if (text[0] != '\0')
		return err_set(err, -EEXIST, "%s: given twice", field);
	if (len == 0)
		return err_set(err, -EINVAL, "%s: empty", field);
	if (len >= SPEC_TEXT_BYTES)
		return err_set(err, -EINVAL, "%s: %zu bytes, at most %d", field,
			       len, SPEC_TEXT_BYTES - 1);
	if (!text_is_clean(value))
		return err_set(err, -EINVAL,
			       "%s: not UTF-8 without control characters",
			       field);
	memcpy(text, value, len + 1);
	return 0;
}

static int number_set(uint32_t *number, uint64_t max, const char *field,
		      const char *value, struct err *err)
{
	uint64_t n;
	int rc;

	if (*number != 0)
		return err_set(err, -EEXIST, "%s: given twice", field);
	rc = num_u64(field, value, 1, max, &n, err);
	if (rc < 0)
		return rc;
	*number = (uint32_t)n;
	return 0;
}

static int path_set(char text[SPEC_TEXT_BYTES], const char *field,
		    const char *value, struct err *err)
{
	static const char mount[] = "/sys/fs/cgroup/";
	size_t len = strlen(value);
	int rc;

	if (strncmp(value, mount, sizeof(mount) - 1) == 0) {
		value += sizeof(mount) - 2;
		len -= sizeof(mount) - 2;
	}
	if (value[0] != '/' || len < 2)
		return err_set(err, -EINVAL,
			       "%s: \"%.100s\" does not begin with / or is "
			       "the root",
			       field, value);
	rc = text_set(text, field, value, err);
	if (rc == 0 && text[len - 1] == '/')
		text[len - 1] = '\0';
	return rc;
}

static int source_set(struct source *src, const char *field, const char *value,
		      struct err *err)
{
	static const struct {
		const char *prefix;
		enum source_kind kind;
	} kinds[] = {
		{ "file:", SOURCE_FILE },
		{ "env:", SOURCE_ENV },
		{ "unit:", SOURCE_UNIT },
		{ "", SOURCE_LITERAL },
	};
	enum source_kind kind = SOURCE_LITERAL;
	int rc;

	if (src->kind != SOURCE_NONE)
		return err_set(err, -EEXIST, "%s: given twice", field);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].prefix);

		if (strncmp(value, kinds[i].prefix, len) != 0)
			continue;
		kind = kinds[i].kind;
		value += len;
		break;
	}
	if (kind == SOURCE_UNIT && value[0] != '\0')
		return err_set(err, -EINVAL, "%s: nothing may follow \"unit:\"",
			       field);
	if (kind == SOURCE_LITERAL)
		rc = identity_check(field, value, err);
	else if (kind == SOURCE_ENV && strchr(value, '='))
		rc = err_set(err, -EINVAL, "%s: \"=\" in a variable's name",
			     field);
	else
		rc = 0;
	if (rc == 0 && kind != SOURCE_UNIT)
		rc = text_set(src->text, field, value, err);
	if (rc == 0)
		src->kind = kind;
	return rc;
}

int spec_set(struct spec *s, const char *field, const char *key,
	     const char *value, struct err *err)
{
	uint32_t port = s->port;
	int rc;

	if (strcmp(key, "pid") == 0)
		return number_set(&s->pid, INT32_MAX, field, value, err);
	if (strcmp(key, "port") == 0) {
		rc = number_set(&port, UINT16_MAX, field, value, err);
		s->port = (uint16_t)port;
		return rc;
	}
	if (strcmp(key, "exe") == 0)
		return text_set(s->exe, field, value, err);
	if (strcmp(key, "cgroup") == 0)
		return path_set(s->cgroup, field, value, err);
	if (strcmp(key, "service") == 0)
		return source_set(&s->service, field, value, err);
	if (strcmp(key, "revision") == 0)
		return source_set(&s->revision, field, value, err);
	if (strcmp(key, "instance") == 0)
		return source_set(&s->instance, field, value, err);
	return err_set(err, -ENOENT, "%s: no such key; there are %s", field,
		       keys);
}

int spec_check(const struct spec *s, struct err *err)
{
	if (s->pid == 0 && s->port == 0 && !s->exe[0] && !s->cgroup[0])
		return err_set(err, -EINVAL,
			       "%s: nothing to match by: pid, port, exe or "
			       "cgroup",
			       s->name);
	if (s->service.kind == SOURCE_NONE)
		return err_set(err, -EINVAL, "%s: service is missing", s->name);
	if (s->revision.kind == SOURCE_NONE)
		return err_set(err, -EINVAL, "%s: revision is missing",
			       s->name);
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cut blanks off both ends of the len bytes at *text. */
static size_t trim(const char **text, size_t len)
{
	while (len > 0 && is_blank((*text)[len - 1]))
		len--;
	while (len > 0 && is_blank(**text)) {
		(*text)++;
		len--;
	}
	return len;
}

static int line_parse(struct spec *s, const char *name, unsigned int number,
		      const char *line, size_t len, struct err *err)
{
	char field[SPEC_TEXT_BYTES + 64];
	char value[SPEC_TEXT_BYTES];
	char key[32];
	const char *equals;
	size_t n;

	len = trim(&line, len);
	if (len == 0 || line[0] == '#')
		return 0;
	equals = memchr(line, '=', len);
	if (!equals)
		return err_set(err, -EINVAL, "%s:%u: no \"=\" in the line",
			       name, number);
	if (memchr(line, '\0', len))
		return err_set(err, -EINVAL, "%s:%u: a NUL", name, number);

	n = trim(&line, (size_t)(equals - line));
	snprintf(key, sizeof(key), "%.*s", (int)(n < 31 ? n : 31), line);
	if (!text_is_clean(key))
		snprintf(key, sizeof(key), "?");
	len -= (size_t)(equals + 1 - line);
	line = equals + 1;
	n = trim(&line, len);
	snprintf(field, sizeof(field), "%s:%u: %s", name, number, key);
	if (n >= sizeof(value))
		return err_set(err, -EINVAL, "%s: %zu bytes, at most %zu",
			       field, n, sizeof(value) - 1);
	memcpy(value, line, n);
	value[n] = '\0';
	return spec_set(s, field, key, value, err);
}

int spec_parse(const char *name, const char *bytes, size_t len,
	       struct spec *ret_s, struct err *err)
{
	struct spec s = { .pid = 0 };
	unsigned int number = 1;
	size_t n;
	int rc;

	snprintf(s.name, sizeof(s.name), "%s", name);
	for (size_t at = 0; at < len; at += n + 1, number++) {
		const char *end = memchr(bytes + at, '\n', len - at);

		n = end ? (size_t)(end - bytes) - at : len - at;
		rc = line_parse(&s, s.name, number, bytes + at, n, err);
		if (rc < 0)
			return -EINVAL;
	}
	rc = spec_check(&s, err);
	if (rc == 0)
		*ret_s = s;
	return rc;
}

static int file_read(int dir_fd, const char *name, struct spec *ret_s,
		     struct err *err)
{
	char bytes[LIMIT_SPEC_BYTES + 1];
	size_t len = 0;
	ssize_t n;
	int fd;

	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "%s: %s", name,
			       err_describe(errno));
	while (len < sizeof(bytes)) {
		n = read(fd, bytes + len, sizeof(bytes) - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	n = len < sizeof(bytes) ? n : 0;
	close(fd);
	if (n < 0)
		return err_set(err, -EIO, "%s: cannot be read", name);
	if (len > LIMIT_SPEC_BYTES)
		return err_set(err, -EMSGSIZE, "%s: more than %d bytes", name,
			       LIMIT_SPEC_BYTES);
	return spec_parse(name, bytes, len, ret_s, err);
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 5 && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name + len - 5, ".conf") == 0;
}

int spec_read_dir(const char *dir, struct spec *specs, size_t max,
		  size_t *ret_n, struct err *err)
{
	struct dirent **entries = NULL;
	int dir_fd = -1;
	int n_entries;
	int rc = 0;

	n_entries = scandir(dir, &entries, is_conf, alphasort);
	if (n_entries < 0)
		return err_set(err, -errno, "%s: %s", dir, err_describe(errno));
	if (n_entries == 0)
		rc = err_set(err, -ENOENT, "%s: no file *.conf", dir);
	else if ((size_t)n_entries > max)
		rc = err_set(err, -EMSGSIZE, "%s: %d files, at most %zu", dir,
			     n_entries, max);
	if (rc < 0)
		goto out;
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) {
		rc = err_set(err, -errno, "%s: %s", dir, err_describe(errno));
		goto out;
	}
	for (int i = 0; rc == 0 && i < n_entries; i++)
		rc = file_read(dir_fd, entries[i]->d_name, &specs[i], err);
	if (rc == 0)
		*ret_n = (size_t)n_entries;
out:
	if (dir_fd >= 0)
		close(dir_fd);
	for (int i = 0; i < n_entries; i++)
		free(entries[i]);
	free(entries);
	return rc;
}
