/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/progress.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/text.h"

enum {
	COLUMNS = 80, /* where the terminal does not say */
	/* somebody who looks at a terminal wants figures that move */
	TERMINAL_EVERY_MS = 5000,
};

void progress_init(struct progress *p, int fd, int64_t every_ms, int64_t now_ms)
{
	p->fd = fd;
	p->every_ms = every_ms;
	p->said_ms = now_ms;
	p->terminal = isatty(fd) == 1;
	p->dirty = false;
	p->last[0] = '\0';
}

int64_t progress_due_ms(const struct progress *p)
{
	if (p->terminal && p->every_ms > TERMINAL_EVERY_MS)
		return p->said_ms + TERMINAL_EVERY_MS;
	return p->said_ms + p->every_ms;
}

/* How many bytes of text fit on a line: a line that wraps is not rewritten. */
static size_t fitting(int fd, const char *text)
{
	struct winsize size = { 0 };
	size_t columns = COLUMNS;
	size_t left = strlen(text);
	size_t at = 0;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		columns = size.ws_col;
	for (size_t n = 1; n < columns && left > 0; n++) {
		size_t bytes = text_char(text + at, left);

		bytes += bytes == 0;
		at += bytes;
		left -= bytes;
	}
	return at;
}

void progress_say(struct progress *p, const char *key, const char *text,
		  int64_t now_ms)
{
	bool changed = strncmp(p->last, key, sizeof(p->last) - 1) != 0;

	if (!p->terminal && !changed && now_ms < progress_due_ms(p))
		return;
	p->said_ms = now_ms;
	if (p->terminal) {
		dprintf(p->fd, "\r%.*s\033[K", (int)fitting(p->fd, text), text);
		p->dirty = true;
	} else {
		dprintf(p->fd, "%s\n", text);
	}
	snprintf(p->last, sizeof(p->last), "%s", key);
}

void progress_end(struct progress *p)
{
	if (p->dirty)
		dprintf(p->fd, "\n");
	p->dirty = false;
}
