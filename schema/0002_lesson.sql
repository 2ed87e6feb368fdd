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
	kind		INTEGER NOT NULL,	-- 0 spread, 1 function
	subject		TEXT    NOT NULL,	-- a route, or a function
	level		INTEGER NOT NULL,	-- spread: which quantile
	value		INTEGER NOT NULL	-- spread: variance in 10^-12,
			CHECK (value >= 0),	-- function: share in 10^-6
	df		INTEGER NOT NULL,	-- spread: degrees of freedom
	rollout_id	INTEGER NOT NULL,	-- that taught it
	PRIMARY KEY (service_id, lesson_seq, kind, subject, level),
	FOREIGN KEY (service_id, rollout_id) REFERENCES rollout
) STRICT, WITHOUT ROWID;

-- Which lessons a rollout knew when it began; 0: none.
ALTER TABLE rollout ADD COLUMN lesson_seq INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 2;

COMMIT;
