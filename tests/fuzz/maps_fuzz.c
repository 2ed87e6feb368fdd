/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maps: any text gives regions in order of address that are found where they
 * say they are, with paths that end.
 */
#include "collector/maps.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct err err = { .text = "" };
	struct maps m;

	if (maps_parse((const char *)bytes, len, &m, &err) < 0) {
		if (err.text[0] == '\0')
			abort(); /* gave no reason */
		return 0;
	}
	for (size_t i = 0; i < m.n; i++) {
		const struct region *r = &m.regions[i];

		if (r->start >= r->end || strlen(r->path) > len ||
		    (i > 0 && r->start < m.regions[i - 1].start))
			abort();
		if ((r->path[0] != '\0') != (r->kind == REGION_FILE))
			abort();
		if (!maps_find(&m, r->start))
			abort();
	}
	maps_release(&m);
	return 0;
}
