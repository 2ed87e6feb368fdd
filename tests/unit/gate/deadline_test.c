/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/deadline.h"

#include <stddef.h>

#include "common/limits.h"
#include "tests/test.h"

static void each_phase_has_its_end(void)
{
	static const struct {
		const char *why;
		enum phase phase;
		int64_t age_ms;
		uint64_t n_bytes;
		bool over;
	} cases[] = {
		{ "a head in time", PHASE_HEAD, LIMIT_HTTP_HEAD_MS, 0, false },
		{ "a head too late", PHASE_HEAD, LIMIT_HTTP_HEAD_MS + 1, 0,
		  true },
		{ "a body that pauses", PHASE_BODY, LIMIT_HTTP_RATE_MS, 0,
		  false },
		{ "a body that stops", PHASE_BODY, LIMIT_HTTP_RATE_MS + 1, 0,
		  true },
		{ "a body just fast enough", PHASE_BODY, 10000,
		  10 * LIMIT_HTTP_RATE_BYTES, false },
		{ "a body just too slow", PHASE_BODY, 10000,
		  10 * LIMIT_HTTP_RATE_BYTES - 1, true },
		{ "a fast body without an end", PHASE_BODY,
		  LIMIT_HTTP_BODY_MS + 1, UINT64_C(1) << 40, true },
		{ "the gate takes its time", PHASE_ANSWER,
		  LIMIT_VERDICT_WAIT_MS, 0, false },
		{ "a reply nobody takes", PHASE_SEND, LIMIT_HTTP_SEND_MS + 1, 0,
		  true },
		{ "a connection kept", PHASE_IDLE, LIMIT_HTTP_IDLE_MS, 0,
		  false },
		{ "one kept too long", PHASE_IDLE, LIMIT_HTTP_IDLE_MS + 1, 0,
		  true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (deadline_is_over(cases[i].phase, cases[i].age_ms,
				     cases[i].n_bytes) != cases[i].over)
			test_fail(__FILE__, __LINE__, "%s", cases[i].why);
}

const struct test_case test_cases[] = {
	{ "deadline: each phase has its end", each_phase_has_its_end },
	{ NULL, NULL },
};
