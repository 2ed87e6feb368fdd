/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress - what a person or a pipeline's log sees while the program waits.
 *
 * On a terminal one line is written over again; elsewhere each change of
 * word or code is a line, so that half an hour is a screenful.
 */
#ifndef CI_CLI_PROGRESS_H
#define CI_CLI_PROGRESS_H

#include <stdbool.h>

struct progress {
	int fd;
	bool terminal;
	bool dirty;	/* the line on the terminal has not been ended */
	char last[256]; /* what changed last */
};

/* Start on fd, which is a terminal or not. */
void progress_init(struct progress *p, int fd);

/*
 * Say how things are.
 *
 *   key   what must differ from the last time to be worth a line of a log
 *   text  the line; clean (text_is_clean())
 */
void progress_say(struct progress *p, const char *key, const char *text);

/* End the line, so that others can write theirs. */
void progress_end(struct progress *p);

#endif /* CI_CLI_PROGRESS_H */
