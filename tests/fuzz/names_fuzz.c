/* SPDX-License-Identifier: Apache-2.0 */
/* names: whatever a name is, what comes out is clean and short. */
#include "collector/names.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(const char *name)
{
	if (strnlen(name, NAME_BYTES) == NAME_BYTES || !text_is_clean(name))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *raw = malloc(len + 1);
	char name[NAME_BYTES];

	if (!raw)
		return 0;
	if (len > 0)
		memcpy(raw, bytes, len);
	raw[len] = '\0';
	name_of_jit(raw, name);
	check(name);
	if (name[0] == '\0')
		abort();
	name_of_symbol(raw, name);
	check(name);
	if (name[0] == '\0')
		abort();
	name_of_kernel(raw, name);
	check(name);
	name_of_module(raw, name);
	check(name);
	name_of_thread(raw, name);
	check(name);
	free(raw);
	return 0;
}
