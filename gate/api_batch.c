/* SPDX-License-Identifier: Apache-2.0 */
/* What collectors send. */
#include "gate/api.h"

#include <errno.h>
#include <string.h>

#include "gate/gate.h"
#include "gate/ingest.h"
#include "gate/request.h"

static bool may_ingest(const void *ctx, const char *service)
{
	return request_may(ctx, SCOPE_INGEST, service);
}

int api_batch_add(struct gate *g, const struct request *rq, struct reply *rp)
{
	const struct ingest_permit permit = { .may = may_ingest, .ctx = rq };
	const char *code = NULL;
	bool is_new = false;
	int rc;

	if (rq->body_len == 0) {
		rp->fault = FAULT_BAD_BATCH;
		return err_set(&rp->err, -EBADMSG, "batch: the body is empty");
	}
	rc = ingest_batch_from(g->store, &permit, rq->body, rq->body_len,
			       rq->now_ms, &is_new, &code, &rp->err);
	if (rc < 0) {
		/* what is our own fault has a status that says: again */
		if (code && strcmp(code, "INTERNAL") != 0)
			rp->fault = fault_find(code);
		return rc;
	}
	atomic_fetch_add(is_new ? &g->n_batches_stored : &g->n_batches_repeated,
			 1);
	buf_printf(&rp->body, "{\"stored\":%s}\n", is_new ? "true" : "false");
	return 0;
}
