/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store - what the gate keeps: what was observed, and what was decided.
 *
 * An interface with one implementation per database (store_*.c).  One writer
 * thread owns the writing connection.  It takes all that is queued,
 * commits it as one group, and then answers everyone whose work was in the
 * group.  Reading functions use connections of their own and short
 * transactions, and see everything committed before they were called.
 *
 * Any thread may call these functions.  Strings and bytes handed to a visit
 * function are borrowed for that call; a visit function that returns non-zero
 * ends the walk and that value is returned.
 *
 * Errors that every function may return beside those it lists: -EBUSY (queue
 * full, or the database stayed locked), -ENOSPC, -EROFS, -EIO, -ENOMEM;
 * nothing was changed then.
 */
#ifndef GATE_STORE_H
#define GATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct batch;
struct err;
struct store;

enum {
	STORE_IDENTITY_BYTES = 129, /* service, revision, instance, + NUL */
	STORE_POLICY_BYTES = 64,
	STORE_REASON_BYTES = 256,
};

/*
 * Open the store in a file, making it and migrating it as needed.
 * Returns 0 and the caller owns *ret_st: store_close(); -EPROTO if the file
 * is no store of ours or of a newer schema; -EROFS if it cannot be written.
 */
int store_open(const char *path, struct store **ret_st, struct err *err);

/* Write out what is queued and close.  store_close(NULL) does nothing. */
void store_close(struct store *st);

/* Was there no batch in it when it was opened? */
bool store_began_empty(const struct store *st);

/* Returns 0 if the store can be read now: /readyz. */
int store_check(struct store *st, struct err *err);

/* --- observed --- */

/*
 * Take a place in the writer's queue; store_unreserve() gives it back.
 * Returns 0, or -EBUSY at once if there is none.
 */
int store_reserve(struct store *st, struct err *err);
void store_unreserve(struct store *st);

/*
 * Store b, whose bytes as they came are bytes, in a reserved place.  Returns
 * once the group that holds it is durable.
 *
 *   now_ms   when it came, Unix time
 *   ret_new  false if the batch was there already, and nothing changed
 *
 * Returns 0; -EEXIST if another stream covers the same instance and time.
 */
int store_put_batch(struct store *st, const struct batch *b, const void *bytes,
		    size_t len, int64_t now_ms, bool *ret_new, struct err *err);

struct store_batch {
	uint64_t ingest_seq; /* counts per service in commit order */
	const char *revision;
	const char *instance;
	int64_t received_ms; /* when it came */
	int64_t from_ms;
	int64_t to_ms;
	const void *bytes; /* as the collector sent them */
	size_t len;
};

/*
 * Visit the batches of one service and revision that begin within [from_ms,
 * to_ms) and have ingest_seq <= max_seq (0: all), by from_ms, then instance
 * (in the order of their first batches), then ingest_seq.  A service nobody
 * has heard of has none.  revision NULL stands for every revision.
 */
int store_each_batch(struct store *st, const char *service,
		     const char *revision, int64_t from_ms, int64_t to_ms,
		     uint64_t max_seq,
		     int (*visit)(void *ctx, const struct store_batch *b),
		     void *ctx, struct err *err);

/* The highest ingest_seq of a service, 0 if it has none. */
int store_last_seq(struct store *st, const char *service, uint64_t *ret_seq,
		   struct err *err);

/*
 * What the batches of two revisions that begin within [from_ms, to_ms) look
 * like: the longest time that one covers and when the first begins; 0 and 0
 * if there are none.  canary may be NULL.
 */
int store_find_window(struct store *st, const char *service,
		      const char *baseline, const char *canary, int64_t from_ms,
		      int64_t to_ms, int64_t *ret_length_ms,
		      int64_t *ret_first_ms, struct err *err);

/*
 * Visit the revisions of a service that have batches beginning within
 * [from_ms, to_ms), by name, with when the first begins and the last ends.
 */
int store_each_revision(struct store *st, const char *service, int64_t from_ms,
			int64_t to_ms,
			int (*visit)(void *ctx, const char *revision,
				     int64_t first_ms, int64_t last_ms),
			void *ctx, struct err *err);

/* Visit the instances of a revision that have batches there, by name. */
int store_each_instance(struct store *st, const char *service,
			const char *revision, int64_t from_ms, int64_t to_ms,
			int (*visit)(void *ctx, const char *instance),
			void *ctx, struct err *err);

/*
 * Retention: delete the batches that ended before before_ms, but none that an
 * open rollout rests on, and give the room back to the file system.  What was
 * decided stays for ever.  Works in many short commits.
 *
 *   ret_n  receives how many were deleted; may be NULL
 */
int store_trim(struct store *st, int64_t before_ms, uint64_t *ret_n,
	       struct err *err);

/* Bytes that all of it takes on the disk, but for the log of the last writes.
 */
int store_size(struct store *st, uint64_t *ret_bytes, struct err *err);

/*
 * Delete the oldest batches until the store takes max_bytes or less.  As with
 * store_trim() none goes that an open rollout rests on, so it may stay larger.
 */
int store_shrink(struct store *st, uint64_t max_bytes, uint64_t *ret_n,
		 struct err *err);

/*
 * How far the batches of a service reach back within [from_ms, to_ms).
 *
 *   ret_first_ms  when the first begins; 0 if there are none
 *   ret_n_hours   hours, counted since the epoch, in which some begin
 */
int store_reach(struct store *st, const char *service, int64_t from_ms,
		int64_t to_ms, int64_t *ret_first_ms, uint32_t *ret_n_hours,
		struct err *err);

/*
 * The time before which batches of a service were deleted; 0 if none were.
 * What was judged earlier can no longer be folded again.
 */
int store_trimmed_ms(struct store *st, const char *service, int64_t *ret_ms,
		     struct err *err);

/* --- decided --- */

struct store_rollout {
	int64_t rollout_id; /* unique in the store: 3000042 is the 42nd
			       rollout of the service with id 3 */
	char service[STORE_IDENTITY_BYTES];
	char baseline[STORE_IDENTITY_BYTES];
	char canary[STORE_IDENTITY_BYTES];
	uint32_t attempt;
	char policy[STORE_POLICY_BYTES]; /* name */
	uint32_t policy_version;
	int64_t begun_ms;
	int64_t until_ms;   /* of a past one, where it ends; 0: judged as its
			       time goes by */
	int64_t lesson_seq; /* of the newest lesson it knew when it began */
	uint32_t step;	    /* the newest */
	int64_t step_ms;    /* when that began */
	bool closed;	    /* nothing of it is judged any more */
	bool stopped;
	int64_t stopped_ms;
	char stop_reason[STORE_REASON_BYTES];
};

/*
 * Begin a rollout, or find the one with the same service, baseline, canary
 * and attempt.
 *
 *   want         service, baseline, canary, attempt, policy, policy_version,
 *                begun_ms and step are read
 *   ret_r        receives the rollout as stored
 *   ret_created  true if it is new; may be NULL
 */
int store_begin_rollout(struct store *st, const struct store_rollout *want,
			struct store_rollout *ret_r, bool *ret_created,
			struct err *err);

/* The rollout with this id.  Returns 0 or -ENOENT. */
int store_get_rollout(struct store *st, int64_t rollout_id,
		      struct store_rollout *ret_r, struct err *err);

/* The rollout with these identities.  Returns 0 or -ENOENT. */
int store_find_rollout(struct store *st, const char *service,
		       const char *baseline, const char *canary,
		       uint32_t attempt, struct store_rollout *ret_r,
		       struct err *err);

/*
 * Visit rollouts, newest first, at most limit of them.
 *   service    NULL for every service
 *   open_only  leave out those that are closed or stopped
 */
int store_each_rollout(struct store *st, const char *service, bool open_only,
		       size_t limit,
		       int (*visit)(void *ctx, const struct store_rollout *r),
		       void *ctx, struct err *err);

/* Begin a step.  A step that is not above the newest changes nothing. */
int store_begin_step(struct store *st, int64_t rollout_id, uint32_t step,
		     int64_t at_ms, struct err *err);

/* Visit the steps of a rollout in order of time. */
int store_each_step(struct store *st, int64_t rollout_id,
		    int (*visit)(void *ctx, uint32_t step, int64_t begun_ms),
		    void *ctx, struct err *err);

/*
 * Stop a rollout: one more row, nothing is changed.  A second stop is none.
 * reason is cut at STORE_REASON_BYTES.  Returns 0, or -ENOENT if there is no
 * such rollout.
 */
int store_stop_rollout(struct store *st, int64_t rollout_id, int64_t at_ms,
		       const char *reason, struct err *err);

/*
 * What was judged: one row for each window of a rollout, and one without a
 * length (from_ms == to_ms) where the clock alone changed the verdict.
 */
struct store_judged {
	int64_t from_ms; /* of the window */
	int64_t to_ms;
	uint32_t step;
	bool history;
	uint64_t ingest_seq;  /* the highest the judge knew of */
	const char *document; /* the verdict document, JSON; "" for history */
	bool final;	      /* the verdict is final for its step */
	bool closes;	      /* nothing is judged after this */
	uint32_t method;      /* stats/method.h; 0: not written down */
	uint32_t arithmetic;  /* likewise */
};

/*
 * Write down a judged window.  Compare-and-set: if the window was judged
 * already or the rollout is closed (by another gate), nothing changes and
 * -EEXIST is returned; -ENOENT if there is no such rollout.
 */
int store_put_judged(struct store *st, int64_t rollout_id,
		     const struct store_judged *j, struct err *err);

/* --- decided of the past: written whole, and closed from the first --- */

/*
 * The rollout over this past time: the service, baseline, canary, begun_ms,
 * until_ms, policy and policy_version of want.  Returns 0 or -ENOENT.
 */
int store_find_past(struct store *st, const struct store_rollout *want,
		    struct store_rollout *ret_r, struct err *err);

/* A rollout over a past time, and what was judged of it. */
struct store_past {
	struct store_rollout want; /* attempt is the store's to give */
	size_t n;		   /* windows, in order of time */
	/*
	 * Window i of rollout r, whose number and attempt are known now; its
	 * document lives until the next call.  Called in the writer's thread.
	 * Returns 0 or an error that takes everything back.
	 */
	int (*judged)(void *ctx, const struct store_rollout *r, size_t i,
		      struct store_judged *ret_j, struct err *err);
	void *ctx;
};

/*
 * Write down a rollout and all of its windows, the last of which closes it,
 * or none of that.  Returns 0; -EEXIST if there is one over the same time by
 * the same policy.
 */
int store_put_past(struct store *st, const struct store_past *p,
		   struct store_rollout *ret_r, struct err *err);

/* Visit the judged windows of a rollout in order of time. */
int store_each_judged(struct store *st, int64_t rollout_id,
		      int (*visit)(void *ctx, const struct store_judged *j),
		      void *ctx, struct err *err);

/*
 * The verdict document of one of its judged windows; the caller free()s
 * *ret_document.  Returns 0, or -ENOENT if there is no such window.
 */
int store_get_document(struct store *st, int64_t rollout_id, int64_t from_ms,
		       int64_t to_ms, char **ret_document, struct err *err);

/*
 * The newest verdict document of a rollout, and the method it was reached by;
 * the caller free()s *ret_document.
 * Returns 0, or -ENOENT if none of its windows was judged.
 */
int store_last_document(struct store *st, int64_t rollout_id,
			char **ret_document, uint32_t *ret_method,
			struct err *err);

/* --- policies: DECIDED, append-only --- */

/*
 * Keep a policy under the next version of its name, unless one has the same
 * document.  ret_version receives the version that holds it.
 */
int store_put_policy(struct store *st, const char *name, const char *document,
		     int64_t at_ms, uint32_t *ret_version, struct err *err);

/*
 * The document of a policy.  version 0 is the newest.  The caller free()s
 * *ret_document.  Returns 0 or -ENOENT.
 */
int store_get_policy(struct store *st, const char *name, uint32_t version,
		     char **ret_document, uint32_t *ret_version,
		     struct err *err);

/* The versions of a name, from 1, in the form of the other visits. */
int store_each_policy_version(struct store *st, const char *name,
			      int (*visit)(void *ctx, uint32_t version,
					   int64_t kept_ms),
			      void *ctx, struct err *err);

/* What was last said of a policy over the API. */
struct store_policy_said {
	const char *name;
	int64_t said_ms;
	uint32_t version;     /* it is kept; 0: the policy is retired */
	const char *services; /* JSON: {"services":[...]} */
};

/* Say it: one more row.  The version is kept already. */
int store_say_policy(struct store *st, const struct store_policy_said *said,
		     struct err *err);

/* What holds for each name of which something was said, retired ones too. */
int store_each_policy_said(struct store *st,
			   int (*visit)(void *ctx,
					const struct store_policy_said *said),
			   void *ctx, struct err *err);

/* Figures for /metrics. */
enum store_lesson_kind {
	STORE_LESSON_SPREAD,   /* of ln latency between instances */
	STORE_LESSON_FUNCTION, /* that an instance had on its stacks */
};

/* One thing that a rollout taught. */
struct store_lesson {
	int64_t seq; /* when read: the same for all that one rollout taught */
	enum store_lesson_kind kind;
	const char *subject; /* the route or function; borrowed */
	uint32_t level;	     /* spread: number of the quantile, from 0 */
	int64_t value;	     /* a variance in 10^-12, or a share in 10^-6 */
	uint32_t df;	     /* spread: degrees of freedom behind it */
};

/* Keep what a rollout taught; a service's later rollouts know it. */
int store_put_lessons(struct store *st, int64_t rollout_id,
		      const struct store_lesson *lessons, size_t n,
		      struct err *err);

/*
 * Visit what a service's rollout knew whose lesson_seq is last_seq: of each
 * baseline revision the newest lessons, of at most so many baselines, newest
 * first, each rollout's together.
 */
int store_each_lesson(struct store *st, const char *service, int64_t last_seq,
		      uint32_t most,
		      int (*visit)(void *ctx, const struct store_lesson *l),
		      void *ctx, struct err *err);

/*
 * The lesson_seq of the newest rollout that had begun by at_ms, 0 if none:
 * what was known then, and nothing that was learned since.
 */
int store_known_lesson(struct store *st, const char *service, int64_t at_ms,
		       int64_t *ret_seq, struct err *err);

struct store_stats {
	uint64_t n_batches; /* stored since it was opened */
	uint64_t n_repeats; /* that were there already */
	uint64_t n_groups;  /* commits */
	uint64_t n_failed;  /* commits that could not be made */
	uint64_t wal_bytes;
	uint64_t queue_depth; /* places taken */
};

void store_stats(struct store *st, struct store_stats *ret_stats);

#endif /* GATE_STORE_H */
