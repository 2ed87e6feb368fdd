/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template - the route of a request: what its path has in common with others.
 *
 * A pure function of method and path, so that two collectors which never
 * heard of each other give one name to one endpoint.  Changing a rule changes
 * names: raise ROUTE_RULES, and cohorts measured under different rules are
 * compared under route "*" only.
 *
 * The rules, for each segment of the path, which ends at '?', '#' or its
 * end, after what follows a ';' in the segment was cut:
 *
 *   longer than 32 bytes, as a UUID is			-> {}
 *   contains '@', '%', or what is not printable ASCII	-> {}
 *   digits, alone or with any of . , : _ + -		-> {}
 *   8 or more hexadecimal digits, one a decimal digit	-> {}
 *   16 or more hexadecimal digits			-> {}
 *   16 or more of the base64 alphabets (A-Z a-z 0-9 + _ - =) that hold
 *   a capital, a small letter and a digit		-> {}
 *   anything else					-> itself
 *
 * Empty segments inside a path are dropped; a slash at its end stays.  After
 * LIMIT_ROUTE_SEGMENTS segments comes {...} for the rest.  A method that HTTP
 * does not define is OTHER.  Where the path is not known the route is "*".
 */
#ifndef COLLECTOR_TEMPLATE_H
#define COLLECTOR_TEMPLATE_H

enum {
	ROUTE_RULES = 1,   /* version of the rules above */
	ROUTE_BYTES = 448, /* room that the longest route and its NUL need */
};

/*
 * Write the route of a request, "GET /orders/{}", into route.
 *
 *   method  "" is unknown and gives OTHER
 *   path    origin form or "*"; NULL is unknown
 */
void route_template(const char *method, const char *path,
		    char route[ROUTE_BYTES]);

#endif /* COLLECTOR_TEMPLATE_H */
