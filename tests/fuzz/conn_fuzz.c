/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn: any events, also ones that no kernel would send, give requests whose
 * times are in order and whose number is bounded by the bytes read.
 *
 * An event is four bytes of the input, what it is and how much of it is
 * shown, and the bytes shown.
 */
#include "collector/conn.h"

#include <stdlib.h>
#include <string.h>

#include "bpf/events.h"

enum { HEAD_MAX = 255, NS = 1000000 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct seen {
	uint64_t n_requests;
	uint64_t n_read; /* bytes or gaps in which a request could begin */
	uint64_t now_ns;
};

static void check(void *ctx, const struct request_record *r)
{
	struct seen *seen = ctx;

	if (++seen->n_requests > seen->n_read)
		abort();
	if (r->arrive_ns > r->read_ns || r->read_ns > r->last_ns ||
	    r->last_ns > seen->now_ns)
		abort();
	if (r->status == STATUS_UNANSWERED) {
		if (r->first_ns != 0)
			abort();
	} else if (r->first_ns < r->read_ns || r->first_ns > r->last_ns) {
		abort();
	}
	if (r->status >= STATUS_N || !r->method)
		abort();
	if (r->path && strpbrk(r->path, "?#"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static _Alignas(8) char room[sizeof(struct sock_event) + HEAD_MAX];
	struct sock_event *e = (struct sock_event *)room;
	struct seen seen = { .now_ns = 1000 * (uint64_t)NS };
	struct conn_table *t = NULL;

	if (conn_table_new(check, &seen, &t) < 0)
		return 0;
	while (len >= 4) {
		size_t n_shown = bytes[1] < len - 4 ? bytes[1] : len - 4;

		memset(e, 0, sizeof(*e));
		e->op = bytes[0] & 3;
		e->conn = bytes[0] >> 2 & 1;
		e->flags = bytes[0] >> 3 & 7;
		e->n_tail = (uint8_t)(n_shown < bytes[0] >> 6 ? n_shown
							      : bytes[0] >> 6);
		e->n_head = (uint16_t)(n_shown - e->n_tail);
		e->n_bytes = (uint32_t)(n_shown + bytes[2] * 9U);
		seen.now_ns += (uint64_t)bytes[3] * NS;
		e->at_ns = seen.now_ns;
		e->arrive_ns = bytes[3] & 1 ? seen.now_ns - NS : 0;
		memcpy(room + sizeof(*e), bytes + 4, n_shown);
		if (e->op == SOCK_READ)
			seen.n_read += n_shown + 2;
		conn_table_feed(t, e);
		conn_table_tick(t, seen.now_ns);
		if (bytes[3] == 255) {
			seen.now_ns += UINT64_C(20000) * NS;
			conn_table_window_end(t, seen.now_ns);
		}
		bytes += 4 + n_shown;
		len -= 4 + n_shown;
	}
	conn_table_free(t);
	return 0;
}
