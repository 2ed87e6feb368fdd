/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authorization: a header is refused, or it is one of the two ways to send
 * the one token that there is.
 */
#include "gate/auth.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char file[] = "read:orders aaaaaaaaaaaaaaaa\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct auth_caller caller;
	struct auth *a = NULL;
	char *header = malloc(len + 1);

	if (!header)
		return 0;
	if (len > 0)
		memcpy(header, bytes, len);
	header[len] = '\0';
	if (auth_parse(file, sizeof(file) - 1, &a, NULL) < 0)
		abort();
	if (auth_identify(a, header, &caller, NULL) == 0) {
		/* in the clear, or in base64: 16 letters make 20 and more */
		if (strncasecmp(header, "Basic", 5) != 0 &&
		    !strstr(header, "aaaaaaaaaaaaaaaa"))
			abort();
		if (auth_may(a, caller, SCOPE_DECIDE, "orders") ||
		    auth_may(a, caller, SCOPE_READ, "billing"))
			abort();
	}
	auth_close(a);
	free(header);
	return 0;
}
