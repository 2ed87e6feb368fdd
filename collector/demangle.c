/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/demangle.h"

#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

/*
 * libiberty recurses with the depth of a name and its time grows faster than
 * its length; real symbols beyond this are rare, and keep their mangled form.
 */
enum { SYMBOL_BYTES_MAX = 4096 };

static bool is_mangled(const char *symbol)
{
	return (symbol[0] == '_' && (symbol[1] == 'Z' || symbol[1] == 'R')) ||
	       strncmp(symbol, "__Z", 3) == 0;
}

bool demangle(const char *symbol, char *ret_text, size_t room)
{
	/* the recursion limit is on unless DMGL_NO_RECURSE_LIMIT asks */
	int options = DMGL_AUTO | DMGL_ANSI;
	char *plain;
	size_t len;

	if (!is_mangled(symbol) ||
	    strnlen(symbol, SYMBOL_BYTES_MAX) == SYMBOL_BYTES_MAX)
		return false;
	plain = cplus_demangle(symbol, options);
	if (!plain)
		return false;
	len = strlen(plain);
	if (len >= room)
		len = room - 1;
	memcpy(ret_text, plain, len);
	ret_text[len] = '\0';
	free(plain);
	return true;
}
