/* SPDX-License-Identifier: Apache-2.0 */
#include "common/identity.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"

/* isalnum() would ask the locale. */
static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

static bool is_permitted(char c)
{
	return is_alnum(c) || (c != '\0' && strchr("._-+~:/@", c) != NULL);
}

/* Is a part between slashes empty, "." or ".."? */
static bool has_odd_part(const char *value)
{
	for (const char *part = value;; part++) {
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return true;
		part += len;
		if (*part == '\0')
			return false;
	}
}

/* What a message may show of a value: printable, and not all of it. */
static const char *shown(const char *value, char *room, size_t size)
{
	size_t i;

	for (i = 0; i < size - 4 && value[i] != '\0'; i++)
		room[i] = value[i] >= ' ' && value[i] <= '~' ? value[i] : '?';
	snprintf(room + i, size - i, "%s", value[i] ? "..." : "");
	return room;
}

int identity_check(const char *field, const char *value, struct err *err)
{
	char room[80];
	size_t len;

	if (!value || value[0] == '\0')
		return err_set(err, -EINVAL, "%s is empty", field);
	len = strnlen(value, LIMIT_IDENTITY_BYTES + 1);
	if (len > LIMIT_IDENTITY_BYTES)
		return err_set(err, -EINVAL,
			       "%s \"%s\" is longer than %d bytes", field,
			       shown(value, room, sizeof(room)),
			       LIMIT_IDENTITY_BYTES);
	shown(value, room, sizeof(room));
	if (!is_alnum(value[0]))
		return err_set(err, -EINVAL,
			       "%s \"%s\" does not begin with a letter or a "
			       "digit",
			       field, room);
	for (size_t i = 0; i < len; i++) {
		if (!is_permitted(value[i]))
			return err_set(err, -EINVAL,
				       "%s \"%s\" has 0x%02x at byte %zu; "
				       "permitted are letters, digits and "
				       "._-+~:/@",
				       field, room, (unsigned char)value[i], i);
	}
	if (has_odd_part(value))
		return err_set(err, -EINVAL,
			       "%s \"%s\" has a part that is empty, \".\" or "
			       "\"..\"",
			       field, room);
	return 0;
}
