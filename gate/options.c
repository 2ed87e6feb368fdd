/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/err.h"
#include "common/num.h"

enum { RETENTION_DEFAULT_MS = 48 * 3600 * 1000 };
#define RETENTION_MIN_MS (INT64_C(60) * 1000)
#define RETENTION_MAX_MS (INT64_C(8760) * 3600 * 1000)
/* below it retention would run after every window */
#define RETENTION_MIN_BYTES (UINT64_C(16) << 20)
#define RETENTION_MAX_BYTES (UINT64_C(100) << 40)

const char options_usage[] =
	"usage: tailgated --store FILE [options]\n"
	"\n"
	"  --store FILE         where batches and verdicts are kept; made if\n"
	"                       it is not there\n"
	"  --listen ADDR:PORT   where to answer (127.0.0.1:8437); port 0 is\n"
	"                       any free one, printed on the first line\n"
	"  --policy-dir DIR     NAME.json in it is policy NAME\n"
	"  --token-file FILE    lines of SCOPE:SERVICE TOKEN; without it the\n"
	"                       gate is open and listens on loopback only\n"
	"  --base-url URL       how readers reach the gate, for links in\n"
	"                       verdicts; else what they called it\n"
	"  --retention TIME     how long batches are kept (48h): how far back\n"
	"                       replays, past time and backtests can look\n"
	"  --retention-bytes SIZE\n"
	"                       the oldest go earlier where the store takes\n"
	"                       more: 500M, 20G, 1T (no bound)\n"
	"  --log-level LEVEL    error, warn, info or debug (info)\n"
	"  --help, --version\n";

static int check_base_url(const char *url, struct err *err)
{
	size_t len = strlen(url);

	if ((strncmp(url, "http://", 7) != 0 &&
	     strncmp(url, "https://", 8) != 0) ||
	    len > 200 || strpbrk(url, " \t\"<>\\") || url[len - 1] == '/')
		return err_set(err, -EINVAL,
			       "--base-url \"%.100s\": want http://HOST or "
			       "https://HOST/PATH without \"/\" at its end",
			       url);
	return 0;
}

static int take_value(struct options *o, const char *name, const char *value,
		      struct err *err)
{
	const struct {
		const char *name;
		const char **to;
	} texts[] = {
		{ "--listen", &o->listen },
		{ "--store", &o->store },
		{ "--policy-dir", &o->policy_dir },
		{ "--token-file", &o->token_file },
		{ "--base-url", &o->base_url },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(texts[i].name, name) != 0)
			continue;
		if (value[0] == '\0')
			return err_set(err, -EINVAL,
				       "%s: want a value that is not empty",
				       name);
		*texts[i].to = value;
		return o->base_url ? check_base_url(o->base_url, err) : 0;
	}
	if (strcmp(name, "--retention") == 0)
		return num_duration_ms("--retention", value, RETENTION_MIN_MS,
				       RETENTION_MAX_MS, &o->retention_ms, err);
	if (strcmp(name, "--retention-bytes") == 0)
		return num_size("--retention-bytes", value, RETENTION_MIN_BYTES,
				RETENTION_MAX_BYTES, &o->retention_bytes, err);
	if (strcmp(name, "--log-level") == 0)
		return log_level_parse(value, &o->log_level, err);
	return err_set(err, -EINVAL,
		       "%.60s: no such option; tailgated --help lists them",
		       name);
}

/* "--name=value" or "--name value"; *i moves over what was taken. */
static int take_option(struct options *o, int argc, char *const *argv, int *i,
		       struct err *err)
{
	const char *word = argv[*i];
	const char *equals = strchr(word, '=');
	char name[32] = "";

	if (strcmp(word, "--help") == 0) {
		o->help = true;
		return 0;
	}
	if (strcmp(word, "--version") == 0) {
		o->version = true;
		return 0;
	}
	if (strncmp(word, "--", 2) != 0)
		return err_set(err, -EINVAL,
			       "%.60s: every argument is an option; "
			       "tailgated --help lists them",
			       word);
	if (equals) {
		size_t len = (size_t)(equals - word);

		if (len < sizeof(name))
			memcpy(name, word, len);
		return take_value(o, name[0] ? name : word, equals + 1, err);
	}
	if (*i + 1 >= argc)
		return take_value(o, word, "", err);
	return take_value(o, word, argv[++*i], err);
}

int options_parse(int argc, char *const *argv, struct options *ret_o,
		  struct err *err)
{
	struct options o = {
		.listen = "127.0.0.1:8437",
		.retention_ms = RETENTION_DEFAULT_MS,
		.log_level = LOG_INFO,
	};
	int rc = 0;

	for (int i = 1; i < argc && rc == 0; i++)
		rc = take_option(&o, argc, argv, &i, err);
	if (rc == 0 && !o.store && !o.help && !o.version)
		rc = err_set(err, -EINVAL,
			     "--store is missing: name the file to keep "
			     "batches and verdicts in");
	if (rc == 0)
		*ret_o = o;
	return rc;
}
