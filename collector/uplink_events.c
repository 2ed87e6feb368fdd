/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/uplink_events.h"

#include <string.h>

static struct uplink_event *last_of(struct uplink_events *q,
				    enum uplink_what what)
{
	for (size_t i = q->n; i > 0; i--)
		if (q->at[i - 1].what == what)
			return &q->at[i - 1];
	return NULL;
}

void uplink_events_put(struct uplink_events *q, const struct uplink_event *e)
{
	struct uplink_event *last = NULL;

	if (q->n >= UPLINK_EVENTS_MAX)
		last = last_of(q, e->what);
	if (last)
		last->n += e->n;
	else
		q->at[q->n++] = *e;
}

bool uplink_events_take(struct uplink_events *q, struct uplink_event *ret_event)
{
	if (q->n == 0)
		return false;
	*ret_event = q->at[0];
	q->n--;
	memmove(&q->at[0], &q->at[1], q->n * sizeof(q->at[0]));
	return true;
}
