/* SPDX-License-Identifier: Apache-2.0 */
/* kallsyms: any text gives functions in order, each found where it starts. */
#include "collector/kallsyms.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct err err = { .text = "" };
	struct kallsyms ks;

	if (kallsyms_parse((const char *)bytes, len, &ks, &err) < 0) {
		if (err.text[0] == '\0')
			abort(); /* gave no reason */
		return 0;
	}
	for (size_t i = 0; i < ks.n; i++) {
		const char *name = kallsyms_find(&ks, ks.entries[i].start);

		if (!name || strlen(name) > len)
			abort();
		if (i > 0 && ks.entries[i].start < ks.entries[i - 1].start)
			abort();
	}
	kallsyms_release(&ks);
	return 0;
}
