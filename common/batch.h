/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch - what a collector sends for one instance and one window.
 *
 * The bytes are described by schema/tailgate.proto and schema/FORMATS.md:
 * protobuf inside one zstd frame.  This is the same content as plain data,
 * checked: whoever holds a decoded batch need not check it again.
 *
 * A decoded batch keeps these promises
 *   - service, revision and instance are identities (identity_check());
 *     every other string is valid UTF-8 without control characters and not
 *     longer than its limit; hooks and collector are not empty; refused_code
 *     is of A-Z, 0-9 and _;
 *   - strings has no empty string and none twice, every index is in range,
 *     every enum has one of its values, no array is beyond its limit;
 *   - a series has buckets, they ascend strictly and lie on the grid, no
 *     count is 0, and no two series share (route, kind, status);
 *   - no two profiles share (kind, group); a call path's parent comes before
 *     it;
 *   - no number is above LIMIT_NUMBER; the requests of each kind add up to no
 *     more than LIMIT_BATCH_REQUESTS, the CPU time of all profiles, of all
 *     threads, and n_samples * period_ns of each profile to no more than
 *     LIMIT_BATCH_CPU_NS;
 *   - the window is a whole number of seconds, LIMIT_WINDOW_MIN_MS to
 *     LIMIT_WINDOW_MAX_MS, and from_ms is a multiple of it since the epoch;
 *   - times are 0 to LIMIT_TIME_MS; basis is TOTAL or SERVICE.
 */
#ifndef COMMON_BATCH_H
#define COMMON_BATCH_H

#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct strtab;

enum {
	BATCH_VERSION = 1, /* the major version this program writes */
	/* what a call path without a caller has for a parent */
	BATCH_NO_PARENT = -1,
};

/* Which time of a request a series measures; DESIGN section 1. */
enum latency_kind {
	LATENCY_TOTAL,	 /* bytes arrive -> last byte of the answer */
	LATENCY_SERVICE, /* service reads -> first byte of the answer */
	LATENCY_QUEUE,	 /* bytes arrive -> service reads */
	LATENCY_KIND_N,
};

/* How a request ended. */
enum status_class {
	STATUS_UNKNOWN, /* answered; the status line was not seen */
	STATUS_1XX,	/* 101 only: the connection became something else */
	STATUS_2XX,
	STATUS_3XX,
	STATUS_4XX,
	STATUS_5XX,
	STATUS_UNANSWERED, /* counted once, at its age */
	STATUS_N,
};

/* Why something that happened is not in the batch, or only in part. */
enum batch_loss {
	LOSS_OTHER,	   /* causes that only a later version can name */
	LOSS_RING_FULL,	   /* socket events the collector was too slow for */
	LOSS_NO_MEMORY,	   /* connections with nowhere to keep their state */
	LOSS_UNREADABLE,   /* socket events whose bytes could not be read */
	LOSS_OPAQUE,	   /* socket events the kernel side cannot follow */
	LOSS_UNPARSED,	   /* requests that were not HTTP/1.1 as we read it */
	LOSS_ROUTES_FULL,  /* requests put under {other} */
	LOSS_SAMPLE_RING,  /* samples the collector was too slow for */
	LOSS_SAMPLE_STACK, /* samples without a user stack */
	LOSS_PATHS_FULL,   /* samples whose call path was one too many */
	LOSS_SPOOL_FULL,   /* batches dropped because the spool was full */
	LOSS_REFUSED,	   /* batches the gate refused for good */
	LOSS_N,
};

enum profile_kind { PROFILE_CPU, PROFILE_OFFCPU, PROFILE_KIND_N };

/* Whose work a call path is; only PROFILE_APP can become a finding. */
enum profile_group {
	PROFILE_APP,
	PROFILE_JIT, /* threads that compile */
	PROFILE_GC,  /* threads that collect garbage */
	PROFILE_VM,  /* the runtime's other own threads */
	PROFILE_GROUP_N,
};

/*
 * One latency histogram on the common grid (stats/hist.h): n buckets that
 * are not empty, by ascending number, with their counts.
 */
struct batch_series {
	uint32_t route; /* into batch.strings: "GET /orders/{}" */
	enum latency_kind kind;
	enum status_class status;
	uint32_t n;
	const uint32_t *bucket; /* n of them, grid numbers, ascending */
	const uint64_t *count;	/* n of them, none 0 */
};

/* One of the slowest requests, as it was. */
struct batch_slow {
	uint32_t route; /* into batch.strings */
	enum status_class status;
	int64_t at_ms;	   /* Unix time of its last byte */
	uint64_t total_ns; /* 0 where arrival was not seen */
	uint64_t service_ns;
	uint64_t queue_ns;
};

/*
 * Call paths as three arrays of n: node i is function[i] called by node
 * parent[i], and self_ns[i] of CPU time was sampled with exactly this path.
 */
struct batch_profile {
	enum profile_kind kind;
	enum profile_group group; /* of the threads sampled */
	uint64_t n_samples;
	uint64_t period_ns; /* of one sample, averaged over the window */
	uint32_t n;
	const int32_t *parent;	  /* BATCH_NO_PARENT, or an earlier node */
	const uint32_t *function; /* into batch.strings, normalised */
	const uint64_t *self_ns;
};

/* CPU time per kind of thread: names with their numbers cut out. */
struct batch_thread {
	uint32_t name; /* into batch.strings: "DefaultDispatcher-worker-{}" */
	enum profile_group group;
	uint64_t cpu_ns;
};

struct batch {
	const char *service;
	const char *revision;
	const char *instance;
	uint64_t stream_id; /* random, drawn when the collector starts */
	uint64_t seq;	    /* of the batch in its stream, from 0 */
	int64_t from_ms;    /* Unix time covered: [from_ms, to_ms) */
	int64_t to_ms;
	int64_t started_ms; /* Unix time the instance's process started */
	uint64_t n_requests_before; /* served by it since, as far as seen */

	const char *hooks;	 /* tier the kernel took: "tp_btf", "fexit" */
	const char *collector;	 /* program and version */
	uint32_t name_rules;	 /* version of the rules for function names */
	uint32_t route_rules;	 /* version of the rules for routes */
	enum latency_kind basis; /* TOTAL, or SERVICE: arrival is not seen */

	uint32_t n_strings;
	const char *const *strings;
	/* by string, its number among the names that batch_decode_named() was
	   given; NULL: not numbered */
	const uint32_t *names;
	uint32_t n_series;
	const struct batch_series *series;
	uint32_t n_slow;
	const struct batch_slow *slow;
	uint32_t n_profiles;
	const struct batch_profile *profiles;
	uint32_t n_threads;
	const struct batch_thread *threads;

	uint64_t lost[LOSS_N];
	uint64_t n_events;	  /* socket events seen, for lost's share */
	uint64_t n_unsymbolised;  /* frames that got no name */
	uint64_t n_frames;	  /* frames in all */
	const char *refused_code; /* of the last refused batch; "" if none */
};

/*
 * Read a batch from untrusted bytes: one zstd frame that holds protobuf.
 *
 *   arena  owns the batch; a refused one may leave pieces in it.  Its cap
 *          should be LIMIT_BATCH_ARENA_BYTES
 *   ret_b  receives the batch
 *   err    receives field and value of what was wrong; may be NULL
 *
 * Time is not judged here: whether from_ms lies in the future is for the
 * gate, which has a clock.  Beside the arena's, LIMIT_BATCH_BYTES and zstd's
 * window are allocated while it runs, whatever the bytes claim.
 *
 * Returns 0; -EPROTO for a newer version; -EBADMSG if the bytes do not hold
 * what they claim or a promise above is broken; -EMSGSIZE beyond a limit or
 * the arena's cap; or -ENOMEM.
 */
int batch_decode(const void *bytes, size_t len, struct arena *arena,
		 struct batch **ret_b, struct err *err);

/*
 * The same, numbering strings: each is added to names, which all batches of a
 * rollout share, so that whoever has seen it before need not read it again.
 * It takes no longer: that no string is there twice is seen by the numbers.
 * Where names is full, batch.names is NULL.
 */
int batch_decode_named(const void *bytes, size_t len, struct arena *arena,
		       struct strtab *names, struct batch **ret_b,
		       struct err *err);

/*
 * Does b keep the promises above?
 *
 *   scratch  where the check may take memory; at most 300 KiB
 *   err      receives field and value of the first that is broken
 *
 * Returns 0; -EINVAL; -EMSGSIZE beyond a limit on length or count; or
 * -ENOMEM.
 */
int batch_check(const struct batch *b, struct arena *scratch, struct err *err);

/*
 * Write b as bytes that batch_decode() reads back as the same batch.  The
 * same batch always gives the same bytes, in the same build on the same
 * libzstd.
 * Returns 0, and the caller free()s *ret_bytes; -EINVAL if b breaks a
 * promise above; -EMSGSIZE beyond a limit; or -ENOMEM.
 */
int batch_encode(const struct batch *b, void **ret_bytes, size_t *ret_len,
		 struct err *err);

#endif /* COMMON_BATCH_H */
