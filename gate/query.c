/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/query.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "common/err.h"
#include "common/text.h"
#include "gate/request.h"

int query_split(char *target, char **ret_path, char **ret_query,
		struct err *err)
{
	char *path = target;
	char *mark;

	/* the form that a client uses towards a proxy: servers take it too */
	if (strncasecmp(path, "http://", 7) == 0)
		path += 7 + strcspn(path + 7, "/?");
	else if (strncasecmp(path, "https://", 8) == 0)
		path += 8 + strcspn(path + 8, "/?");
	if (path[0] != '/')
		return err_set(err, -EINVAL,
			       "request target \"%.60s\": want a path", target);

	mark = strchr(path, '?');
	if (mark)
		*mark++ = '\0';
	*ret_path = path;
	*ret_query = mark ? mark : path + strlen(path);
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undo the escapes of text in place. */
static int unescape(char *text, struct err *err)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		int hi;
		int lo;

		if (*from == '+') {
			*to++ = ' ';
			continue;
		}
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		hi = hex_value(from[1]);
		lo = hi < 0 ? -1 : hex_value(from[2]);
		if (lo < 0)
			return err_set(err, -EINVAL,
				       "query: \"%.3s\" is no escape", from);
		*to++ = (char)(hi * 16 + lo);
		if (to[-1] == '\0')
			return err_set(err, -EINVAL, "query: %%00 is refused");
		from += 2;
	}
	*to = '\0';
	return 0;
}

static int check_text(const char *what, const char *text, struct err *err)
{
	if (text_is_clean(text))
		return 0;
	return err_set(err, -EINVAL,
		       "query: a %s is not UTF-8 or has control characters",
		       what);
}

static int take_field(char *piece, struct request_field *f, struct err *err)
{
	char *value = strchr(piece, '=');
	int rc;

	if (value)
		*value++ = '\0';
	else
		value = piece + strlen(piece);
	rc = unescape(piece, err);
	if (rc == 0)
		rc = unescape(value, err);
	if (rc == 0)
		rc = check_text("name", piece, err);
	if (rc == 0)
		rc = check_text("value", value, err);
	if (rc < 0)
		return rc;
	if (piece[0] == '\0')
		return err_set(err, -EINVAL, "query: a value without a name");
	f->name = piece;
	f->value = value;
	return 0;
}

static bool is_known(const struct request_field *fields, size_t n,
		     const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return true;
	return false;
}

int query_parse(char *text, struct request_field *fields, size_t max,
		size_t *ret_n, struct err *err)
{
	size_t n = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, "&");
		char *next = text + len + (text[len] != '\0');
		struct request_field f = { "", "" };
		int rc;

		text[len] = '\0';
		if (len > 0) {
			rc = take_field(text, &f, err);
			if (rc < 0)
				return rc;
			if (is_known(fields, n, f.name))
				return err_set(err, -EINVAL,
					       "query: %.60s is given twice",
					       f.name);
			if (n == max)
				return err_set(err, -EINVAL,
					       "query: more than %zu "
					       "parameters",
					       max);
			fields[n++] = f;
		}
		text = next;
	}
	*ret_n = n;
	return 0;
}

const char *request_query(const struct request *rq, const char *name)
{
	for (size_t i = 0; i < rq->n_query; i++)
		if (strcmp(rq->query[i].name, name) == 0)
			return rq->query[i].value;
	return NULL;
}

/* "a", "a and b", "a, b and c" */
static void list_names(struct buf *to, const char *const *names)
{
	for (size_t i = 0; names[i]; i++)
		buf_printf(to, "%s%s",
			   i == 0	  ? ""
			   : names[i + 1] ? ", "
					  : " and ",
			   names[i]);
}

static int refuse_name(const char *name, const char *const *known,
		       struct err *err)
{
	struct buf list = { .max = 0 };
	int rc;

	list_names(&list, known);
	if (!known[0] || list.bad)
		rc = err_set(err, -EINVAL, "unknown parameter \"%.60s\"", name);
	else
		rc = err_set(err, -EINVAL,
			     "unknown parameter \"%.60s\"; there %s %s", name,
			     known[1] ? "are" : "is", list.bytes);
	buf_release(&list);
	return rc;
}

int request_want_only(const struct request *rq, const char *const *names,
		      struct err *err)
{
	for (size_t i = 0; i < rq->n_query; i++) {
		size_t k = 0;

		while (names[k] && strcmp(names[k], rq->query[i].name) != 0)
			k++;
		if (!names[k])
			return refuse_name(rq->query[i].name, names, err);
	}
	return 0;
}
