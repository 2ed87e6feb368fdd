/* SPDX-License-Identifier: Apache-2.0 */
/* What collectors send. */
#include "gate/api.h"

#include <errno.h>

#include "gate/gate.h"
#include "gate/ingest.h"
#include "gate/request.h"

int api_batch_add(struct gate *g, const struct request *rq, struct reply *rp)
{
	const char *code = NULL;
	bool is_new = false;
	int rc;

	if (rq->body_len == 0) {
		rp->fault = FAULT_BAD_BATCH;
		return err_set(&rp->err, -EBADMSG, "batch: the body is empty");
	}
	rc = ingest_batch(g->store, rq->body, rq->body_len, rq->now_ms, &is_new,
			  &code, &rp->err);
	if (rc < 0) {
		if (code)
			rp->fault = fault_find(code);
		return rc;
	}
	atomic_fetch_add(is_new ? &g->n_batches_stored : &g->n_batches_repeated,
			 1);
	buf_printf(&rp->body, "{\"stored\":%s}\n", is_new ? "true" : "false");
	return 0;
}
