"""What the dashboard's lists walk: the events of postcards by name and day, and what is open by its state and age."""

from db.schema import execute_script

INDEXES = """
CREATE INDEX event_postcard ON event (name, at, id) WHERE name >= 'postcard:' AND name < 'postcard;';
CREATE INDEX card_age ON card (state, since_on);
"""


def up(migrator, db):
    execute_script(db, INDEXES)


def down(migrator, db):
    db.execute_sql("DROP INDEX event_postcard")
    db.execute_sql("DROP INDEX card_age")
