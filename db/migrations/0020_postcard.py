"""Batches of postcards (発送ロット), what was printed of each card, the printer's files, and what came back."""

from db.schema import execute_script

TABLES = """
CREATE TABLE postcard_batch (
    id {id},
    number TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    made_by_id BIGINT REFERENCES account,
    cards INTEGER NOT NULL,
    held INTEGER NOT NULL,
    typeset INTEGER NOT NULL,
    card_cost INTEGER NOT NULL,
    cost BIGINT NOT NULL,
    closed_at BIGINT,
    ready_at BIGINT,
    printed_at BIGINT,
    mailed_at BIGINT,
    files_removed_at BIGINT,
    failure TEXT,
    lease_until BIGINT,
    fence INTEGER NOT NULL
);

CREATE TABLE postcard_print (
    id {id},
    postcard_id BIGINT NOT NULL REFERENCES postcard,
    batch_id BIGINT NOT NULL REFERENCES postcard_batch,
    position INTEGER NOT NULL,
    print_number SMALLINT NOT NULL,
    management_number TEXT NOT NULL UNIQUE,
    reason TEXT,
    name TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    address TEXT NOT NULL,
    barcode BOOLEAN NOT NULL,
    language TEXT NOT NULL
);

CREATE TABLE postcard_file (
    id {id},
    batch_id BIGINT NOT NULL REFERENCES postcard_batch,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    part INTEGER,
    cards INTEGER NOT NULL,
    size BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    made_at BIGINT NOT NULL
);

CREATE TABLE postcard_return (
    id {id},
    scanned_at BIGINT NOT NULL,
    account_id BIGINT REFERENCES account,
    typed TEXT NOT NULL,
    outcome TEXT NOT NULL,
    print_id BIGINT REFERENCES postcard_print,
    undone_at BIGINT
);

ALTER TABLE postcard ADD COLUMN batch_id BIGINT REFERENCES postcard_batch;
ALTER TABLE postcard ADD COLUMN print_number SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE postcard ADD COLUMN print_name TEXT NOT NULL DEFAULT '';
ALTER TABLE postcard ADD COLUMN reprint_reason TEXT;
ALTER TABLE postcard ADD COLUMN mailed_at BIGINT;
"""

INDEXES = """
CREATE UNIQUE INDEX postcard_batch_one_gathering ON postcard_batch (state) WHERE state = 'gathering';
CREATE INDEX postcard_batch_state ON postcard_batch (state, id);
CREATE UNIQUE INDEX postcard_print_position ON postcard_print (batch_id, position);
CREATE UNIQUE INDEX postcard_print_number ON postcard_print (postcard_id, print_number);
CREATE INDEX postcard_file_batch ON postcard_file (batch_id, id);
CREATE INDEX postcard_return_account ON postcard_return (account_id, id);
CREATE INDEX postcard_return_print ON postcard_return (print_id) WHERE print_id IS NOT NULL;
CREATE INDEX postcard_batch_cards ON postcard (batch_id, state) WHERE batch_id IS NOT NULL;
CREATE INDEX postcard_mailed ON postcard (mailed_at, id) WHERE state = 'mailed';
CREATE INDEX postcard_hold ON postcard (hold_reason, queued_at, id) WHERE state = 'on_hold';
"""


def up(migrator, db):
    execute_script(db, TABLES)
    execute_script(db, INDEXES)


def down(migrator, db):
    for index in ("postcard_batch_cards", "postcard_mailed", "postcard_hold"):
        db.execute_sql(f"DROP INDEX {index}")
    for column in ("batch_id", "print_number", "print_name", "reprint_reason", "mailed_at"):
        db.execute_sql(f"ALTER TABLE postcard DROP COLUMN {column}")
    for table in ("postcard_return", "postcard_file", "postcard_print", "postcard_batch"):
        db.execute_sql(f"DROP TABLE {table}")
