/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/template.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/limits.h"

enum {
	SEGMENT_BYTES_MAX = 32,
	HEX_WITH_DIGIT_MIN = 8,
	HEX_MIN = 16,
	BASE64_MIN = 16,
	METHOD_BYTES_MAX = 16,
};

/* RFC 9110 and RFC 5789; then those of WebDAV that people serve. */
static const char *const methods[] = {
	"GET",	   "POST",    "PUT",   "DELETE",   "HEAD",	"PATCH",
	"OPTIONS", "CONNECT", "TRACE", "PROPFIND", "PROPPATCH", "REPORT",
	"MKCOL",   "COPY",    "MOVE",  "LOCK",	   "UNLOCK",
};

static const char *known_method(const char *method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(method, methods[i]) == 0)
			return methods[i];
	}
	return "OTHER";
}

/* What a segment is made of. */
struct kinds {
	size_t n_digits;
	size_t n_capitals;
	size_t n_small;
	size_t n_hex;	 /* digits included */
	size_t n_joints; /* . , : _ + - */
	size_t n_base64; /* signs of its alphabets: + _ - = */
	bool odd;	 /* '@', '%', or not printable ASCII */
};

static struct kinds kinds_of(const char *s, size_t len)
{
	struct kinds k = { .odd = false };

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		k.odd |= c <= ' ' || c > '~' || c == '@' || c == '%';
		k.n_digits += c >= '0' && c <= '9';
		k.n_capitals += c >= 'A' && c <= 'Z';
		k.n_small += c >= 'a' && c <= 'z';
		k.n_hex += isxdigit(c) != 0;
		k.n_joints += c && strchr(".,:_+-", c) != NULL;
		k.n_base64 += c && strchr("+_-=", c) != NULL;
	}
	return k;
}

/* Does the segment name one thing of many, rather than their kind? */
static bool is_variable(const char *s, size_t len)
{
	struct kinds k = kinds_of(s, len);

	if (len > SEGMENT_BYTES_MAX || k.odd)
		return true;
	if (k.n_digits > 0 && k.n_digits + k.n_joints == len)
		return true;
	if (k.n_hex == len &&
	    (len >= HEX_MIN || (len >= HEX_WITH_DIGIT_MIN && k.n_digits > 0)))
		return true;
	return len >= BASE64_MIN && k.n_capitals > 0 && k.n_small > 0 &&
	       k.n_digits > 0 &&
	       k.n_digits + k.n_capitals + k.n_small + k.n_base64 == len;
}

/* A text that is known to have room: what is added is bounded above. */
struct out {
	char *at;
};

static void put(struct out *o, const char *s, size_t len)
{
	memcpy(o->at, s, len);
	o->at += len;
	*o->at = '\0';
}

static void put_path(struct out *o, const char *path)
{
	size_t n_segments = 0;
	const char *end = path + strcspn(path, "?#");
	const char *s = path;

	while (s < end) {
		size_t len;
		size_t kept;

		if (*s == '/') {
			s++;
			continue;
		}
		len = strcspn(s, "/?#");
		kept = strcspn(s, ";/?#");
		if (kept == 0) { /* parameters alone */
			s += len;
			continue;
		}
		if (n_segments++ == LIMIT_ROUTE_SEGMENTS) {
			put(o, "/{...}", strlen("/{...}"));
			return;
		}
		put(o, "/", 1);
		if (is_variable(s, kept))
			put(o, "{}", 2);
		else
			put(o, s, kept);
		s += len;
	}
	if (n_segments == 0 || end[-1] == '/')
		put(o, "/", 1);
}

void route_template(const char *method, const char *path,
		    char route[ROUTE_BYTES])
{
	struct out o = { .at = route };
	const char *known;

	if (!path) {
		put(&o, "*", 1);
		return;
	}
	known = known_method(method);
	put(&o, known, strlen(known));
	put(&o, " ", 1);
	if (strcmp(path, "*") == 0)
		put(&o, "*", 1);
	else
		put_path(&o, path);
}

/* Longest method, a space, the segments with their slashes, {...}, NUL. */
_Static_assert(METHOD_BYTES_MAX + 1 +
			       LIMIT_ROUTE_SEGMENTS * (SEGMENT_BYTES_MAX + 1) +
			       6 + 2 <=
		       ROUTE_BYTES,
	       "a route has room");
