/* SPDX-License-Identifier: Apache-2.0 */
/* client: queries; the rest needs a server and is a system test. */
#include "ci/cli/client.h"

#include <stddef.h>
#include <string.h>

#include "tests/test.h"

static void a_query_is_encoded(void)
{
	struct buf b = { 0 };

	buf_puts(&b, "/v1/verdict");
	client_query_add(&b, "service", "team/orders");
	client_query_add(&b, "canary", "1.4.2+b~7:&%");
	CHECK(!b.bad && strcmp(b.bytes, "/v1/verdict?service=team%2Forders"
					"&canary=1.4.2%2Bb~7%3A%26%25") == 0);
	buf_release(&b);
}

const struct test_case test_cases[] = {
	{ "client: a query is encoded", a_query_is_encoded },
	{ NULL, NULL },
};
