/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/framing.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/err.h"

enum {
	LENGTH_DIGITS_MAX = 18, /* fits 63 bits, and no body is that long */
	HOST_BYTES_MAX = 255,
};

static bool is_token_char(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

/* A name is a token, and a value has no byte that could end a line. */
static int check_field(const struct framing_field *f, struct err *err)
{
	if (f->name_len == 0)
		return err_set(err, -EBADMSG, "header field without a name");
	for (size_t i = 0; i < f->name_len; i++)
		if (!is_token_char((unsigned char)f->name[i]))
			return err_set(
				err, -EBADMSG,
				"header field %u bytes long: byte 0x%02x "
				"in its name",
				(unsigned int)f->name_len,
				(unsigned char)f->name[i]);
	for (size_t i = 0; i < f->value_len; i++) {
		unsigned char c = (unsigned char)f->value[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return err_set(err, -EBADMSG,
				       "header %.40s: byte 0x%02x in its value",
				       f->name, c);
	}
	return 0;
}

static int take_length(const struct framing_field *f, struct framing *to,
		       struct err *err)
{
	uint64_t length = 0;

	if (to->has_length)
		return err_set(err, -EBADMSG, "Content-Length is given twice");
	if (f->value_len == 0 || f->value_len > LENGTH_DIGITS_MAX)
		return err_set(err, -EBADMSG,
			       "Content-Length \"%.40s\": want 1 to %d digits",
			       f->value, LENGTH_DIGITS_MAX);
	for (size_t i = 0; i < f->value_len; i++) {
		char c = f->value[i];

		if (c < '0' || c > '9')
			return err_set(err, -EBADMSG,
				       "Content-Length \"%.40s\": want digits",
				       f->value);
		length = length * 10 + (uint64_t)(c - '0');
	}
	to->has_length = true;
	to->length = length;
	return 0;
}

static int take_encoding(const struct framing_field *f, const char *version,
			 struct framing *to, struct err *err)
{
	if (to->chunked)
		return err_set(err, -EBADMSG,
			       "Transfer-Encoding is given twice");
	if (strcasecmp(f->value, "chunked") != 0)
		return err_set(err, -EBADMSG,
			       "Transfer-Encoding \"%.40s\": want chunked",
			       f->value);
	if (strcmp(version, "HTTP/1.1") != 0)
		return err_set(err, -EBADMSG,
			       "Transfer-Encoding in %.16s, which has none",
			       version);
	to->chunked = true;
	return 0;
}

static int take_host(const struct framing_field *f, struct framing *to,
		     struct err *err)
{
	if (to->host)
		return err_set(err, -EBADMSG, "Host is given twice");
	if (f->value_len == 0 || f->value_len > HOST_BYTES_MAX)
		return err_set(err, -EBADMSG, "Host of %zu bytes: want 1 to %d",
			       f->value_len, HOST_BYTES_MAX);
	for (size_t i = 0; i < f->value_len; i++) {
		unsigned char c = (unsigned char)f->value[i];

		if (c <= ' ' || c >= 0x7f || strchr("/\\@?#\"'<>&,;", c))
			return err_set(
				err, -EBADMSG,
				"Host has the byte 0x%02x, which is in no name",
				c);
	}
	to->host = f->value;
	return 0;
}

int framing_check(const char *version, const struct framing_field *fields,
		  size_t n, struct framing *ret_f, struct err *err)
{
	struct framing to = { 0 };
	int rc = 0;

	if (!version || (strcmp(version, "HTTP/1.1") != 0 &&
			 strcmp(version, "HTTP/1.0") != 0))
		return err_set(err, -EBADMSG,
			       "version \"%.16s\": want HTTP/1.1",
			       version ? version : "");

	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct framing_field *f = &fields[i];

		rc = check_field(f, err);
		if (rc < 0)
			break;
		if (strcasecmp(f->name, "Content-Length") == 0)
			rc = take_length(f, &to, err);
		else if (strcasecmp(f->name, "Transfer-Encoding") == 0)
			rc = take_encoding(f, version, &to, err);
		else if (strcasecmp(f->name, "Host") == 0)
			rc = take_host(f, &to, err);
	}
	if (rc < 0)
		return rc;
	if (to.chunked && to.has_length)
		return err_set(err, -EBADMSG,
			       "Content-Length beside Transfer-Encoding");
	if (!to.host && strcmp(version, "HTTP/1.1") == 0)
		return err_set(err, -EBADMSG, "Host is missing");
	*ret_f = to;
	return 0;
}

/* Is text from the front up to end exactly name? */
static bool is_name(const char *text, size_t len, const char *name)
{
	return len == strlen(name) && strncasecmp(text, name, len) == 0;
}

bool framing_host_is_loopback(const char *host)
{
	size_t len;

	if (host[0] == '[')
		return strncmp(host, "[::1]", 5) == 0 &&
		       (host[5] == '\0' || host[5] == ':');
	len = strcspn(host, ":");
	if (is_name(host, len, "localhost"))
		return true;
	/* 127.0.0.0/8 in dotted form: digits and dots, never a name */
	return strncmp(host, "127.", 4) == 0 &&
	       strspn(host, "0123456789.") == len;
}
