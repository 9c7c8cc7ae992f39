"""An index of the cards that somebody must be told of: kept, or come back."""

from db.schema import execute_script

INDEXES = """
CREATE INDEX card_waiting ON card (id) WHERE kept_until IS NOT NULL OR known = 'returned';
"""


def up(migrator, db):
    execute_script(db, INDEXES)


def down(migrator, db):
    db.execute_sql("DROP INDEX card_waiting")
