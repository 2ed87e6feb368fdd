/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/decide.h"

#include <stddef.h>

#include "ci/cli/options.h"

enum {
	BACKOFF_FIRST_MS = 500,
	BACKOFF_MAX_MS = 15 * 1000,
	RETRY_AFTER_MAX_S = 300,
};

enum answer decide_answer(unsigned int status)
{
	switch (status) {
	case 200:
	case 201: /* a past time was judged now, not before */
		return ANSWER_DOCUMENT;
	case 202:
		return ANSWER_PENDING;
	case 401:
	case 403:
	case 407:
		return ANSWER_DENIED;
	case 408:
	case 425:
	case 429:
		return ANSWER_RETRY;
	default:
		/* an empty 2xx is no gate's either, but may be a proxy's */
		return status >= 300 && status < 500 ? ANSWER_USAGE
						     : ANSWER_RETRY;
	}
}

bool decide_done(const struct options *o, enum verdict_word word, bool final)
{
	if (!final || word == VERDICT_RUNNING)
		return false;
	return word != VERDICT_INCONCLUSIVE ||
	       o->on_inconclusive != INCONCLUSIVE_WAIT;
}

static enum exit_code inconclusive_exit(const struct options *o,
					const char **ret_why)
{
	switch (o->on_inconclusive) {
	case INCONCLUSIVE_FAIL:
		*ret_why = "--on-inconclusive=fail";
		return EXIT_FAIL;
	case INCONCLUSIVE_PASS:
		*ret_why = "--on-inconclusive=pass";
		return EXIT_PASS;
	case INCONCLUSIVE_EXIT:
	case INCONCLUSIVE_WAIT:
		break;
	}
	return EXIT_INCONCLUSIVE;
}

enum exit_code decide_exit(const struct options *o, enum verdict_word word,
			   const char **ret_why)
{
	*ret_why = NULL;
	switch (word) {
	case VERDICT_PASS:
		return EXIT_PASS;
	case VERDICT_FAIL:
		return EXIT_FAIL;
	case VERDICT_INCONCLUSIVE:
		return inconclusive_exit(o, ret_why);
	case VERDICT_RUNNING:
		return EXIT_TIMEOUT;
	case VERDICT_ERROR:
	case VERDICT_WORD_N:
		break;
	}
	return decide_gate_exit(o, ret_why);
}

enum exit_code decide_gate_exit(const struct options *o, const char **ret_why)
{
	*ret_why = o->pass_on_error ? "--on-error=pass" : "--on-error=fail";
	return o->pass_on_error ? EXIT_PASS : EXIT_GATE;
}

int64_t decide_backoff_ms(unsigned int n_failed, int64_t retry_after_s)
{
	int64_t ms = BACKOFF_FIRST_MS;

	if (retry_after_s > 0)
		return 1000 * (retry_after_s < RETRY_AFTER_MAX_S
				       ? retry_after_s
				       : RETRY_AFTER_MAX_S);
	for (; n_failed > 1 && ms < BACKOFF_MAX_MS; n_failed--)
		ms *= 2;
	return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}
