"""What the operators' lists walk: an index for each order in which they are read, and one order of characters."""

from db.database import is_sqlite
from db.schema import execute_script

# Lists of messages by state, class of failure and destination; postcards by cause; work by age; mail by arrival.
INDEXES = """
CREATE INDEX message_list ON message (kind, state, id);
CREATE INDEX message_failure ON message (kind, state, failure_class, id) WHERE failure_class IS NOT NULL;
CREATE INDEX message_destination ON message (destination, kind, state, id);
CREATE INDEX postcard_registration_state ON postcard (registration_id, state);
CREATE INDEX postcard_cause ON postcard (state, cause, queued_at, id);
CREATE INDEX returned_mail_list ON returned_mail (state, id);
CREATE INDEX work_item_state ON work_item (state, id);
CREATE INDEX work_item_kind ON work_item (state, kind, id);
CREATE INDEX email_address_judged ON email_address (judged_at, id) WHERE state = 'invalid' AND valid_to IS NULL;
"""

# A search by the beginning of a name is a range of the index. In the order of a language ranges mean something else,
# and a page of names would not be ordered as on SQLite.
BY_CODE_POINT = (
    ("technician", ("technician_id", "search_key", "kana_key")),
    ("business", ("business_id", "search_key", "kana_key")),
    ("registration", ("application_number",)),
    ("affiliation", ("sort_key",)),
)


def _collate(db, collation: str) -> None:
    if is_sqlite():
        return
    for table, columns in BY_CODE_POINT:
        changes = ", ".join(f'ALTER COLUMN {column} TYPE TEXT COLLATE "{collation}"' for column in columns)
        db.execute_sql(f"ALTER TABLE {table} {changes}")


def up(migrator, db):
    _collate(db, "C")
    execute_script(db, INDEXES)


def down(migrator, db):
    for line in INDEXES.strip().splitlines():
        db.execute_sql(f"DROP INDEX {line.split()[2]}")
    _collate(db, "default")
