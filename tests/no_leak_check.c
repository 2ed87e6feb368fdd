/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs that drop system calls are linked with under the address
 * sanitizer: no search for leaks at their end.  It needs ptrace(), which
 * common/drop denies for good reasons, and aborts without it.  All other
 * checks stay on, and unit tests, which drop nothing, look for leaks.
 */
#include <sanitizer/asan_interface.h>

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
