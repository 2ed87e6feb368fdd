/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/fault.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct fault_row rows[FAULT_N] = {
	[FAULT_NONE] = { NULL, 200, "" },
	[FAULT_BAD_FRAMING] = { "BAD_FRAMING", 400,
				"where the request ends is in doubt" },
	[FAULT_BAD_TARGET] = { "BAD_TARGET", 400,
			       "the path or the query cannot be read" },
	[FAULT_BAD_PARAMETER] = { "BAD_PARAMETER", 400,
				  "a parameter is missing, unknown or out of "
				  "range" },
	[FAULT_BAD_IDENTITY] = { "BAD_IDENTITY", 400,
				 "a service or revision is empty or "
				 "malformed" },
	[FAULT_SAME_REVISION] = { "SAME_REVISION", 400,
				  "baseline and canary are the same revision" },
	[FAULT_BAD_POLICY] = { "BAD_POLICY", 400,
			       "no such policy, none that can be, or looser "
			       "than the one that is bound" },
	[FAULT_BAD_RANGE] = { "BAD_RANGE", 400,
			      "a time that cannot be judged: empty, too long, "
			      "not over or no longer kept" },
	[FAULT_BAD_BODY] = { "BAD_BODY", 400, "no body is wanted here" },
	[FAULT_MALFORMED] = { "MALFORMED", 400,
			      "the body does not hold what it claims" },
	[FAULT_BAD_BATCH] = { "BAD_BATCH", 400,
			      "the batch is malformed; do not send it again" },
	[FAULT_FUTURE] = { "FUTURE", 400,
			   "the batch covers time that is not over; check "
			   "the sender's clock" },
	[FAULT_TOO_OLD] = { "TOO_OLD", 400, "the batch lies too far back" },
	[FAULT_UNSUPPORTED_VERSION] = { "UNSUPPORTED_VERSION", 400,
					"a newer version than this gate "
					"speaks" },
	[FAULT_NO_TOKEN] = { "NO_TOKEN", 401, "no token, or an unknown one" },
	[FAULT_FORBIDDEN] = { "FORBIDDEN", 403,
			      "the token does not allow this" },
	[FAULT_CROSS_SITE] = { "CROSS_SITE", 403,
			       "a browser sent this for another site" },
	[FAULT_WRONG_HOST] = { "WRONG_HOST", 403,
			       "an open gate answers to loopback names only" },
	[FAULT_NOT_FOUND] = { "NOT_FOUND", 404, "there is no such thing" },
	[FAULT_METHOD] = { "METHOD_NOT_ALLOWED", 405,
			   "the path is known, the method is not" },
	[FAULT_DUPLICATE_COLLECTOR] = { "DUPLICATE_COLLECTOR", 409,
					"another stream covers the same "
					"instance and time" },
	[FAULT_POLICY_CONFLICT] = { "POLICY_CONFLICT", 409,
				    "the name is a file's, or another policy "
				    "has the service" },
	[FAULT_TOO_SLOW] = { "TOO_SLOW", 408, "the request came too slowly" },
	[FAULT_TOO_LARGE] = { "TOO_LARGE", 413, "the body is too large" },
	[FAULT_MEDIA_TYPE] = { "MEDIA_TYPE", 415,
			       "a type or encoding that is not taken here" },
	[FAULT_INTERNAL] = { "INTERNAL", 500, "the gate is at fault" },
	[FAULT_BUSY] = { "BUSY", 503, "nothing was changed; try again" },
	[FAULT_STORE_FAILED] = { "STORE_FAILED", 503,
				 "the store cannot be read or written" },
	[FAULT_NO_SPACE] = { "NO_SPACE", 507, "the store has no room left" },
	[FAULT_NO_DATA] = { "NO_DATA", 410,
			    "the batches that it rests on are past their "
			    "retention" },
};

/* What a return code means to a client, for every endpoint. */
static const struct {
	int rc;
	enum fault fault;
} of_rc[] = {
	{ -EPROTO, FAULT_UNSUPPORTED_VERSION },
	{ -EBADMSG, FAULT_MALFORMED },	  /* not what it claims to be */
	{ -EINVAL, FAULT_BAD_PARAMETER }, /* well formed, makes no sense */
	{ -EACCES, FAULT_NO_TOKEN },
	{ -EPERM, FAULT_FORBIDDEN },
	{ -ENOENT, FAULT_NOT_FOUND },
	{ -ENOTSUP, FAULT_METHOD },
	{ -EEXIST, FAULT_DUPLICATE_COLLECTOR },
	{ -EMSGSIZE, FAULT_TOO_LARGE },
	{ -EBUSY, FAULT_BUSY },
	{ -EAGAIN, FAULT_BUSY },
	{ -ENOMEM, FAULT_BUSY },
	{ -EIO, FAULT_STORE_FAILED },
	{ -EROFS, FAULT_STORE_FAILED },
	{ -ENODATA, FAULT_NO_DATA },
	{ -ENOSPC, FAULT_NO_SPACE },
};

const struct fault_row *fault_row(enum fault f)
{
	assert((size_t)f < FAULT_N);
	return &rows[f];
}

enum fault fault_of(int rc)
{
	if (rc == 0)
		return FAULT_NONE;
	for (size_t i = 0; i < sizeof(of_rc) / sizeof(of_rc[0]); i++)
		if (of_rc[i].rc == rc)
			return of_rc[i].fault;
	return FAULT_INTERNAL;
}

enum fault fault_find(const char *name)
{
	for (int i = FAULT_NONE + 1; i < FAULT_N; i++)
		if (strcmp(rows[i].name, name) == 0)
			return (enum fault)i;
	return FAULT_INTERNAL;
}
