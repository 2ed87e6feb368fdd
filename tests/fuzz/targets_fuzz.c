/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targets: a file of targets.d is refused with a reason that names it, or is
 * a spec that is whole; a line of net/tcp is read or refused; and the code of
 * a gate's answer is one, or none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/delivery.h"
#include "collector/proc.h"
#include "collector/spec.h"
#include "common/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_spec(const char *text, size_t len)
{
	struct err err = { "" };
	struct spec s;

	if (spec_parse("x.conf", text, len, &s, &err) < 0) {
		if (strncmp(err.text, "x.conf", 6) != 0)
			abort(); /* does not say whose fault it is */
		return;
	}
	if (spec_check(&s, NULL) < 0 || err.text[0] != '\0')
		abort();
}

static void check_lines(char *text, size_t len)
{
	struct proc_listener l;
	struct proc_stat st;

	(void)proc_stat_parse(text, len, &st);
	for (char *line = text; line;) {
		char *end = strchr(line, '\n');

		if (proc_listener_parse(line, &l) < -EBADMSG)
			abort();
		line = end ? end + 1 : NULL;
	}
}

static void check_code(const char *text, size_t len)
{
	char code[DELIVERY_CODE_BYTES];
	size_t n;

	delivery_code(text, len, code);
	n = strlen(code);
	if (strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != n)
		abort();
	if (n > 0 && !memmem(text, len, code, n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1);

	if (!text)
		return 0;
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	check_spec(text, len);
	check_code(text, len);
	check_lines(text, len);
	free(text);
	return 0;
}
