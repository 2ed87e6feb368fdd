/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tailgate-collector - measures services on this host for a gate.
 *
 * Everything that can be refused is refused before anything is measured, and
 * what is not needed afterwards is given up before the second thread.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/delivery.h"
#include "collector/loop.h"
#include "collector/measure.h"
#include "collector/options.h"
#include "collector/spool.h"
#include "collector/uplink.h"
#include "common/buf.h"
#include "common/drop.h"
#include "common/err.h"
#include "common/log.h"

enum {
	EXIT_USAGE = 2,
	SPOOLS_MAX = 64, /* collectors on one host that were given none */
	PATH_BYTES = 4096,
	NICE = -10,
};

static const char version[] = "tailgate-collector 1";

static int print_help(void)
{
	struct buf b = { 0 };

	options_help(&b);
	fputs(b.bytes ? b.bytes : "", stdout);
	buf_release(&b);
	return 0;
}

/*
 * The spool that was asked for, or the first of the gate's own that no other
 * collector has: after a restart that is the one left behind.
 */
static int open_spool(const struct options *o, struct spool **ret_s,
		      struct err *err)
{
	char base[PATH_BYTES];
	char dir[PATH_BYTES + 16];
	int rc;

	if (o->spool_dir)
		return spool_open(o->spool_dir, o->spool_max_bytes, ret_s, err);
	rc = options_spool_dir(o->gate, geteuid() == 0,
			       getenv("XDG_STATE_HOME"), getenv("HOME"), base,
			       sizeof(base), err);
	for (int i = 0; rc == 0 && i < SPOOLS_MAX; i++) {
		struct err why = { "" };

		snprintf(dir, sizeof(dir), "%s/%d", base, i);
		rc = spool_open(dir, o->spool_max_bytes, ret_s, &why);
		if (rc == 0)
			return 0;
		if (rc != -EBUSY || i == SPOOLS_MAX - 1)
			return err_set(err, rc,
				       "%s; --spool-dir puts it "
				       "elsewhere",
				       why.text);
		rc = 0;
	}
	return rc;
}

/* Keep what scanning, symbols and, on request, attaching need. */
static int drop(const struct options *o, struct err *err)
{
	static const char *const keep[] = {
		"cap_bpf",
		"cap_perfmon",
		"cap_sys_ptrace",
		"cap_dac_read_search",
		"cap_checkpoint_restore",
		"cap_syslog",
		NULL,
	};
	static const char *const keep_attach[] = {
		"cap_bpf",
		"cap_perfmon",
		"cap_sys_ptrace",
		"cap_dac_read_search",
		"cap_checkpoint_restore",
		"cap_syslog",
		"cap_kill",   /* SIGQUIT is how a JVM is knocked at */
		"cap_setuid", /* it answers nobody but its own user */
		"cap_setgid",
		NULL,
	};

	return drop_capabilities(o->jvm_attach ? keep_attach : keep, err);
}

/*
 * The ring is drained every 15 ms and holds a tenth of a second of the most
 * that a host can do; on one that is saturated it is a place in the queue
 * that decides whether something is lost.  Who gave us another niceness
 * than 0 has decided; without CAP_SYS_NICE it goes without.
 */
static void hurry(void)
{
	errno = 0;
	if (getpriority(PRIO_PROCESS, 0) == 0 && errno == 0)
		/* refused, it is as before */
		(void)setpriority(PRIO_PROCESS, 0, NICE);
}

static int start_uplink(const struct options *o, struct spool *spool,
			struct uplink **ret_u, struct err *err)
{
	struct uplink_options u = {
		.gate = o->gate,
		.token_file = o->token_file,
		.ca_file = o->ca_file,
		.cert_file = o->cert_file,
		.key_file = o->key_file,
		.user_agent = version,
	};
	uint64_t random = 0;

	/* without randomness there is no delay, which harms nobody */
	if (!o->once && getrandom(&random, sizeof(random), GRND_NONBLOCK) > 0)
		u.delay_ms = delivery_delay_ms(o->window_ms, random);
	return uplink_new(&u, spool, ret_u, err);
}

/* Nobody should have to learn from a missing batch that it was the token. */
static int check_files(const struct options *o, struct err *err)
{
	const struct {
		const char *option;
		const char *path;
	} files[] = {
		{ "--token-file", o->token_file },
		{ "--ca-file", o->ca_file },
		{ "--cert-file", o->cert_file },
		{ "--key-file", o->key_file },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i].path && access(files[i].path, R_OK) < 0)
			return err_set(err, -errno, "%s: %s: %s",
				       files[i].option, files[i].path,
				       err_describe(errno));
	return 0;
}

static int run(const struct options *o, const struct log *log)
{
	struct measure *measure = NULL;
	struct uplink *uplink = NULL;
	struct spool *spool = NULL;
	struct loop *loop = NULL;
	struct err err = { "" };
	int status = EXIT_FAILURE;
	int rc;

	rc = check_files(o, &err);
	if (rc == 0)
		rc = open_spool(o, &spool, &err);
	if (rc == 0)
		rc = loop_new(o, log, &loop, &err);
	if (rc == 0)
		rc = measure_new(o, log, loop_sealed, loop, &measure, &err);
	if (rc == 0) {
		hurry();
		rc = drop(o, &err);
	}
	if (rc == 0)
		rc = start_uplink(o, spool, &uplink, &err);
	if (rc < 0) {
		log_event(log, LOG_ERROR, "cannot_start", err.text);
		goto out;
	}
	spool = NULL; /* the uplink's */
	status = loop_run(loop, measure, uplink);
out:
	uplink_free(uplink);
	measure_free(measure);
	loop_free(loop);
	spool_close(spool);
	return status;
}

int main(int argc, char **argv)
{
	struct log log = { .fd = STDERR_FILENO, .level = LOG_INFO };
	struct options *o = malloc(sizeof(*o));
	struct err err = { "" };
	int status;

	if (!o)
		return EXIT_FAILURE;
	if (options_parse(argc, argv, o, &err) < 0) {
		fprintf(stderr, "tailgate-collector: %s\n", err.text);
		status = EXIT_USAGE;
	} else if (o->help) {
		status = print_help();
	} else if (o->version) {
		puts(version);
		status = 0;
	} else {
		log.level = o->log_level;
		status = run(o, &log);
	}
	free(o);
	return status;
}
