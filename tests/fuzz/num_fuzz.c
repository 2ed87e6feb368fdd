/* SPDX-License-Identifier: Apache-2.0 */
/*
 * num: any text is either refused with a reason and leaves the result alone,
 * or is a number within its bounds.
 */
#include "common/num.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { MOST = 1 << 30 };

static void check(int rc, double before, double after, const struct err *err)
{
	if (rc < 0 && (after != before || err->text[0] == '\0'))
		abort(); /* touched the result, or gave no reason */
	if (rc == 0 && !(after >= 1.0 && after <= MOST))
		abort(); /* beyond its bounds */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct err err[4] = { { "" } };
	char *text = malloc(len + 1);
	uint64_t size = 7, whole = 7;
	int64_t ms = 7;
	double real = 7.0;
	int rc;

	if (!text)
		return 0;
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	rc = num_size("x", text, 1, MOST, &size, &err[0]);
	check(rc, 7.0, (double)size, &err[0]);
	rc = num_u64("x", text, 1, MOST, &whole, &err[1]);
	check(rc, 7.0, (double)whole, &err[1]);
	rc = num_duration_ms("x", text, 1, MOST, &ms, &err[2]);
	check(rc, 7.0, (double)ms, &err[2]);
	rc = num_double("x", text, 1.0, MOST, &real, &err[3]);
	check(rc, 7.0, real, &err[3]);
	free(text);
	return 0;
}
