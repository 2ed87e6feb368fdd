/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store: a gate killed in the middle of ingest has every batch that it had
 * answered for.
 *
 * A child stores batches from several threads and writes the number of each
 * into a pipe once it is answered.  It is killed after some of them, wherever
 * it is then; what stands in the pipe must be in the store.
 */
#include "gate/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/batch.h"
#include "stats/rng.h"
#include "tests/test.h"

enum {
	T0 = 1000000000, /* ms */
	N_KILLS = 5,
	N_THREADS = 4,
	N_ACKS = 200, /* a child is killed before it has that many */
	N_MAX = 100000,
};

/* What a thread of the child sends: every fourth number. */
struct sender {
	struct store *st;
	int pipe;
	uint32_t number;
};

static int put(struct store *st, uint32_t number, bool *ret_new)
{
	static const char body[9000] = "a body";
	struct batch b = { .service = "orders",
			   .revision = "v1",
			   .instance = "a",
			   .stream_id = 1,
			   .seq = number,
			   .from_ms = T0 + (int64_t)number * 1000,
			   .to_ms = T0 + (int64_t)number * 1000 + 1000 };

	return store_put_batch(st, &b, body, sizeof(body), T0, ret_new, NULL);
}

static void *send_until_killed(void *ctx)
{
	struct sender *s = ctx;

	for (; s->number < N_MAX; s->number += N_THREADS) {
		if (put(s->st, s->number, NULL) != 0)
			_exit(1);
		/* four bytes: whole or not at all */
		if (write(s->pipe, &s->number, sizeof(s->number)) !=
		    sizeof(s->number))
			_exit(1);
	}
	_exit(1);
}

static void child(const char *path, uint32_t first, int pipe)
{
	struct sender senders[N_THREADS];
	pthread_t threads[N_THREADS];
	struct store *st = NULL;

	if (store_open(path, &st, NULL) != 0)
		_exit(1);
	for (uint32_t i = 0; i < N_THREADS; i++) {
		senders[i] = (struct sender){ .st = st,
					      .pipe = pipe,
					      .number = first + i };
		if (pthread_create(&threads[i], NULL, send_until_killed,
				   &senders[i]) != 0)
			_exit(1);
	}
	pthread_join(threads[0], NULL);
	_exit(1);
}

/*
 * One child, killed once n_acks have come.  The numbers answered for are
 * added to acked.  Returns false if the child was not there to be killed.
 */
static bool run_and_kill(const char *path, uint32_t first, uint32_t n_acks,
			 char *acked)
{
	uint32_t number;
	int ends[2];
	int status = 0;
	pid_t pid;

	if (pipe(ends) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child(path, first, ends[1]);
	}
	close(ends[1]);
	/* what is still in the pipe after the kill was answered too */
	while (read(ends[0], &number, sizeof(number)) == sizeof(number)) {
		if (number < N_MAX)
			acked[number] = 1;
		if (--n_acks == 0)
			kill(pid, SIGKILL);
	}
	close(ends[0]);
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

static void killed_gate_has_what_it_answered_for(void)
{
	static char acked[N_MAX];
	struct rng rng = { .state = test_seed() };
	char dir[] = "/tmp/store_kill.XXXXXX";
	struct store *st = NULL;
	char path[64];
	uint32_t first = 0;
	uint32_t n = 0;

	memset(acked, 0, sizeof(acked));
	CHECK(mkdtemp(dir) != NULL);
	(void)snprintf(path, sizeof(path), "%s/store.db", dir);
	for (int i = 0; i < N_KILLS; i++) {
		uint32_t n_acks = 1 + (uint32_t)(rng_next(&rng) % N_ACKS);

		CHECK(run_and_kill(path, first, n_acks, acked));
		first += 10000; /* none of the next was sent before */
	}
	CHECK_EQ(store_open(path, &st, NULL), 0);
	for (uint32_t i = 0; i < N_MAX; i++) {
		bool is_new = true;

		if (!acked[i])
			continue;
		n++;
		CHECK_EQ(put(st, i, &is_new), 0);
		CHECK(!is_new);
	}
	CHECK(n >= N_KILLS);
	store_close(st);
	(void)unlink(path);
	(void)rmdir(dir);
}

const struct test_case test_cases[] = {
	{ "store: a killed gate has what it answered for",
	  killed_gate_has_what_it_answered_for },
	{ NULL, NULL },
};
