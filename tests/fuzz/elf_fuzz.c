/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf: any file is refused with a reason or gives a table; no offset makes
 * it read outside the file, or write a name that does not end.
 */
#include "collector/elf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int refuse(void *arg, const char *path)
{
	(void)arg;
	if (path[0] == '\0')
		abort();
	return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct err err = { .text = "" };
	struct elf_table *t = NULL;
	char name[64];
	size_t n;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0)
		return 0;
	if (len > 0 && write(fd, bytes, len) != (ssize_t)len) {
		close(fd);
		return 0;
	}
	if (elf_table_new(fd, "/opt/app", refuse, NULL, &t, &err) < 0) {
		if (t || err.text[0] == '\0')
			abort(); /* kept a refused file, or gave no reason */
		return 0;
	}
	(void)elf_table_build_id(t, &n);
	for (uint64_t at = 0; at < len; at += 64)
		if (elf_table_find(t, at, name, sizeof(name)) == 0 &&
		    (name[0] == '\0' || strlen(name) >= sizeof(name)))
			abort();
	elf_table_free(t);
	return 0;
}
