-- SPDX-License-Identifier: Apache-2.0
-- 0002 lesson: what rollouts taught later ones of their service.
--
-- DECIDED rows: a rollout knows what was taught when it began, lesson_seq and
-- before, and is folded again from the same.  The batches behind a lesson may
-- be gone by then.

BEGIN;

CREATE TABLE lesson (
	service_id	INTEGER NOT NULL,
	lesson_seq	INTEGER NOT NULL CHECK (lesson_seq > 0),
	rollout_id	INTEGER NOT NULL,	-- that taught it
	route		TEXT    NOT NULL,
	level		INTEGER NOT NULL CHECK (level BETWEEN 0 AND 15),
	variance_e12	INTEGER NOT NULL CHECK (variance_e12 >= 0),
	df		INTEGER NOT NULL CHECK (df > 0),
	PRIMARY KEY (service_id, lesson_seq, route, level),
	FOREIGN KEY (service_id, rollout_id) REFERENCES rollout
) STRICT, WITHOUT ROWID;

-- Which lessons a rollout knew when it began; 0: none.
ALTER TABLE rollout ADD COLUMN lesson_seq INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 2;

COMMIT;
