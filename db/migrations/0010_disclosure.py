"""Access log, seals, invitations, bulk changes, and the indexes by which disclosed people are found."""

from db.schema import execute_script

TABLES = """
CREATE TABLE access_row (
    id {id},
    at BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    business_id BIGINT,
    relation TEXT NOT NULL,
    technician_id BIGINT NOT NULL,
    affiliation_id BIGINT,
    employer_id BIGINT,
    kind TEXT NOT NULL,
    groups SMALLINT NOT NULL,
    technician_keys_version INTEGER,
    business_keys_version INTEGER,
    context TEXT NOT NULL
);

CREATE TABLE seal (
    id {id},
    stream TEXT NOT NULL,
    n INTEGER NOT NULL,
    at BIGINT NOT NULL,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    newest_at BIGINT NOT NULL,
    count INTEGER NOT NULL,
    leaves {blob},
    leaves_digest TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    retired_at BIGINT
);

CREATE TABLE affiliation_invitation (
    id {id},
    business_id BIGINT NOT NULL REFERENCES business,
    technician_id BIGINT NOT NULL REFERENCES technician,
    invited_by_id BIGINT REFERENCES account,
    invited_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    answered_at BIGINT,
    affiliation_id BIGINT REFERENCES affiliation
);

CREATE TABLE bulk_change (
    id {id},
    business_id BIGINT NOT NULL REFERENCES business,
    account_id BIGINT NOT NULL REFERENCES account,
    groups SMALLINT NOT NULL,
    opens BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    undone INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    undo_until BIGINT,
    undone_at BIGINT
);

CREATE TABLE bulk_change_row (
    bulk_change_id BIGINT NOT NULL REFERENCES bulk_change ON DELETE CASCADE,
    affiliation_id BIGINT NOT NULL REFERENCES affiliation,
    pending BOOLEAN NOT NULL,
    before_keys SMALLINT,
    after_version INTEGER,
    PRIMARY KEY (bulk_change_id, affiliation_id)
);
"""

# `affiliation_open` must be written as `disclosed()` in the domain writes it, number for number: an index of a part is
# used only where the question says the same words.
INDEXES = """
CREATE INDEX affiliation_open ON affiliation (sort_key, id)
    WHERE current AND ((technician_keys & business_keys) & 1) = 1;
CREATE INDEX affiliation_keys ON affiliation (business_id, technician_keys, business_keys) WHERE current;
CREATE INDEX record_item_value ON record_item (kind, value_key, technician_id);
CREATE INDEX access_row_technician ON access_row (technician_id, at, id);
CREATE INDEX access_row_employer ON access_row (employer_id, at, id) WHERE employer_id IS NOT NULL;
CREATE INDEX access_row_business ON access_row (business_id, at, id) WHERE business_id IS NOT NULL;
CREATE INDEX audit_row_at ON audit_row (at);
CREATE INDEX returned_mail_received ON returned_mail (received_at);
CREATE UNIQUE INDEX seal_n ON seal (stream, n);
CREATE INDEX seal_last ON seal (stream, last_id);
CREATE INDEX seal_newest ON seal (stream, newest_at) WHERE retired_at IS NULL;
CREATE UNIQUE INDEX affiliation_invitation_one_open ON affiliation_invitation (technician_id, business_id)
    WHERE state = 'open';
CREATE INDEX affiliation_invitation_business ON affiliation_invitation (business_id, invited_at);
CREATE INDEX affiliation_invitation_expiry ON affiliation_invitation (expires_at) WHERE state = 'open';
CREATE INDEX bulk_change_business ON bulk_change (business_id, created_at);
CREATE INDEX bulk_change_open ON bulk_change (state, created_at) WHERE state IN ('running', 'undoing');
CREATE INDEX bulk_change_row_pending ON bulk_change_row (bulk_change_id, affiliation_id) WHERE pending;
CREATE INDEX bulk_change_row_affiliation ON bulk_change_row (affiliation_id);
"""


def up(migrator, db):
    execute_script(db, TABLES)
    execute_script(db, INDEXES)


def down(migrator, db):
    for index in (
        "affiliation_open",
        "affiliation_keys",
        "record_item_value",
        "audit_row_at",
        "returned_mail_received",
    ):
        db.execute_sql(f"DROP INDEX {index}")
    for table in ("bulk_change_row", "bulk_change", "affiliation_invitation", "seal", "access_row"):
        db.execute_sql(f"DROP TABLE {table}")
