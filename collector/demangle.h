/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demangle - C++ and Rust symbols as people write them.
 */
#ifndef COLLECTOR_DEMANGLE_H
#define COLLECTOR_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Write the plain form of symbol, without parameter types, so that overloads
 * of one function share a name.
 *
 *   room  bytes that ret_text holds, NUL included, at least 1; a longer
 *         name is cut
 *
 * Returns false, and writes nothing, if symbol is not mangled.
 */
bool demangle(const char *symbol, char *ret_text, size_t room);

#endif /* COLLECTOR_DEMANGLE_H */
