/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/policy_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/file.h"
#include "common/json_text.h"
#include "common/text.h"
#include "stats/policy_keys.h"
#include "stats/policy_text.h"

/* How a number, or the routes left out, differs from what is built in. */
enum differs { STRICTER = -1, SAME = 0, LOOSER = 1 };

static const char *differs_name(enum differs d)
{
	return d == SAME ? "as built in" : d == LOOSER ? "looser" : "stricter";
}

static enum differs key_differs(const struct policy_key *k,
				const struct policy *p)
{
	return (enum differs)policy_key_compare(k, k->built_in,
						policy_key_get(k, p));
}

static enum differs ignore_differs(const struct policy *p)
{
	struct policy built_in;

	policy_default(&built_in);
	if (policy_pattern_beyond(&built_in, p))
		return LOOSER;
	return policy_pattern_beyond(p, &built_in) ? STRICTER : SAME;
}

/* --- for people --- */

/* "stricter in margin, soak_windows", or nothing if there is none. */
static size_t names_add(struct buf *out, const struct policy *p, enum differs d)
{
	size_t n = 0;

	for (size_t i = 0; i < n_policy_keys; i++)
		if (key_differs(&policy_keys[i], p) == d)
			buf_printf(out, "%s%s", n++ ? ", " : "",
				   policy_keys[i].name);
	if (ignore_differs(p) == d)
		buf_printf(out, "%signore_routes", n++ ? ", " : "");
	return n;
}

static void summary_add(struct buf *out, const struct policy *p)
{
	static const enum differs ways[] = { STRICTER, LOOSER };
	size_t n = 0;

	for (size_t i = 0; i < 2; i++) {
		struct buf names = { 0 };

		if (names_add(&names, p, ways[i]) > 0)
			buf_printf(out, "%s than built in: %s\n",
				   ways[i] == LOOSER ? "looser" : "stricter",
				   names.bytes ? names.bytes : "");
		n += names.len;
		out->bad = out->bad || names.bad;
		buf_release(&names);
	}
	if (n == 0)
		buf_puts(out, "every number is as built in\n");
}

static void row_add(struct buf *out, const struct policy_key *k,
		    const struct policy *p)
{
	enum differs d = key_differs(k, p);
	char value[40];
	char built_in[40];

	policy_key_show(k, policy_key_get(k, p), value, sizeof(value));
	policy_key_show(k, k->built_in, built_in, sizeof(built_in));
	buf_printf(out, "%c %-17s  %-13s  %-13s  %s%s%s%s\n",
		   d == SAME ? ' ' : '*', k->name, value, built_in, k->means,
		   d == SAME ? "" : " (", d == SAME ? "" : differs_name(d),
		   d == SAME ? "" : ")");
}

/* A list of texts after a heading, each shown clean. */
static void list_add(struct buf *out, const char *heading, size_t n,
		     const char *texts, size_t stride, const char *none)
{
	buf_printf(out, "%s: ", heading);
	for (size_t i = 0; i < n; i++) {
		char shown[256];

		text_clean(shown, sizeof(shown), texts + i * stride);
		buf_printf(out, "%s%s", i ? ", " : "", shown);
	}
	buf_printf(out, "%s\n", n ? "" : none);
}

void policy_file_show(struct buf *out, const struct policy_text *t)
{
	const struct policy *p = &t->policy;
	bool is_default = strcmp(p->name, "default") == 0;

	summary_add(out, p);
	buf_printf(out, "\n  %-17s  %-13s  %-13s  %s\n", "SETTING", "IN EFFECT",
		   "BUILT IN", "WHAT IT IS");
	for (size_t i = 0; i < n_policy_keys; i++)
		row_add(out, &policy_keys[i], p);
	buf_puts(out, "\n");
	buf_printf(out, "%c ", ignore_differs(p) == SAME ? ' ' : '*');
	list_add(out, "routes that are not judged", p->n_ignore,
		 p->ignore_routes[0], sizeof(p->ignore_routes[0]), "none");
	buf_puts(out, "  ");
	list_add(out, "bound to", t->n_services,
		 t->n_services ? t->services[0] : "", sizeof(t->services[0]),
		 is_default ? "every service that no other policy names"
			    : "no service; callers may name it where it is "
			      "stricter than the bound one");
}

/* --- for programs --- */

static void member_add(struct buf *out, const struct policy_key *k,
		       const struct policy *p)
{
	buf_printf(out, "{\"key\":\"%s\",\"value\":", k->name);
	json_text_number(out, policy_key_get(k, p));
	buf_puts(out, ",\"built_in\":");
	json_text_number(out, k->built_in);
	buf_printf(out, ",\"is\":\"%s\"}", differs_name(key_differs(k, p)));
}

void policy_file_print(struct buf *out, const struct policy_text *t)
{
	size_t n = 0;

	buf_puts(out, "{\"valid\":true,\"name\":");
	json_text_string(out, t->policy.name);
	buf_puts(out, ",\"policy\":");
	policy_text_print(out, &t->policy);
	buf_puts(out, ",\"services\":");
	policy_text_services(out, t);
	buf_puts(out, ",\"differs\":[");
	for (size_t i = 0; i < n_policy_keys; i++)
		if (key_differs(&policy_keys[i], &t->policy) != SAME) {
			buf_puts(out, n++ ? "," : "");
			member_add(out, &policy_keys[i], &t->policy);
		}
	buf_printf(out, "],\"ignore_routes_are\":\"%s\"}\n",
		   differs_name(ignore_differs(&t->policy)));
}

/* --- the command --- */

/* What is wrong, in the form asked for. */
static void refuse(const char *path, const struct json_place *at,
		   const struct err *err, bool json)
{
	struct buf out = { 0 };
	char shown[sizeof(err->text)];

	text_clean(shown, sizeof(shown), err->text);
	if (!json) {
		fprintf(stderr, "tailgate: %s: %s\n", path, shown);
		return;
	}
	buf_puts(&out, "{\"valid\":false,\"error\":");
	json_text_string(&out, shown);
	if (at->line > 0)
		buf_printf(&out, ",\"line\":%u,\"column\":%u", at->line,
			   at->column);
	buf_puts(&out, "}");
	puts(out.bad ? "{\"valid\":false}" : out.bytes);
	buf_release(&out);
}

static enum exit_code show(const char *path, const struct policy_text *t,
			   bool named, bool json)
{
	struct buf out = { 0 };
	enum exit_code code = EXIT_PASS;

	if (json)
		policy_file_print(&out, t);
	else if (named)
		buf_printf(&out, "%s: a gate takes it as policy \"%s\"\n", path,
			   t->policy.name);
	else
		buf_printf(&out,
			   "%s: a policy; a gate takes it once the file is "
			   "called NAME.json\n",
			   path);
	if (!json)
		policy_file_show(&out, t);
	if (out.bad) {
		fputs("tailgate: no memory\n", stderr);
		code = EXIT_GATE;
	} else {
		fputs(out.bytes, stdout);
	}
	buf_release(&out);
	return code;
}

enum exit_code policy_file_check(const char *path, bool json)
{
	char name[POLICY_NAME_BYTES] = "unnamed";
	struct policy_text t = { .n_services = 0 };
	struct json_place at = { .line = 0 };
	struct err err = { "" };
	char *text = NULL;
	size_t len = 0;
	enum exit_code code = EXIT_FAIL;
	int named = policy_name_of(path, name, NULL);
	int rc = file_read(path, LIMIT_JSON_BYTES, &text, &len, &err);

	if (rc == -ENOENT || rc == -EIO || rc == -ENOMEM) {
		fprintf(stderr, "tailgate: %s\n", err.text);
		return rc == -ENOMEM ? EXIT_GATE : EXIT_USAGE;
	}
	if (rc == -EMSGSIZE) /* without the path, which stands before it */
		(void)snprintf(err.text, sizeof(err.text),
			       "it may have %d bytes", LIMIT_JSON_BYTES);
	if (rc == 0)
		rc = policy_text_parse(name, text, len, &t, &at, &err);
	if (rc == 0 && named == -EINVAL)
		rc = policy_name_of(path, name, &err);
	if (rc < 0)
		refuse(path, &at, &err, json);
	else
		code = show(path, &t, named == 0, json);
	policy_text_release(&t);
	free(text);
	return code;
}
