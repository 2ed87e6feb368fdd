/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/auth.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <nettle/base64.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "common/err.h"
#include "common/file.h"
#include "common/identity.h"
#include "common/limits.h"

enum { HEADER_BYTES_MAX = 2 * LIMIT_TOKEN_BYTES };

struct token {
	uint8_t hash[SHA256_DIGEST_SIZE];
};

struct grant {
	size_t token; /* its place in tokens */
	enum scope scope;
	char *service; /* NULL: every service */
};

struct auth {
	bool open;
	size_t n_tokens;
	struct token tokens[LIMIT_TOKENS];
	size_t n_grants;
	struct grant grants[LIMIT_TOKENS];
};

static const struct {
	const char *name;
	enum scope scope;
} scopes[] = {
	{ "admin", SCOPE_ADMIN },
	{ "decide", SCOPE_DECIDE },
	{ "read", SCOPE_READ },
	{ "ingest", SCOPE_INGEST },
};

static void hash_token(const char *token, size_t len, uint8_t *ret_hash)
{
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, len, (const uint8_t *)token);
	sha256_digest(&ctx, SHA256_DIGEST_SIZE, ret_hash);
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c == '\0' ? NULL : strchr(digits, c | 0x20);

	return at ? (int)(at - digits) : -1;
}

/* Read the hash of "sha256:HEX". */
static int parse_hash(const char *hex, unsigned int line, uint8_t *ret_hash,
		      struct err *err)
{
	for (size_t i = 0; i < SHA256_DIGEST_SIZE; i++) {
		int hi = hex_value(hex[0]);
		int lo = hi < 0 ? -1 : hex_value(hex[1]);

		if (lo < 0)
			break;
		ret_hash[i] = (uint8_t)(hi * 16 + lo);
		hex += 2;
		if (i + 1 == SHA256_DIGEST_SIZE && *hex == '\0')
			return 0;
	}
	return err_set(err, -EINVAL,
		       "token file line %u: sha256: wants 64 hex digits, as "
		       "\"printf %%s TOKEN | sha256sum\" prints them",
		       line);
}

/* Turn "token" or "sha256:hex" into a hash. */
static int parse_token(const char *text, unsigned int line, uint8_t *ret_hash,
		       struct err *err)
{
	size_t len = strlen(text);

	if (strncmp(text, "sha256:", 7) == 0)
		return parse_hash(text + 7, line, ret_hash, err);
	if (len < LIMIT_TOKEN_BYTES_MIN || len > LIMIT_TOKEN_BYTES)
		return err_set(err, -EINVAL,
			       "token file line %u: a token of %zu bytes; want "
			       "%d to %d, such as \"openssl rand -hex 24\" "
			       "prints",
			       line, len, LIMIT_TOKEN_BYTES_MIN,
			       LIMIT_TOKEN_BYTES);
	hash_token(text, len, ret_hash);
	return 0;
}

/* Find "scope" or "scope:service" in the table; service may be "*". */
static int parse_scope(char *text, unsigned int line, enum scope *ret_scope,
		       const char **ret_service, struct err *err)
{
	char *service = strchr(text, ':');
	size_t i;

	if (service)
		*service++ = '\0';
	for (i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++)
		if (strcmp(scopes[i].name, text) == 0)
			break;
	if (i == sizeof(scopes) / sizeof(scopes[0]))
		return err_set(err, -EINVAL,
			       "token file line %u: scope \"%.20s\"; want "
			       "admin, decide:SERVICE, read:SERVICE or "
			       "ingest:SERVICE",
			       line, text);
	*ret_scope = scopes[i].scope;
	if (*ret_scope == SCOPE_ADMIN && !service) {
		*ret_service = NULL;
		return 0;
	}
	if (!service || *ret_scope == SCOPE_ADMIN)
		return err_set(err, -EINVAL,
			       service ? "token file line %u: admin is for "
					 "every service; leave out \":%.60s\""
				       : "token file line %u: which service? "
					 "Want %.20s:SERVICE or %.20s:*",
			       line, service ? service : text, text);
	*ret_service = strcmp(service, "*") == 0 ? NULL : service;
	if (!*ret_service || identity_check("service", service, NULL) == 0)
		return 0;
	return err_set(err, -EINVAL,
		       "token file line %u: \"%.60s\" cannot be a service",
		       line, service);
}

/* The place of a hash among the tokens, made if it is new. */
static size_t token_place(struct auth *a, const uint8_t *hash)
{
	for (size_t i = 0; i < a->n_tokens; i++)
		if (memeql_sec(a->tokens[i].hash, hash, SHA256_DIGEST_SIZE))
			return i;
	memcpy(a->tokens[a->n_tokens].hash, hash, SHA256_DIGEST_SIZE);
	return a->n_tokens++;
}

/* Cut the next word off *at; NULL if the line has no more. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t\r");
	size_t len = strcspn(word, " \t\r");

	if (len == 0)
		return NULL;
	*at = word + len + (word[len] != '\0');
	word[len] = '\0';
	return word;
}

static int parse_line(struct auth *a, char *text, unsigned int line,
		      struct err *err)
{
	char *scope_word = next_word(&text);
	char *token_word = scope_word ? next_word(&text) : NULL;
	uint8_t hash[SHA256_DIGEST_SIZE];
	const char *service = NULL;
	struct grant *g;
	enum scope scope = SCOPE_ADMIN;
	int rc;

	if (!scope_word || scope_word[0] == '#')
		return 0;
	if (!token_word || next_word(&text))
		return err_set(err, -EINVAL,
			       "token file line %u: want two words, "
			       "SCOPE:SERVICE and TOKEN",
			       line);
	rc = parse_scope(scope_word, line, &scope, &service, err);
	if (rc == 0)
		rc = parse_token(token_word, line, hash, err);
	if (rc < 0)
		return rc;
	if (a->n_grants == LIMIT_TOKENS)
		return err_set(err, -EMSGSIZE,
			       "token file line %u: more than %d grants", line,
			       LIMIT_TOKENS);

	g = &a->grants[a->n_grants];
	g->scope = scope;
	g->service = service ? strdup(service) : NULL;
	if (service && !g->service)
		return err_set(err, -ENOMEM, "token file: no memory");
	g->token = token_place(a, hash);
	a->n_grants++;
	return 0;
}

static int parse_lines(struct auth *a, char *text, struct err *err)
{
	unsigned int line = 1;
	int rc = 0;

	while (rc == 0 && *text != '\0') {
		size_t len = strcspn(text, "\n");
		char *next = text + len + (text[len] != '\0');

		text[len] = '\0';
		rc = parse_line(a, text, line++, err);
		text = next;
	}
	return rc;
}

int auth_parse(const char *text, size_t len, struct auth **ret_a,
	       struct err *err)
{
	struct auth *a = NULL;
	char *copy = NULL;
	int rc;

	if (len > LIMIT_TOKEN_FILE_BYTES) {
		rc = err_set(err, -EMSGSIZE, "token file: more than %d bytes",
			     LIMIT_TOKEN_FILE_BYTES);
		goto out;
	}
	if (memchr(text, '\0', len)) {
		rc = err_set(err, -EINVAL, "token file: it has a NUL byte");
		goto out;
	}
	a = calloc(1, sizeof(*a));
	copy = strndup(text, len);
	if (!a || !copy) {
		rc = err_set(err, -ENOMEM, "token file: no memory");
		goto out;
	}
	rc = parse_lines(a, copy, err);
	if (rc == 0 && a->n_grants == 0)
		rc = err_set(err, -EINVAL,
			     "token file: no grant in it, so nobody could ask "
			     "for anything; want lines of SCOPE:SERVICE "
			     "TOKEN");
	if (rc < 0)
		goto out;
	*ret_a = a;
	a = NULL;
out:
	if (copy)
		explicit_bzero(copy, len);
	free(copy);
	auth_close(a);
	return rc;
}

int auth_open(const char *path, struct auth **ret_a, struct err *err)
{
	struct err why = { .text = "" };
	char *text = NULL;
	size_t len = 0;
	int rc;

	if (!path) {
		struct auth *a = calloc(1, sizeof(*a));

		if (!a)
			return err_set(err, -ENOMEM, "tokens: no memory");
		a->open = true;
		*ret_a = a;
		return 0;
	}

	rc = file_read(path, LIMIT_TOKEN_FILE_BYTES, &text, &len, &why);
	if (rc < 0)
		return err_set(err, rc, "token file %s", why.text);
	rc = auth_parse(text, len, ret_a, err);
	explicit_bzero(text, len);
	free(text);
	return rc;
}

void auth_close(struct auth *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n_grants; i++)
		free(a->grants[i].service);
	free(a);
}

bool auth_is_open(const struct auth *a)
{
	return a->open;
}

/*
 * Take the password out of "user:password" in base64.  The user's name says
 * nothing: a client that can only send Basic puts what it likes there.
 */
static int basic_password(const char *base64, char *ret_token)
{
	struct base64_decode_ctx ctx;
	uint8_t plain[BASE64_DECODE_LENGTH(HEADER_BYTES_MAX) + 1];
	size_t len = sizeof(plain) - 1;
	const char *colon;

	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &len, plain, strlen(base64), base64) ||
	    !base64_decode_final(&ctx) || memchr(plain, '\0', len))
		return -EACCES;
	plain[len] = '\0';
	colon = strchr((char *)plain, ':');
	if (!colon || strlen(colon + 1) > LIMIT_TOKEN_BYTES)
		return -EACCES;
	memcpy(ret_token, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

/* Take the token out of an Authorization header. */
static int header_token(const char *header, char *ret_token)
{
	const char *rest = header + strcspn(header, " ");
	size_t scheme = (size_t)(rest - header);

	if (strlen(header) > HEADER_BYTES_MAX)
		return -EACCES;
	rest += strspn(rest, " ");
	if (scheme == 5 && strncasecmp(header, "Basic", 5) == 0)
		return basic_password(rest, ret_token);
	if (scheme != 6 || strncasecmp(header, "Bearer", 6) != 0 ||
	    strlen(rest) > LIMIT_TOKEN_BYTES)
		return -EACCES;
	memcpy(ret_token, rest, strlen(rest) + 1);
	return 0;
}

int auth_identify(const struct auth *a, const char *header,
		  struct auth_caller *ret_caller, struct err *err)
{
	char token[LIMIT_TOKEN_BYTES + 1];
	uint8_t hash[SHA256_DIGEST_SIZE];
	size_t found = SIZE_MAX;

	if (a->open) {
		ret_caller->token = 0;
		return 0;
	}
	if (!header)
		return err_set(err, -EACCES,
			       "no token: send \"Authorization: Bearer TOKEN\" "
			       "or the token as the password of Basic");
	if (header_token(header, token) < 0)
		return err_set(err, -EACCES,
			       "Authorization is neither \"Bearer TOKEN\" nor "
			       "Basic");
	hash_token(token, strlen(token), hash);
	explicit_bzero(token, sizeof(token));
	/* no early end: how long it takes must not say which one it was */
	for (size_t i = 0; i < a->n_tokens; i++)
		if (memeql_sec(a->tokens[i].hash, hash, SHA256_DIGEST_SIZE))
			found = i;
	if (found == SIZE_MAX)
		return err_set(err, -EACCES, "the token is not known here");
	ret_caller->token = found;
	return 0;
}

/* Does a grant of scope `has` allow what asks for scope `want`? */
static bool scope_covers(enum scope has, enum scope want)
{
	return has == SCOPE_ADMIN || has == want ||
	       (has == SCOPE_DECIDE && want == SCOPE_READ);
}

bool auth_may(const struct auth *a, struct auth_caller caller, enum scope scope,
	      const char *service)
{
	if (a->open || scope == SCOPE_NONE)
		return true;
	for (size_t i = 0; i < a->n_grants; i++) {
		const struct grant *g = &a->grants[i];

		if (g->token != caller.token || !scope_covers(g->scope, scope))
			continue;
		if (!g->service || !service || strcmp(g->service, service) == 0)
			return true;
	}
	return false;
}
