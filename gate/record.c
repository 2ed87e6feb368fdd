/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/record.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/json.h"
#include "gate/document.h"

static bool decides(const char *key)
{
	return strcmp(key, "verdict") == 0 || strcmp(key, "code") == 0 ||
	       strcmp(key, "pass") == 0 || strcmp(key, "fail") == 0 ||
	       strcmp(key, "final") == 0;
}

/* Note a field that is not the same; either value may be NULL: not there. */
static void note(struct record_difference *d, enum record_match match,
		 const char *key, const struct json *stored,
		 const struct json *found)
{
	if (match == RECORD_DIFFERENT && decides(key))
		d->decision = true;
	if (match <= d->match)
		return; /* one as bad is named already */
	d->match = match;
	(void)!snprintf(d->field, sizeof(d->field), "%.63s", key);
	d->stored[0] = '\0';
	d->found[0] = '\0';
	if (stored)
		json_print(stored, d->stored, sizeof(d->stored));
	if (found)
		json_print(found, d->found, sizeof(d->found));
}

/* How far two numbers are apart, relative to the larger. */
static double distance(double a, double b)
{
	double most = fmax(fabs(a), fabs(b));

	return a == b ? 0.0 : fabs(a - b) / most;
}

struct pair {
	const struct json *other;
	struct record_difference *d;
};

static int compare_member(void *ctx, const char *key, const struct json *stored)
{
	struct pair *p = ctx;
	struct json found;
	double x = 0.0;
	double y = 0.0;
	double apart;

	if (!json_member(p->other, key, &found)) {
		note(p->d, RECORD_DIFFERENT, key, stored, NULL);
		return 0;
	}
	if (json_is_same(stored, &found))
		return 0;
	if (!verdict_document_is_figure(key) ||
	    json_number(stored, &x, NULL) < 0 ||
	    json_number(&found, &y, NULL) < 0) {
		note(p->d, RECORD_DIFFERENT, key, stored, &found);
		return 0;
	}
	apart = distance(x, y);
	p->d->distance = fmax(p->d->distance, apart);
	note(p->d,
	     apart <= RECORD_CLOSE_WITHIN ? RECORD_CLOSE : RECORD_DIFFERENT,
	     key, stored, &found);
	return 0;
}

static int miss_member(void *ctx, const char *key, const struct json *found)
{
	struct pair *p = ctx;
	struct json stored;

	if (!json_member(p->other, key, &stored))
		note(p->d, RECORD_DIFFERENT, key, NULL, found);
	return 0;
}

/* The stored text is no object, or its bytes alone are others. */
static void note_document(struct record_difference *d, const char *stored,
			  const char *found)
{
	d->match = RECORD_DIFFERENT;
	(void)!snprintf(d->field, sizeof(d->field), "document");
	(void)!snprintf(d->stored, sizeof(d->stored), "%.255s", stored);
	(void)!snprintf(d->found, sizeof(d->found), "%.255s", found);
}

int record_compare(const char *stored, const char *found,
		   struct record_difference *ret_d, struct err *err)
{
	struct record_difference d = { .match = RECORD_IDENTICAL };
	struct json_doc *doc[2] = { NULL, NULL };
	struct json root[2];
	struct pair pair = { .d = &d };
	int rc;

	if (strcmp(stored, found) == 0)
		goto out;
	rc = json_parse(found, strlen(found), &doc[1], &root[1], err);
	if (rc < 0)
		return rc == -ENOMEM ? rc : -EINVAL;
	rc = json_parse(stored, strlen(stored), &doc[0], &root[0], NULL);
	if (rc == -ENOMEM) {
		json_doc_free(doc[1]);
		return err_set(err, rc, "record: no memory");
	}
	if (rc == 0 && json_want_object(&root[0], NULL) == 0) {
		pair.other = &root[1];
		(void)json_each_member(&root[0], compare_member, &pair);
		pair.other = &root[0];
		(void)json_each_member(&root[1], miss_member, &pair);
	}
	if (d.match == RECORD_IDENTICAL)
		note_document(&d, stored, found);
	json_doc_free(doc[0]);
	json_doc_free(doc[1]);
out:
	*ret_d = d;
	return 0;
}
