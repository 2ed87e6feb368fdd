/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/backtests.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/err.h"

enum { NICE = 10 }; /* verdicts first */

struct backtests {
	struct store *store;
	struct policies *policies;
	int64_t lease_ms;
	struct backtest *working; /* the thread's alone while it runs */
	atomic_bool stopping;
	_Atomic uint64_t asked_ns; /* when somebody last did; monotonic */

	pthread_mutex_t lock; /* what follows */
	pthread_t thread;
	bool has_thread; /* to be joined */
	uint64_t id;	 /* of the newest; 0: none */
	struct backtest_view view;
};

/* Publish what has been done, and say whether to go on. */
static int tick(void *ctx, const struct backtest *now)
{
	struct backtests *b = ctx;
	/* before the clock, so that it never lies after it */
	uint64_t asked_ns = atomic_load(&b->asked_ns);

	if (atomic_load(&b->stopping) ||
	    clock_monotonic_ns() - asked_ns > (uint64_t)b->lease_ms * 1000000)
		return -ECANCELED;
	pthread_mutex_lock(&b->lock);
	if (now->done != b->view.result.done)
		b->view.result = *now;
	else
		b->view.result.n_windows = now->n_windows;
	b->view.result.total = now->total;
	pthread_mutex_unlock(&b->lock);
	return 0;
}

static void *run(void *ctx)
{
	struct backtests *b = ctx;
	struct backtest_wish wish;
	struct err err = { "" };
	int rc;

	/* of this thread alone; where it may not, it competes */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	pthread_mutex_lock(&b->lock);
	wish = b->view.wish;
	pthread_mutex_unlock(&b->lock);
	rc = backtest_run(b->store, b->policies, &wish, tick, b, b->working,
			  &err);
	pthread_mutex_lock(&b->lock);
	b->view.result = *b->working;
	b->view.state = rc == 0		   ? BACKTEST_DONE
			: rc == -ECANCELED ? BACKTEST_ENDED
					   : BACKTEST_FAILED;
	b->view.error = err;
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

int backtests_open(struct store *st, struct policies *policies,
		   int64_t lease_ms, struct backtests **ret_b, struct err *err)
{
	struct backtests *b = calloc(1, sizeof(*b));
	struct backtest *working = calloc(1, sizeof(*working));

	if (!b || !working) {
		free(b);
		free(working);
		return err_set(err, -ENOMEM, "backtests: no memory");
	}
	b->store = st;
	b->policies = policies;
	b->lease_ms = lease_ms;
	b->working = working;
	pthread_mutex_init(&b->lock, NULL);
	*ret_b = b;
	return 0;
}

void backtests_close(struct backtests *b)
{
	if (!b)
		return;
	atomic_store(&b->stopping, true);
	if (b->has_thread)
		pthread_join(b->thread, NULL);
	pthread_mutex_destroy(&b->lock);
	free(b->working);
	free(b);
}

/* Make the thread; locked, and none runs. */
static int thread_begin(struct backtests *b, struct err *err)
{
	int code;

	if (b->has_thread)
		pthread_join(b->thread, NULL); /* it has said its last */
	b->has_thread = false;
	code = pthread_create(&b->thread, NULL, run, b);
	if (code != 0)
		return err_set(err, -ENOMEM, "backtest: no thread: %s",
			       err_describe(code));
	b->has_thread = true;
	return 0;
}

int backtests_begin(struct backtests *b, const struct backtest_wish *wish,
		    uint64_t *ret_id, struct err *err)
{
	int rc;

	pthread_mutex_lock(&b->lock);
	if (b->id > 0 && b->view.state == BACKTEST_RUNNING) {
		rc = err_set(err, -EBUSY,
			     "a backtest of %.100s runs, and there is one at a "
			     "time; it ends by itself %" PRId64
			     " s after its client is gone",
			     b->view.wish.service, b->lease_ms / 1000);
		goto out;
	}
	memset(&b->view, 0, sizeof(b->view));
	b->view.wish = *wish;
	atomic_store(&b->asked_ns, clock_monotonic_ns());
	rc = thread_begin(b, err);
	b->view.state = rc == 0 ? BACKTEST_RUNNING : BACKTEST_FAILED;
	*ret_id = ++b->id;
out:
	pthread_mutex_unlock(&b->lock);
	return rc;
}

int backtests_look(struct backtests *b, uint64_t id,
		   struct backtest_view *ret_v, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&b->lock);
	if (id == 0 || id != b->id) {
		rc = err_set(err, -ENOENT, "there is no backtest %" PRIu64, id);
	} else {
		atomic_store(&b->asked_ns, clock_monotonic_ns());
		*ret_v = b->view;
	}
	pthread_mutex_unlock(&b->lock);
	return rc;
}
