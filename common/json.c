/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/json_place.h"
#include "common/json_text.h"
#include "common/limits.h"

struct json_doc {
	json_t *root;
};

static json_t *value_of(const struct json *v)
{
	return v->value;
}

/*
 * The library stops at 2,048 levels, each of which costs it stack.  Brackets
 * outside strings are counted before it sees the text; a text that is wrong
 * in other ways may be counted wrongly, and is refused anyway.
 */
static int check_depth(const char *text, size_t len, struct json_place *at,
		       struct err *err)
{
	unsigned int depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (quoted && c == '\\') {
			i++;
		} else if (c == '"') {
			quoted = !quoted;
		} else if (!quoted && (c == '[' || c == '{')) {
			if (++depth <= LIMIT_JSON_DEPTH)
				continue;
			*at = json_place_at(text, len, i);
			return err_set(err, -EBADMSG,
				       "JSON: line %u column %u: nested deeper "
				       "than %d",
				       at->line, at->column, LIMIT_JSON_DEPTH);
		} else if (!quoted && (c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	return 0;
}

int json_parse_at(const void *text, size_t len, struct json_doc **ret_doc,
		  struct json *ret_root, struct json_place *ret_at,
		  struct err *err)
{
	struct json_doc *doc;
	json_error_t why;
	int rc;

	if (len > LIMIT_JSON_BYTES)
		return err_set(err, -EMSGSIZE,
			       "JSON: it has %zu bytes and may have %d", len,
			       LIMIT_JSON_BYTES);
	rc = check_depth(text, len, ret_at, err);
	if (rc < 0)
		return rc;
	doc = calloc(1, sizeof(*doc));
	if (!doc)
		return err_set(err, -ENOMEM, "JSON: no memory");
	/* loadb reads no byte of text if len is 0, and says why */
	doc->root = json_loadb(text ? text : "", len,
			       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!doc->root) {
		free(doc);
		if (json_error_code(&why) == json_error_out_of_memory)
			return err_set(err, -ENOMEM, "JSON: no memory");
		/* before a line's first character the library counts 0 */
		ret_at->line = (unsigned int)why.line;
		ret_at->column = why.column > 0 ? (unsigned int)why.column : 1U;
		return err_set(err, -EBADMSG, "JSON: line %u column %u: %s",
			       ret_at->line, ret_at->column, why.text);
	}
	*ret_doc = doc;
	*ret_root = (struct json){ .value = doc->root };
	return 0;
}

int json_parse(const void *text, size_t len, struct json_doc **ret_doc,
	       struct json *ret_root, struct err *err)
{
	struct json_place at;

	return json_parse_at(text, len, ret_doc, ret_root, &at, err);
}

void json_doc_free(struct json_doc *doc)
{
	if (!doc)
		return;
	json_decref(doc->root);
	free(doc);
}

static const char *kind_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

/* Refuse v: what was wanted, what was found. */
static int refuse(const struct json *v, const char *want, struct err *err)
{
	const char *found = kind_of(value_of(v));

	if (v->path[0] == '\0')
		return err_set(err, -EINVAL, "JSON: want %s, found %s", want,
			       found);
	return err_set(err, -EINVAL, "key %s: want %s, found %s", v->path, want,
		       found);
}

bool json_member(const struct json *v, const char *key, struct json *ret_m)
{
	json_t *value = json_object_get(value_of(v), key);

	if (!value)
		return false;
	ret_m->value = value;
	/* a path too long to show is cut */
	(void)!snprintf(ret_m->path, sizeof(ret_m->path), "%.60s%s%.30s",
			v->path, v->path[0] ? "." : "", key);
	return true;
}

int json_each_member(const struct json *v,
		     int (*visit)(void *ctx, const char *key,
				  const struct json *member),
		     void *ctx)
{
	const char *key;
	json_t *value;
	int rc = 0;

	json_object_foreach(value_of(v), key, value)
	{
		struct json m;

		(void)json_member(v, key, &m); /* it is one */
		rc = visit(ctx, key, &m);
		if (rc != 0)
			break;
	}
	return rc;
}

bool json_is_same(const struct json *a, const struct json *b)
{
	return json_equal(value_of(a), value_of(b)) == 1;
}

void json_print(const struct json *v, char *to, size_t room)
{
	json_t *value = value_of(v);
	struct buf number = { .max = 0 };
	char *text = NULL;

	if (json_is_real(value))
		json_text_number(&number, json_real_value(value));
	else
		text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	(void)!snprintf(to, room, "%s",
			number.bytes ? number.bytes
			: text	     ? text
				     : "");
	free(text);
	buf_release(&number);
}

int json_want_object(const struct json *v, struct err *err)
{
	return json_is_object(value_of(v)) ? 0 : refuse(v, "an object", err);
}

int json_want_key(const struct json *v, const char *key, struct err *err)
{
	int rc = json_want_object(v, err);

	if (rc < 0)
		return rc;
	if (!json_object_get(value_of(v), key))
		return err_set(err, -EINVAL, "key %s%s%s is missing", v->path,
			       v->path[0] ? "." : "", key);
	return 0;
}

/*
 * Edits (insert, delete, replace) that turn a into b: Levenshtein's distance
 * over one row.  Only the first bytes count: keys of ours are shorter.
 */
static unsigned int distance(const char *a, const char *b)
{
	enum { KEY_MAX = 48 };
	unsigned int row[KEY_MAX + 1];
	size_t n_a = strnlen(a, KEY_MAX);
	size_t n_b = strnlen(b, KEY_MAX);

	for (size_t j = 0; j <= n_b; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= n_a; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= n_b; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n_b];
}

int json_refuse_key(const struct json *v, const char *key,
		    const char *const *keys, struct err *err)
{
	const char *nearest = keys[0];

	for (const char *const *k = keys; *k; k++)
		if (distance(key, *k) < distance(key, nearest))
			nearest = *k;
	if (!nearest)
		return err_set(err, -EINVAL, "key %s%s%.64s is unknown",
			       v->path, v->path[0] ? "." : "", key);
	return err_set(err, -EINVAL,
		       "key %s%s%.64s is unknown; the nearest known is %s",
		       v->path, v->path[0] ? "." : "", key, nearest);
}

int json_want_only(const struct json *v, const char *const *keys,
		   struct err *err)
{
	const char *key;
	json_t *value;
	int rc = json_want_object(v, err);

	if (rc < 0)
		return rc;
	json_object_foreach(value_of(v), key, value)
	{
		const char *const *k = keys;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k)
			return json_refuse_key(v, key, keys, err);
	}
	return 0;
}

int json_each(const struct json *v,
	      int (*each)(void *ctx, const char *key, struct err *err),
	      void *ctx, struct err *err)
{
	const char *key;
	json_t *value;
	int rc = json_want_object(v, err);

	if (rc < 0)
		return rc;
	/* the library keeps the order in which keys came (since 2.8) */
	json_object_foreach(value_of(v), key, value)
	{
		rc = each(ctx, key, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int json_text(const struct json *v, size_t max, const char **ret_text,
	      struct err *err)
{
	const char *text = json_string_value(value_of(v));

	if (!text)
		return refuse(v, "a string", err);
	if (strlen(text) > max)
		return err_set(err, -EINVAL,
			       "key %s: it has %zu bytes and may have %zu",
			       v->path, strlen(text), max);
	*ret_text = text;
	return 0;
}

int json_get_string(const struct json *v, const char *key, size_t max,
		    const char **ret_text, struct err *err)
{
	struct json m;

	return json_member(v, key, &m) ? json_text(&m, max, ret_text, err) : 0;
}

int json_get_i64(const struct json *v, const char *key, int64_t *ret_n,
		 struct err *err)
{
	struct json m;

	if (!json_member(v, key, &m))
		return 0;
	if (!json_is_integer(value_of(&m)))
		return refuse(&m, "a whole number", err);
	*ret_n = json_integer_value(value_of(&m));
	return 0;
}

int json_get_u64(const struct json *v, const char *key, uint64_t min,
		 uint64_t max, uint64_t *ret_n, struct err *err)
{
	struct json m;
	int64_t n = 0;
	int rc;

	if (!json_member(v, key, &m))
		return 0;
	rc = json_get_i64(v, key, &n, err);
	if (rc < 0)
		return rc;
	if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return err_set(err, -EINVAL,
			       "key %s: %" PRId64 " is not within %" PRIu64
			       "..%" PRIu64,
			       m.path, n, min, max);
	*ret_n = (uint64_t)n;
	return 0;
}

int json_number(const struct json *v, double *ret_x, struct err *err)
{
	if (!json_is_number(value_of(v)))
		return refuse(v, "a number", err);
	*ret_x = json_number_value(value_of(v));
	return 0;
}

int json_get_number(const struct json *v, const char *key, double *ret_x,
		    struct err *err)
{
	struct json m;

	return json_member(v, key, &m) ? json_number(&m, ret_x, err) : 0;
}

int json_get_bool(const struct json *v, const char *key, bool *ret_yes,
		  struct err *err)
{
	struct json m;

	if (!json_member(v, key, &m))
		return 0;
	if (!json_is_boolean(value_of(&m)))
		return refuse(&m, "true or false", err);
	*ret_yes = json_is_true(value_of(&m));
	return 0;
}

int json_get_array(const struct json *v, const char *key, size_t max,
		   struct json *ret_array, size_t *ret_n, struct err *err)
{
	struct json m;

	*ret_n = 0;
	if (!json_member(v, key, &m))
		return 0;
	if (!json_is_array(value_of(&m)))
		return refuse(&m, "an array", err);
	if (json_array_size(value_of(&m)) > max)
		return err_set(err, -EINVAL,
			       "key %s: it has %zu elements and may have %zu",
			       m.path, json_array_size(value_of(&m)), max);
	*ret_n = json_array_size(value_of(&m));
	*ret_array = m;
	return 0;
}

void json_element(const struct json *array, size_t i, struct json *ret_e)
{
	struct json e = { .value = json_array_get(value_of(array), i) };

	(void)!snprintf(e.path, sizeof(e.path), "%.70s[%zu]", array->path, i);
	*ret_e = e;
}
