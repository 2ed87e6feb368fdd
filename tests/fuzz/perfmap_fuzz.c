/* SPDX-License-Identifier: Apache-2.0 */
/*
 * perfmap: any text gives entries that do not overlap, each found from its
 * first address to its last; tests/property has the oracle for which name.
 */
#include "collector/perfmap.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct err err = { .text = "" };
	char *text = malloc(len + 1);
	struct perfmap pm;

	if (!text)
		return 0;
	if (len > 0)
		memcpy(text, bytes, len);
	if (perfmap_parse(text, len, &pm, &err) < 0) {
		if (err.text[0] == '\0')
			abort(); /* gave no reason */
		return 0;
	}
	for (size_t i = 0; i < pm.n; i++) {
		const struct perfmap_entry *e = &pm.entries[i];

		if (e->start >= e->end || strlen(e->name) > len ||
		    (i > 0 && e->start < pm.entries[i - 1].end))
			abort();
		if (perfmap_find(&pm, e->start) != e->name ||
		    perfmap_find(&pm, e->end - 1) != e->name)
			abort();
	}
	perfmap_release(&pm);
	return 0;
}
