/* SPDX-License-Identifier: Apache-2.0 */
/* document - what the gate answered, read from its JSON. */
#ifndef CI_CLI_DOCUMENT_H
#define CI_CLI_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/verdict.h"

struct buf;
struct err;

enum {
	DOCUMENT_CODE_BYTES = 64,
	DOCUMENT_REPORT_BYTES = 512,
	DOCUMENT_ERROR_BYTES = 512,
	DOCUMENT_VALUE_BYTES = 256,
};

/* What the program goes by; the rest is passed on in text. */
struct document {
	enum verdict_word word;
	bool final;
	char code[DOCUMENT_CODE_BYTES];
	char reason[VERDICT_REASON_BYTES];
	char report[DOCUMENT_REPORT_BYTES]; /* URL */
	bool has_figures;		    /* what follows was there */
	uint64_t windows;		    /* compared so far */
	uint64_t canary_requests;
	uint64_t need_requests;	 /* canary requests still missing, about */
	uint64_t need_instances; /* of the canary */
	uint64_t need_baseline_instances;
	char *text; /* the whole document on one line; owned */
};

/*
 * Read a verdict document.  Texts are cut to fit and freed of characters that
 * could move a terminal; members we do not know are kept in text.
 *
 * Returns 0, and document_release(ret_d) frees it; -EBADMSG if it is no
 * verdict document, or one that contradicts itself: then nothing may be
 * concluded from it, least of all a pass; or -ENOMEM.
 */
int document_parse(const char *bytes, size_t len, struct document *ret_d,
		   struct err *err);

/* The same for the verdict in a rollout as the gate writes one. */
int document_rollout_parse(const char *bytes, size_t len,
			   struct document *ret_d, struct err *err);

/* Free what d holds.  A zeroed document holds nothing. */
void document_release(struct document *d);

/* What an error reply said, or that it said nothing. */
struct document_error {
	char code[DOCUMENT_CODE_BYTES]; /* "" if it was not ours */
	char text[DOCUMENT_ERROR_BYTES];
};

/* Read the body of a reply that is no success; never fails. */
void document_error_parse(const char *bytes, size_t len,
			  struct document_error *ret_e);

/* What came of judging a rollout again. */
/*
 * What a gate says of work that is not done yet: how many windows it has
 * folded.  Returns 0 or -EBADMSG.
 */
int document_pending_parse(const char *bytes, size_t len, uint64_t *ret_windows,
			   struct err *err);

enum replay_outcome {
	REPLAY_IDENTICAL,
	REPLAY_CLOSE,
	REPLAY_DIFFERENT,    /* and nothing explains it */
	REPLAY_OTHER_METHOD, /* as another method may */
	REPLAY_NOTHING,	     /* no window had a verdict yet */
	REPLAY_N,
};

struct document_replay {
	enum replay_outcome outcome;
	bool same_decision;
	uint64_t method;	   /* of the gate that recomputed */
	uint64_t judged_by_method; /* then; 0: it was not written down */
	uint64_t other_method;	   /* windows that another method judged */
	uint64_t unexplained;
	uint64_t windows;
	uint64_t identical;
	uint64_t close;
	uint64_t different;
	double largest_difference; /* of a figure, relative */
	uint64_t first_from_ms;	   /* of the window that first differs */
	char field[DOCUMENT_CODE_BYTES];
	char stored[DOCUMENT_VALUE_BYTES];
	char recomputed[DOCUMENT_VALUE_BYTES];
};

/*
 * Read what the gate answered to a replay.
 * Returns 0, or -EBADMSG if it is no such document.
 */
int document_replay_parse(const char *bytes, size_t len,
			  struct document_replay *ret_r, struct err *err);

/* How far a backtest is. */
struct document_backtest {
	bool running;
	bool done; /* neither: it was ended or failed, as error says */
	char error[DOCUMENT_ERROR_BYTES];
	uint64_t n_done; /* rollouts and splits */
	uint64_t n_total;
	uint64_t windows;
};

/*
 * Read what the gate says of a backtest.  Returns 0 or -EBADMSG.
 */
int document_backtest_parse(const char *bytes, size_t len,
			    struct document_backtest *ret_b, struct err *err);

/* The number of a backtest that was begun.  Returns 0 or -EBADMSG. */
int document_backtest_id(const char *bytes, size_t len, uint64_t *ret_id,
			 struct err *err);

/*
 * Append what came of a backtest as a table and sentences for people.
 * Returns 0; -EBADMSG if the bytes are no backtest; or -ENOMEM.
 */
int document_backtest_table(const char *bytes, size_t len, struct buf *out,
			    struct err *err);

/*
 * Append a list of rollouts as a table for people.
 * Returns 0; -EBADMSG if the bytes are no such list; or -ENOMEM.
 */
int document_table(const char *bytes, size_t len, struct buf *out,
		   struct err *err);

#endif /* CI_CLI_DOCUMENT_H */
