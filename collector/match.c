/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/match.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "collector/proc.h"
#include "collector/spec.h"

bool match_bystander(const char *exe, const struct spec *s)
{
	static const char *const proxies[] = { "envoy", "linkerd2-proxy",
					       "pilot-agent" };
	const char *base = strrchr(exe, '/');
	const char *asked = strrchr(s->exe, '/');

	base = base ? base + 1 : exe;
	asked = asked ? asked + 1 : s->exe;
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		if (strcmp(base, proxies[i]) == 0)
			return s->pid == 0 && strcmp(asked, base) != 0;
	return false;
}

bool match_exe(const char *exe, const char *glob)
{
	const char *base = strrchr(exe, '/');

	if (!strchr(glob, '/') && base)
		exe = base + 1;
	return fnmatch(glob, exe, FNM_PATHNAME) == 0;
}

bool match_cgroup(const char *proc, int pid, const char *want)
{
	char path[PROC_PATH_BYTES];
	size_t len = strlen(want);

	if (proc_cgroup(proc, pid, path) < 0)
		return false;
	return strncmp(path, want, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}
