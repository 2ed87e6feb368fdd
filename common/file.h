/* SPDX-License-Identifier: Apache-2.0 */
/* file - a small file from an operator, read whole. */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include <stddef.h>

struct err;

/*
 * Read a file of at most max bytes.
 *
 *   ret_text  receives its bytes and a NUL; the caller free()s them
 *   ret_len   without the NUL
 *
 * Returns 0; -ENOENT if there is none; -EMSGSIZE if it is longer; -EIO if it
 * cannot be read, a directory among them; or -ENOMEM.
 */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len,
	      struct err *err);

#endif /* COMMON_FILE_H */
