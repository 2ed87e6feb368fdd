/* SPDX-License-Identifier: Apache-2.0 */
/* openapi - schema/openapi.json as text, put into the program by the build. */
#ifndef GATE_OPENAPI_H
#define GATE_OPENAPI_H

extern const char openapi_json[];

#endif /* GATE_OPENAPI_H */
