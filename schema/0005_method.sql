-- SPDX-License-Identifier: Apache-2.0
-- 0005 method: by which statistics a window was judged.
--
-- Whoever judges it again can tell a difference of method from a defect.

BEGIN IMMEDIATE;

-- stats/method.h.  NULL: judged before this was written down.
ALTER TABLE judged ADD COLUMN method INTEGER CHECK (method > 0);

-- How that machine's mathematics library rounds; likewise.
ALTER TABLE judged ADD COLUMN arithmetic INTEGER CHECK (arithmetic > 0);

PRAGMA user_version = 5;

COMMIT;
