/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens: any token file is either refused with a reason or has a grant; and
 * what is in one never lets a token through that is not in it.
 */
#include "gate/auth.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char unknown[] = "Bearer \x01 cannot stand in a file \x01";
	struct auth_caller caller;
	struct auth *a = NULL;
	struct err err = { "" };
	int rc = auth_parse((const char *)bytes, len, &a, &err);

	if (rc < 0) {
		if (a || err.text[0] == '\0')
			abort();
		return 0;
	}
	if (!a || auth_is_open(a) ||
	    auth_identify(a, unknown, &caller, NULL) == 0 ||
	    auth_identify(a, NULL, &caller, NULL) == 0)
		abort();
	auth_close(a);
	return 0;
}
