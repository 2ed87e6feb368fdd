/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maps - the executable memory of a process, from /proc/PID/maps.
 *
 * Only regions that can hold code are kept, in order of address.
 */
#ifndef COLLECTOR_MAPS_H
#define COLLECTOR_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum region_kind {
	REGION_FILE, /* an ELF file, by its path */
	REGION_ANON, /* no file: what a runtime compiled */
	REGION_VDSO, /* the kernel's page of user code, or vsyscall */
};

struct region {
	uint64_t start;
	uint64_t end;
	uint64_t offset; /* into the file, in bytes */
	uint64_t inode;
	const char *path; /* "" unless REGION_FILE; belongs to the maps */
	enum region_kind kind;
	bool deleted; /* the path no longer names the file */
};

struct maps {
	struct region *regions;
	size_t n;
	char *paths; /* what regions point into */
};

/*
 * Read the text of /proc/PID/maps, len bytes.  Lines that are no mapping are
 * skipped, and so are regions that cannot be executed.
 *
 *   ret_m  receives the regions; the caller owns them: maps_release()
 *
 * Returns 0, -EMSGSIZE beyond LIMIT_MAPS_REGIONS executable regions, or
 * -ENOMEM.
 */
int maps_parse(const char *bytes, size_t len, struct maps *ret_m,
	       struct err *err);

/* Free what m holds; m is empty again. */
void maps_release(struct maps *m);

/* The region that holds addr, or NULL. */
const struct region *maps_find(const struct maps *m, uint64_t addr);

#endif /* COLLECTOR_MAPS_H */
