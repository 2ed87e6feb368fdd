/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kallsyms - names of the kernel's functions.
 *
 * The text is that of /proc/kallsyms: ADDRESS TYPE NAME [MODULE], of which
 * the code symbols (types t, T, w, W) are kept.  A kernel that hides its
 * addresses (kptr_restrict, or no CAP_SYSLOG) writes zeroes; then there are
 * no names, and that is said rather than guessed.
 */
#ifndef COLLECTOR_KALLSYMS_H
#define COLLECTOR_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

struct err;

struct kallsyms_entry {
	uint64_t start;
	uint32_t name; /* into names */
};

struct kallsyms {
	struct kallsyms_entry *entries; /* in order of address */
	size_t n;
	char *names;
};

/*
 * Read the text, len bytes.
 *
 *   ret_ks  receives the table; the caller owns it: kallsyms_release()
 *
 * Returns 0; -ENODATA if every address is zero, with the remedy in err; or
 * -ENOMEM.
 */
int kallsyms_parse(const char *text, size_t len, struct kallsyms *ret_ks,
		   struct err *err);

/* Free what ks holds; ks is empty again. */
void kallsyms_release(struct kallsyms *ks);

/*
 * The name of the function at addr, or NULL.  A function is taken to reach
 * to the next one, the last one for 64 KiB.
 */
const char *kallsyms_find(const struct kallsyms *ks, uint64_t addr);

#endif /* COLLECTOR_KALLSYMS_H */
