"""Every queue counts its claims (fence) and how often a work was tried since it last got on (tries)."""

from db.schema import execute_script

COLUMNS = """
ALTER TABLE import_run ADD COLUMN tries SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE tracking_import ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tracking_import ADD COLUMN tries SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE postcard_batch ADD COLUMN tries SMALLINT NOT NULL DEFAULT 0;
"""

BEFORE = """
ALTER TABLE postcard_batch DROP COLUMN tries;
ALTER TABLE tracking_import DROP COLUMN tries;
ALTER TABLE tracking_import DROP COLUMN fence;
ALTER TABLE import_run DROP COLUMN tries;
"""


def up(migrator, db):
    execute_script(db, COLUMNS)


def down(migrator, db):
    execute_script(db, BEFORE)
