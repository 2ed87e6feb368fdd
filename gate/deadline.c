/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/deadline.h"

#include "common/limits.h"

static bool is_too_slow(int64_t age_ms, uint64_t n_bytes)
{
	return age_ms > LIMIT_HTTP_RATE_MS &&
	       (int64_t)n_bytes * 1000 < age_ms * LIMIT_HTTP_RATE_BYTES;
}

bool deadline_is_over(enum phase phase, int64_t age_ms, uint64_t n_bytes)
{
	switch (phase) {
	case PHASE_HEAD:
		return age_ms > LIMIT_HTTP_HEAD_MS;
	case PHASE_BODY:
		return age_ms > LIMIT_HTTP_BODY_MS ||
		       is_too_slow(age_ms, n_bytes);
	case PHASE_SEND:
		return age_ms > LIMIT_HTTP_SEND_MS;
	case PHASE_IDLE:
		return age_ms > LIMIT_HTTP_IDLE_MS;
	case PHASE_ANSWER:
	default:
		return false; /* it is us who take the time */
	}
}
