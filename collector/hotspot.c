/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/hotspot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/attach.h"
#include "collector/procstat.h"
#include "collector/rootfile.h"
#include "common/err.h"
#include "common/limits.h"

enum { ARGUMENTS_BYTES_MAX = 1024 * 1024 }; /* of a process, by default */

/*
 * A map of 5,000 methods costs the JVM some 10 ms.  100 samples a second of
 * 15 frames are 7,500 frames in 5 s: URGENT is above 1 % of them.
 */
enum { URGENT_FRAMES = 100 };

static const uint64_t URGENT_PAUSE_NS = UINT64_C(5000000000);
static const uint64_t USUAL_PAUSE_NS = UINT64_C(60000000000);

struct hotspot {
	pid_t pid;
	pid_t child;	/* 0: none */
	int result_fd;	/* where it says how it went; -1: none */
	bool is_over;	/* nothing more is tried */
	bool is_first;	/* nothing was tried yet */
	uint64_t at_ns; /* when the last attempt began */
	uint64_t n_jit; /* at the last attempt */
};

int hotspot_new(pid_t pid, struct hotspot **ret_h, struct err *err)
{
	struct hotspot *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(err, -ENOMEM, "jvm attach: no memory");
	h->pid = pid;
	h->result_fd = -1;
	h->is_first = true;
	*ret_h = h;
	return 0;
}

/* Forget the child; it has ended, or is made to. */
static void reap(struct hotspot *h, bool kill_it)
{
	if (h->child > 0) {
		if (kill_it)
			kill(h->child, SIGKILL);
		while (waitpid(h->child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (h->result_fd >= 0)
		close(h->result_fd);
	h->child = 0;
	h->result_fd = -1;
}

void hotspot_free(struct hotspot *h)
{
	if (!h)
		return;
	reap(h, true);
	free(h);
}

/* Does a file of procfs hold that text? */
static int proc_holds(pid_t pid, const char *name, size_t max_bytes,
		      const char *text, struct err *err)
{
	char *bytes = NULL;
	size_t len;
	int rc;

	rc = rootfile_read_proc(pid, name, max_bytes, &bytes, &len, err);
	if (rc < 0)
		return rc;
	rc = memmem(bytes, len, text, strlen(text)) != NULL;
	free(bytes);
	return rc;
}

/* Refuse what is no HotSpot, or has said that it wants no attaching. */
static int check_jvm(pid_t pid, struct err *err)
{
	static const char off[] = "+DisableAttachMechanism";
	int rc;

	rc = proc_holds(pid, "maps", LIMIT_MAPS_BYTES, "/libjvm.so\n", err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, -EOPNOTSUPP,
			       "jvm attach: process %d has no libjvm.so", pid);
	if (proc_holds(pid, "maps", LIMIT_MAPS_BYTES, "/libj9vm", NULL) > 0)
		return err_set(err, -EOPNOTSUPP,
			       "jvm attach: process %d is OpenJ9, which "
			       "answers SIGQUIT with a dump",
			       pid);
	/* options also come from the environment: JAVA_TOOL_OPTIONS */
	if (proc_holds(pid, "cmdline", ARGUMENTS_BYTES_MAX, off, NULL) > 0 ||
	    proc_holds(pid, "environ", ARGUMENTS_BYTES_MAX, off, NULL) > 0)
		return err_set(err, -EOPNOTSUPP,
			       "jvm attach: process %d runs with "
			       "-XX:+DisableAttachMechanism; without it, or "
			       "without --jvm-attach, this goes away",
			       pid);
	return 0;
}

/* What the child is told, checked for a process that is still the same. */
static int prepare(pid_t pid, struct attach *ret_a, struct err *err)
{
	struct attach a = { .root_fd = -1, .pid_fd = -1 };
	struct procstat ps;
	struct procstat again;
	int rc;

	rc = procstat_read(pid, &ps, err);
	if (rc < 0)
		return rc;
	a.pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (a.pid_fd < 0)
		return err_set(err, errno == ESRCH ? -ENOENT : -errno,
			       "jvm attach: process %d: %s", pid,
			       err_describe(errno));
	rc = check_jvm(pid, err);
	if (rc < 0)
		goto out;
	a.root_fd = rootfile_open_root(pid, err);
	rc = a.root_fd < 0 ? a.root_fd : procstat_read(pid, &again, err);
	if (rc < 0)
		goto out;
	if (again.start_ticks != ps.start_ticks) {
		rc = err_set(err, -ENOENT,
			     "jvm attach: process %d has become another", pid);
		goto out;
	}
	a.pid = pid;
	a.ns_pid = again.ns_pid;
	a.uid = again.uid;
	a.gid = again.gid;
	a.catches_quit = again.caught >> (SIGQUIT - 1) & 1;
	*ret_a = a;
	return 0;
out:
	attach_release(&a);
	return rc;
}

static int begin(struct hotspot *h, struct err *err)
{
	struct attach a;
	int fds[2];
	int rc;

	rc = prepare(h->pid, &a, err);
	if (rc < 0)
		return rc;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		rc = err_set(err, -errno, "jvm attach: pipe: %s",
			     err_describe(errno));
		goto out;
	}
	h->child = fork();
	if (h->child == 0)
		attach_run(&a, fds[1]);
	if (h->child < 0) {
		rc = err_set(err, -errno, "jvm attach: fork: %s",
			     err_describe(errno));
		h->child = 0;
		close(fds[0]);
	} else {
		h->result_fd = fds[0];
	}
	close(fds[1]);
out:
	attach_release(&a);
	return rc;
}

/* Has the child said how it went? */
static int look(struct hotspot *h, struct err *err)
{
	struct attach_result r;
	ssize_t n = read(h->result_fd, &r, sizeof(r));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return HOTSPOT_RUNNING;
	reap(h, false);
	if (n != (ssize_t)sizeof(r))
		return err_set(err, -EIO,
			       "jvm attach: the helper ended without a word");
	r.text[sizeof(r.text) - 1] = '\0';
	if (r.rc == 0)
		return HOTSPOT_DONE;
	/* its threads were printed, and would be again */
	if (r.rc == -EOPNOTSUPP || (r.rc == -ETIMEDOUT && r.knocked))
		h->is_over = true;
	return err_set(err, r.rc, "jvm attach: process %d: %s", h->pid, r.text);
}

int hotspot_step(struct hotspot *h, uint64_t now_ns, uint64_t n_jit,
		 struct err *err)
{
	uint64_t n_new = n_jit - h->n_jit;
	int rc;

	if (h->child > 0)
		return look(h, err);
	if (h->is_over || n_new == 0)
		return HOTSPOT_IDLE;
	if (!h->is_first &&
	    now_ns - h->at_ns <
		    (n_new >= URGENT_FRAMES ? URGENT_PAUSE_NS : USUAL_PAUSE_NS))
		return HOTSPOT_IDLE;
	h->is_first = false;
	h->at_ns = now_ns;
	h->n_jit = n_jit;
	rc = begin(h, err);
	if (rc == -EOPNOTSUPP)
		h->is_over = true;
	return rc < 0 ? rc : HOTSPOT_RUNNING;
}
