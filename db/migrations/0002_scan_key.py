"""A scan of a returned postcard keeps the key under which its browser sends it: a repeat is no second scan."""

from db.schema import execute_script

COLUMN = """
ALTER TABLE postcard_return ADD COLUMN scan_key TEXT;
CREATE UNIQUE INDEX postcard_return_key ON postcard_return (account_id, scan_key) WHERE scan_key IS NOT NULL;
"""


def up(migrator, db):
    execute_script(db, COLUMN)


def down(migrator, db):
    db.execute_sql("DROP INDEX postcard_return_key")
    db.execute_sql("ALTER TABLE postcard_return DROP COLUMN scan_key")
