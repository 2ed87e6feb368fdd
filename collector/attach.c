/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"

enum {
	WAIT_MS = 20,	   /* between two looks for the socket */
	WAIT_N = 300,	   /* looks: a JVM in a long pause takes seconds */
	ANSWER_MS = 10000, /* for a map of a large code cache */
	ALL_S = 30,	   /* after which the kernel ends the child */
};

void attach_release(struct attach *a)
{
	if (a->root_fd >= 0)
		close(a->root_fd);
	if (a->pid_fd >= 0)
		close(a->pid_fd);
	a->root_fd = -1;
	a->pid_fd = -1;
}

static int say(struct attach_result *r, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int say(struct attach_result *r, int rc, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->text, sizeof(r->text), fmt, args);
	va_end(args);
	return rc;
}

/* From the collector's child to the target's user, and to default signals. */
static int become(const struct attach *a, struct attach_result *r)
{
	static const int reset[] = { SIGINT, SIGTERM, SIGALRM };
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < sizeof(reset) / sizeof(reset[0]); i++)
		sigaction(reset[i], &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	alarm(ALL_S);
	/* the system calls: what libc adds is about threads we do not have */
	if (geteuid() != a->uid || getegid() != a->gid) {
		if (syscall(SYS_setgroups, 0, NULL) < 0 ||
		    syscall(SYS_setresgid, -1, a->gid, -1) < 0 ||
		    syscall(SYS_setresuid, -1, a->uid, -1) < 0)
			return say(r, -EACCES,
				   "cannot become user %u, group %u: %s; "
				   "needs CAP_SETUID and CAP_SETGID",
				   a->uid, a->gid, err_describe(errno));
	}
	/* last, because a change of user takes it back */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static int open_tmp(const struct attach *a, struct attach_result *r)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, a->root_fd, "/tmp", &how,
			      sizeof(how));

	if (fd < 0)
		return say(r, -errno, "/tmp below its root: %s",
			   err_describe(errno));
	return fd;
}

/* A descriptor that names the socket; -ENOENT if there is none. */
static int find_socket(const struct attach *a, int tmp_fd,
		       struct attach_result *r)
{
	char name[32];
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), ".java_pid%d", a->ns_pid);
	fd = openat(tmp_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return say(r, -errno, "/tmp/%s: %s", name, err_describe(errno));
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode) ||
	    st.st_uid != a->uid) {
		close(fd);
		return say(r, -EACCES, "/tmp/%s is no socket of user %u", name,
			   a->uid);
	}
	return fd;
}

static int open_conversation(int socket_fd, struct attach_result *r)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return say(r, -errno, "socket: %s", err_describe(errno));
	/* the very socket that was looked at, whatever its name is now */
	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d",
		 socket_fd);
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		int rc = say(r, -errno, "attach socket: %s",
			     err_describe(errno));

		close(fd);
		return rc;
	}
	return fd;
}

/*
 * Connect.  A socket that refuses was left by a process that is gone, which
 * in a container that starts again has the same number: as if it were none.
 */
static int reach(const struct attach *a, int tmp_fd, struct attach_result *r)
{
	int socket_fd = find_socket(a, tmp_fd, r);
	int fd;

	if (socket_fd < 0)
		return socket_fd;
	fd = open_conversation(socket_fd, r);
	close(socket_fd);
	return fd == -ECONNREFUSED ? -ENOENT : fd;
}

/* Make the JVM open its socket, and connect. */
static int knock(const struct attach *a, int tmp_fd, struct attach_result *r)
{
	static const struct timespec pause = { .tv_nsec = WAIT_MS * 1000000L };
	char name[32];
	int rc;
	int fd;

	if (!a->catches_quit)
		return say(r, -EPERM,
			   "no attach socket, and SIGQUIT has no handler and "
			   "would end the process (-Xrs, or still starting)");
	snprintf(name, sizeof(name), ".attach_pid%d", a->ns_pid);
	fd = openat(tmp_fd, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EEXIST)
		return say(r, -errno, "cannot make /tmp/%s: %s", name,
			   err_describe(errno));
	if (fd >= 0)
		close(fd);
	r->knocked = true;
	rc = (int)syscall(SYS_pidfd_send_signal, a->pid_fd, SIGQUIT, NULL, 0);
	if (rc < 0) {
		rc = say(r, errno == ESRCH ? -ENOENT : -errno, "SIGQUIT: %s",
			 err_describe(errno));
		goto out;
	}
	rc = -ENOENT;
	for (int i = 0; i < WAIT_N && rc == -ENOENT; i++) {
		nanosleep(&pause, NULL);
		rc = reach(a, tmp_fd, r);
	}
	if (rc == -ENOENT)
		rc = say(r, -ETIMEDOUT, "no attach socket %d ms after SIGQUIT",
			 WAIT_N * WAIT_MS);
out:
	unlinkat(tmp_fd, name, 0);
	return rc;
}

/* Read to the end; the front of it is kept in answer, with a NUL. */
static int read_answer(int fd, char *answer, size_t room,
		       struct attach_result *r)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char rest[256] = "";
	size_t len = 0;

	for (;;) {
		bool keep = len + 1 < room;
		ssize_t n;

		if (poll(&p, 1, ANSWER_MS) <= 0)
			return say(r, -ETIMEDOUT, "no answer within %d ms",
				   ANSWER_MS);
		n = read(fd, keep ? answer + len : rest,
			 keep ? room - 1 - len : sizeof(rest));
		if (n < 0)
			return say(r, -errno, "answer: %s",
				   err_describe(errno));
		if (n == 0)
			break;
		len += keep ? (size_t)n : 0;
	}
	answer[len] = '\0';
	return 0;
}

static int ask(int fd, struct attach_result *r)
{
	static const char request[] = "1\0jcmd\0Compiler.perfmap\0\0";
	char answer[160] = "";
	int rc;

	if (write(fd, request, sizeof(request)) != (ssize_t)sizeof(request))
		return say(r, -EIO, "request: %s", err_describe(errno));
	rc = read_answer(fd, answer, sizeof(answer), r);
	if (rc < 0)
		return rc;
	if (strncmp(answer, "0\n", 2) == 0 &&
	    !strstr(answer, "IllegalArgument"))
		return 0;
	for (char *p = answer; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	return say(r, -EOPNOTSUPP,
		   "Compiler.perfmap, which JDK 17 and later have, was "
		   "answered with \"%.80s\"",
		   answer);
}

static int converse(const struct attach *a, struct attach_result *r)
{
	int tmp_fd;
	int fd;
	int rc;

	rc = become(a, r);
	if (rc < 0)
		return rc;
	/* what is opened stays open until the child ends */
	tmp_fd = open_tmp(a, r);
	if (tmp_fd < 0)
		return tmp_fd;
	fd = reach(a, tmp_fd, r);
	if (fd == -ENOENT)
		fd = knock(a, tmp_fd, r);
	return fd < 0 ? fd : ask(fd, r);
}

void attach_run(const struct attach *a, int result_fd)
{
	struct attach_result r = { .rc = 0 };

	r.rc = converse(a, &r);
	/* if nobody reads it any more, nobody needs it */
	(void)!write(result_fd, &r, sizeof(r));
	_exit(0);
}
