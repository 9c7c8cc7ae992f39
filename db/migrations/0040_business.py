"""What the pages of businesses walk: the newest of their people first, and the notices that did not arrive."""

from db.schema import execute_script

# The conditions of `message_undelivered` must be written as `roster_states` writes them.
INDEXES = """
CREATE INDEX affiliation_newest ON affiliation (business_id, id) WHERE current;
CREATE INDEX message_undelivered ON message (technician_id)
    WHERE kind = 'id_notice' AND role = 'technician' AND state = 'failed';
"""


def up(migrator, db):
    execute_script(db, INDEXES)


def down(migrator, db):
    execute_script(db, "DROP INDEX message_undelivered;\nDROP INDEX affiliation_newest;")
