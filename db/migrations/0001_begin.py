"""The tables that the whole product stands on."""

from db.schema import execute_script

TABLES = """
CREATE TABLE fact (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE worker_beat (
    id {id},
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    data TEXT
);

CREATE TABLE business (
    id {id},
    business_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_kana TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    address TEXT NOT NULL,
    telephone TEXT NOT NULL,
    search_key TEXT NOT NULL,
    kana_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE technician (
    id {id},
    technician_id TEXT NOT NULL UNIQUE CHECK (length(technician_id) = 14),
    name TEXT NOT NULL,
    name_kana TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    address TEXT NOT NULL,
    telephone TEXT NOT NULL,
    language TEXT NOT NULL,
    days_worked INTEGER,
    social_insurance TEXT NOT NULL,
    retirement_scheme TEXT NOT NULL,
    level SMALLINT,
    search_key TEXT NOT NULL,
    kana_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE record_item (
    id {id},
    technician_id BIGINT NOT NULL REFERENCES technician,
    kind TEXT NOT NULL,
    position SMALLINT NOT NULL,
    value TEXT NOT NULL,
    value_key TEXT NOT NULL
);

CREATE TABLE record_version (
    id {id},
    subject_kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    version INTEGER NOT NULL,
    replaced_at BIGINT NOT NULL,
    cause TEXT NOT NULL,
    content TEXT NOT NULL
);

CREATE TABLE affiliation (
    id {id},
    technician_id BIGINT NOT NULL REFERENCES technician,
    business_id BIGINT NOT NULL REFERENCES business,
    current BOOLEAN NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT,
    technician_keys SMALLINT NOT NULL,
    technician_keys_version INTEGER NOT NULL,
    business_keys SMALLINT NOT NULL,
    business_keys_version INTEGER NOT NULL,
    sort_key TEXT NOT NULL
);

CREATE TABLE email_address (
    id {id},
    owner_kind TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    value TEXT NOT NULL,
    value_key TEXT NOT NULL,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    given_by TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    confirmed_at BIGINT,
    judged_at BIGINT,
    reason TEXT
);

CREATE TABLE account (
    id {id},
    kind TEXT NOT NULL,
    login_key TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    technician_id BIGINT REFERENCES technician,
    business_id BIGINT REFERENCES business,
    password_hash TEXT,
    password_changed_at BIGINT,
    language TEXT NOT NULL,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    last_sign_in_at BIGINT
);

CREATE TABLE switch (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by_id BIGINT REFERENCES account
);

CREATE TABLE sign_in_session (
    id {id},
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    reauthenticated_at BIGINT,
    network_address TEXT NOT NULL,
    user_agent TEXT NOT NULL
);

CREATE TABLE throttle (
    id {id},
    key TEXT NOT NULL,
    window_start BIGINT NOT NULL,
    count INTEGER NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE search_request (
    id {id},
    token_hash TEXT NOT NULL UNIQUE,
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    page TEXT NOT NULL,
    terms TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE api_key (
    id {id},
    name TEXT NOT NULL UNIQUE,
    key_hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE idempotent_request (
    id {id},
    api_key_id BIGINT NOT NULL REFERENCES api_key ON DELETE CASCADE,
    key TEXT NOT NULL,
    body_digest TEXT NOT NULL,
    status SMALLINT,
    body TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    fence BIGINT NOT NULL
);

CREATE TABLE import_run (
    id {id},
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    check_only BOOLEAN NOT NULL,
    file_name TEXT NOT NULL,
    file_digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    warned INTEGER NOT NULL,
    columns TEXT,
    ignored_columns TEXT,
    error TEXT,
    account_id BIGINT REFERENCES account,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    lease_until BIGINT,
    fence INTEGER NOT NULL
);

CREATE TABLE import_original (
    id {id},
    run_id BIGINT NOT NULL UNIQUE REFERENCES import_run ON DELETE CASCADE,
    content {blob} NOT NULL
);

CREATE TABLE import_reject (
    id {id},
    run_id BIGINT NOT NULL REFERENCES import_run ON DELETE CASCADE,
    line INTEGER NOT NULL,
    cells TEXT NOT NULL,
    problems TEXT NOT NULL
);

CREATE TABLE registration (
    id {id},
    application_number TEXT NOT NULL UNIQUE,
    technician_id BIGINT NOT NULL REFERENCES technician,
    affiliated_business_id BIGINT REFERENCES business,
    proxy_business_id BIGINT REFERENCES business,
    completed_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    language TEXT NOT NULL,
    first BOOLEAN NOT NULL,
    delivery_postal_code TEXT NOT NULL,
    delivery_address TEXT NOT NULL,
    delivery_name TEXT NOT NULL,
    content TEXT NOT NULL,
    content_digest TEXT NOT NULL,
    import_run_id BIGINT REFERENCES import_run,
    import_line INTEGER,
    api_key_id BIGINT REFERENCES api_key
);

CREATE TABLE message (
    id {id},
    kind TEXT NOT NULL,
    role TEXT NOT NULL,
    registration_id BIGINT REFERENCES registration,
    technician_id BIGINT REFERENCES technician,
    business_id BIGINT REFERENCES business,
    account_id BIGINT REFERENCES account,
    address_id BIGINT REFERENCES email_address,
    language TEXT NOT NULL,
    content TEXT,
    destination TEXT NOT NULL,
    state TEXT NOT NULL,
    failure_class TEXT,
    reason TEXT,
    attempts SMALLINT NOT NULL,
    queued_at BIGINT NOT NULL,
    due_at BIGINT,
    fence BIGINT NOT NULL,
    first_attempt_at BIGINT,
    cohort_day TEXT,
    sent_at BIGINT,
    settled_at BIGINT
);

CREATE TABLE attempt (
    id {id},
    message_id BIGINT NOT NULL REFERENCES message,
    n SMALLINT NOT NULL,
    address_id BIGINT NOT NULL REFERENCES email_address,
    message_ref TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    tries SMALLINT NOT NULL,
    started_at BIGINT NOT NULL,
    replied_at BIGINT,
    relay TEXT,
    stage TEXT,
    reply_code SMALLINT,
    reply_status TEXT,
    reply_text TEXT,
    reason TEXT,
    hard BOOLEAN
);

CREATE TABLE returned_mail (
    id {id},
    received_at BIGINT NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt_id BIGINT REFERENCES attempt,
    kind TEXT NOT NULL,
    reason TEXT,
    hard BOOLEAN,
    token_state TEXT NOT NULL,
    judgement TEXT NOT NULL,
    overruled_reason TEXT,
    overruled_by_id BIGINT REFERENCES account,
    overruled_at BIGINT,
    overruled_note TEXT
);

CREATE TABLE returned_mail_source (
    id {id},
    returned_mail_id BIGINT NOT NULL UNIQUE REFERENCES returned_mail ON DELETE CASCADE,
    content {blob} NOT NULL
);

CREATE TABLE postcard (
    id {id},
    registration_id BIGINT NOT NULL REFERENCES registration,
    technician_id BIGINT NOT NULL REFERENCES technician,
    message_id BIGINT REFERENCES message,
    n SMALLINT NOT NULL,
    state TEXT NOT NULL,
    cause TEXT NOT NULL,
    hold_reason TEXT,
    queued_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version INTEGER NOT NULL
);

CREATE TABLE card (
    id {id},
    registration_id BIGINT NOT NULL REFERENCES registration,
    technician_id BIGINT NOT NULL REFERENCES technician,
    state TEXT NOT NULL,
    ordered_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version INTEGER NOT NULL
);

CREATE TABLE event (
    id {id},
    at BIGINT NOT NULL,
    name TEXT NOT NULL,
    registration_id BIGINT,
    technician_id BIGINT,
    business_id BIGINT,
    subject_id BIGINT,
    account_id BIGINT,
    data TEXT
);

CREATE TABLE audit_row (
    id {id},
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    account_id BIGINT,
    subject_kind TEXT NOT NULL,
    subject_id BIGINT,
    detail_digest TEXT NOT NULL
);

CREATE TABLE audit_detail (
    id {id},
    audit_id BIGINT NOT NULL UNIQUE REFERENCES audit_row,
    salt TEXT NOT NULL,
    content TEXT NOT NULL
);

CREATE TABLE work_item (
    id {id},
    kind TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    state TEXT NOT NULL,
    data TEXT,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by_id BIGINT REFERENCES account,
    resolution TEXT,
    note TEXT
);

CREATE TABLE alarm (
    id {id},
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    episode INTEGER NOT NULL,
    opened_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    count INTEGER NOT NULL,
    data TEXT,
    acknowledged_at BIGINT,
    acknowledged_by_id BIGINT REFERENCES account,
    note TEXT,
    mailed_at BIGINT,
    closed_at BIGINT
);

CREATE TABLE counter (
    day TEXT NOT NULL,
    figure TEXT NOT NULL,
    a TEXT NOT NULL,
    b TEXT NOT NULL,
    c TEXT NOT NULL,
    shard SMALLINT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (figure, day, a, b, c, shard)
);
"""

INDEXES = """
CREATE INDEX technician_kana ON technician (kana_key, id);
CREATE INDEX technician_search ON technician (search_key, id);
CREATE INDEX business_search ON business (search_key, id);
CREATE INDEX business_kana ON business (kana_key, id);
CREATE INDEX record_item_technician ON record_item (technician_id, kind, position);
CREATE UNIQUE INDEX record_version_subject ON record_version (subject_kind, subject_id, version);
CREATE UNIQUE INDEX affiliation_one_current ON affiliation (technician_id) WHERE current;
CREATE INDEX affiliation_technician ON affiliation (technician_id);
CREATE INDEX affiliation_page ON affiliation (business_id, sort_key, id) WHERE current;
CREATE UNIQUE INDEX email_address_version ON email_address (owner_kind, owner_id, version);
CREATE UNIQUE INDEX email_address_one_current ON email_address (owner_kind, owner_id) WHERE valid_to IS NULL;
CREATE INDEX email_address_value ON email_address (value_key);
CREATE INDEX email_address_state ON email_address (state, judged_at) WHERE state <> 'valid';
CREATE INDEX sign_in_session_account ON sign_in_session (account_id);
CREATE INDEX sign_in_session_expiry ON sign_in_session (expires_at);
CREATE UNIQUE INDEX throttle_window ON throttle (key, window_start);
CREATE INDEX throttle_expiry ON throttle (expires_at);
CREATE INDEX search_request_expiry ON search_request (expires_at);
CREATE UNIQUE INDEX idempotent_request_key ON idempotent_request (api_key_id, key);
CREATE INDEX idempotent_request_expiry ON idempotent_request (expires_at);
CREATE INDEX import_run_open ON import_run (state, created_at) WHERE state IN ('queued', 'running');
CREATE UNIQUE INDEX import_reject_line ON import_reject (run_id, line);
CREATE INDEX registration_technician ON registration (technician_id);
CREATE INDEX registration_completed ON registration (completed_at, id);
CREATE INDEX registration_affiliated ON registration (affiliated_business_id, id)
    WHERE affiliated_business_id IS NOT NULL;
CREATE INDEX registration_proxy ON registration (proxy_business_id, id)
    WHERE proxy_business_id IS NOT NULL;
CREATE INDEX message_due ON message (kind, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX message_registration ON message (registration_id) WHERE registration_id IS NOT NULL;
CREATE INDEX message_business ON message (business_id) WHERE business_id IS NOT NULL;
CREATE INDEX message_state ON message (state, kind, reason, id);
CREATE INDEX message_sent ON message (sent_at) WHERE state = 'sent';
CREATE INDEX message_cohort ON message (cohort_day, kind, state, id) WHERE cohort_day IS NOT NULL;
CREATE INDEX message_address ON message (address_id);
CREATE UNIQUE INDEX attempt_n ON attempt (message_id, n);
CREATE INDEX returned_mail_attempt ON returned_mail (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX returned_mail_digest ON returned_mail (digest);
CREATE INDEX returned_mail_state ON returned_mail (state, received_at);
CREATE UNIQUE INDEX postcard_n ON postcard (registration_id, n);
CREATE INDEX postcard_state ON postcard (state, queued_at, id);
CREATE INDEX postcard_technician ON postcard (technician_id);
CREATE INDEX card_registration ON card (registration_id);
CREATE INDEX card_technician ON card (technician_id);
CREATE INDEX card_state ON card (state, changed_at, id);
CREATE INDEX event_registration ON event (registration_id, id) WHERE registration_id IS NOT NULL;
CREATE INDEX event_technician ON event (technician_id, id) WHERE registration_id IS NULL;
CREATE INDEX audit_row_subject ON audit_row (subject_kind, subject_id, id);
CREATE INDEX audit_row_account ON audit_row (account_id, id);
CREATE INDEX work_item_list ON work_item (state, kind, opened_at, id);
CREATE UNIQUE INDEX work_item_one_open ON work_item (kind, subject_kind, subject_id) WHERE state = 'open';
CREATE INDEX work_item_subject ON work_item (subject_kind, subject_id);
CREATE UNIQUE INDEX alarm_one_open ON alarm (kind, subject) WHERE closed_at IS NULL;
CREATE INDEX alarm_history ON alarm (kind, subject, episode);
"""


def up(migrator, db):
    execute_script(db, TABLES)
    execute_script(db, INDEXES)


def down(migrator, db):
    for table in (
        "counter",
        "alarm",
        "work_item",
        "audit_detail",
        "audit_row",
        "event",
        "card",
        "postcard",
        "returned_mail_source",
        "returned_mail",
        "attempt",
        "message",
        "registration",
        "import_reject",
        "import_original",
        "import_run",
        "idempotent_request",
        "api_key",
        "search_request",
        "throttle",
        "sign_in_session",
        "switch",
        "account",
        "email_address",
        "affiliation",
        "record_version",
        "record_item",
        "technician",
        "business",
        "worker_beat",
        "fact",
    ):
        db.execute_sql(f"DROP TABLE {table}")
