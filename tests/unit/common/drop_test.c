/* SPDX-License-Identifier: Apache-2.0 */
/* drop: what is given up is gone, and what is kept works. */
#include "common/drop.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/test.h"

static const char *const none[] = { NULL };

/* Run check in a child, which cannot get back what it gave up. */
static int in_child(int (*check)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(check());
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Whether a capability is effective; 2 and 3 are file capabilities' words. */
static int has_cap(unsigned int cap)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2];

	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	return (data[cap / 32].effective >> (cap % 32)) & 1;
}

static int drops_all(void)
{
	if (drop_capabilities(none, NULL) < 0)
		return 1;
	for (unsigned int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (has_cap(cap) != 0)
			return 2;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

static int keeps_one(void)
{
	static const char *const keep[] = { "cap_sys_ptrace", NULL };
	int had = has_cap(CAP_SYS_PTRACE);

	if (drop_capabilities(keep, NULL) < 0)
		return 1;
	if (has_cap(CAP_SYS_PTRACE) != had || has_cap(CAP_SYS_ADMIN) != 0)
		return 2;
	return 0;
}

static int denies_calls(void)
{
	char *const argv[] = { (char *)"/bin/true", NULL };
	char *const envp[] = { NULL };

	if (drop_capabilities(none, NULL) < 0 || drop_syscalls(none, NULL) < 0)
		return 1;
	if (execve(argv[0], argv, envp) != -1 || errno != EPERM)
		return 2;
	if (syscall(SYS_bpf, 0, NULL, 0) != -1 || errno != EPERM)
		return 3;
	if (syscall(SYS_io_uring_setup, 1, NULL) != -1 || errno != EPERM)
		return 4;
	return getpid() > 0 ? 0 : 5;
}

static int keeps_a_call(void)
{
	static const char *const keep[] = { "execve", NULL };
	char *const argv[] = { (char *)"/bin/true", NULL };
	char *const envp[] = { NULL };

	if (drop_capabilities(none, NULL) < 0 || drop_syscalls(keep, NULL) < 0)
		return 1;
	execve(argv[0], argv, envp); /* ends with 0 */
	return 2;
}

static void capabilities_are_given_up(void)
{
	CHECK_EQ(in_child(drops_all), 0);
	CHECK_EQ(in_child(keeps_one), 0);
}

static void system_calls_are_denied(void)
{
	CHECK_EQ(in_child(denies_calls), 0);
	CHECK_EQ(in_child(keeps_a_call), 0);
}

static void unknown_names_are_refused(void)
{
	static const char *const cap[] = { "cap_everything", NULL };
	static const char *const call[] = { "read", NULL };
	struct err err = { "" };

	CHECK_EQ(drop_capabilities(cap, &err), -EINVAL);
	CHECK(strstr(err.text, "cap_everything") != NULL);
	err.text[0] = '\0';
	CHECK_EQ(drop_syscalls(call, &err), -EINVAL);
	CHECK(strstr(err.text, "read") != NULL);
}

const struct test_case test_cases[] = {
	{ "drop: capabilities are given up", capabilities_are_given_up },
	{ "drop: system calls are denied", system_calls_are_denied },
	{ "drop: unknown names are refused", unknown_names_are_refused },
	{ NULL, NULL },
};
