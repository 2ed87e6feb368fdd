/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: any bytes are either refused with a reason and leave nothing behind,
 * or give a root whose getters answer every question without a fault.
 */
#include "common/json.h"

#include <stdlib.h>

#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Each member has a key that asks for it. */
static int member_count(void *ctx, const char *key, struct err *err)
{
	(void)err;
	(*(size_t *)ctx)++;
	return key ? 0 : -1;
}

/* Ask a value everything there is to ask. */
static void ask(const struct json *v)
{
	static const char *const keys[] = { "a", "b", NULL };
	struct json m;
	const char *text = "";
	uint64_t n = 0;
	int64_t i = 0;
	double x = 0;
	bool yes = false;
	size_t count = 0;

	(void)json_want_only(v, keys, NULL); /* any answer is a good one */
	if (json_want_object(v, NULL) != json_each(v, member_count, &n, NULL))
		abort(); /* went through what is no object, or ended early */
	(void)json_get_string(v, "a", 9, &text, NULL);
	(void)json_get_u64(v, "a", 1, 9, &n, NULL);
	(void)json_get_i64(v, "a", &i, NULL);
	(void)json_get_number(v, "a", &x, NULL);
	(void)json_get_bool(v, "a", &yes, NULL);
	if (json_get_array(v, "a", 100, &m, &count, NULL) == 0)
		for (size_t k = 0; k < count; k++) {
			struct json e;

			json_element(&m, k, &e);
			ask(&e);
		}
	if (json_member(v, "b", &m))
		ask(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct err err = { .text = "" };
	struct json_doc *doc = NULL;
	struct json root;

	if (json_parse(bytes, len, &doc, &root, &err) == 0)
		ask(&root);
	else if (doc || err.text[0] == '\0')
		abort(); /* kept a refused document, or gave no reason */
	json_doc_free(doc);
	return 0;
}
