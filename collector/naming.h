/* SPDX-License-Identifier: Apache-2.0 */
/*
 * naming - as what a process is measured: service, revision, instance.
 *
 * Reads what a source (spec.h) points at, for one process.  Nothing is ever
 * guessed: what cannot be read, or is no identity, is an error.
 */
#ifndef COLLECTOR_NAMING_H
#define COLLECTOR_NAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

struct err;
struct source;

enum {
	NAME_BYTES = LIMIT_IDENTITY_BYTES + 1,
	CONTAINER_ID_SHOWN = 12, /* characters, as docker ps shows it */
};

/*
 * Read source for pid.
 *
 *   proc   "/proc"
 *   field  "service", for the message
 *   ret    receives an identity
 *
 * Returns 0, or a negative errno with field, source and reason in err.
 */
int naming_read(const char *proc, int pid, const char *field,
		const struct source *source, char ret[NAME_BYTES],
		struct err *err);

/*
 * The id of a container in a cgroup's path: the last 64 hexadecimal digits
 * in a row, as docker, containerd, CRI-O and podman name theirs; its first
 * CONTAINER_ID_SHOWN are written.  False if there is none.
 */
bool naming_container(const char *cgroup, char ret[CONTAINER_ID_SHOWN + 1]);

/*
 * The systemd unit in a cgroup's path, without ".service" and with "\x2d"
 * and the like undone.  False if the path has no service.
 */
bool naming_unit(const char *cgroup, char ret[NAME_BYTES]);

/* Make any text an identity: what is not permitted becomes '-'. */
void naming_clean(const char *text, char ret[NAME_BYTES]);

#endif /* COLLECTOR_NAMING_H */
