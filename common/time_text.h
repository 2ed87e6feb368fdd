/* SPDX-License-Identifier: Apache-2.0 */
/* time_text - moments as people write them; everywhere else they are Unix ms.
 */
#ifndef COMMON_TIME_TEXT_H
#define COMMON_TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum { TIME_TEXT_BYTES = sizeof("9999-12-31 23:59:59 UTC") };

/*
 * Read a moment: RFC 3339 ("2026-01-31T10:00:00Z", "2026-01-31
 * 11:00:00.250+01:00"), the same with " UTC" as time_text_write() has it, or
 * Unix time in ms as digits alone.  What is finer than a ms is cut.  Leap
 * seconds are refused: Unix time has none.
 *
 *   field   what it is called, for err
 *   text    NULL counts as empty
 *   ret_ms  0 to LIMIT_TIME_MS; written only on success
 *
 * Returns 0 or -EINVAL.
 */
int time_text_read(const char *field, const char *text, int64_t *ret_ms,
		   struct err *err);

/* Write unix_ms to the second: "2026-01-31 10:00:00 UTC". */
void time_text_write(int64_t unix_ms, char to[static TIME_TEXT_BYTES]);

#endif /* COMMON_TIME_TEXT_H */
