-- SPDX-License-Identifier: Apache-2.0
-- 0003 past: rollouts over a time that was over when they were asked for.
--
-- Such a rollout is written whole, with all that was judged of it, in one
-- transaction: it is never open.  Its attempts count from 1001, above what a
-- caller may ask for (LIMIT_ATTEMPT), so that a verdict on the past is never
-- found by a deployment that asks for its own.

BEGIN IMMEDIATE;

-- NULL: judged while its time went by.
ALTER TABLE rollout ADD COLUMN until_ms INTEGER
	CHECK (until_ms IS NULL OR until_ms > begun_ms AND attempt > 1000);

-- Asking for the same again finds what was said: a client whose reply was lost
-- asks twice.
CREATE UNIQUE INDEX rollout_past
	ON rollout (service_id, baseline, canary, begun_ms, until_ms, policy,
		    policy_version)
	WHERE until_ms IS NOT NULL;

PRAGMA user_version = 3;

COMMIT;
