/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template: any method and path give a route that is short, printable and its
 * own route.
 *
 * The input is a method, a space and a path; without a space it is a path.
 */
#include "collector/template.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 1024, METHOD_BYTES = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char text[TEXT_BYTES];
	char method[METHOD_BYTES] = "GET";
	char route[ROUTE_BYTES];
	char again[ROUTE_BYTES];
	const char *path = text;
	char *space;

	if (len >= sizeof(text))
		return 0;
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	space = strchr(text, ' ');
	if (space && space - text < METHOD_BYTES) {
		memcpy(method, text, (size_t)(space - text));
		method[space - text] = '\0';
		path = space + 1;
	}
	route_template(method, path, route);
	if (strlen(route) >= ROUTE_BYTES || strpbrk(route, "?#@%"))
		abort();
	for (const char *c = route; *c; c++) {
		if (*c < ' ' || *c > '~')
			abort();
	}
	space = strchr(route, ' ');
	*space = '\0';
	route_template(route, space + 1, again);
	if (strcmp(again + strlen(route) + 1, space + 1) != 0)
		abort(); /* the route of a route is another */
	return 0;
}
