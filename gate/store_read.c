/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of the SQLite store; one statement sees one moment. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/sqlite.h"
#include "gate/store_sqlite.h"

int store_check(struct store *st, struct err *err)
{
	struct look l;
	int rc = look_begin(st, "SELECT count(*) FROM policy", &l, err);

	if (rc < 0)
		return rc;
	rc = stmt_step(l.s, err);
	look_end(&l);
	return rc < 0 ? rc : 0;
}

/* --- observed --- */

int store_each_batch(struct store *st, const char *service,
		     const char *revision, int64_t from_ms, int64_t to_ms,
		     uint64_t max_seq,
		     int (*visit)(void *ctx, const struct store_batch *b),
		     void *ctx, struct err *err)
{
	static const char sql[] =
		"SELECT b.ingest_seq, i.revision, i.name, b.received_ms,"
		" b.from_ms, b.to_ms, b.body"
		" FROM service s"
		" CROSS JOIN batch b INDEXED BY batch_by_time"
		"  ON b.service_id = s.service_id"
		" CROSS JOIN instance i ON i.service_id = b.service_id"
		"  AND i.instance_id = b.instance_id"
		" WHERE s.name = ? AND b.from_ms >= ? AND b.from_ms < ?"
		" AND b.ingest_seq <= ? AND i.revision = ifnull(?, i.revision)"
		" ORDER BY b.from_ms, b.instance_id, b.ingest_seq";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, service);
	stmt_bind_i64(l.s, from_ms);
	stmt_bind_i64(l.s, to_ms);
	stmt_bind_i64(l.s, max_seq == 0 || max_seq > INT64_MAX
				   ? INT64_MAX
				   : (int64_t)max_seq);
	stmt_bind_text(l.s, revision); /* NULL stays NULL */
	while (look_next(&l, &rc, err)) {
		struct store_batch b = {
			.ingest_seq = (uint64_t)stmt_i64(l.s, 0),
			.revision = stmt_text(l.s, 1),
			.instance = stmt_text(l.s, 2),
			.received_ms = stmt_i64(l.s, 3),
			.from_ms = stmt_i64(l.s, 4),
			.to_ms = stmt_i64(l.s, 5),
		};

		b.bytes = stmt_bytes(l.s, 6, &b.len);
		rc = visit(ctx, &b);
	}
	return rc;
}

/* One number of a service, 0 if nobody has heard of it. */
static int service_number(struct store *st, const char *sql,
			  const char *service, int64_t *ret_n, struct err *err)
{
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, service);
	rc = stmt_step(l.s, err);
	if (rc >= 0)
		*ret_n = rc == 1 ? stmt_i64(l.s, 0) : 0;
	look_end(&l);
	return rc < 0 ? rc : 0;
}

int store_last_seq(struct store *st, const char *service, uint64_t *ret_seq,
		   struct err *err)
{
	static const char sql[] =
		"SELECT ingest_seq FROM service WHERE name = ?";
	int64_t n = 0;
	int rc = service_number(st, sql, service, &n, err);

	if (rc == 0)
		*ret_seq = (uint64_t)n;
	return rc;
}

int store_trimmed_ms(struct store *st, const char *service, int64_t *ret_ms,
		     struct err *err)
{
	static const char sql[] =
		"SELECT trimmed_ms FROM service WHERE name = ?";

	return service_number(st, sql, service, ret_ms, err);
}

int store_find_window(struct store *st, const char *service,
		      const char *baseline, const char *canary, int64_t from_ms,
		      int64_t to_ms, int64_t *ret_length_ms,
		      int64_t *ret_first_ms, struct err *err)
{
	static const char sql[] =
		"SELECT max(b.to_ms - b.from_ms), min(b.from_ms)"
		" FROM service s"
		" CROSS JOIN batch b INDEXED BY batch_by_time"
		"  ON b.service_id = s.service_id"
		" CROSS JOIN instance i ON i.service_id = b.service_id"
		"  AND i.instance_id = b.instance_id"
		" WHERE s.name = ? AND b.from_ms >= ? AND b.from_ms < ?"
		" AND i.revision IN (?, ?)";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, service);
	stmt_bind_i64(l.s, from_ms);
	stmt_bind_i64(l.s, to_ms);
	stmt_bind_text(l.s, baseline);
	stmt_bind_text(l.s, canary); /* NULL is in no list */
	rc = stmt_step(l.s, err);
	if (rc == 1) { /* no batch: NULL, which is 0 */
		*ret_length_ms = stmt_i64(l.s, 0);
		*ret_first_ms = stmt_i64(l.s, 1);
	}
	look_end(&l);
	return rc < 0 ? rc : 0;
}

/* What is read of the batches of a service that begin within a time. */
static int look_time(struct store *st, const char *sql, const char *service,
		     int64_t from_ms, int64_t to_ms, struct look *l,
		     struct err *err)
{
	int rc = look_begin(st, sql, l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l->s, service);
	stmt_bind_i64(l->s, from_ms);
	stmt_bind_i64(l->s, to_ms);
	return 0;
}

#define TIME_SQL                                                \
	" FROM service s"                                       \
	" CROSS JOIN batch b INDEXED BY batch_by_time"          \
	"  ON b.service_id = s.service_id"                      \
	" CROSS JOIN instance i ON i.service_id = b.service_id" \
	"  AND i.instance_id = b.instance_id"                   \
	" WHERE s.name = ? AND b.from_ms >= ? AND b.from_ms < ?"

int store_each_revision(struct store *st, const char *service, int64_t from_ms,
			int64_t to_ms,
			int (*visit)(void *ctx, const char *revision,
				     int64_t first_ms, int64_t last_ms),
			void *ctx, struct err *err)
{
	static const char sql[] =
		"SELECT i.revision, min(b.from_ms), max(b.to_ms)" TIME_SQL
		" GROUP BY i.revision ORDER BY i.revision";
	struct look l;
	int rc = look_time(st, sql, service, from_ms, to_ms, &l, err);

	if (rc < 0)
		return rc;
	while (look_next(&l, &rc, err))
		rc = visit(ctx, stmt_text(l.s, 0), stmt_i64(l.s, 1),
			   stmt_i64(l.s, 2));
	return rc;
}

int store_each_instance(struct store *st, const char *service,
			const char *revision, int64_t from_ms, int64_t to_ms,
			int (*visit)(void *ctx, const char *instance),
			void *ctx, struct err *err)
{
	static const char sql[] = "SELECT DISTINCT i.name" TIME_SQL
				  " AND i.revision = ? ORDER BY i.name";
	struct look l;
	int rc = look_time(st, sql, service, from_ms, to_ms, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, revision);
	while (look_next(&l, &rc, err))
		rc = visit(ctx, stmt_text(l.s, 0));
	return rc;
}

/* --- decided --- */

/* Every column of a rollout; what narrows it down follows. */
#define ROLLOUT_SQL                                                         \
	"SELECT r.rollout_id, s.name, r.baseline, r.canary, r.attempt,"     \
	" r.policy, r.policy_version, r.begun_ms, t.step, t.begun_ms,"      \
	" EXISTS (SELECT 1 FROM judged j WHERE j.service_id = r.service_id" \
	"  AND j.rollout_id = r.rollout_id AND j.closes = 1) AS closed,"    \
	" x.stopped_ms IS NOT NULL, x.stopped_ms, x.reason, r.until_ms,"    \
	" r.lesson_seq"                                                     \
	" FROM rollout r JOIN service s ON s.service_id = r.service_id"     \
	" JOIN step t ON t.service_id = r.service_id"                       \
	"  AND t.rollout_id = r.rollout_id AND t.step ="                    \
	"  (SELECT max(u.step) FROM step u"                                 \
	"   WHERE u.service_id = r.service_id"                              \
	"   AND u.rollout_id = r.rollout_id)"                               \
	" LEFT JOIN stop x ON x.service_id = r.service_id"                  \
	"  AND x.rollout_id = r.rollout_id"

/* The schema holds every text to its bytes; one that is longer is cut. */
static void text_copy(char *to, size_t room, const char *from)
{
	(void)!snprintf(to, room, "%s", from);
}

static void rollout_read(const struct stmt *s, struct store_rollout *r)
{
	memset(r, 0, sizeof(*r));
	r->rollout_id = stmt_i64(s, 0);
	text_copy(r->service, sizeof(r->service), stmt_text(s, 1));
	text_copy(r->baseline, sizeof(r->baseline), stmt_text(s, 2));
	text_copy(r->canary, sizeof(r->canary), stmt_text(s, 3));
	r->attempt = (uint32_t)stmt_i64(s, 4);
	text_copy(r->policy, sizeof(r->policy), stmt_text(s, 5));
	r->policy_version = (uint32_t)stmt_i64(s, 6);
	r->begun_ms = stmt_i64(s, 7);
	r->step = (uint32_t)stmt_i64(s, 8);
	r->step_ms = stmt_i64(s, 9);
	r->closed = stmt_i64(s, 10) != 0;
	r->stopped = stmt_i64(s, 11) != 0;
	r->stopped_ms = stmt_i64(s, 12);
	text_copy(r->stop_reason, sizeof(r->stop_reason), stmt_text(s, 13));
	r->until_ms = stmt_i64(s, 14); /* NULL is 0 */
	r->lesson_seq = stmt_i64(s, 15);
}

int store_get_rollout(struct store *st, int64_t rollout_id,
		      struct store_rollout *ret_r, struct err *err)
{
	static const char sql[] =
		ROLLOUT_SQL " WHERE r.service_id = ? AND r.rollout_id = ?";
	struct look l;
	int rc = look_rollout(st, sql, rollout_id, &l, err);

	if (rc < 0)
		return rc;
	rc = stmt_step(l.s, err);
	if (rc == 1)
		rollout_read(l.s, ret_r);
	look_end(&l);
	if (rc == 0)
		return err_set(err, -ENOENT, "no rollout %" PRId64, rollout_id);
	return rc < 0 ? rc : 0;
}

int store_find_rollout(struct store *st, const char *service,
		       const char *baseline, const char *canary,
		       uint32_t attempt, struct store_rollout *ret_r,
		       struct err *err)
{
	static const char sql[] = ROLLOUT_SQL
		" WHERE s.name = ? AND r.baseline = ? AND r.canary = ?"
		" AND r.attempt = ?";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, service);
	stmt_bind_text(l.s, baseline);
	stmt_bind_text(l.s, canary);
	stmt_bind_i64(l.s, attempt);
	rc = stmt_step(l.s, err);
	if (rc == 1)
		rollout_read(l.s, ret_r);
	look_end(&l);
	if (rc == 0)
		return err_set(err, -ENOENT,
			       "no rollout of %.60s from %.60s to %.60s, "
			       "attempt %u",
			       service, baseline, canary, attempt);
	return rc < 0 ? rc : 0;
}

int store_find_past(struct store *st, const struct store_rollout *want,
		    struct store_rollout *ret_r, struct err *err)
{
	static const char sql[] = ROLLOUT_SQL
		" WHERE s.name = ? AND r.baseline = ? AND r.canary = ?"
		" AND r.begun_ms = ? AND r.until_ms = ? AND r.policy = ?"
		" AND r.policy_version = ?";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, want->service);
	stmt_bind_text(l.s, want->baseline);
	stmt_bind_text(l.s, want->canary);
	stmt_bind_i64(l.s, want->begun_ms);
	stmt_bind_i64(l.s, want->until_ms);
	stmt_bind_text(l.s, want->policy);
	stmt_bind_i64(l.s, want->policy_version);
	rc = stmt_step(l.s, err);
	if (rc == 1)
		rollout_read(l.s, ret_r);
	look_end(&l);
	return rc == 1 ? 0 : rc == 0 ? -ENOENT : rc;
}

int store_each_rollout(struct store *st, const char *service, bool open_only,
		       size_t limit,
		       int (*visit)(void *ctx, const struct store_rollout *r),
		       void *ctx, struct err *err)
{
	static const char sql[] = ROLLOUT_SQL
		" WHERE s.name = ifnull(?, s.name)"
		" AND (? = 0 OR (x.stopped_ms IS NULL AND NOT closed))"
		" ORDER BY r.begun_ms DESC, r.rollout_id DESC LIMIT ?";
	struct store_rollout r;
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, service);
	stmt_bind_i64(l.s, open_only);
	stmt_bind_i64(l.s, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
	while (look_next(&l, &rc, err)) {
		rollout_read(l.s, &r);
		rc = visit(ctx, &r);
	}
	return rc;
}

int store_each_step(struct store *st, int64_t rollout_id,
		    int (*visit)(void *ctx, uint32_t step, int64_t begun_ms),
		    void *ctx, struct err *err)
{
	static const char sql[] =
		"SELECT step, begun_ms FROM step"
		" WHERE service_id = ? AND rollout_id = ? ORDER BY step";
	struct look l;
	int rc = look_rollout(st, sql, rollout_id, &l, err);

	if (rc < 0)
		return rc;
	while (look_next(&l, &rc, err))
		rc = visit(ctx, (uint32_t)stmt_i64(l.s, 0), stmt_i64(l.s, 1));
	return rc;
}

int store_each_judged(struct store *st, int64_t rollout_id,
		      int (*visit)(void *ctx, const struct store_judged *j),
		      void *ctx, struct err *err)
{
	static const char sql[] =
		"SELECT from_ms, to_ms, step, history, ingest_seq, final,"
		" closes, document, coalesce(method, 0),"
		" coalesce(arithmetic, 0) FROM judged"
		" WHERE service_id = ? AND rollout_id = ?"
		" ORDER BY from_ms, to_ms";
	struct look l;
	int rc = look_rollout(st, sql, rollout_id, &l, err);

	if (rc < 0)
		return rc;
	while (look_next(&l, &rc, err)) {
		struct store_judged j = {
			.from_ms = stmt_i64(l.s, 0),
			.to_ms = stmt_i64(l.s, 1),
			.step = (uint32_t)stmt_i64(l.s, 2),
			.history = stmt_i64(l.s, 3) != 0,
			.ingest_seq = (uint64_t)stmt_i64(l.s, 4),
			.final = stmt_i64(l.s, 5) != 0,
			.closes = stmt_i64(l.s, 6) != 0,
			.document = stmt_text(l.s, 7),
			.method = (uint32_t)stmt_i64(l.s, 8),
			.arithmetic = (uint32_t)stmt_i64(l.s, 9),
		};

		rc = visit(ctx, &j);
	}
	return rc;
}

/* The text in a column as the caller's own; after a step that gave a row. */
static int text_take(const struct stmt *s, int column, char **ret_text,
		     struct err *err)
{
	char *text = strdup(stmt_text(s, column));

	if (!text)
		return err_set(err, -ENOMEM, "store: no memory");
	*ret_text = text;
	return 0;
}

/* The text that a statement about a rollout finds; the caller ends it. */
static int look_text(const struct look *l, char **ret_text, struct err *err)
{
	int rc = stmt_step(l->s, err);

	if (rc == 1)
		rc = text_take(l->s, 0, ret_text, err);
	else if (rc == 0)
		rc = -ENOENT;
	return rc;
}

int store_get_document(struct store *st, int64_t rollout_id, int64_t from_ms,
		       int64_t to_ms, char **ret_document, struct err *err)
{
	static const char sql[] = "SELECT document FROM judged"
				  " WHERE service_id = ? AND rollout_id = ?"
				  " AND from_ms = ? AND to_ms = ?";
	struct look l;
	int rc = look_rollout(st, sql, rollout_id, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_i64(l.s, from_ms);
	stmt_bind_i64(l.s, to_ms);
	rc = look_text(&l, ret_document, err);
	look_end(&l);
	return rc;
}

int store_last_document(struct store *st, int64_t rollout_id,
			char **ret_document, uint32_t *ret_method,
			struct err *err)
{
	static const char sql[] =
		"SELECT document, coalesce(method, 0) FROM judged"
		" WHERE service_id = ? AND rollout_id = ? AND history = 0"
		" ORDER BY from_ms DESC, to_ms DESC LIMIT 1";
	struct look l;
	int rc = look_rollout(st, sql, rollout_id, &l, err);

	if (rc < 0)
		return rc;
	rc = look_text(&l, ret_document, err);
	if (rc == 0)
		*ret_method = (uint32_t)stmt_i64(l.s, 1);
	look_end(&l);
	return rc;
}

int store_get_policy(struct store *st, const char *name, uint32_t version,
		     char **ret_document, uint32_t *ret_version,
		     struct err *err)
{
	static const char sql[] =
		"SELECT version, document FROM policy"
		" WHERE name = ?1 AND (?2 = 0 OR version = ?2)"
		" ORDER BY version DESC LIMIT 1";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, name);
	stmt_bind_i64(l.s, version);
	rc = stmt_step(l.s, err);
	if (rc == 1) {
		if (ret_version)
			*ret_version = (uint32_t)stmt_i64(l.s, 0);
		rc = text_take(l.s, 1, ret_document, err);
	} else if (rc == 0) {
		rc = err_set(err, -ENOENT, "no policy %.64s@%u", name, version);
	}
	look_end(&l);
	return rc;
}

int store_each_lesson(struct store *st, const char *service, int64_t last_seq,
		      uint32_t most,
		      int (*visit)(void *ctx, const struct store_lesson *l),
		      void *ctx, struct err *err)
{
	/* of each baseline the newest: its instances are the same */
	static const char sql[] =
		"SELECT l.lesson_seq, l.kind, l.subject, l.level, l.value, l.df"
		" FROM lesson l JOIN (SELECT k.service_id, max(k.lesson_seq)"
		"  AS lesson_seq FROM lesson k"
		"  JOIN rollout o ON o.service_id = k.service_id"
		"   AND o.rollout_id = k.rollout_id"
		"  WHERE k.service_id ="
		"   (SELECT s.service_id FROM service s WHERE s.name = ?)"
		"  AND k.lesson_seq <= ?"
		"  GROUP BY o.baseline ORDER BY 2 DESC LIMIT ?) AS n"
		" ON n.service_id = l.service_id"
		"  AND n.lesson_seq = l.lesson_seq"
		" ORDER BY l.lesson_seq DESC, l.kind, l.subject, l.level";
	struct store_lesson lesson;
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, service);
	stmt_bind_i64(l.s, last_seq);
	stmt_bind_i64(l.s, most);
	while (look_next(&l, &rc, err)) {
		lesson.seq = stmt_i64(l.s, 0);
		lesson.kind = (enum store_lesson_kind)stmt_i64(l.s, 1);
		lesson.subject = stmt_text(l.s, 2);
		lesson.level = (uint32_t)stmt_i64(l.s, 3);
		lesson.value = stmt_i64(l.s, 4);
		lesson.df = (uint32_t)stmt_i64(l.s, 5);
		rc = visit(ctx, &lesson);
	}
	return rc;
}

int store_known_lesson(struct store *st, const char *service, int64_t at_ms,
		       int64_t *ret_seq, struct err *err)
{
	static const char sql[] =
		"SELECT r.lesson_seq FROM service s JOIN rollout r"
		" ON r.service_id = s.service_id WHERE s.name = ?"
		" AND r.until_ms IS NULL AND r.begun_ms <= ?"
		" ORDER BY r.begun_ms DESC, r.rollout_id DESC LIMIT 1";
	struct look l;
	int rc = look_begin(st, sql, &l, err);

	if (rc < 0)
		return rc;
	stmt_bind_text(l.s, service);
	stmt_bind_i64(l.s, at_ms);
	rc = stmt_step(l.s, err);
	if (rc >= 0)
		*ret_seq = rc == 1 ? stmt_i64(l.s, 0) : 0;
	look_end(&l);
	return rc < 0 ? rc : 0;
}
