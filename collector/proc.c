/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/limits.h"

enum {
	TCP_LISTENS = 0x0a, /* TCP_LISTEN of the kernel's tcp_states.h */
	LINE_BYTES = 512,   /* of net/tcp: 150 are used */
	STAT_BYTES = 1024,
};

/* Read up to size - 1 bytes of a file of pid; a NUL follows the last. */
static int read_file(const char *root, int pid, const char *name, char *bytes,
		     size_t size, size_t *ret_len)
{
	char path[PROC_PATH_BYTES];
	size_t len = 0;
	ssize_t n;
	int fd;
	int rc = 0;

	snprintf(path, sizeof(path), "%s/%d/%s", root, pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	while (len < size - 1) {
		n = read(fd, bytes + len, size - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = -errno;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(fd);
	bytes[len] = '\0';
	*ret_len = len;
	return rc;
}

static int read_link(const char *root, int pid, const char *name,
		     char text[PROC_PATH_BYTES])
{
	char path[PROC_PATH_BYTES];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%d/%s", root, pid, name);
	n = readlink(path, text, PROC_PATH_BYTES - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

/* The number inside "net:[4026531840]" or "socket:[12345]". */
static bool bracketed(const char *text, const char *kind, uint64_t *ret_n)
{
	size_t len = strlen(kind);
	char *end;

	if (strncmp(text, kind, len) != 0 || strncmp(text + len, ":[", 2) != 0)
		return false;
	text += len + 2;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret_n = strtoull(text, &end, 10);
	return errno == 0 && strcmp(end, "]") == 0;
}

/* The name stands in brackets and may hold brackets and spaces itself. */
int proc_stat_parse(const char *text, size_t len, struct proc_stat *ret_stat)
{
	struct proc_stat st = { .parent = 0 };
	const char *open = memchr(text, '(', len);
	const char *close = memrchr(text, ')', len);
	char rest[STAT_BYTES];
	char *save = NULL;
	char *word;
	char *end;
	size_t n;

	if (!open || !close || close < open)
		return -EBADMSG;
	n = (size_t)(close - open - 1);
	if (n >= sizeof(st.name))
		n = sizeof(st.name) - 1;
	memcpy(st.name, open + 1, n);
	n = len - (size_t)(close + 1 - text);
	if (n >= sizeof(rest))
		n = sizeof(rest) - 1;
	memcpy(rest, close + 1, n);
	rest[n] = '\0';

	/* after the name: field 3 is the state, 4 the parent, 22 the start */
	word = strtok_r(rest, " \n", &save);
	for (int field = 3; word; field++) {
		if (field == 4)
			st.parent = (int)strtol(word, NULL, 10);
		if (field == 22) {
			st.start_ticks = strtoull(word, &end, 10);
			if (*end != '\0')
				return -EBADMSG;
			*ret_stat = st;
			return 0;
		}
		word = strtok_r(NULL, " \n", &save);
	}
	return -EBADMSG;
}

/*
 *   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt
 *    uid  timeout inode
 *    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000
 *     0        0 12345 1 ...
 */
int proc_listener_parse(const char *line, struct proc_listener *ret_listener)
{
	enum { LOCAL = 1, STATE = 3, INODE = 9, N_WORDS };
	const char *words[N_WORDS];
	char copy[LINE_BYTES];
	char *save = NULL;
	char *colon;
	char *end;
	unsigned long port;
	uint64_t inode;

	if (strlen(line) >= sizeof(copy))
		return -EBADMSG;
	memcpy(copy, line, strlen(line) + 1);
	words[0] = strtok_r(copy, " \n", &save);
	if (words[0] && strcmp(words[0], "sl") == 0)
		return 0;
	for (int i = 1; i < N_WORDS; i++) {
		words[i] = words[i - 1] ? strtok_r(NULL, " \n", &save) : NULL;
		if (!words[i])
			return -EBADMSG;
	}
	colon = strrchr(words[LOCAL], ':');
	if (!colon)
		return -EBADMSG;
	port = strtoul(colon + 1, &end, 16);
	if (end == colon + 1 || *end != '\0' || port > UINT16_MAX)
		return -EBADMSG;
	if (strtoul(words[STATE], &end, 16) != TCP_LISTENS || *end != '\0')
		return 0;
	errno = 0;
	inode = strtoull(words[INODE], &end, 10);
	if (errno != 0 || *end != '\0')
		return -EBADMSG;
	ret_listener->inode = inode;
	ret_listener->port = (uint16_t)port;
	return 1;
}

static int by_pid(const void *a, const void *b)
{
	int x = *(const int *)a;
	int y = *(const int *)b;

	return (x > y) - (x < y);
}

int proc_pids(const char *root, int *pids, size_t max, size_t *ret_n)
{
	struct dirent *entry;
	size_t n = 0;
	char *end;
	long pid;
	DIR *dir;
	int rc = 0;

	dir = opendir(root);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		pid = strtol(entry->d_name, &end, 10);
		if (*end != '\0' || pid > INT32_MAX)
			continue;
		if (n == max) {
			rc = -E2BIG;
			break;
		}
		pids[n++] = (int)pid;
	}
	closedir(dir);
	if (rc == 0) {
		qsort(pids, n, sizeof(pids[0]), by_pid);
		*ret_n = n;
	}
	return rc;
}

int proc_stat_read(const char *root, int pid, struct proc_stat *ret_stat)
{
	char text[STAT_BYTES];
	size_t len;
	int rc;

	rc = read_file(root, pid, "stat", text, sizeof(text), &len);
	if (rc < 0)
		return rc;
	return proc_stat_parse(text, len, ret_stat);
}

int proc_exe(const char *root, int pid, char path[PROC_PATH_BYTES])
{
	static const char deleted[] = " (deleted)";
	size_t len;
	int rc;

	rc = read_link(root, pid, "exe", path);
	if (rc < 0)
		return rc;
	len = strlen(path);
	if (len >= sizeof(deleted) &&
	    strcmp(path + len - (sizeof(deleted) - 1), deleted) == 0)
		path[len - (sizeof(deleted) - 1)] = '\0';
	return 0;
}

int proc_namespace(const char *root, int pid, const char *which,
		   uint32_t *ret_number)
{
	char text[PROC_PATH_BYTES];
	char name[16];
	uint64_t n;
	int rc;

	snprintf(name, sizeof(name), "ns/%s", which);
	rc = read_link(root, pid, name, text);
	if (rc < 0)
		return rc;
	if (!bracketed(text, which, &n) || n > UINT32_MAX)
		return -EBADMSG;
	*ret_number = (uint32_t)n;
	return 0;
}

/* Lines are "number:controllers:path"; the unified one is "0::path". */
int proc_cgroup(const char *root, int pid, char path[PROC_PATH_BYTES])
{
	char text[4 * PROC_PATH_BYTES];
	const char *best = NULL;
	char *save = NULL;
	size_t len;
	int rc;

	rc = read_file(root, pid, "cgroup", text, sizeof(text), &len);
	if (rc < 0)
		return rc;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char *at = strchr(line, ':');

		at = at ? strchr(at + 1, ':') : NULL;
		if (!at || at[1] != '/' || strlen(at + 1) >= PROC_PATH_BYTES)
			continue;
		if (!best || strcmp(best, "/") == 0 ||
		    (strncmp(line, "0::", 3) == 0 && at[2] != '\0'))
			best = at + 1;
	}
	if (!best)
		return -EBADMSG;
	memcpy(path, best, strlen(best) + 1);
	return 0;
}

/* The value of key among NUL-ended "KEY=value" strings, or NULL. */
static const char *variable_find(const char *bytes, size_t len, const char *key)
{
	size_t key_len = strlen(key);
	size_t at = 0;

	while (at < len) {
		size_t n = strnlen(bytes + at, len - at);

		if (n > key_len && bytes[at + key_len] == '=' &&
		    memcmp(bytes + at, key, key_len) == 0)
			return bytes + at + key_len + 1;
		at += n + 1;
	}
	return NULL;
}

int proc_variable(const char *root, int pid, const char *key, char *value,
		  size_t size)
{
	const char *found;
	char *bytes;
	size_t len = 0;
	int rc;

	bytes = malloc(LIMIT_ENVIRON_BYTES);
	if (!bytes)
		return -ENOMEM;
	rc = read_file(root, pid, "environ", bytes, LIMIT_ENVIRON_BYTES, &len);
	if (rc < 0)
		goto out;
	found = variable_find(bytes, len, key);
	rc = !found ? -ENODATA : strlen(found) >= size ? -EMSGSIZE : 0;
	if (rc == 0)
		memcpy(value, found, strlen(found) + 1);
out:
	free(bytes);
	return rc;
}

/*
 * The kernel lists the sockets that listen before all others, so reading
 * ends at the first that does not: a host may have 100,000 of those.
 */
static int listeners_of(const char *root, int pid, const char *name,
			struct proc_listener *listeners, size_t max, size_t *n)
{
	char path[PROC_PATH_BYTES];
	char line[LINE_BYTES];
	struct proc_listener found;
	bool heading = true;
	FILE *f;
	int rc;

	snprintf(path, sizeof(path), "%s/%d/net/%s", root, pid, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (*n < max && fgets(line, sizeof(line), f)) {
		rc = proc_listener_parse(line, &found);
		if (rc == 1)
			listeners[(*n)++] = found;
		else if (!heading)
			break;
		heading = false;
	}
	fclose(f);
	return 0;
}

int proc_listeners(const char *root, int pid, struct proc_listener *listeners,
		   size_t max, size_t *ret_n)
{
	size_t n = 0;
	int rc;

	rc = listeners_of(root, pid, "tcp", listeners, max, &n);
	if (rc < 0)
		return rc;
	/* a kernel without IPv6 has no such file */
	rc = listeners_of(root, pid, "tcp6", listeners, max, &n);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	*ret_n = n;
	return 0;
}

int proc_holds(const char *root, int pid, const struct proc_listener *listeners,
	       size_t n, bool *held)
{
	char path[PROC_PATH_BYTES];
	char text[64];
	struct dirent *entry;
	uint64_t inode;
	ssize_t len;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%d/fd", root, pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) != NULL) {
		len = readlinkat(dirfd(dir), entry->d_name, text,
				 sizeof(text) - 1);
		if (len < 0)
			continue;
		text[len] = '\0';
		if (!bracketed(text, "socket", &inode))
			continue;
		for (size_t i = 0; i < n; i++)
			held[i] = held[i] || listeners[i].inode == inode;
	}
	closedir(dir);
	return 0;
}
