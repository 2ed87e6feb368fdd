/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/err.h"
#include "common/identity.h"
#include "common/limits.h"
#include "common/num.h"
#include "common/time_text.h"

enum { HOUR_MS = 60 * 60 * 1000 };

static const char *const command_names[COMMAND_N] = {
	[COMMAND_WAIT] = "wait",	 [COMMAND_VERDICT] = "verdict",
	[COMMAND_ROLLOUTS] = "rollouts", [COMMAND_STOP] = "stop",
	[COMMAND_REPLAY] = "replay",	 [COMMAND_POLICY] = "policy",
	[COMMAND_BACKTEST] = "backtest", [COMMAND_VERSION] = "version",
	[COMMAND_HELP] = "help",
};

/* Commands that an option belongs to, as bits. */
enum {
	ASKS = 1 << COMMAND_WAIT | 1 << COMMAND_VERDICT,
	NUMBERED = 1 << COMMAND_STOP | 1 << COMMAND_REPLAY,
	BACKTEST = 1 << COMMAND_BACKTEST,
	CALLS = ASKS | 1 << COMMAND_ROLLOUTS | NUMBERED | BACKTEST,
	JSON = CALLS | 1 << COMMAND_POLICY,
};

static int set_gate(struct options *o, const char *v, struct err *err)
{
	size_t scheme = strncmp(v, "http://", 7) == 0	 ? 7
			: strncmp(v, "https://", 8) == 0 ? 8
							 : 0;

	if (scheme == 0 || v[scheme] == '\0' || v[scheme] == '/' ||
	    strpbrk(v, "?# \t\r\n@") != NULL)
		return err_set(err, -EINVAL,
			       "--gate: \"%.80s\" is not http://HOST[:PORT] "
			       "or https://HOST[:PORT]",
			       v);
	o->gate = v;
	return 0;
}

static int set_service(struct options *o, const char *v, struct err *err)
{
	o->service = v;
	return identity_check("--service", v, err);
}

static int set_baseline(struct options *o, const char *v, struct err *err)
{
	o->baseline = v;
	return identity_check("--baseline", v, err);
}

static int set_canary(struct options *o, const char *v, struct err *err)
{
	o->canary = v;
	return identity_check("--canary", v, err);
}

static int set_policy(struct options *o, const char *v, struct err *err)
{
	o->policy = v;
	return identity_check("--policy", v, err);
}

static int set_file(struct options *o, const char *v, struct err *err)
{
	(void)err; /* it is read later */
	o->file = v;
	return 0;
}

/* The gate has the same limits; what it is, it is told as it was written. */
static int set_last(struct options *o, const char *v, struct err *err)
{
	int64_t ms;

	o->last = v;
	return num_duration_ms("--last", v, LIMIT_PAST_MIN_MS,
			       LIMIT_BACKTEST_DAYS * INT64_C(24) * HOUR_MS, &ms,
			       err);
}

static int set_splits(struct options *o, const char *v, struct err *err)
{
	o->has_splits = true;
	return num_u64("--splits", v, 0, LIMIT_BACKTEST_SPLITS, &o->splits,
		       err);
}

static int set_seed(struct options *o, const char *v, struct err *err)
{
	o->has_seed = true;
	return num_u64("--seed", v, 0, LIMIT_BACKTEST_SEED, &o->seed, err);
}

static int set_token_file(struct options *o, const char *v, struct err *err)
{
	(void)err; /* it is read later */
	o->token_file = v;
	return 0;
}

static int set_ca_file(struct options *o, const char *v, struct err *err)
{
	(void)err; /* it is read later */
	o->ca_file = v;
	return 0;
}

static int set_reason(struct options *o, const char *v, struct err *err)
{
	o->reason = v;
	if (v[0] == '\0')
		return err_set(err, -EINVAL, "--reason is empty");
	return 0;
}

static int set_step(struct options *o, const char *v, struct err *err)
{
	o->has_step = true;
	return num_u64("--step", v, 0, UINT32_MAX, &o->step, err);
}

static int set_attempt(struct options *o, const char *v, struct err *err)
{
	return num_u64("--attempt", v, 1, UINT32_MAX, &o->attempt, err);
}

/* Plain seconds here, as in the gate's own URL; a unit is fine too. */
static int set_wait(struct options *o, const char *v, struct err *err)
{
	uint64_t s;
	int rc = num_u64("--wait", v, 0, 24 * 60 * 60, &s, NULL);

	if (rc < 0)
		return num_duration_ms("--wait", v, 0, 24 * HOUR_MS,
				       &o->wait_ms, err);
	o->wait_ms = (int64_t)s * 1000;
	return 0;
}

static int set_from(struct options *o, const char *v, struct err *err)
{
	o->has_from = true;
	return time_text_read("--from", v, &o->from_ms, err);
}

static int set_until(struct options *o, const char *v, struct err *err)
{
	o->has_until = true;
	return time_text_read("--until", v, &o->until_ms, err);
}

static int set_timeout(struct options *o, const char *v, struct err *err)
{
	return num_duration_ms("--timeout", v, 1000, INT64_C(30) * 24 * HOUR_MS,
			       &o->timeout_ms, err);
}

static int set_away(struct options *o, const char *v, struct err *err)
{
	return num_duration_ms("--unreachable-after", v, 0, 24 * HOUR_MS,
			       &o->away_ms, err);
}

static int set_progress(struct options *o, const char *v, struct err *err)
{
	return num_duration_ms("--progress-every", v, 1000, HOUR_MS,
			       &o->progress_ms, err);
}

static int set_on_inconclusive(struct options *o, const char *v,
			       struct err *err)
{
	static const char *const names[] = {
		[INCONCLUSIVE_EXIT] = "exit",
		[INCONCLUSIVE_FAIL] = "fail",
		[INCONCLUSIVE_PASS] = "pass",
		[INCONCLUSIVE_WAIT] = "wait",
	};

	for (int i = INCONCLUSIVE_EXIT; i <= INCONCLUSIVE_WAIT; i++) {
		if (strcmp(v, names[i]) == 0) {
			o->on_inconclusive = (enum on_inconclusive)i;
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		       "--on-inconclusive: \"%.40s\" is none of exit, fail, "
		       "pass, wait",
		       v);
}

static int set_on_error(struct options *o, const char *v, struct err *err)
{
	o->pass_on_error = strcmp(v, "pass") == 0;
	if (!o->pass_on_error && strcmp(v, "fail") != 0)
		return err_set(err, -EINVAL,
			       "--on-error: \"%.40s\" is neither fail nor pass",
			       v);
	return 0;
}

static const struct option_row {
	const char *name;
	unsigned int commands;
	unsigned int needed; /* commands that cannot do without it */
	int (*set)(struct options *o, const char *value, struct err *err);
} rows[] = {
	{ "gate", CALLS, CALLS, set_gate },
	{ "service", ASKS | 1 << COMMAND_ROLLOUTS | BACKTEST, ASKS | BACKTEST,
	  set_service },
	{ "baseline", ASKS, ASKS, set_baseline },
	{ "canary", ASKS, ASKS, set_canary },
	{ "step", ASKS, 0, set_step },
	{ "policy", ASKS, 0, set_policy },
	{ "policy", BACKTEST, 0, set_file },
	{ "last", BACKTEST, 0, set_last },
	{ "splits", BACKTEST, 0, set_splits },
	{ "seed", BACKTEST, 0, set_seed },
	{ "attempt", ASKS, 0, set_attempt },
	{ "wait", 1 << COMMAND_VERDICT, 0, set_wait },
	{ "from", 1 << COMMAND_VERDICT, 0, set_from },
	{ "until", 1 << COMMAND_VERDICT, 0, set_until },
	{ "timeout", 1 << COMMAND_WAIT, 0, set_timeout },
	{ "unreachable-after", 1 << COMMAND_WAIT, 0, set_away },
	{ "progress-every", 1 << COMMAND_WAIT, 0, set_progress },
	{ "on-inconclusive", ASKS, 0, set_on_inconclusive },
	{ "on-error", ASKS, 0, set_on_error },
	{ "reason", 1 << COMMAND_STOP, 1 << COMMAND_STOP, set_reason },
	{ "token-file", CALLS, 0, set_token_file },
	{ "ca-file", CALLS, 0, set_ca_file },
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static int command_find(const char *word, enum command *ret_command,
			struct err *err)
{
	for (int i = 0; i < COMMAND_N; i++) {
		if (strcmp(word, command_names[i]) == 0) {
			*ret_command = (enum command)i;
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		       "there is no command \"%.40s\"; tailgate --help lists "
		       "them",
		       word);
}

/* Set the option that word names.  *at is moved past a value of its own. */
static int option_read(int argc, char *const *argv, int *at, struct options *o,
		       unsigned int *given, struct err *err)
{
	const char *word = argv[*at] + 2;
	size_t len = strcspn(word, "=");
	const char *value = word[len] == '=' ? word + len + 1 : NULL;
	int rc;

	for (unsigned int i = 0; i < N_ROWS; i++) {
		if (strncmp(rows[i].name, word, len) != 0 ||
		    rows[i].name[len] != '\0' ||
		    !(rows[i].commands & 1U << o->command))
			continue;
		if (*given & 1U << i)
			return err_set(err, -EINVAL, "--%s is given twice",
				       rows[i].name);
		*given |= 1U << i;
		if (!value) {
			if (*at + 1 >= argc)
				return err_set(err, -EINVAL,
					       "--%s lacks its value",
					       rows[i].name);
			value = argv[++*at];
		}
		rc = rows[i].set(o, value, err);
		return rc;
	}
	return err_set(err, -EINVAL,
		       "%s has no option --%.*s; tailgate %s --help lists "
		       "them",
		       command_names[o->command], (int)(len < 40 ? len : 40),
		       word, command_names[o->command]);
}

/* A past time has both ends, and attempts that the gate counts. */
static int check_past(const struct options *o, struct err *err)
{
	if (o->has_from != o->has_until)
		return err_set(err, -EINVAL, "--from and --until go together");
	if (o->has_from && o->until_ms <= o->from_ms)
		return err_set(err, -EINVAL, "--until is not after --from");
	if (o->has_from && o->attempt > 0)
		return err_set(err, -EINVAL,
			       "--attempt: the gate counts those of past time "
			       "itself");
	return 0;
}

static int check_needed(const struct options *o, unsigned int given,
			struct err *err)
{
	for (unsigned int i = 0; i < N_ROWS; i++) {
		if ((rows[i].needed & 1U << o->command) && !(given & 1U << i))
			return err_set(err, -EINVAL,
				       "%s needs --%s; tailgate %s --help "
				       "lists its options",
				       command_names[o->command], rows[i].name,
				       command_names[o->command]);
	}
	if ((NUMBERED & 1U << o->command) && o->id == 0)
		return err_set(err, -EINVAL,
			       "%s needs the number of a rollout; tailgate "
			       "rollouts lists them",
			       command_names[o->command]);
	if (o->command == COMMAND_POLICY && !o->file)
		return err_set(err, -EINVAL,
			       "policy needs something to do and a file: "
			       "tailgate policy check FILE");
	if (o->baseline && o->canary && strcmp(o->baseline, o->canary) == 0)
		return err_set(err, -EINVAL,
			       "--baseline and --canary are both \"%s\": there "
			       "is nothing to compare",
			       o->canary);
	return check_past(o, err);
}

/* "check FILE", the only thing to do with a policy here. */
static int policy_word_read(struct options *o, const char *word,
			    struct err *err)
{
	if (o->action) {
		o->file = word;
		return 0;
	}
	o->action = word;
	if (strcmp(word, "check") != 0)
		return err_set(err, -EINVAL,
			       "policy: \"%.40s\" is not \"check\"; tailgate "
			       "policy --help says more",
			       word);
	return 0;
}

static int words_read(int argc, char *const *argv, struct options *o,
		      struct err *err)
{
	unsigned int given = 0;
	int rc = 0;

	for (int i = 2; i < argc && rc == 0; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			o->help_on = o->command;
			o->command = COMMAND_HELP;
			return 0;
		} else if (strcmp(argv[i], "--json") == 0 &&
			   (JSON & 1U << o->command)) {
			o->json = true;
		} else if (strncmp(argv[i], "--", 2) == 0) {
			rc = option_read(argc, argv, &i, o, &given, err);
		} else if ((NUMBERED & 1U << o->command) && o->id == 0) {
			rc = num_u64("rollout", argv[i], 1, INT64_MAX, &o->id,
				     NULL);
			if (rc < 0)
				rc = err_set(err, rc,
					     "rollout: \"%.40s\" is no number "
					     "of one; tailgate rollouts lists "
					     "them",
					     argv[i]);
		} else if (o->command == COMMAND_POLICY && !o->file) {
			rc = policy_word_read(o, argv[i], err);
		} else if (o->command == COMMAND_HELP && argc == 3) {
			rc = command_find(argv[i], &o->help_on, err);
		} else {
			rc = err_set(err, -EINVAL,
				     "tailgate %s: \"%.40s\" is one word too "
				     "many",
				     command_names[o->command], argv[i]);
		}
	}
	if (rc == 0)
		rc = check_needed(o, given, err);
	return rc;
}

int options_parse(int argc, char *const *argv, struct options *ret_o,
		  struct err *err)
{
	struct options o = { .command = COMMAND_HELP,
			     .help_on = COMMAND_N,
			     .timeout_ms = HOUR_MS / 2,
			     .away_ms = 2 * 60 * 1000,
			     .progress_ms = 60 * 1000 };
	int rc = 0;

	if (argc >= 2 && strcmp(argv[1], "--version") == 0)
		o.command = COMMAND_VERSION;
	else if (argc >= 2 && strcmp(argv[1], "--help") != 0 &&
		 strcmp(argv[1], "-h") != 0)
		rc = command_find(argv[1], &o.command, err);
	if (rc == 0)
		rc = words_read(argc, argv, &o, err);
	if (rc == 0)
		*ret_o = o;
	return rc;
}
