/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each rule rewrites a name in place and never makes it longer, so one
 * buffer serves them all.
 */
#include "collector/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "collector/demangle.h"
#include "common/text.h"

enum {
	RAW_BYTES = 1024,      /* what of a raw name is looked at */
	COMM_BYTES = 15,       /* the kernel's ceiling for a thread's name */
	MODULE_DIGITS_MIN = 5, /* a file's version has fewer in a row */
	MODULE_HEX_MIN = 8,
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_';
}

/* Remove the n bytes at p from the string they are in. */
static void cut(char *p, size_t n)
{
	memmove(p, p + n, strlen(p + n) + 1);
}

static size_t n_digits(const char *p)
{
	size_t n = 0;

	while (is_digit(p[n]))
		n++;
	return n;
}

/* C0, DEL and C1; text begins with a whole character. */
static bool is_control(const char *text)
{
	unsigned char c = (unsigned char)text[0];

	return c < 0x20 || c == 0x7f ||
	       (c == 0xc2 && (unsigned char)text[1] < 0xa0);
}

/* Copy text, '?' for each byte that may not leave; cut before room is full. */
static void copy_clean(const char *text, char *ret, size_t room)
{
	size_t left = strlen(text);
	size_t len = 0;

	while (left > 0 && len + 1 < room) {
		size_t n = text_char(text, left);

		if (n == 0 || is_control(text)) {
			ret[len++] = '?';
			n = n == 0 ? 1 : n;
		} else if (len + n < room) {
			memcpy(ret + len, text, n);
			len += n;
		} else {
			break;
		}
		text += n;
		left -= n;
	}
	ret[len] = '\0';
}

/*
 * Rule 1: type class.method(types).  A type has no blank outside its
 * brackets, so the method begins after the last blank before the bracket.
 */
static void cut_signature(char *s)
{
	char *open = strchr(s, '(');
	size_t len = strlen(s);
	char *start;

	if (!open || open == s || s[len - 1] != ')' || open[-1] == ' ')
		return;
	*open = '\0';
	start = strrchr(s, ' ');
	if (start)
		cut(s, (size_t)(start + 1 - s));
}

/* Bytes at p of what marks a hidden class: /0x7f00, +0x7f00, /5438. */
static size_t hidden_mark(const char *p)
{
	size_t n = 1;
	size_t n_number = 0;

	if (*p != '/' && *p != '+')
		return 0;
	if (p[1] == '0' && p[2] == 'x') {
		n += 2;
		while (is_hex(p[n + n_number]))
			n_number++;
	} else {
		n_number = n_digits(p + n);
	}
	/* what goes on as a word was no number: a/0xyz, part/2nd */
	if (n_number == 0 || is_word(p[n + n_number]))
		return 0;
	return n + n_number;
}

/* Rule 2, and what rule 3 needs. */
static void cut_hidden(char *s)
{
	static const char lambda[] = "$$Lambda";
	char *p = strstr(s, lambda);

	if (p) {
		p += sizeof(lambda) - 1;
		if (*p == '$')
			cut(p, 1 + n_digits(p + 1));
	}
	for (p = s; *p; p++) {
		size_t n;

		while ((n = hidden_mark(p)) > 0)
			cut(p, n);
		if (*p == '\0')
			break;
	}
}

/* Rule 3: which of the forms it is depends on what was linked first. */
static void merge_forms(char *s)
{
	static const char form[] = "LambdaForm$";
	char *p = strstr(s, form);
	size_t n = 0;

	if (!p)
		return;
	p += sizeof(form) - 1;
	while (p[n] >= 'A' && p[n] <= 'Z')
		n++;
	if (n < 2)
		return;
	memcpy(p, "MH", 2);
	cut(p + 2, n - 2);
}

/* The method's name in s: after the last dot. */
static char *method_of(char *s)
{
	char *dot = strrchr(s, '.');

	return dot ? dot + 1 : s;
}

/* Rules 4 and 5. */
static void cut_ordinals(char *s)
{
	char *method = method_of(s);

	for (char *p = method; *p; p++)
		while (*p == '$' && is_digit(p[1]) && p != method) {
			size_t n = 1 + n_digits(p + 1);

			if (is_word(p[n]))
				break;
			cut(p, n);
		}
	for (char *p = s; p < method; p++)
		if (*p == '$' && is_digit(p[1])) {
			size_t n = n_digits(p + 1);

			p[1] = '*';
			cut(p + 2, n - 1);
			method -= n - 1;
		}
}

/* Rules 6 and 7: names that end in a counter. */
static void cut_counters(char *s)
{
	static const char *const counted[] = {
		"GeneratedMethodAccessor",
		"GeneratedConstructorAccessor",
		"GeneratedSerializationConstructorAccessor",
		"jdk.proxy",
		"$Proxy",
	};

	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		size_t len = strlen(counted[i]);
		char *p = s;

		while ((p = strstr(p, counted[i]))) {
			p += len;
			cut(p, n_digits(p));
		}
	}
}

/* Rule 8: a library's mark, after which everything is a hash or a counter. */
static void cut_generated(char *s)
{
	static const char *const marks[] = {
		"$$EnhancerBySpringCGLIB$$",
		"$$FastClassBySpringCGLIB$$",
		"$$EnhancerByCGLIB$$",
		"$$FastClassByCGLIB$$",
		"$$KeyFactoryByCGLIB$$",
		"$$SpringCGLIB$$",
		"$HibernateProxy$",
		"$HibernateInstantiator$",
		"$HibernateAccessOptimizer$",
		"$ByteBuddy$",
		"$MockitoMock$",
		"$auxiliary$",
	};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t len = strlen(marks[i]);
		size_t keep = len;
		char *p = strstr(s, marks[i]);
		size_t n = 0;

		if (!p)
			continue;
		while (marks[i][keep - 1] == '$')
			keep--;
		while (is_word(p[len + n]) || p[len + n] == '$' ||
		       p[len + n] == '*')
			n++;
		cut(p + keep, len - keep + n);
	}
}

void name_of_jit(const char *raw, char ret_name[NAME_BYTES])
{
	char s[RAW_BYTES];

	copy_clean(raw, s, sizeof(s));
	cut_signature(s);
	cut_hidden(s);
	merge_forms(s);
	cut_generated(s);
	cut_counters(s);
	cut_ordinals(s);
	copy_clean(s, ret_name, NAME_BYTES);
	if (ret_name[0] == '\0')
		memcpy(ret_name, "[jit]", sizeof("[jit]"));
}

/* A trailing .number, as in parse.123; NULL if there is none. */
static char *number_suffix(char *s)
{
	char *dot = strrchr(s, '.');

	if (!dot || dot == s || !is_digit(dot[1]) ||
	    dot[1 + n_digits(dot + 1)] != '\0')
		return NULL;
	return dot;
}

/* A trailing word that says which copy of a function it is. */
static char *copy_suffix(char *s)
{
	static const char *const copies[] = {
		".isra", ".constprop", ".part",	      ".cold",
		".llvm", ".lto_priv",  ".localalias", ".clone",
		".warm", ".unlikely",  ".ipa_cp",     ".simdclone",
	};
	char *dot = strrchr(s, '.');

	if (!dot || dot == s)
		return NULL;
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++)
		if (strcmp(dot, copies[i]) == 0)
			return dot;
	return NULL;
}

/* Rule 9: from the end, as many as there are. */
static void cut_copies(char *s)
{
	char *at = strchr(s, '@');
	char *end;

	/* a version or plt; not the @ of other languages' first letters */
	if (at && at != s)
		*at = '\0';
	while ((end = copy_suffix(s)) || (end = number_suffix(s)))
		*end = '\0';
}

/* Rule 10, where the demangler left it: ::h and 16 hexadecimal digits. */
static void cut_rust_hash(char *s)
{
	size_t len = strlen(s);
	const char *p;

	if (len <= 19)
		return;
	p = s + len - 19;
	if (strncmp(p, "::h", 3) != 0)
		return;
	for (int i = 3; i < 19; i++)
		if (!is_hex(p[i]))
			return;
	s[len - 19] = '\0';
}

/* Rule 11. */
static void cut_closures(char *s)
{
	static const char go[] = ".func";
	char *p = s;
	size_t n;

	while ((p = strchr(p, '#'))) {
		n = n_digits(p + 1);
		if (n > 0 && p[1 + n] == '}')
			cut(p, 1 + n);
		else
			p++;
	}
	p = s;
	while ((p = strstr(p, go))) {
		p += sizeof(go) - 1;
		n = n_digits(p);
		if (p[n] == '\0' || p[n] == '.')
			cut(p, n);
	}
}

void name_of_symbol(const char *raw, char ret_name[NAME_BYTES])
{
	char s[RAW_BYTES];
	char plain[RAW_BYTES];

	copy_clean(raw, s, sizeof(s));
	cut_copies(s);
	if (demangle(s, plain, sizeof(plain)))
		copy_clean(plain, s, sizeof(s));
	cut_rust_hash(s);
	cut_closures(s);
	copy_clean(s, ret_name, NAME_BYTES);
	if (ret_name[0] == '\0')
		memcpy(ret_name, "[unknown]", sizeof("[unknown]"));
}

void name_of_kernel(const char *raw, char ret_name[NAME_BYTES])
{
	static const char *const ways_in[] = {
		"entry_SYSCALL_64_after_hwframe",
		"entry_SYSCALL_64",
		"do_syscall_64",
		"x64_sys_call",
	};
	static const char vectors[] = "asm_sysvec_";

	if (strncmp(raw, vectors, sizeof(vectors) - 1) == 0 ||
	    strcmp(raw, "asm_common_interrupt") == 0) {
		memcpy(ret_name, "[irq]", sizeof("[irq]"));
		return;
	}
	name_of_symbol(raw, ret_name);
	for (size_t i = 0; i < sizeof(ways_in) / sizeof(ways_in[0]); i++)
		if (strcmp(ret_name, ways_in[i]) == 0)
			ret_name[0] = '\0';
}

/* Put {} at the end of a text of len bytes; returns its new length. */
static size_t put_hole(char *text, size_t len)
{
	text[len] = '{';
	text[len + 1] = '}';
	return len + 2;
}

/* Bytes at p of a number that a file's name got at random, or 0. */
static size_t random_number(const char *p)
{
	size_t n = 0;
	bool digit = false;

	while (is_hex(p[n])) {
		digit = digit || is_digit(p[n]);
		n++;
	}
	if (n >= MODULE_HEX_MIN && digit)
		return n;
	n = n_digits(p);
	return n >= MODULE_DIGITS_MIN ? n : 0;
}

void name_of_module(const char *path, char ret_name[NAME_BYTES])
{
	const char *slash = strrchr(path, '/');
	char s[NAME_BYTES - 2];
	char out[NAME_BYTES] = "[";
	size_t len = 1;
	const char *p = s;

	copy_clean(slash ? slash + 1 : path, s, sizeof(s));
	while (*p) {
		size_t n = random_number(p);

		if (n > 0) {
			len = put_hole(out, len);
			p += n;
		} else {
			out[len++] = *p++;
		}
	}
	memcpy(out + len, "]", 2);
	memcpy(ret_name, out, len + 2);
}

void name_of_thread(const char *raw, char ret_name[NAME_BYTES])
{
	size_t raw_len = strlen(raw);
	char s[NAME_BYTES / 2];
	char *p = s;
	size_t len = 0;

	copy_clean(raw, s, sizeof(s));
	while (*p) {
		size_t n = n_digits(p);
		/* a word that ends in a number: C2, G1 */
		bool is_ending =
			n > 0 && p > s && p[n] == ' ' && is_word(p[-1]);

		/* {} is longer than one digit, and twice as long at worst */
		if (n > 0 && !is_ending) {
			len = put_hole(ret_name, len);
			p += n;
		}
		for (; n > 0 && is_ending; n--)
			ret_name[len++] = *p++;
		while (*p && !is_digit(*p))
			ret_name[len++] = *p++;
	}
	if (raw_len >= COMM_BYTES && len > 0 &&
	    strchr("-_#", ret_name[len - 1])) {
		len = put_hole(ret_name, len);
	}
	ret_name[len] = '\0';
}
