/* SPDX-License-Identifier: Apache-2.0 */
/*
 * num - numbers from text, strictly: the whole string or nothing.
 *
 * No spaces, no sign that is not needed, no hexadecimal, no locale.  Each
 * function takes what the number is called, the text (NULL counts as empty)
 * and the range, and returns 0, or -EINVAL with the field, the text and the
 * range in err; the result is written only on success.
 */
#ifndef COMMON_NUM_H
#define COMMON_NUM_H

#include <stdint.h>

struct err;

/* Digits only: "0", "42". */
int num_u64(const char *field, const char *text, uint64_t min, uint64_t max,
	    uint64_t *ret_value, struct err *err);

/* The same with "-" before them where needed. */
int num_i64(const char *field, const char *text, int64_t min, int64_t max,
	    int64_t *ret_value, struct err *err);

/* "0.05", "-1", "1e-3"; never NaN or infinite. */
int num_double(const char *field, const char *text, double min, double max,
	       double *ret_value, struct err *err);

/*
 * A duration: digits and one unit of ms, s, m, h, d: "500ms", "2s", "30m".
 * A number without a unit is refused, but for "0".  min and max in ms.
 */
int num_duration_ms(const char *field, const char *text, int64_t min_ms,
		    int64_t max_ms, int64_t *ret_ms, struct err *err);

/*
 * A size: digits and one unit of K, M, G, T, powers of 1024: "500M", "20G".  A
 * number without a unit is refused, but for "0".  min and max in bytes.
 */
int num_size(const char *field, const char *text, uint64_t min_bytes,
	     uint64_t max_bytes, uint64_t *ret_bytes, struct err *err);

#endif /* COMMON_NUM_H */
