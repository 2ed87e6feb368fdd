/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drop - give up what a program does not need, once it has started.
 *
 * Nothing given up comes back, neither here nor in a program this one could
 * start.  Call before other threads are made: capabilities and filters are
 * kept per thread and inherited by those made later.
 */
#ifndef COMMON_DROP_H
#define COMMON_DROP_H

struct err;

/*
 * Keep of the capabilities held those named ("cap_bpf"), give up the rest,
 * and forbid gaining any by exec.
 *
 *   keep  ends with NULL; a name that is not held, or that this kernel does
 *         not know, is not missed here: what needs it will say so
 *
 * Returns 0; -EINVAL for a name that libcap does not know; -EPERM or -ENOMEM
 * if the kernel or libcap refused.
 */
int drop_capabilities(const char *const *keep, struct err *err);

/*
 * Make system calls that no program of ours needs fail with EPERM: exec,
 * other processes' memory, mounts, modules, namespaces, keys, clocks, bpf,
 * io_uring and more (drop.c has the list).
 *
 *   keep  names of those that this program does need; ends with NULL
 *
 * Returns 0; -EINVAL for a name that is not on the list; or -EPERM, -ENOMEM
 * if the kernel or libseccomp refused.
 */
int drop_syscalls(const char *const *keep, struct err *err);

#endif /* COMMON_DROP_H */
