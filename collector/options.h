/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - the command line of tailgate-collector.
 *
 * What may be given stands in one table (options.c), which is also what
 * --help prints.  Every refusal names the option.
 */
#ifndef COLLECTOR_OPTIONS_H
#define COLLECTOR_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/probe.h"
#include "collector/spec.h"
#include "common/limits.h"
#include "common/log.h"

struct buf;
struct err;

enum {
	OPTIONS_WINDOW_MS = 10000,	 /* unless told otherwise */
	OPTIONS_SPOOL_MIB = 256,	 /* an hour of 35 instances and more */
	OPTIONS_URL_BYTES = 1024,	 /* of the gate's address */
	OPTIONS_SPOOL_MIB_MAX = 1 << 20, /* a TiB: a slip of the hand beyond */
};

/* Strings are borrowed from argv. */
struct options {
	char gate[OPTIONS_URL_BYTES]; /* without a slash at its end */
	size_t n_specs;
	struct spec specs[LIMIT_SPECS];
	int64_t window_ms;
	enum probe_hooks hooks;
	bool once;
	bool no_profile;
	bool jvm_attach;
	bool help;
	bool version;
	const char *spool_dir; /* NULL: options_spool_dir() */
	uint64_t spool_max_bytes;
	const char *token_file; /* these four NULL where not given */
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
	enum log_level log_level;
};

/*
 * Read a command line, argv[1] to argv[argc - 1], and the files of --targets.
 * With --help or --version nothing else is asked for.
 *
 * Returns 0; -EINVAL with the option in err; or what spec_read_dir() did.
 */
int options_parse(int argc, char *const *argv, struct options *ret_o,
		  struct err *err);

/* Append what --help prints. */
void options_help(struct buf *b);

/*
 * Where the spool lies unless --spool-dir says so, without the number that
 * keeps several collectors on a host apart: below /var/lib/tailgate where
 * that can be written (root), else below $XDG_STATE_HOME or
 * ~/.local/state.  It differs by gate: no batch goes to another one.
 *
 * Returns 0, or -EINVAL if there is no such place.
 */
int options_spool_dir(const char *gate, bool root, const char *state_home,
		      const char *home, char *dir, size_t size,
		      struct err *err);

#endif /* COLLECTOR_OPTIONS_H */
