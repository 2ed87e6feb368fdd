/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>

#include "common/err.h"
#include "common/reader.h"

enum {
	SPOOL_MAGIC = 0x31535447, /* "GTS1" */
	HEADING_BYTES = 24,	  /* magic, name, length, spare, checksum */
	PATH_BYTES = 4096,
	FILE_NAME_BYTES = 40,
	DIGITS = 20, /* so that names sort as numbers do */
};

/* A file that is there. */
struct entry {
	uint64_t number;
	uint64_t n_bytes;
};

struct spool {
	int dir_fd;
	int lock_fd;
	uint64_t max_bytes;
	uint64_t next;	       /* number of the next batch */
	struct entry *entries; /* ascending; the first is at first */
	size_t first;
	size_t n; /* up to here */
	size_t room;
	struct spool_counts counts;
};

/* FNV-1a: finds damage, is not meant to stand up to an enemy. */
static uint64_t checksum(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ at[i]) * UINT64_C(0x100000001b3);
	return sum;
}

static uint64_t checksum_of(const char *instance, size_t name_len,
			    const void *bytes, size_t len)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	sum = checksum(sum, instance, name_len);
	return checksum(sum, bytes, len);
}

static void file_name(uint64_t number, const char *suffix,
		      char name[FILE_NAME_BYTES])
{
	snprintf(name, FILE_NAME_BYTES, "%0*" PRIu64 "%s", DIGITS, number,
		 suffix);
}

/* The number in "00000000000000000042.batch". */
static bool name_number(const char *name, uint64_t *ret_number)
{
	char *end;

	if (strlen(name) != DIGITS + 6 ||
	    strspn(name, "0123456789") != DIGITS ||
	    strcmp(name + DIGITS, ".batch") != 0)
		return false;
	errno = 0;
	*ret_number = strtoull(name, &end, 10);
	return errno == 0 && *ret_number < UINT64_MAX;
}

static int entry_add(struct spool *s, uint64_t number, uint64_t n_bytes)
{
	struct entry *more;
	size_t room;

	if (s->n == s->room && s->first > s->room / 2) {
		memmove(s->entries, s->entries + s->first,
			(s->n - s->first) * sizeof(*s->entries));
		s->n -= s->first;
		s->first = 0;
	}
	if (s->n == s->room) {
		room = s->room ? 2 * s->room : 64;
		more = realloc(s->entries, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->entries = more;
		s->room = room;
	}
	s->entries[s->n++] = (struct entry){ number, n_bytes };
	s->counts.n_batches++;
	s->counts.n_bytes += n_bytes;
	return 0;
}

static void entry_drop_first(struct spool *s)
{
	const struct entry *e = &s->entries[s->first++];

	s->counts.n_batches--;
	s->counts.n_bytes -= e->n_bytes;
}

static int by_number(const void *a, const void *b)
{
	const struct entry *x = a;
	const struct entry *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* mkdir -p, for its owner alone: batches name what people run. */
static int make_dirs(const char *dir, struct err *err)
{
	char path[PATH_BYTES];
	size_t len = strlen(dir);

	if (len == 0 || len >= sizeof(path))
		return err_set(err, -EINVAL, "spool: path of %zu bytes", len);
	memcpy(path, dir, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		path[i] = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_set(err, -errno, "spool: %s: %s", path,
				       err_describe(errno));
		if (i < len)
			path[i] = '/';
	}
	return 0;
}

static int lock(struct spool *s, const char *dir, struct err *err)
{
	s->lock_fd = openat(s->dir_fd, "lock",
			    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return err_set(err, -errno, "spool: %s/lock: %s", dir,
			       err_describe(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, -EBUSY,
			       "spool: %s is another collector's; give each "
			       "its own",
			       dir);
	return err_set(err, -errno, "spool: %s/lock: %s", dir,
		       err_describe(errno));
}

/* Take stock of what an earlier run left; half-written files go. */
static int find_files(struct spool *s, struct err *err)
{
	struct dirent *found;
	uint64_t number;
	struct stat st;
	DIR *dir;
	int rc = 0;
	int fd;

	fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		rc = err_set(err, -errno, "spool: %s", err_describe(errno));
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (found = readdir(dir)) != NULL) {
		if (strcmp(found->d_name, "new") == 0)
			unlinkat(s->dir_fd, found->d_name, 0);
		if (!name_number(found->d_name, &number) ||
		    fstatat(s->dir_fd, found->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		rc = entry_add(s, number, (uint64_t)st.st_size);
		if (number >= s->next)
			s->next = number + 1;
	}
	closedir(dir);
	if (rc < 0)
		return err_set(err, rc, "spool: no memory");
	if (s->n > 0)
		qsort(s->entries, s->n, sizeof(*s->entries), by_number);
	s->counts.n_found = s->n;
	return 0;
}

int spool_open(const char *dir, uint64_t max_bytes, struct spool **ret_s,
	       struct err *err)
{
	struct spool *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(err, -ENOMEM, "spool: no memory");
	s->dir_fd = -1;
	s->lock_fd = -1;
	s->max_bytes = max_bytes;
	rc = make_dirs(dir, err);
	if (rc < 0)
		goto out;
	s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0) {
		rc = err_set(err, -errno, "spool: %s: %s", dir,
			     err_describe(errno));
		goto out;
	}
	rc = lock(s, dir, err);
	if (rc < 0)
		goto out;
	rc = find_files(s, err);
	if (rc < 0)
		goto out;
	*ret_s = s;
	s = NULL;
out:
	spool_close(s);
	return rc;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s->entries);
	free(s);
}

/* Drop the oldest until n_bytes more fit. */
static uint64_t make_room(struct spool *s, uint64_t n_bytes)
{
	char name[FILE_NAME_BYTES];
	uint64_t n = 0;

	while (s->counts.n_batches > 0 &&
	       s->counts.n_bytes + n_bytes > s->max_bytes) {
		file_name(s->entries[s->first].number, ".batch", name);
		unlinkat(s->dir_fd, name, 0);
		entry_drop_first(s);
		n++;
	}
	s->counts.n_dropped += n;
	return n;
}

static void put_le(uint8_t **at, uint64_t v, unsigned int width)
{
	for (unsigned int i = 0; i < width; i++, v >>= 8)
		*(*at)++ = (uint8_t)v;
}

static int write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The file "new", written and synced. */
static int write_new(struct spool *s, const char *instance, size_t name_len,
		     const void *bytes, size_t len)
{
	uint8_t heading[HEADING_BYTES];
	uint8_t *at = heading;
	int rc;
	int fd;

	put_le(&at, SPOOL_MAGIC, 4);
	put_le(&at, name_len, 4);
	put_le(&at, len, 8);
	put_le(&at, checksum_of(instance, name_len, bytes, len), 8);

	fd = openat(s->dir_fd, "new",
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, heading, sizeof(heading));
	if (rc == 0)
		rc = write_all(fd, instance, name_len);
	if (rc == 0)
		rc = write_all(fd, bytes, len);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

int spool_put(struct spool *s, const char *instance, const void *bytes,
	      size_t len, uint64_t *ret_dropped, struct err *err)
{
	size_t name_len = strnlen(instance, LIMIT_IDENTITY_BYTES);
	uint64_t n_bytes = HEADING_BYTES + name_len + len;
	char name[FILE_NAME_BYTES];
	int rc;

	if (len > LIMIT_BATCH_BYTES)
		return err_set(err, -EMSGSIZE,
			       "spool: a batch of %zu bytes, limit %d", len,
			       LIMIT_BATCH_BYTES);
	*ret_dropped = make_room(s, n_bytes);
	file_name(s->next, ".batch", name);
	rc = write_new(s, instance, name_len, bytes, len);
	if (rc == 0 && renameat(s->dir_fd, "new", s->dir_fd, name) < 0)
		rc = -errno;
	if (rc == 0 && fsync(s->dir_fd) < 0)
		rc = -errno;
	if (rc == 0)
		rc = entry_add(s, s->next, n_bytes);
	if (rc < 0) {
		unlinkat(s->dir_fd, "new", 0);
		unlinkat(s->dir_fd, name, 0);
		return err_set(err, rc, "spool: %s: %s", name,
			       err_describe(-rc));
	}
	s->next++;
	return 0;
}

/* Check a file's bytes and cut the heading off them. */
static int file_decode(uint8_t *bytes, size_t len, struct spool_batch *b)
{
	struct reader r;
	const uint8_t *name;
	const uint8_t *body;
	uint32_t name_len;
	uint64_t body_len;
	uint64_t sum;

	reader_init(&r, bytes, len);
	if (reader_u32(&r) != SPOOL_MAGIC)
		return -EBADMSG;
	name_len = reader_u32(&r);
	body_len = reader_u64(&r);
	sum = reader_u64(&r);
	if (name_len > LIMIT_IDENTITY_BYTES || body_len > LIMIT_BATCH_BYTES)
		return -EBADMSG;
	name = reader_bytes(&r, name_len);
	body = reader_bytes(&r, (size_t)body_len);
	if (!reader_done(&r) || sum != checksum_of((const char *)name, name_len,
						   body, (size_t)body_len))
		return -EBADMSG;
	memcpy(b->instance, name, name_len);
	b->instance[name_len] = '\0';
	memmove(bytes, body, (size_t)body_len);
	b->bytes = bytes;
	b->len = (size_t)body_len;
	return 0;
}

static int file_read(struct spool *s, const char *file,
		     struct spool_batch *ret_batch)
{
	const size_t max =
		HEADING_BYTES + LIMIT_IDENTITY_BYTES + LIMIT_BATCH_BYTES;
	uint8_t *bytes = NULL;
	struct stat st;
	size_t len = 0;
	ssize_t n;
	int rc;
	int fd;

	fd = openat(s->dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		rc = -errno;
		goto out;
	}
	if (st.st_size < HEADING_BYTES || (uint64_t)st.st_size > max) {
		rc = -EBADMSG;
		goto out;
	}
	bytes = malloc((size_t)st.st_size);
	rc = bytes ? 0 : -ENOMEM;
	while (rc == 0 && len < (size_t)st.st_size) {
		n = read(fd, bytes + len, (size_t)st.st_size - len);
		if (n < 0 && errno != EINTR)
			rc = -errno;
		else if (n == 0)
			rc = -EBADMSG;
		else if (n > 0)
			len += (size_t)n;
	}
	if (rc == 0)
		rc = file_decode(bytes, len, ret_batch);
	if (rc == 0)
		bytes = NULL;
out:
	free(bytes);
	close(fd);
	return rc;
}

int spool_first(struct spool *s, struct spool_batch *ret_batch, struct err *err)
{
	char aside[FILE_NAME_BYTES];
	char name[FILE_NAME_BYTES];
	int rc;

	while (s->counts.n_batches > 0) {
		ret_batch->number = s->entries[s->first].number;
		file_name(ret_batch->number, ".batch", name);
		rc = file_read(s, name, ret_batch);
		if (rc == 0)
			return 0;
		if (rc != -EBADMSG && rc != -ENOENT)
			return err_set(err, rc, "spool: %s: %s", name,
				       err_describe(-rc));
		if (rc == -EBADMSG) {
			file_name(ret_batch->number, ".corrupt", aside);
			renameat(s->dir_fd, name, s->dir_fd, aside);
			s->counts.n_corrupt++;
		}
		entry_drop_first(s);
	}
	return -ENODATA;
}

int spool_remove(struct spool *s, uint64_t number, struct err *err)
{
	char name[FILE_NAME_BYTES];

	if (s->counts.n_batches == 0 || s->entries[s->first].number != number)
		return 0; /* it had to make room in the meantime */
	file_name(number, ".batch", name);
	if (unlinkat(s->dir_fd, name, 0) < 0 && errno != ENOENT)
		return err_set(err, -errno, "spool: %s: %s", name,
			       err_describe(errno));
	entry_drop_first(s);
	return 0;
}

struct spool_counts spool_counts(const struct spool *s)
{
	return s->counts;
}
