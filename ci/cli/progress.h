/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress - what a person or a pipeline's log sees while the program waits.
 *
 * On a terminal one line is written over again; elsewhere each change of
 * word or code is a line, so that half an hour is a screenful, and so is a
 * while without any, so that nobody takes the program for dead.
 */
#ifndef CI_CLI_PROGRESS_H
#define CI_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	int fd;
	bool terminal;
	bool dirty;	  /* the line on the terminal has not been ended */
	char last[256];	  /* what changed last */
	int64_t every_ms; /* a line of a log is due after so long */
	int64_t said_ms;  /* when the last one was written */
};

/* Start on fd, which is a terminal or not, at now_ms of any clock. */
void progress_init(struct progress *p, int fd, int64_t every_ms,
		   int64_t now_ms);

/* When there should be something to say again: a terminal wants it sooner. */
int64_t progress_due_ms(const struct progress *p);

/*
 * Say how things are.
 *
 *   key   what must differ from the last time to be worth a line of a log
 *         before one is due
 *   text  the line; clean (text_is_clean())
 */
void progress_say(struct progress *p, const char *key, const char *text,
		  int64_t now_ms);

/* End the line, so that others can write theirs. */
void progress_end(struct progress *p);

#endif /* CI_CLI_PROGRESS_H */
