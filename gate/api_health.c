/* SPDX-License-Identifier: Apache-2.0 */
/* For operations: health, readiness, the API's description. */
#include "gate/api.h"

#include <errno.h>

#include "gate/gate.h"
#include "gate/openapi.h"
#include "gate/request.h"
#include "gate/store.h"

int api_health_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	buf_printf(&rp->body, "{\"status\":\"ok\",\"uptime_s\":%lld}\n",
		   (long long)((rq->now_ms - g->started_ms) / 1000));
	return 0;
}

int api_ready_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	int rc = store_check(g->store, &rp->err);

	(void)rq;
	if (rc < 0) {
		rp->fault = FAULT_STORE_FAILED;
		return rc;
	}
	buf_puts(&rp->body, "{\"status\":\"ready\"}\n");
	return 0;
}

int api_openapi_get(struct gate *g, const struct request *rq, struct reply *rp)
{
	(void)g;
	(void)rq;
	buf_puts(&rp->body, openapi_json);
	return 0;
}
