/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch_wire - the bytes of a batch, unpacked: protobuf to plain data and back.
 *
 * Only batch.c calls this: it adds compression and the check of what the
 * fields say.  Here only what cannot be written down in a struct batch is
 * refused.
 */
#ifndef COMMON_BATCH_WIRE_H
#define COMMON_BATCH_WIRE_H

#include <stddef.h>

struct arena;
struct batch;
struct err;
struct strtab;

/*
 * Read a batch from protobuf.  arena owns it.
 * Returns 0, -EPROTO, -EBADMSG, -EMSGSIZE (arena's cap) or -ENOMEM.
 */
int batch_wire_read(const void *bytes, size_t len, struct arena *arena,
		    struct batch **ret_b, struct err *err);

/*
 * Write b, which keeps its promises, as protobuf.
 *
 *   scratch  where the writer may take memory
 *
 * Returns 0, and the caller free()s *ret_bytes; -EMSGSIZE if they would be
 * more than LIMIT_BATCH_BYTES or scratch is too small; or -ENOMEM.
 */
int batch_wire_write(const struct batch *b, struct arena *scratch,
		     void **ret_bytes, size_t *ret_len, struct err *err);

/*
 * batch_check(), and fill b->names, from scratch, with the strings' numbers in
 * names; NULL where names is full.
 */
int batch_check_named(struct batch *b, struct strtab *names,
		      struct arena *scratch, struct err *err);

#endif /* COMMON_BATCH_WIRE_H */
