/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_text: any bytes are either refused with a reason, and where they are
 * JSON with a place inside them, or read as a policy that keeps its promises
 * and survives a round trip.
 */
#include "stats/policy_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Is the place within the bytes, or right behind them? */
static bool is_inside(const struct json_place *at, const uint8_t *bytes,
		      size_t len)
{
	unsigned int lines = 1;
	size_t longest = 0;
	size_t column = 0;

	for (size_t i = 0; i < len; i++) {
		column++;
		longest = column > longest ? column : longest;
		if (bytes[i] == '\n') {
			lines++;
			column = 0;
		}
	}
	if (len > LIMIT_JSON_BYTES)
		return at->line == 0; /* refused as a whole */
	return at->line >= 1 && at->line <= lines && at->column >= 1 &&
	       at->column <= longest + 1;
}

static void again(const struct policy_text *t)
{
	struct policy_text copy;
	struct json_place at;
	struct buf once = { 0 };
	struct buf twice = { 0 };

	if (policy_check(&t->policy, NULL) < 0)
		abort(); /* took a number out of its range */
	policy_text_print(&once, &t->policy);
	if (once.bad)
		abort();
	if (once.len <= LIMIT_JSON_BYTES) {
		if (policy_text_parse("p", once.bytes, once.len, &copy, &at,
				      NULL) < 0)
			abort(); /* refused what it wrote */
		policy_text_print(&twice, &copy.policy);
		if (twice.len != once.len ||
		    memcmp(twice.bytes, once.bytes, once.len) != 0)
			abort(); /* changed on its way out and back */
		policy_text_release(&copy);
	}
	buf_release(&twice);
	buf_release(&once);
}

/* Read as one that was kept: at least what is permitted is taken. */
static void kept(const char *text, size_t len, bool permitted)
{
	struct policy_text t = { .n_services = 0 };
	struct err beyond;
	struct err err = { .text = "" };
	int rc = policy_text_parse_kept("p", text, len, &t, &beyond, &err);

	if (rc == 0 ? policy_check(&t.policy, NULL) < 0 : err.text[0] == '\0')
		abort(); /* took what cannot be reckoned with, or no reason */
	if (permitted != (rc == 0 && beyond.text[0] == '\0'))
		abort(); /* the two ways disagree about what is permitted */
	policy_text_release(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct err err = { .text = "" };
	struct json_place at = { .line = 0 };
	struct policy_text t = { .n_services = 0 };
	int rc =
		policy_text_parse("p", (const char *)bytes, len, &t, &at, &err);

	if (rc == 0)
		again(&t);
	else if (err.text[0] == '\0' || t.services ||
		 !is_inside(&at, bytes, len))
		abort(); /* no reason, kept what it refused, or no place */
	kept((const char *)bytes, len, rc == 0);
	policy_text_release(&t);
	return 0;
}
