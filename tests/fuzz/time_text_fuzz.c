/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_text: any text is either refused with a reason and leaves the result
 * alone, or is a moment that is written and reads back to the second.
 */
#include "common/time_text.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_moment(int64_t ms)
{
	char text[TIME_TEXT_BYTES];
	int64_t again = -1;

	if (ms < 0 || ms > LIMIT_TIME_MS)
		abort();
	time_text_write(ms, text);
	if (time_text_read("t", text, &again, NULL) < 0 ||
	    again != ms / 1000 * 1000)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct err err = { "" };
	char *text = malloc(len + 1);
	int64_t ms = -7;

	if (!text)
		return 0;
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	if (time_text_read("t", text, &ms, &err) == 0)
		check_moment(ms);
	else if (ms != -7 || err.text[0] == '\0')
		abort(); /* touched the result, or gave no reason */
	free(text);
	return 0;
}
