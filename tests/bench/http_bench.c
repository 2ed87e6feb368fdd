/* SPDX-License-Identifier: Apache-2.0 */
/* http: what finding the requests in their bytes costs the collector. */
#include <stdlib.h>

#include "collector/http1.h"
#include "collector/template.h"
#include "tests/bench/bench.h"

/* As a browser's, behind a proxy: 413 bytes, ten fields. */
static const char request[] =
	"GET /api/v2/customers/4711/orders/9f8e7d6c?expand=items HTTP/1.1\r\n"
	"Host: orders.example.com\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:115.0) "
	"Gecko/20100101\r\n"
	"Accept: application/json\r\n"
	"Accept-Language: en-US,en;q=0.5\r\n"
	"Accept-Encoding: gzip, deflate\r\n"
	"Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n"
	"X-Forwarded-For: 192.0.2.7\r\n"
	"X-Request-Id: 6f1c2d3e4b5a\r\n"
	"Content-Length: 0\r\n"
	"Connection: keep-alive\r\n"
	"\r\n";

static const char response[] = "HTTP/1.1 200 OK\r\n"
			       "Content-Type: application/json\r\n"
			       "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
			       "Content-Length: 13\r\n"
			       "\r\n"
			       "{\"total\":117}";

/* Ends the program unless the message is seen whole. */
static void parse(struct http1 *h, const char *text, size_t len)
{
	struct http1_span s = { (const uint8_t *)text, len };
	bool whole = false;

	for (;;) {
		switch (http1_next(h, &s)) {
		case HTTP1_END:
			whole = true;
			break;
		case HTTP1_MORE:
			if (whole)
				return;
			__attribute__((fallthrough));
		case HTTP1_BAD:
		case HTTP1_LOST:
			fprintf(stderr, "http_bench: a message is not whole\n");
			exit(1);
		case HTTP1_BEGIN:
		case HTTP1_HEAD:
			break;
		}
	}
}

/* Mean ns of a request, its path taken, and of its answer. */
static double parse_ns(unsigned int n)
{
	struct http1 requests;
	struct http1 responses;
	uint64_t from_ns;

	http1_init(&requests, HTTP1_REQUESTS);
	http1_init(&responses, HTTP1_RESPONSES);
	from_ns = bench_now_ns();
	for (unsigned int i = 0; i < n; i++) {
		parse(&requests, request, sizeof(request) - 1);
		free(http1_take_path(&requests));
		parse(&responses, response, sizeof(response) - 1);
	}
	from_ns = bench_now_ns() - from_ns;
	http1_release(&requests);
	http1_release(&responses);
	return (double)from_ns / n;
}

static double template_ns(unsigned int n)
{
	char route[ROUTE_BYTES];
	uint64_t from_ns = bench_now_ns();

	for (unsigned int i = 0; i < n; i++)
		route_template("GET",
			       "/api/v2/customers/4711/orders/9f8e7d6c-0000-"
			       "4000-8000-0123456789ab",
			       route);
	return (double)(bench_now_ns() - from_ns) / n;
}

int main(int argc, char **argv)
{
	unsigned int n = bench_quick(argc, argv) ? 50000 : 500000;

	bench_row("http: parse request and answer", parse_ns(n), "ns/request",
		  "-", NAN, "-", true);
	bench_row("http: route of a path", template_ns(n), "ns/request", "-",
		  NAN, "-", true);
	return 0;
}
