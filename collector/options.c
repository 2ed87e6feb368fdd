/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "collector/windows.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/num.h"

/* What the targets of the command line have in common. */
struct names {
	const char *service;
	const char *revision;
	const char *instance;
};

struct parse {
	struct options *o;
	struct names names;
	const char *targets_dir;
	struct err *err;
};

/* An option; set gets its value, NULL for one that takes none. */
struct option {
	const char *name;
	const char *value; /* what to call it in the help; NULL: none */
	int (*set)(struct parse *p, const struct option *o, const char *value);
	const char *help;
};

static int once_only(struct parse *p, const struct option *o,
		     const char **where, const char *value)
{
	if (*where)
		return err_set(p->err, -EINVAL, "%s: given twice", o->name);
	if (value[0] == '\0')
		return err_set(p->err, -EINVAL, "%s: empty", o->name);
	*where = value;
	return 0;
}

static int set_gate(struct parse *p, const struct option *o, const char *value)
{
	size_t len = strlen(value);
	const char *host = strncmp(value, "http://", 7) == 0	? value + 7
			   : strncmp(value, "https://", 8) == 0 ? value + 8
								: "";

	if (p->o->gate[0] != '\0')
		return err_set(p->err, -EINVAL, "%s: given twice", o->name);
	if (*host == '\0' || *host == '/' || strpbrk(host, "?# \t\r\n@"))
		return err_set(p->err, -EINVAL,
			       "%s: \"%.100s\" is not http://HOST[:PORT] or "
			       "https://HOST[:PORT]",
			       o->name, value);
	while (len > 0 && value[len - 1] == '/')
		len--;
	if (len >= sizeof(p->o->gate))
		return err_set(p->err, -EINVAL, "%s: %zu bytes, at most %zu",
			       o->name, len, sizeof(p->o->gate) - 1);
	memcpy(p->o->gate, value, len);
	p->o->gate[len] = '\0';
	return 0;
}

static int set_name(struct parse *p, const struct option *o, const char *value)
{
	const char **where =
		strcmp(o->name, "--service") == 0    ? &p->names.service
		: strcmp(o->name, "--revision") == 0 ? &p->names.revision
						     : &p->names.instance;

	return once_only(p, o, where, value);
}

/* --pid, --port, --exe and --cgroup each begin a target. */
static int set_target(struct parse *p, const struct option *o,
		      const char *value)
{
	struct spec *s = &p->o->specs[p->o->n_specs];

	if (p->o->n_specs == LIMIT_SPECS)
		return err_set(p->err, -EINVAL, "%s: more than %d targets",
			       o->name, LIMIT_SPECS);
	p->o->n_specs++;
	snprintf(s->name, sizeof(s->name), "%s %.200s", o->name, value);
	return spec_set(s, o->name, o->name + 2, value, p->err);
}

static int set_targets(struct parse *p, const struct option *o,
		       const char *value)
{
	return once_only(p, o, &p->targets_dir, value);
}

static int set_window(struct parse *p, const struct option *o,
		      const char *value)
{
	int64_t ms;
	int rc;

	rc = num_i64(o->name, value, 1, LIMIT_WINDOW_MAX_MS, &ms, p->err);
	if (rc == 0)
		rc = windows_check_ms(o->name, ms, p->err);
	if (rc == 0)
		p->o->window_ms = ms;
	return rc;
}

static int set_hooks(struct parse *p, const struct option *o, const char *value)
{
	struct err why = { "" };
	int rc = probe_hooks_parse(value, &p->o->hooks, &why);

	return rc < 0 ? err_set(p->err, rc, "%s: %s", o->name, why.text) : 0;
}

static int set_flag(struct parse *p, const struct option *o, const char *value)
{
	struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "--once", &p->o->once },
		{ "--no-profile", &p->o->no_profile },
		{ "--jvm-attach", &p->o->jvm_attach },
		{ "--help", &p->o->help },
		{ "--version", &p->o->version },
	};

	(void)value; /* NULL: none of them has one */
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(o->name, flags[i].name) == 0)
			*flags[i].flag = true;
	return 0;
}

static int set_file(struct parse *p, const struct option *o, const char *value)
{
	struct {
		const char *name;
		const char **where;
	} files[] = {
		{ "--spool-dir", &p->o->spool_dir },
		{ "--token-file", &p->o->token_file },
		{ "--ca-file", &p->o->ca_file },
		{ "--cert-file", &p->o->cert_file },
		{ "--key-file", &p->o->key_file },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(o->name, files[i].name) == 0)
			return once_only(p, o, files[i].where, value);
	return -EINVAL;
}

static int set_spool_max(struct parse *p, const struct option *o,
			 const char *value)
{
	uint64_t mib;
	int rc;

	rc = num_u64(o->name, value, 1, OPTIONS_SPOOL_MIB_MAX, &mib, p->err);
	if (rc == 0)
		p->o->spool_max_bytes = mib << 20;
	return rc;
}

static int set_log_level(struct parse *p, const struct option *o,
			 const char *value)
{
	struct err why = { "" };
	int rc = log_level_parse(value, &p->o->log_level, &why);

	return rc < 0 ? err_set(p->err, rc, "%s: %s", o->name, why.text) : 0;
}

static const struct option table[] = {
	{ "--gate", "URL", set_gate, "the gate that batches go to" },
	{ "--service", "NAME", set_name,
	  "what is deployed: orders; see Names below" },
	{ "--revision", "NAME", set_name,
	  "which build of it: an image digest, a commit" },
	{ "--instance", "NAME", set_name,
	  "which copy of it; default: the container's id,\n"
	  "or host:pid:start of the process" },
	{ "--pid", "PID", set_target, "measure this process" },
	{ "--port", "PORT", set_target,
	  "measure whoever listens on this TCP port,\nand only that port" },
	{ "--exe", "GLOB", set_target,
	  "measure every process whose executable has this\n"
	  "path, or this name where there is no / in it" },
	{ "--cgroup", "PATH", set_target,
	  "measure every process in this cgroup and below" },
	{ "--targets", "DIR", set_targets,
	  "read targets from DIR/*.conf instead; each has its\n"
	  "own service and revision" },
	{ "--window-ms", "MS", set_window,
	  "length of a window: 1000 to 60000, a whole part\n"
	  "of a minute in seconds (10000)" },
	{ "--hooks", "TIER", set_hooks,
	  "auto, tp_btf or fexit: which kernel hooks to use\n(auto)" },
	{ "--no-profile", NULL, set_flag, "latencies only, no stack samples" },
	{ "--jvm-attach", NULL, set_flag,
	  "ask JVMs for the names of compiled methods, by\n"
	  "signal, as jcmd does; otherwise nothing touches them" },
	{ "--once", NULL, set_flag,
	  "measure one window, send it, and exit: 0 if it was\n"
	  "delivered, 1 if not or if there was nothing in it" },
	{ "--spool-dir", "DIR", set_file,
	  "where batches wait for the gate, for this collector\n"
	  "alone (below /var/lib/tailgate)" },
	{ "--spool-max-mib", "N", set_spool_max,
	  "how much may wait there; the oldest go first (256)" },
	{ "--token-file", "FILE", set_file,
	  "token for the gate; read again for every batch" },
	{ "--ca-file", "FILE", set_file, "who may vouch for the gate (PEM)" },
	{ "--cert-file", "FILE", set_file, "our own certificate (PEM)" },
	{ "--key-file", "FILE", set_file, "and its key (PEM)" },
	{ "--log-level", "LEVEL", set_log_level,
	  "error, warn, info or debug (info)" },
	{ "--version", NULL, set_flag, "print the version and exit" },
	{ "--help", NULL, set_flag, "print this and exit" },
};

enum { N_OPTIONS = sizeof(table) / sizeof(table[0]), HELP_COLUMN = 24 };

void options_help(struct buf *b)
{
	buf_puts(b, "tailgate-collector measures, from the kernel and without "
		    "touching it, how long\na service's requests take and "
		    "where its CPU time goes, and sends that to a\ngate, "
		    "window by window.  It needs root, or CAP_BPF, "
		    "CAP_PERFMON, CAP_SYS_PTRACE\nand "
		    "CAP_DAC_READ_SEARCH.\n\n"
		    "  tailgate-collector --gate http://gate:8080 \\\n"
		    "      --service orders --revision 1.4.2 --port 8080\n\n");
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const char *help = table[i].help;
		char left[64];

		snprintf(left, sizeof(left), "  %s%s%s", table[i].name,
			 table[i].value ? " " : "",
			 table[i].value ? table[i].value : "");
		buf_printf(b, "%-*s", HELP_COLUMN, left);
		while (strchr(help, '\n')) {
			size_t n = strcspn(help, "\n");

			buf_printf(b, "%.*s\n%*s", (int)n, help, HELP_COLUMN,
				   "");
			help += n + 1;
		}
		buf_printf(b, "%s\n", help);
	}
	buf_puts(b, "\n--pid, --port, --exe and --cgroup may be given several "
		    "times.\n\n"
		    "Names: the value of --service, --revision and "
		    "--instance may also be file:PATH,\nthe first line of a "
		    "file below the target's root; env:KEY, a variable with "
		    "which\nthe target was started; or unit:, its systemd "
		    "unit.  A name that cannot be read\nis an error, never a "
		    "guess.\n");
}

static const struct option *option_find(const char *arg, size_t len)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (strlen(table[i].name) == len &&
		    strncmp(table[i].name, arg, len) == 0)
			return &table[i];
	return NULL;
}

/* Take argv[*at], and its value, which may be the next one. */
static int option_take(struct parse *p, int argc, char *const *argv, int *at)
{
	const char *arg = argv[(*at)++];
	size_t len = strcspn(arg, "=");
	const struct option *o = option_find(arg, len);
	const char *value = arg[len] == '=' ? arg + len + 1 : NULL;

	if (!o)
		return err_set(p->err, -EINVAL,
			       "%.60s: no such option; --help lists them", arg);
	if (!o->value && value)
		return err_set(p->err, -EINVAL, "%s: takes no value", o->name);
	if (o->value && !value) {
		if (*at == argc)
			return err_set(p->err, -EINVAL, "%s: %s is missing",
				       o->name, o->value);
		value = argv[(*at)++];
	}
	return o->set(p, o, value) < 0 ? -EINVAL : 0;
}

static int name_all(struct parse *p)
{
	struct options *o = p->o;
	const struct {
		const char *option;
		const char *value;
		bool wanted;
	} names[] = {
		{ "--service", p->names.service, true },
		{ "--revision", p->names.revision, true },
		{ "--instance", p->names.instance, false },
	};

	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
		if (!names[k].value && names[k].wanted)
			return err_set(p->err, -EINVAL, "%s: is missing",
				       names[k].option);
		for (size_t i = 0; names[k].value && i < o->n_specs; i++)
			if (spec_set(&o->specs[i], names[k].option,
				     names[k].option + 2, names[k].value,
				     p->err) < 0)
				return -EINVAL;
	}
	return 0;
}

static int check_whole(struct parse *p)
{
	struct options *o = p->o;

	if (o->gate[0] == '\0')
		return err_set(p->err, -EINVAL, "--gate: is missing");
	if (!o->cert_file != !o->key_file)
		return err_set(p->err, -EINVAL,
			       "--cert-file and --key-file: give both");
	if (p->targets_dir && (o->n_specs > 0 || p->names.service ||
			       p->names.revision || p->names.instance))
		return err_set(p->err, -EINVAL,
			       "--targets: its files name service, revision "
			       "and targets; give no other beside it");
	if (p->targets_dir)
		return spec_read_dir(p->targets_dir, o->specs, LIMIT_SPECS,
				     &o->n_specs, p->err);
	if (o->n_specs == 0)
		return err_set(p->err, -EINVAL,
			       "no target: give --pid, --port, --exe, "
			       "--cgroup or --targets");
	return name_all(p);
}

int options_parse(int argc, char *const *argv, struct options *ret_o,
		  struct err *err)
{
	struct parse p = { .o = ret_o, .err = err };
	int at = 1;
	int rc = 0;

	memset(ret_o, 0, sizeof(*ret_o));
	ret_o->window_ms = OPTIONS_WINDOW_MS;
	ret_o->spool_max_bytes = (uint64_t)OPTIONS_SPOOL_MIB << 20;
	ret_o->log_level = LOG_INFO;
	while (rc == 0 && at < argc)
		rc = option_take(&p, argc, argv, &at);
	if (rc < 0 || ret_o->help || ret_o->version)
		return rc;
	return check_whole(&p);
}

int options_spool_dir(const char *gate, bool root, const char *state_home,
		      const char *home, char *dir, size_t size, struct err *err)
{
	uint32_t sum = 2166136261U; /* FNV-1a */
	const char *base = "/var/lib";
	const char *below = "";
	int n;

	for (const char *at = gate; *at; at++)
		sum = (sum ^ (uint8_t)*at) * 16777619U;
	if (!root && state_home && state_home[0] == '/') {
		base = state_home;
	} else if (!root) {
		base = home && home[0] == '/' ? home : NULL;
		below = "/.local/state";
	}
	if (!base)
		return err_set(err, -EINVAL,
			       "--spool-dir: give one; there is no home "
			       "directory to put it in");
	n = snprintf(dir, size, "%s%s/tailgate/collector-%08x", base, below,
		     sum);
	if (n < 0 || (size_t)n >= size)
		return err_set(err, -EINVAL, "--spool-dir: path too long");
	return 0;
}
