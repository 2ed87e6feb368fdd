/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/policy.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "stats/policy_keys.h"

/*
 * Health checks and metrics: asked by machines at their own rate, and never
 * what a release is about.
 */
static const char *const ignored[] = {
	"* /health*",  "* /livez*", "* /readyz*",   "* /live", "* /ready",
	"* /metrics*", "* /ping",   "* /actuator*", "* /-/*",  "* /favicon.ico",
};

void policy_default(struct policy *ret_p)
{
	*ret_p = (struct policy){ .name = "default", .version = 1 };
	for (size_t i = 0; i < n_policy_keys; i++)
		policy_key_set(&policy_keys[i], ret_p, policy_keys[i].built_in);
	ret_p->n_ignore = sizeof(ignored) / sizeof(ignored[0]);
	for (uint32_t i = 0; i < ret_p->n_ignore; i++)
		memcpy(ret_p->ignore_routes[i], ignored[i],
		       strlen(ignored[i]) + 1);
}

int policy_check(const struct policy *p, struct err *err)
{
	struct err why = { "" };

	if (memchr(p->name, '\0', sizeof(p->name)) == NULL || !p->name[0])
		return err_set(err, -EINVAL, "policy: it has no name");
	for (size_t i = 0; i < n_policy_keys; i++) {
		const struct policy_key *k = &policy_keys[i];
		double value = policy_key_get(k, p);

		if (p->kept && policy_key_is_sane(k, value))
			continue;
		if (policy_key_check(k, value, &why) < 0)
			return err_set(err, -EINVAL, "policy %s: %s", p->name,
				       why.text);
	}
	if (p->n_ignore > POLICY_IGNORE_MAX)
		return err_set(err, -EINVAL,
			       "policy %s: ignore_routes has %u patterns, "
			       "permitted are %d",
			       p->name, p->n_ignore, POLICY_IGNORE_MAX);
	for (uint32_t i = 0; i < p->n_ignore; i++)
		if (!memchr(p->ignore_routes[i], '\0', POLICY_PATTERN_BYTES) ||
		    !p->ignore_routes[i][0])
			return err_set(err, -EINVAL,
				       "policy %s: ignore_routes pattern %u is "
				       "empty or too long",
				       p->name, i + 1);
	return 0;
}

/* Is pattern one of p's own? */
static bool has_pattern(const struct policy *p, const char *pattern)
{
	for (uint32_t i = 0; i < p->n_ignore; i++)
		if (strcmp(p->ignore_routes[i], pattern) == 0)
			return true;
	return false;
}

const char *policy_pattern_beyond(const struct policy *bound,
				  const struct policy *wish)
{
	for (uint32_t i = 0; i < wish->n_ignore; i++)
		if (!has_pattern(bound, wish->ignore_routes[i]))
			return wish->ignore_routes[i];
	return NULL;
}

int policy_tightens(const struct policy *bound, const struct policy *wish,
		    struct err *err)
{
	const char *pattern;

	for (size_t i = 0; i < n_policy_keys; i++) {
		const struct policy_key *k = &policy_keys[i];
		double b = policy_key_get(k, bound);
		double w = policy_key_get(k, wish);

		if (policy_key_compare(k, b, w) > 0)
			return err_set(err, -EINVAL,
				       "policy %s: %s %.10g permits more than "
				       "%.10g of policy %s, which the service "
				       "is bound to",
				       wish->name, k->name, w, b, bound->name);
	}
	pattern = policy_pattern_beyond(bound, wish);
	if (pattern)
		return err_set(err, -EINVAL,
			       "policy %s: it ignores routes like \"%.60s\", "
			       "policy %s, which the service is bound to, does "
			       "not",
			       wish->name, pattern, bound->name);
	return 0;
}

/* Does text match pattern, in which "*" stands for anything? */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL; /* the last one met, and where it began */
	const char *mark = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			mark = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) { /* let the star take one more */
			pattern = star + 1;
			text = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool policy_ignores(const struct policy *p, const char *route)
{
	for (uint32_t i = 0; i < p->n_ignore; i++)
		if (matches(p->ignore_routes[i], route))
			return true;
	return false;
}
