"""Second factors, links and codes for a first access, forms kept over a sign-in, business users."""

from db.schema import execute_script

TABLES = """
ALTER TABLE account ADD COLUMN second_factor BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE sign_in_session ADD COLUMN stage TEXT NOT NULL DEFAULT 'full';
ALTER TABLE sign_in_session ADD COLUMN challenge TEXT;
ALTER TABLE email_address ADD COLUMN letter_at BIGINT;
ALTER TABLE business ADD COLUMN invited_at BIGINT;

CREATE TABLE sign_in_link (
    id {id},
    purpose TEXT NOT NULL,
    message_id BIGINT REFERENCES message,
    technician_id BIGINT REFERENCES technician,
    business_id BIGINT REFERENCES business,
    account_id BIGINT REFERENCES account,
    address_id BIGINT REFERENCES email_address,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    tries SMALLINT NOT NULL,
    used_at BIGINT,
    ended_at BIGINT
);

CREATE TABLE activation_code (
    id {id},
    technician_id BIGINT REFERENCES technician,
    business_id BIGINT REFERENCES business,
    card_id TEXT NOT NULL,
    print_number INTEGER NOT NULL,
    code_hash TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    issued_by_id BIGINT REFERENCES account,
    valid_from BIGINT,
    expires_at BIGINT,
    tries SMALLINT NOT NULL,
    used_at BIGINT,
    ended_at BIGINT,
    end_reason TEXT
);

CREATE TABLE sign_in_request (
    id {id},
    requested_at BIGINT NOT NULL,
    content TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE second_factor (
    id {id},
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    secret TEXT,
    credential_id TEXT UNIQUE,
    public_key TEXT,
    sign_count BIGINT NOT NULL,
    last_step BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_used_at BIGINT
);

CREATE TABLE recovery_code (
    id {id},
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    code_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE lost_factor (
    id {id},
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    opened_at BIGINT NOT NULL,
    opened_by_id BIGINT NOT NULL REFERENCES account,
    effective_at BIGINT NOT NULL,
    stopped_at BIGINT,
    stopped_by_id BIGINT REFERENCES account,
    done_at BIGINT
);

CREATE TABLE kept_form (
    id {id},
    token_hash TEXT NOT NULL UNIQUE,
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    page TEXT NOT NULL,
    content TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
"""

INDEXES = """
CREATE UNIQUE INDEX sign_in_link_message ON sign_in_link (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX sign_in_link_technician ON sign_in_link (technician_id) WHERE technician_id IS NOT NULL;
CREATE INDEX sign_in_link_account ON sign_in_link (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX sign_in_link_business ON sign_in_link (business_id) WHERE business_id IS NOT NULL;
CREATE UNIQUE INDEX activation_code_print ON activation_code (card_id, print_number);
CREATE INDEX activation_code_technician ON activation_code (technician_id) WHERE technician_id IS NOT NULL;
CREATE INDEX activation_code_business ON activation_code (business_id) WHERE business_id IS NOT NULL;
CREATE INDEX sign_in_request_expiry ON sign_in_request (expires_at);
CREATE INDEX second_factor_account ON second_factor (account_id);
CREATE INDEX recovery_code_account ON recovery_code (account_id);
CREATE UNIQUE INDEX lost_factor_open ON lost_factor (account_id) WHERE stopped_at IS NULL AND done_at IS NULL;
CREATE INDEX kept_form_expiry ON kept_form (expires_at);
CREATE INDEX account_technician ON account (technician_id) WHERE technician_id IS NOT NULL;
CREATE INDEX account_business ON account (business_id) WHERE business_id IS NOT NULL;
CREATE INDEX business_not_invited ON business (id) WHERE invited_at IS NULL;
"""


def up(migrator, db):
    execute_script(db, TABLES)
    execute_script(db, INDEXES)


def down(migrator, db):
    for name in ("account_technician", "account_business", "business_not_invited"):
        db.execute_sql(f"DROP INDEX {name}")
    for table in (
        "kept_form",
        "lost_factor",
        "recovery_code",
        "second_factor",
        "sign_in_request",
        "activation_code",
        "sign_in_link",
    ):
        db.execute_sql(f"DROP TABLE {table}")
    for table, column in (
        ("business", "invited_at"),
        ("email_address", "letter_at"),
        ("sign_in_session", "challenge"),
        ("sign_in_session", "stage"),
        ("account", "second_factor"),
    ):
        db.execute_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
