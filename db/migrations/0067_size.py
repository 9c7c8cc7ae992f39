"""What lists of a large business walk: one index that holds all that a filter asks of a row, beside covering ones.

A filter of 23,000 people asks for the newest notice and the newest card of each; with the state in the index it touches
no table. SQLite looks at the columns of an index's own condition again: they stand in the index too, else it would read
the table for them. `card_age` is a part of `card_since` and cost every writer for nothing.
"""

from db.schema import execute_script

# The conditions of `message_person`, `message_undelivered` and `card_astray` must be written as `roster_states` does.
INDEXES = """
DROP INDEX affiliation_page;
CREATE INDEX affiliation_page ON affiliation
    (business_id, sort_key, id, technician_id, technician_keys, business_keys, current) WHERE current;
DROP INDEX affiliation_newest;
CREATE INDEX affiliation_newest ON affiliation
    (business_id, id, technician_id, technician_keys, business_keys, current) WHERE current;
DROP INDEX affiliation_keys;
CREATE INDEX affiliation_keys ON affiliation (business_id, technician_keys, business_keys, current) WHERE current;
DROP INDEX message_undelivered;
CREATE INDEX message_person ON message (technician_id, kind, role, id, state)
    WHERE kind = 'id_notice' AND role = 'technician';
CREATE INDEX message_undelivered ON message (technician_id, kind, role, state)
    WHERE kind = 'id_notice' AND role = 'technician' AND state = 'failed';
DROP INDEX card_technician;
CREATE INDEX card_person ON card (technician_id, id, state);
CREATE INDEX card_astray ON card (technician_id, state) WHERE state IN ('absent', 'kept', 'returned', 'lost');
DROP INDEX card_age;
DROP INDEX account_technician;
CREATE INDEX account_person ON account (technician_id, last_sign_in_at) WHERE technician_id IS NOT NULL;
"""

BEFORE = """
DROP INDEX account_person;
CREATE INDEX account_technician ON account (technician_id) WHERE technician_id IS NOT NULL;
CREATE INDEX card_age ON card (state, since_on);
DROP INDEX card_astray;
DROP INDEX card_person;
CREATE INDEX card_technician ON card (technician_id);
DROP INDEX message_undelivered;
DROP INDEX message_person;
CREATE INDEX message_undelivered ON message (technician_id)
    WHERE kind = 'id_notice' AND role = 'technician' AND state = 'failed';
DROP INDEX affiliation_keys;
CREATE INDEX affiliation_keys ON affiliation (business_id, technician_keys, business_keys) WHERE current;
DROP INDEX affiliation_newest;
CREATE INDEX affiliation_newest ON affiliation (business_id, id) WHERE current;
DROP INDEX affiliation_page;
CREATE INDEX affiliation_page ON affiliation (business_id, sort_key, id) WHERE current;
"""


def up(migrator, db):
    execute_script(db, INDEXES)


def down(migrator, db):
    execute_script(db, BEFORE)
