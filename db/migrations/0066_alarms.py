"""What the history of alarms walks, and what is still to be mailed."""

from db.schema import execute_script

INDEXES = """
CREATE INDEX alarm_kind ON alarm (kind, id);
CREATE INDEX alarm_unmailed ON alarm (opened_at) WHERE mailed_at IS NULL;
"""


def up(migrator, db):
    execute_script(db, INDEXES)


def down(migrator, db):
    db.execute_sql("DROP INDEX alarm_kind")
    db.execute_sql("DROP INDEX alarm_unmailed")
