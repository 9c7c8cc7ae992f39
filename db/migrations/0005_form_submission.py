"""Forms that were sent, so that a second sending from the same page acts no second time."""

from db.schema import execute_script

TABLES = """
CREATE TABLE form_submission (
    id {id},
    digest TEXT NOT NULL UNIQUE,
    answer TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX form_submission_expiry ON form_submission (expires_at);
"""


def up(migrator, db):
    execute_script(db, TABLES)


def down(migrator, db):
    db.execute_sql("DROP TABLE form_submission")
