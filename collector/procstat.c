/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/procstat.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "collector/proc.h"
#include "collector/rootfile.h"
#include "collector/scan.h"
#include "common/err.h"

enum { STATUS_BYTES_MAX = 64 * 1024 /* some 1,500 are usual */ };

static const int64_t SECOND_NS = INT64_C(1000000000);

/* The nth number of a list, from 0; with last, the one at its end. */
static bool nth_decimal(struct scan t, int nth, bool last, uint64_t *ret_n)
{
	bool found = false;

	for (int i = 0;; i++) {
		scan_blanks(&t);
		if (!scan_decimal(&t, ret_n))
			return found && last;
		found = true;
		if (!last && i == nth)
			return true;
	}
}

static int parse_status(struct scan all, struct procstat *ps)
{
	struct scan line;
	uint64_t n;
	int missing = 4;

	while (scan_line(&all, &line)) {
		if (scan_prefix(&line, "NStgid:")) {
			if (!nth_decimal(line, 0, true, &n) || n > INT32_MAX)
				return -EBADMSG;
			ps->ns_pid = (pid_t)n;
		} else if (scan_prefix(&line, "Uid:")) {
			if (!nth_decimal(line, 1, false, &n) || n > UINT32_MAX)
				return -EBADMSG;
			ps->uid = (uid_t)n;
		} else if (scan_prefix(&line, "Gid:")) {
			if (!nth_decimal(line, 1, false, &n) || n > UINT32_MAX)
				return -EBADMSG;
			ps->gid = (gid_t)n;
		} else if (scan_prefix(&line, "SigCgt:")) {
			scan_blanks(&line);
			if (!scan_hex(&line, &ps->caught))
				return -EBADMSG;
		} else {
			continue;
		}
		missing--;
	}
	return missing == 0 ? 0 : -EBADMSG;
}

int procstat_parse(const char *status, size_t status_len, const char *stat,
		   size_t stat_len, struct procstat *ret_ps, struct err *err)
{
	struct procstat ps = { .ns_pid = 0 };
	struct proc_stat st;

	if (parse_status((struct scan){ .at = status, .left = status_len },
			 &ps) < 0)
		return err_set(err, -EBADMSG,
			       "/proc/PID/status: NStgid, Uid, "
			       "Gid or SigCgt is missing");
	if (proc_stat_parse(stat, stat_len, &st) < 0)
		return err_set(err, -EBADMSG, "/proc/PID/stat: no start time");
	ps.start_ticks = st.start_ticks;
	*ret_ps = ps;
	return 0;
}

int procstat_read(pid_t pid, struct procstat *ret_ps, struct err *err)
{
	char *status = NULL;
	char *stat = NULL;
	size_t status_len;
	size_t stat_len;
	int rc;

	rc = rootfile_read_proc(pid, "status", STATUS_BYTES_MAX, &status,
				&status_len, err);
	if (rc < 0)
		goto out;
	rc = rootfile_read_proc(pid, "stat", STATUS_BYTES_MAX, &stat, &stat_len,
				err);
	if (rc < 0)
		goto out;
	rc = procstat_parse(status, status_len, stat, stat_len, ret_ps, err);
out:
	free(status);
	free(stat);
	/* a process that ends while it is read */
	return rc == -ESRCH ? -ENOENT : rc;
}

int64_t procstat_started_ns(const struct procstat *ps)
{
	int64_t ticks_per_s = sysconf(_SC_CLK_TCK);
	struct timespec real;
	struct timespec boot;
	int64_t since_boot;

	if (ticks_per_s <= 0 || clock_gettime(CLOCK_REALTIME, &real) < 0 ||
	    clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return 0;
	since_boot =
		(int64_t)(ps->start_ticks / (uint64_t)ticks_per_s) * SECOND_NS +
		(int64_t)(ps->start_ticks % (uint64_t)ticks_per_s) * SECOND_NS /
			ticks_per_s;
	return (real.tv_sec - boot.tv_sec) * SECOND_NS + real.tv_nsec -
	       boot.tv_nsec + since_boot;
}
