/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backtests - the one backtest that may run at a time, in a thread of its own
 * that gives way to all others.
 *
 * It runs as long as somebody asks for it: when nobody has for a while it is
 * ended.  The last result stays until another begins or the gate ends.
 */
#ifndef GATE_BACKTESTS_H
#define GATE_BACKTESTS_H

#include <stdint.h>

#include "common/err.h"
#include "gate/backtest.h"

struct backtests;
struct policies;
struct store;

/*
 * Nothing runs yet.  Store and policies stay the caller's and outlive it.
 *
 *   lease_ms  after which one that nobody asks for is ended
 *
 * Returns 0 and the caller owns *ret_b: backtests_close(); or -ENOMEM.
 */
int backtests_open(struct store *st, struct policies *policies,
		   int64_t lease_ms, struct backtests **ret_b, struct err *err);

/* End what runs and release b.  NULL does nothing. */
void backtests_close(struct backtests *b);

/*
 * Begin one.  Any thread.
 *
 *   ret_id  receives its number, from 1
 *
 * Returns 0; -EBUSY while another runs; or -ENOMEM.
 */
int backtests_begin(struct backtests *b, const struct backtest_wish *wish,
		    uint64_t *ret_id, struct err *err);

enum backtest_state {
	BACKTEST_RUNNING,
	BACKTEST_DONE,
	BACKTEST_ENDED, /* nobody asked for it any more */
	BACKTEST_FAILED,
};

/* One backtest as it is now. */
struct backtest_view {
	enum backtest_state state;
	struct backtest_wish wish;
	struct backtest result; /* so far */
	struct err error;	/* of BACKTEST_FAILED */
};

/*
 * Look at a backtest, which by that goes on.  Any thread.
 * Returns 0 and fills *ret_v; -ENOENT if it is not the newest one.
 */
int backtests_look(struct backtests *b, uint64_t id,
		   struct backtest_view *ret_v, struct err *err);

#endif /* GATE_BACKTESTS_H */
