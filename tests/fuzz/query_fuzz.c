/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: any request target is either refused with a reason, or gives a path
 * that begins with "/" and parameters that are clean text, each name once.
 */
#include "gate/query.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/text.h"
#include "gate/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_fields(const struct request_field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (f[i].name[0] == '\0' || !text_is_clean(f[i].name) ||
		    !text_is_clean(f[i].value))
			abort();
		for (size_t k = 0; k < i; k++)
			if (strcmp(f[k].name, f[i].name) == 0)
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct request_field fields[REQUEST_QUERY_MAX];
	struct err err = { "" };
	char *target = malloc(len + 1);
	char *path = NULL;
	char *query = NULL;
	size_t n = 0;
	int rc;

	if (!target)
		return 0;
	if (len > 0)
		memcpy(target, bytes, len);
	target[len] = '\0';
	rc = query_split(target, &path, &query, &err);
	if (rc == 0 && path[0] != '/')
		abort();
	if (rc == 0)
		rc = query_parse(query, fields, REQUEST_QUERY_MAX, &n, &err);
	if (rc == 0)
		check_fields(fields, n);
	else if (err.text[0] == '\0')
		abort(); /* refused without a reason */
	free(target);
	return 0;
}
