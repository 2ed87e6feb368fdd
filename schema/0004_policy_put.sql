-- SPDX-License-Identifier: Apache-2.0
-- 0004 policy_put: what was said of policies over the API.
--
-- A file of a policy can be read again at the next start; what came over the
-- API has no other place.  DECIDED rows: added, never changed, because they
-- say by which policy a service was judged, and since when.

BEGIN IMMEDIATE;

-- One row for each time a policy was put or retired.  Of a name the row with
-- the highest put_seq holds.  Its numbers are those of the version; whom it
-- is bound to is no part of a version, and stands here.
CREATE TABLE policy_put (
	name		TEXT    NOT NULL CHECK (length(name) BETWEEN 1 AND 63),
	put_seq		INTEGER NOT NULL CHECK (put_seq > 0),
	put_ms		INTEGER NOT NULL,
	version		INTEGER,	-- NULL: retired
	services	TEXT    NOT NULL	-- FORMATS.md: {"services":[..]}
			CHECK (json_valid(services)),
	PRIMARY KEY (name, put_seq),
	FOREIGN KEY (name, version) REFERENCES policy
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 4;

COMMIT;
