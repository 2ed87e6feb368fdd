/* SPDX-License-Identifier: Apache-2.0 */
/*
 * procstat: any two texts are read or refused with a reason.  What comes
 * after the first NUL is the second.
 */
#include "collector/procstat.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *text = (const char *)bytes;
	const char *nul = len > 0 ? memchr(text, '\0', len) : NULL;
	size_t first = nul ? (size_t)(nul - text) : len;
	size_t from = nul ? first + 1 : len;
	struct err err = { .text = "" };
	struct procstat ps = { .ns_pid = -7 };
	const char *second = text ? text + from : text;

	if (procstat_parse(text, first, second, len - from, &ps, &err) == 0) {
		if (ps.ns_pid < 0)
			abort();
	} else if (err.text[0] == '\0' || ps.ns_pid != -7) {
		abort(); /* gave no reason, or wrote a refused result */
	}
	return 0;
}
