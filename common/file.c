/* SPDX-License-Identifier: Apache-2.0 */
#include "common/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"

int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len,
	      struct err *err)
{
	char *text = NULL;
	size_t len;
	int rc = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return err_set(err, errno == ENOENT ? -ENOENT : -EIO, "%s: %s",
			       path, err_describe(errno));
	text = malloc(max + 1);
	if (!text) {
		rc = err_set(err, -ENOMEM, "%s: no memory", path);
		goto out;
	}
	/* one byte more than is taken, so that too long is seen */
	errno = 0;
	len = fread(text, 1, max + 1, f);
	if (ferror(f)) {
		rc = err_set(err, -EIO, "%s: %s", path, err_describe(errno));
		goto out;
	}
	if (len > max) {
		rc = err_set(err, -EMSGSIZE, "%s: it may have %zu bytes", path,
			     max);
		goto out;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	text = NULL;
out:
	free(text);
	(void)fclose(f); /* only read */
	return rc;
}
