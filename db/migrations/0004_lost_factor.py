"""Who approved that a lost second factor goes: that of an administrator waits for a second one.

What waits has no moment yet at which it takes effect, and what was begun on the server has nobody who opened it: both
columns may be empty now, which SQLite learns by a new table only.
"""

from db.schema import execute_script

MOVE = """
ALTER TABLE lost_factor RENAME TO lost_factor_before;
DROP INDEX lost_factor_open;
CREATE TABLE lost_factor (
    id {{id}},
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    opened_at BIGINT NOT NULL,
    opened_by_id BIGINT{opened} REFERENCES account,
    effective_at BIGINT{opened},
    stopped_at BIGINT,
    stopped_by_id BIGINT REFERENCES account,
    done_at BIGINT{more}
);
INSERT INTO lost_factor (id, account_id, opened_at, opened_by_id, effective_at, stopped_at, stopped_by_id, done_at)
    SELECT id, account_id, opened_at, opened_by_id, effective_at, stopped_at, stopped_by_id, done_at
    FROM lost_factor_before{kept};
DROP TABLE lost_factor_before;
CREATE UNIQUE INDEX lost_factor_open ON lost_factor (account_id) WHERE stopped_at IS NULL AND done_at IS NULL;
"""
APPROVAL = """,
    approved_at BIGINT,
    approved_by_id BIGINT REFERENCES account"""


def up(migrator, db):
    execute_script(db, MOVE.format(opened="", more=APPROVAL, kept=""))


def down(migrator, db):
    kept = " WHERE opened_by_id IS NOT NULL AND effective_at IS NOT NULL"
    execute_script(db, MOVE.format(opened=" NOT NULL", more="", kept=kept))
