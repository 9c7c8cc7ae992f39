"""What somebody asked to take away: a list as a file that the worker writes."""

from db.schema import execute_script

TABLES = """
CREATE TABLE export_request (
    id {id},
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    source TEXT NOT NULL,
    address TEXT NOT NULL,
    format TEXT NOT NULL,
    language TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    lease_until BIGINT,
    fence INTEGER NOT NULL,
    tries SMALLINT NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER,
    cut BOOLEAN NOT NULL,
    failure TEXT,
    file TEXT,
    size BIGINT,
    finished_at BIGINT,
    expires_at BIGINT
);
"""

INDEXES = """
CREATE INDEX export_request_mine ON export_request (account_id, id);
CREATE INDEX export_request_open ON export_request (id) WHERE state IN ('asked', 'writing');
CREATE INDEX export_request_ending ON export_request (expires_at) WHERE expires_at IS NOT NULL;
"""


def up(migrator, db):
    execute_script(db, TABLES)
    execute_script(db, INDEXES)


def down(migrator, db):
    db.execute_sql("DROP TABLE export_request")
