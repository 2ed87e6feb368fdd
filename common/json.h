/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - read JSON documents from outside; common/json_text writes ours.
 *
 * The only module that knows the JSON library.  A document is parsed whole or
 * refused with line and column: repeated keys, NaN and infinity, numbers that
 * do not fit, invalid UTF-8, U+0000, bytes after the end, and nesting beyond
 * LIMIT_JSON_DEPTH are all refused.
 *
 * A value knows its key path, so that a getter's refusal says which key was
 * wrong: "key routes[3].name: want a string, found a number".  A key that is
 * missing is not an error: the result keeps what the caller put there.
 *
 * A document is read by one thread at a time.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct json_doc;
struct json_place;

enum { JSON_PATH_BYTES = 96 };

/* A value inside a document, borrowed from it; plain data, copied freely. */
struct json {
	void *value;		    /* the library's; never changed */
	char path[JSON_PATH_BYTES]; /* "" for the root, else "a.b[2]" */
};

/*
 * Parse text of len bytes, untrusted.
 *
 *   ret_doc   receives the document; the caller owns it: json_doc_free()
 *   ret_root  receives its root; any kind of value
 *
 * Returns 0; -EMSGSIZE beyond LIMIT_JSON_BYTES; -EBADMSG for what is no JSON
 * or is refused above, with line and column counted from 1; or -ENOMEM.
 */
int json_parse(const void *text, size_t len, struct json_doc **ret_doc,
	       struct json *ret_root, struct err *err);

/*
 * The same, and on -EBADMSG ret_at receives line and column, for a program
 * to go by.
 */
int json_parse_at(const void *text, size_t len, struct json_doc **ret_doc,
		  struct json *ret_root, struct json_place *ret_at,
		  struct err *err);

/* Release a document and all values of it.  NULL does nothing. */
void json_doc_free(struct json_doc *doc);

/* Is v an object?  Returns 0 or -EINVAL. */
int json_want_object(const struct json *v, struct err *err);

/* Is there such a key?  Returns 0, -EINVAL if not or if v is no object. */
int json_want_key(const struct json *v, const char *key, struct err *err);

/*
 * Has the object no keys but these?  The list ends with NULL.  err names the
 * first other key and the known one most like it.  Returns 0 or -EINVAL.
 */
int json_want_only(const struct json *v, const char *const *keys,
		   struct err *err);

/* Refuse a key: err names it and the known one most like it.  -EINVAL. */
int json_refuse_key(const struct json *v, const char *key,
		    const char *const *keys, struct err *err);

/*
 * Call each() for every member of an object, in the order of the text, until
 * it returns no 0.  Returns what it returned, or -EINVAL if v is no object.
 */
int json_each(const struct json *v,
	      int (*each)(void *ctx, const char *key, struct err *err),
	      void *ctx, struct err *err);

/*
 * Take the value of a key.  Where the key is missing, 0 is returned and the
 * result is left alone.  Each returns 0, or -EINVAL for a value of another
 * type, or of a size beyond the bounds given.
 *
 *   string  of at most max bytes, borrowed from the document
 *   u64     an integer within min..max; 3.0 is none
 *   number  an integer or a real, always finite
 */
int json_get_string(const struct json *v, const char *key, size_t max,
		    const char **ret_text, struct err *err);
int json_get_u64(const struct json *v, const char *key, uint64_t min,
		 uint64_t max, uint64_t *ret_n, struct err *err);
int json_get_i64(const struct json *v, const char *key, int64_t *ret_n,
		 struct err *err);
int json_get_number(const struct json *v, const char *key, double *ret_x,
		    struct err *err);
int json_get_bool(const struct json *v, const char *key, bool *ret_yes,
		  struct err *err);

/* The member of an object; false if v is no object or has no such key. */
bool json_member(const struct json *v, const char *key, struct json *ret_m);

/*
 * Visit the members of an object in no particular order; what visit returns
 * other than 0 ends the walk and is returned.  What is no object has none.
 */
int json_each_member(const struct json *v,
		     int (*visit)(void *ctx, const char *key,
				  const struct json *member),
		     void *ctx);

/* Have both the same kind and value, all the way down? */
bool json_is_same(const struct json *a, const struct json *b);

/* Write v as compact JSON for a person, cut to room bytes with the NUL. */
void json_print(const struct json *v, char *to, size_t room);

/* v itself as a number.  Returns 0 or -EINVAL, as json_get_number() does. */
int json_number(const struct json *v, double *ret_x, struct err *err);

/*
 * Take an array of at most max elements under a key.  ret_n receives how many
 * there are, 0 where the key is missing.
 */
int json_get_array(const struct json *v, const char *key, size_t max,
		   struct json *ret_array, size_t *ret_n, struct err *err);

/* Element i of an array that json_get_array() gave; i < n. */
void json_element(const struct json *array, size_t i, struct json *ret_e);

/* v itself as a string.  Returns 0 or -EINVAL, as json_get_string() does. */
int json_text(const struct json *v, size_t max, const char **ret_text,
	      struct err *err);

#endif /* COMMON_JSON_H */
