/* SPDX-License-Identifier: Apache-2.0 */
#include "common/drop.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "common/err.h"

/*
 * A list of what is denied, not of what is permitted: a libc or an SQLite
 * that changes its calls with an update must not stop a gate in production.
 * What is left cannot become another program or reach into one.
 */
static const char *const denied[] = {
	/* becoming or steering another program */
	"execve",
	"execveat",
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"pidfd_getfd",
	"kcmp",
	/* the kernel itself */
	"bpf",
	"perf_event_open",
	"init_module",
	"finit_module",
	"delete_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"syslog",
	"acct",
	"iopl",
	"ioperm",
	"lookup_dcookie",
	/* what the machine looks like */
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"open_tree",
	"mount_setattr",
	"swapon",
	"swapoff",
	"quotactl",
	"sethostname",
	"setdomainname",
	"unshare",
	"setns",
	"mknod",
	"mknodat",
	/* ways round the checks of open() */
	"open_by_handle_at",
	"name_to_handle_at",
	/* much of the kernel behind one call */
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"userfaultfd",
	"keyctl",
	"add_key",
	"request_key",
	"vmsplice",
	/* time */
	"settimeofday",
	"clock_settime",
	"clock_adjtime",
	"adjtimex",
	/* who we are */
	"setuid",
	"setgid",
	"setreuid",
	"setregid",
	"setresuid",
	"setresgid",
	"setgroups",
	"setfsuid",
	"setfsgid",
	"capset",
	"personality",
};

enum { N_DENIED = sizeof(denied) / sizeof(denied[0]) };

/* Copy one flag of have into want, for a capability by name. */
static int keep_one(const char *name, cap_t have, cap_t want, struct err *err)
{
	cap_flag_value_t held = CAP_CLEAR;
	cap_value_t cap;

	if (cap_from_name(name, &cap) < 0)
		return err_set(err, -EINVAL, "drop: no capability \"%s\"",
			       name);
	if (cap_get_flag(have, cap, CAP_PERMITTED, &held) < 0 ||
	    held == CAP_CLEAR)
		return 0;
	if (cap_set_flag(want, CAP_PERMITTED, 1, &cap, CAP_SET) < 0 ||
	    cap_set_flag(want, CAP_EFFECTIVE, 1, &cap, CAP_SET) < 0)
		return err_set(err, -ENOMEM, "drop: %s: %s", name,
			       err_describe(errno));
	return 0;
}

/* Dropping from the bounding set takes CAP_SETPCAP: without it exec cannot
   gain anything either, because of no_new_privs. */
static void bound_drop(void)
{
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		if (cap_get_bound(cap) == 1)
			(void)cap_drop_bound(cap); /* see above */
	}
	(void)cap_reset_ambient(); /* kernels before 4.3 have none */
}

int drop_capabilities(const char *const *keep, struct err *err)
{
	cap_t have = cap_get_proc();
	cap_t want = cap_init();
	int rc = 0;

	if (!have || !want) {
		rc = err_set(err, -ENOMEM, "drop: no memory");
		goto out;
	}
	for (; *keep; keep++) {
		rc = keep_one(*keep, have, want, err);
		if (rc < 0)
			goto out;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		rc = err_set(err, -EPERM, "drop: no_new_privs: %s",
			     err_describe(errno));
		goto out;
	}
	bound_drop();
	if (cap_set_proc(want) < 0)
		rc = err_set(err, -EPERM, "drop: capabilities: %s",
			     err_describe(errno));
out:
	cap_free(have);
	cap_free(want);
	return rc;
}

static bool is_in(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n && names[i]; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* What libseccomp answered, which is an errno, as one of ours. */
static int refused(int rc, const char *what, struct err *err)
{
	return err_set(err, rc == -ENOMEM ? -ENOMEM : -EPERM,
		       "drop: seccomp: %s: %s", what, err_describe(rc));
}

/* Deny one call.  A kernel or machine that has no such call needs no rule. */
static int deny_one(scmp_filter_ctx ctx, const char *name, struct err *err)
{
	int nr = seccomp_syscall_resolve_name(name);
	int rc;

	if (nr < 0)
		return 0;
	rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0);
	if (rc < 0)
		return refused(rc, name, err);
	return 0;
}

int drop_syscalls(const char *const *keep, struct err *err)
{
	scmp_filter_ctx ctx = NULL;
	int rc = 0;

	for (size_t i = 0; keep[i]; i++) {
		if (!is_in(keep[i], denied, N_DENIED))
			return err_set(err, -EINVAL,
				       "drop: system call \"%s\" is not on "
				       "the list",
				       keep[i]);
	}
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx)
		return err_set(err, -ENOMEM, "drop: no memory");
	for (size_t i = 0; i < N_DENIED; i++) {
		if (is_in(denied[i], keep, SIZE_MAX))
			continue;
		rc = deny_one(ctx, denied[i], err);
		if (rc < 0)
			goto out;
	}
	rc = seccomp_load(ctx);
	if (rc < 0)
		rc = refused(rc, "seccomp_load", err);
out:
	seccomp_release(ctx);
	return rc;
}
