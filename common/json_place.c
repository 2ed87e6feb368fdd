/* SPDX-License-Identifier: Apache-2.0 */
#include "common/json_place.h"

#include <stdbool.h>
#include <string.h>

struct json_place json_place_at(const char *text, size_t len, size_t byte)
{
	struct json_place p = { .line = 1, .column = 1 };

	for (size_t i = 0; i < byte && i < len; i++) {
		if (text[i] == '\n') {
			p.line++;
			p.column = 1;
		} else if (((unsigned char)text[i] & 0xC0U) != 0x80U) {
			p.column++; /* what else a character has counts not */
		}
	}
	return p;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One past the token that begins at i. */
static size_t token_end(const char *text, size_t len, size_t i)
{
	static const char ends[] = "{}[],:\"";

	if (strchr("{}[],:", text[i]))
		return i + 1;
	if (text[i] != '"') {
		while (i < len && !is_space(text[i]) && !strchr(ends, text[i]))
			i++;
		return i;
	}
	for (i++; i < len && text[i] != '"'; i++)
		if (text[i] == '\\')
			i++;
	return i < len ? i + 1 : len;
}

/* Does a colon follow, so that the string before i was a key? */
static bool before_colon(const char *text, size_t len, size_t i)
{
	while (i < len && is_space(text[i]))
		i++;
	return i < len && text[i] == ':';
}

struct json_place json_place_of(const char *text, size_t len, size_t member,
				size_t part)
{
	size_t n_members = 0; /* whose keys were seen */
	size_t n_elements = 0;
	size_t depth = 0;
	size_t end;

	for (size_t i = 0; i < len; i = end) {
		char c = text[i];
		bool mine = n_members == member + 1;
		bool key;

		end = i + 1;
		if (is_space(c) || c == ',' || c == ':' || c == '\0')
			continue;
		end = token_end(text, len, i);
		key = c == '"' && before_colon(text, len, end);
		if (c == '}' || c == ']') {
			depth -= depth > 0;
		} else if (key && depth == 1) {
			if (n_members++ == member && part == JSON_PLACE_KEY)
				return json_place_at(text, len, i);
		} else if (mine && !key && depth == 1) {
			if (part == JSON_PLACE_VALUE)
				return json_place_at(text, len, i);
		} else if (mine && !key && depth == 2) {
			if (n_elements++ == part)
				return json_place_at(text, len, i);
		}
		if (c == '{' || c == '[')
			depth++;
	}
	return (struct json_place){ .line = 0 };
}
