/* SPDX-License-Identifier: Apache-2.0 */
/* version - of all three programs, which are released together. */
#ifndef COMMON_VERSION_H
#define COMMON_VERSION_H

#define TAILGATE_VERSION "0.1.0"

#endif /* COMMON_VERSION_H */
