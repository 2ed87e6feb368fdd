/* SPDX-License-Identifier: Apache-2.0 */
/* options - the command line of tailgated. */
#ifndef GATE_OPTIONS_H
#define GATE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/log.h"

struct err;

struct options {
	const char *listen;
	const char *store;
	const char *policy_dir; /* NULL: built-in policies only */
	const char *token_file; /* NULL: open, and loopback only */
	const char *base_url;	/* NULL: as the caller's Host says */
	int64_t retention_ms;
	uint64_t retention_bytes; /* 0: no bound */
	enum log_level log_level;
	bool help;
	bool version;
};

extern const char options_usage[];

/*
 * Read a command line.
 *
 *   argv   borrowed: ret_o points into it
 *   ret_o  receives the options, defaults where none is given
 *
 * Returns 0, or -EINVAL with option, value and remedy in err.
 */
int options_parse(int argc, char *const *argv, struct options *ret_o,
		  struct err *err);

#endif /* GATE_OPTIONS_H */
