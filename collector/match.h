/* SPDX-License-Identifier: Apache-2.0 */
/* match - is this the executable, or the cgroup, that a spec means? */
#ifndef COLLECTOR_MATCH_H
#define COLLECTOR_MATCH_H

#include <stdbool.h>

struct spec;

/*
 * Is exe a proxy that happens to share a pod or a port (envoy,
 * linkerd2-proxy, pilot-agent), and not named by s?
 */
bool match_bystander(const char *exe, const struct spec *s);

/* Does glob mean the path exe, or without a '/' the last part of it? */
bool match_exe(const char *exe, const char *glob);

/* Is the cgroup of pid want, or below it? */
bool match_cgroup(const char *proc, int pid, const char *want);

#endif /* COLLECTOR_MATCH_H */
