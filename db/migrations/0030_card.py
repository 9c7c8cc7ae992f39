"""Cards in the post: shipments, what the post reported, its imports, reminders; and the contact centre's inquiries."""

from db.schema import execute_script

TABLES = """
ALTER TABLE card ADD COLUMN known TEXT NOT NULL DEFAULT 'ordered';
ALTER TABLE card ADD COLUMN since_on TEXT;
ALTER TABLE card ADD COLUMN shipment_id BIGINT;
ALTER TABLE card ADD COLUMN posted_on TEXT;
ALTER TABLE card ADD COLUMN kept_until TEXT;
ALTER TABLE card ADD COLUMN last_word_on TEXT;
ALTER TABLE card ADD COLUMN receiver TEXT NOT NULL DEFAULT 'unknown';
ALTER TABLE card ADD COLUMN unknown_labels TEXT;
ALTER TABLE card ADD COLUMN contradictory BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE card ADD COLUMN exported_at BIGINT;
ALTER TABLE card ADD COLUMN made_at BIGINT;
ALTER TABLE card ADD COLUMN reopened_at BIGINT;
ALTER TABLE card ADD COLUMN delivery_postal_code TEXT;
ALTER TABLE card ADD COLUMN delivery_address TEXT;
ALTER TABLE card ADD COLUMN delivery_name TEXT;

CREATE TABLE tracking_import (
    id {id},
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    file_name TEXT NOT NULL,
    digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL,
    events INTEGER NOT NULL,
    added INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    unmatched INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    warned INTEGER NOT NULL,
    problems TEXT,
    account_id BIGINT REFERENCES account,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    lease_until BIGINT,
    undone_at BIGINT,
    undone_by_id BIGINT REFERENCES account
);

CREATE TABLE tracking_source (
    id {id},
    import_id BIGINT NOT NULL UNIQUE REFERENCES tracking_import ON DELETE CASCADE,
    content {blob} NOT NULL
);

CREATE TABLE shipment (
    id {id},
    card_id BIGINT NOT NULL REFERENCES card,
    n SMALLINT NOT NULL,
    number TEXT NOT NULL CHECK (length(number) = 11),
    accepted_on TEXT NOT NULL,
    import_id BIGINT REFERENCES tracking_import,
    created_at BIGINT NOT NULL,
    lost_at BIGINT,
    closed_at BIGINT,
    close_reason TEXT
);

CREATE TABLE tracking_event (
    id {id},
    number TEXT NOT NULL,
    at TEXT NOT NULL,
    label TEXT NOT NULL,
    label_key TEXT NOT NULL,
    office TEXT NOT NULL,
    event TEXT NOT NULL,
    receiver TEXT NOT NULL
);

CREATE TABLE tracking_sighting (
    event_id BIGINT NOT NULL REFERENCES tracking_event,
    import_id BIGINT NOT NULL REFERENCES tracking_import,
    PRIMARY KEY (import_id, event_id)
);

CREATE TABLE tracking_label (
    id {id},
    label TEXT NOT NULL,
    label_key TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    receiver TEXT NOT NULL,
    account_id BIGINT REFERENCES account,
    created_at BIGINT NOT NULL
);

CREATE TABLE card_reminder (
    id {id},
    card_id BIGINT NOT NULL REFERENCES card,
    shipment_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    role TEXT NOT NULL,
    about TEXT NOT NULL,
    outcome TEXT NOT NULL,
    message_id BIGINT REFERENCES message,
    at BIGINT NOT NULL
);

CREATE TABLE inquiry (
    id {id},
    number TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    topic TEXT NOT NULL,
    channel TEXT NOT NULL,
    caller TEXT NOT NULL,
    identity_check TEXT NOT NULL,
    registration_id BIGINT REFERENCES registration,
    language TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    closed_at BIGINT,
    close_reason TEXT,
    version INTEGER NOT NULL
);

CREATE TABLE inquiry_entry (
    id {id},
    inquiry_id BIGINT NOT NULL REFERENCES inquiry,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    account_id BIGINT REFERENCES account,
    text TEXT NOT NULL,
    message_id BIGINT REFERENCES message
);

CREATE TABLE card_question (
    id {id},
    at BIGINT NOT NULL,
    registration_id BIGINT,
    answered TEXT NOT NULL,
    wants_inquiry BOOLEAN NOT NULL,
    told_at BIGINT
);
"""

INDEXES = """
CREATE INDEX card_since ON card (state, since_on, id);
CREATE INDEX card_kept ON card (kept_until, id) WHERE kept_until IS NOT NULL;
CREATE INDEX card_odd ON card (id) WHERE contradictory OR unknown_labels IS NOT NULL;
CREATE UNIQUE INDEX shipment_key ON shipment (number, accepted_on);
CREATE INDEX shipment_card ON shipment (card_id, n);
CREATE INDEX shipment_import ON shipment (import_id);
CREATE UNIQUE INDEX tracking_event_once ON tracking_event (number, at, label, office, event, receiver);
CREATE INDEX tracking_event_label ON tracking_event (label_key, number);
CREATE INDEX tracking_sighting_event ON tracking_sighting (event_id);
CREATE INDEX tracking_import_open ON tracking_import (state, created_at) WHERE state IN ('queued', 'running');
CREATE INDEX tracking_import_list ON tracking_import (created_at, id);
CREATE UNIQUE INDEX card_reminder_once ON card_reminder (shipment_id, kind, role, about);
CREATE INDEX card_reminder_card ON card_reminder (card_id, id);
CREATE INDEX inquiry_queue ON inquiry (state, opened_at, id);
CREATE INDEX inquiry_registration ON inquiry (registration_id) WHERE registration_id IS NOT NULL;
CREATE INDEX inquiry_entry_inquiry ON inquiry_entry (inquiry_id, id);
CREATE INDEX card_question_untold ON card_question (at) WHERE told_at IS NULL;
"""

_COLUMNS = (
    "known",
    "since_on",
    "shipment_id",
    "posted_on",
    "kept_until",
    "last_word_on",
    "receiver",
    "unknown_labels",
    "contradictory",
    "exported_at",
    "made_at",
    "reopened_at",
    "delivery_postal_code",
    "delivery_address",
    "delivery_name",
)


def up(migrator, db):
    execute_script(db, TABLES)
    execute_script(db, INDEXES)


def down(migrator, db):
    for table in (
        "card_question",
        "inquiry_entry",
        "inquiry",
        "card_reminder",
        "tracking_label",
        "tracking_sighting",
        "tracking_event",
        "shipment",
        "tracking_source",
        "tracking_import",
    ):
        db.execute_sql(f"DROP TABLE {table}")
    for index in ("card_since", "card_kept", "card_odd"):
        db.execute_sql(f"DROP INDEX {index}")
    for column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE card DROP COLUMN {column}")
