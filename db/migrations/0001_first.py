"""All tables of the product and their indexes, a table after the other; what refers to a table stands behind it.

`{ordered}` marks text that lists walk: PostgreSQL compares it by code point as SQLite does. The condition of an index
is written as the query writes it that walks the index (`affiliations/roster_states.py`, `core/events.py`): neither
engine takes it otherwise.
"""

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
    business_id TEXT{ordered} NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_kana TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    address TEXT NOT NULL,
    telephone TEXT NOT NULL,
    search_key TEXT{ordered} NOT NULL,
    kana_key TEXT{ordered} NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    invited_at BIGINT
);
CREATE INDEX business_search ON business (search_key, id);
CREATE INDEX business_kana ON business (kana_key, id);
CREATE INDEX business_not_invited ON business (id) WHERE invited_at IS NULL;

CREATE TABLE technician (
    id {id},
    technician_id TEXT{ordered} NOT NULL UNIQUE CHECK (length(technician_id) = 14),
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
    search_key TEXT{ordered} NOT NULL,
    kana_key TEXT{ordered} NOT NULL,
    version INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX technician_kana ON technician (kana_key, id);
CREATE INDEX technician_search ON technician (search_key, id);

CREATE TABLE record_item (
    id {id},
    technician_id BIGINT NOT NULL REFERENCES technician,
    kind TEXT NOT NULL,
    position SMALLINT NOT NULL,
    value TEXT NOT NULL,
    value_key TEXT NOT NULL
);
CREATE INDEX record_item_technician ON record_item (technician_id, kind, position);
CREATE INDEX record_item_value ON record_item (kind, value_key, technician_id);

CREATE TABLE record_version (
    id {id},
    subject_kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    version INTEGER NOT NULL,
    replaced_at BIGINT NOT NULL,
    cause TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE UNIQUE INDEX record_version_subject ON record_version (subject_kind, subject_id, version);

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
    sort_key TEXT{ordered} NOT NULL
);
CREATE UNIQUE INDEX affiliation_one_current ON affiliation (technician_id) WHERE current;
CREATE INDEX affiliation_technician ON affiliation (technician_id);
CREATE INDEX affiliation_open ON affiliation (sort_key, id)
    WHERE current AND ((technician_keys & business_keys) & 1) = 1;
CREATE INDEX affiliation_page ON affiliation
    (business_id, sort_key, id, technician_id, technician_keys, business_keys, current)
    WHERE current;
CREATE INDEX affiliation_newest ON affiliation
    (business_id, id, technician_id, technician_keys, business_keys, current)
    WHERE current;
CREATE INDEX affiliation_keys ON affiliation (business_id, technician_keys, business_keys, current) WHERE current;

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
    reason TEXT,
    letter_at BIGINT
);
CREATE UNIQUE INDEX email_address_version ON email_address (owner_kind, owner_id, version);
CREATE UNIQUE INDEX email_address_one_current ON email_address (owner_kind, owner_id) WHERE valid_to IS NULL;
CREATE INDEX email_address_value ON email_address (value_key);
CREATE INDEX email_address_state ON email_address (state, judged_at) WHERE state <> 'valid';
CREATE INDEX email_address_judged ON email_address (judged_at, id) WHERE state = 'invalid' AND valid_to IS NULL;

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
    last_sign_in_at BIGINT,
    second_factor BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX account_business ON account (business_id) WHERE business_id IS NOT NULL;
CREATE INDEX account_person ON account (technician_id, last_sign_in_at) WHERE technician_id IS NOT NULL;

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
    user_agent TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT 'full',
    challenge TEXT
);
CREATE INDEX sign_in_session_account ON sign_in_session (account_id);
CREATE INDEX sign_in_session_expiry ON sign_in_session (expires_at);

CREATE TABLE throttle (
    id {id},
    key TEXT NOT NULL,
    window_start BIGINT NOT NULL,
    count INTEGER NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX throttle_window ON throttle (key, window_start);
CREATE INDEX throttle_expiry ON throttle (expires_at);

CREATE TABLE search_request (
    id {id},
    token_hash TEXT NOT NULL UNIQUE,
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    page TEXT NOT NULL,
    terms TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX search_request_expiry ON search_request (expires_at);

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
CREATE UNIQUE INDEX idempotent_request_key ON idempotent_request (api_key_id, key);
CREATE INDEX idempotent_request_expiry ON idempotent_request (expires_at);

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
    fence INTEGER NOT NULL,
    tries SMALLINT NOT NULL DEFAULT 0
);
CREATE INDEX import_run_open ON import_run (state, created_at) WHERE state IN ('queued', 'running');

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
CREATE UNIQUE INDEX import_reject_line ON import_reject (run_id, line);

CREATE TABLE registration (
    id {id},
    application_number TEXT{ordered} NOT NULL UNIQUE,
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
CREATE INDEX registration_technician ON registration (technician_id);
CREATE INDEX registration_completed ON registration (completed_at, id);
CREATE INDEX registration_affiliated ON registration (affiliated_business_id, id)
    WHERE affiliated_business_id IS NOT NULL;
CREATE INDEX registration_proxy ON registration (proxy_business_id, id) WHERE proxy_business_id IS NOT NULL;

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
    settled_at BIGINT,
    first_sent_at BIGINT
);
CREATE INDEX message_due ON message (kind, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX message_registration ON message (registration_id) WHERE registration_id IS NOT NULL;
CREATE INDEX message_business ON message (business_id) WHERE business_id IS NOT NULL;
CREATE INDEX message_state ON message (state, kind, reason, id);
CREATE INDEX message_sent ON message (sent_at) WHERE state = 'sent';
CREATE INDEX message_cohort ON message (cohort_day, kind, state, id) WHERE cohort_day IS NOT NULL;
CREATE INDEX message_address ON message (address_id);
CREATE INDEX message_list ON message (kind, state, id);
CREATE INDEX message_failure ON message (kind, state, failure_class, id) WHERE failure_class IS NOT NULL;
CREATE INDEX message_destination ON message (destination, kind, state, id);
CREATE INDEX message_person ON message (technician_id, kind, role, id, state)
    WHERE kind = 'id_notice' AND role = 'technician';
CREATE INDEX message_undelivered ON message (technician_id, kind, role, state)
    WHERE kind = 'id_notice' AND role = 'technician' AND state = 'failed';

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
CREATE UNIQUE INDEX attempt_n ON attempt (message_id, n);

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
CREATE INDEX returned_mail_attempt ON returned_mail (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX returned_mail_digest ON returned_mail (digest);
CREATE INDEX returned_mail_state ON returned_mail (state, received_at);
CREATE INDEX returned_mail_list ON returned_mail (state, id);
CREATE INDEX returned_mail_received ON returned_mail (received_at);

CREATE TABLE returned_mail_source (
    id {id},
    returned_mail_id BIGINT NOT NULL UNIQUE REFERENCES returned_mail ON DELETE CASCADE,
    content {blob} NOT NULL
);

CREATE TABLE card (
    id {id},
    registration_id BIGINT NOT NULL REFERENCES registration,
    technician_id BIGINT NOT NULL REFERENCES technician,
    state TEXT NOT NULL,
    ordered_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version INTEGER NOT NULL,
    known TEXT NOT NULL DEFAULT 'ordered',
    since_on TEXT,
    shipment_id BIGINT,
    posted_on TEXT,
    kept_until TEXT,
    last_word_on TEXT,
    receiver TEXT NOT NULL DEFAULT 'unknown',
    unknown_labels TEXT,
    contradictory BOOLEAN NOT NULL DEFAULT FALSE,
    exported_at BIGINT,
    made_at BIGINT,
    reopened_at BIGINT,
    delivery_postal_code TEXT,
    delivery_address TEXT,
    delivery_name TEXT
);
CREATE INDEX card_registration ON card (registration_id);
CREATE INDEX card_state ON card (state, changed_at, id);
CREATE INDEX card_since ON card (state, since_on, id);
CREATE INDEX card_kept ON card (kept_until, id) WHERE kept_until IS NOT NULL;
CREATE INDEX card_odd ON card (id) WHERE contradictory OR unknown_labels IS NOT NULL;
CREATE INDEX card_waiting ON card (id) WHERE kept_until IS NOT NULL OR known = 'returned';
CREATE INDEX card_person ON card (technician_id, id, state);
CREATE INDEX card_astray ON card (technician_id, state) WHERE state IN ('absent', 'kept', 'returned', 'lost');

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
CREATE INDEX event_registration ON event (registration_id, id) WHERE registration_id IS NOT NULL;
CREATE INDEX event_technician ON event (technician_id, id) WHERE registration_id IS NULL;
CREATE INDEX event_postcard ON event (name, at, id) WHERE name >= 'postcard:' AND name < 'postcard;';

CREATE TABLE audit_row (
    id {id},
    at BIGINT NOT NULL,
    action TEXT NOT NULL,
    account_id BIGINT,
    subject_kind TEXT NOT NULL,
    subject_id BIGINT,
    detail_digest TEXT NOT NULL
);
CREATE INDEX audit_row_subject ON audit_row (subject_kind, subject_id, id);
CREATE INDEX audit_row_account ON audit_row (account_id, id);
CREATE INDEX audit_row_at ON audit_row (at);

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
CREATE INDEX work_item_list ON work_item (state, kind, opened_at, id);
CREATE UNIQUE INDEX work_item_one_open ON work_item (kind, subject_kind, subject_id) WHERE state = 'open';
CREATE INDEX work_item_subject ON work_item (subject_kind, subject_id);
CREATE INDEX work_item_state ON work_item (state, id);
CREATE INDEX work_item_kind ON work_item (state, kind, id);

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
CREATE UNIQUE INDEX alarm_one_open ON alarm (kind, subject) WHERE closed_at IS NULL;
CREATE INDEX alarm_history ON alarm (kind, subject, episode);
CREATE INDEX alarm_kind ON alarm (kind, id);
CREATE INDEX alarm_unmailed ON alarm (opened_at) WHERE mailed_at IS NULL;

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
CREATE INDEX counter_failing ON counter (figure, c, day, a, b)
    WHERE figure = 'notices_by_destination' AND c IN ('dead', 'refused', 'temporary', 'ours');
CREATE INDEX counter_destination ON counter (figure, b, day, a);

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
CREATE INDEX access_row_technician ON access_row (technician_id, at, id);
CREATE INDEX access_row_employer ON access_row (employer_id, at, id) WHERE employer_id IS NOT NULL;
CREATE INDEX access_row_business ON access_row (business_id, at, id) WHERE business_id IS NOT NULL;

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
CREATE UNIQUE INDEX seal_n ON seal (stream, n);
CREATE INDEX seal_last ON seal (stream, last_id);
CREATE INDEX seal_newest ON seal (stream, newest_at) WHERE retired_at IS NULL;

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
CREATE UNIQUE INDEX affiliation_invitation_one_open ON affiliation_invitation (technician_id, business_id)
    WHERE state = 'open';
CREATE INDEX affiliation_invitation_business ON affiliation_invitation (business_id, invited_at);
CREATE INDEX affiliation_invitation_expiry ON affiliation_invitation (expires_at) WHERE state = 'open';

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
CREATE INDEX bulk_change_business ON bulk_change (business_id, created_at);
CREATE INDEX bulk_change_open ON bulk_change (state, created_at) WHERE state IN ('running', 'undoing');

CREATE TABLE bulk_change_row (
    bulk_change_id BIGINT NOT NULL REFERENCES bulk_change ON DELETE CASCADE,
    affiliation_id BIGINT NOT NULL REFERENCES affiliation,
    pending BOOLEAN NOT NULL,
    before_keys SMALLINT,
    after_version INTEGER,
    PRIMARY KEY (bulk_change_id, affiliation_id)
);
CREATE INDEX bulk_change_row_pending ON bulk_change_row (bulk_change_id, affiliation_id) WHERE pending;
CREATE INDEX bulk_change_row_affiliation ON bulk_change_row (affiliation_id);

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
CREATE UNIQUE INDEX sign_in_link_message ON sign_in_link (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX sign_in_link_technician ON sign_in_link (technician_id) WHERE technician_id IS NOT NULL;
CREATE INDEX sign_in_link_account ON sign_in_link (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX sign_in_link_business ON sign_in_link (business_id) WHERE business_id IS NOT NULL;

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
CREATE UNIQUE INDEX activation_code_print ON activation_code (card_id, print_number);
CREATE INDEX activation_code_technician ON activation_code (technician_id) WHERE technician_id IS NOT NULL;
CREATE INDEX activation_code_business ON activation_code (business_id) WHERE business_id IS NOT NULL;

CREATE TABLE sign_in_request (
    id {id},
    requested_at BIGINT NOT NULL,
    content TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sign_in_request_expiry ON sign_in_request (expires_at);

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
CREATE INDEX second_factor_account ON second_factor (account_id);

CREATE TABLE recovery_code (
    id {id},
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    code_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT
);
CREATE INDEX recovery_code_account ON recovery_code (account_id);

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
CREATE UNIQUE INDEX lost_factor_open ON lost_factor (account_id) WHERE stopped_at IS NULL AND done_at IS NULL;

CREATE TABLE kept_form (
    id {id},
    token_hash TEXT NOT NULL UNIQUE,
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    page TEXT NOT NULL,
    content TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX kept_form_expiry ON kept_form (expires_at);

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
    fence INTEGER NOT NULL,
    tries SMALLINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX postcard_batch_one_gathering ON postcard_batch (state) WHERE state = 'gathering';
CREATE INDEX postcard_batch_state ON postcard_batch (state, id);

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
    version INTEGER NOT NULL,
    batch_id BIGINT REFERENCES postcard_batch,
    print_number SMALLINT NOT NULL DEFAULT 0,
    print_name TEXT NOT NULL DEFAULT '',
    reprint_reason TEXT,
    mailed_at BIGINT
);
CREATE UNIQUE INDEX postcard_n ON postcard (registration_id, n);
CREATE INDEX postcard_state ON postcard (state, queued_at, id);
CREATE INDEX postcard_technician ON postcard (technician_id);
CREATE INDEX postcard_registration_state ON postcard (registration_id, state);
CREATE INDEX postcard_cause ON postcard (state, cause, queued_at, id);
CREATE INDEX postcard_batch_cards ON postcard (batch_id, state) WHERE batch_id IS NOT NULL;
CREATE INDEX postcard_mailed ON postcard (mailed_at, id) WHERE state = 'mailed';
CREATE INDEX postcard_hold ON postcard (hold_reason, queued_at, id) WHERE state = 'on_hold';

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
CREATE UNIQUE INDEX postcard_print_position ON postcard_print (batch_id, position);
CREATE UNIQUE INDEX postcard_print_number ON postcard_print (postcard_id, print_number);

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
CREATE INDEX postcard_file_batch ON postcard_file (batch_id, id);

CREATE TABLE postcard_return (
    id {id},
    scanned_at BIGINT NOT NULL,
    account_id BIGINT REFERENCES account,
    typed TEXT NOT NULL,
    outcome TEXT NOT NULL,
    print_id BIGINT REFERENCES postcard_print,
    undone_at BIGINT
);
CREATE INDEX postcard_return_account ON postcard_return (account_id, id);
CREATE INDEX postcard_return_print ON postcard_return (print_id) WHERE print_id IS NOT NULL;

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
    undone_by_id BIGINT REFERENCES account,
    fence INTEGER NOT NULL DEFAULT 0,
    tries SMALLINT NOT NULL DEFAULT 0
);
CREATE INDEX tracking_import_open ON tracking_import (state, created_at) WHERE state IN ('queued', 'running');
CREATE INDEX tracking_import_list ON tracking_import (created_at, id);

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
    close_reason TEXT,
    prefecture TEXT NOT NULL DEFAULT '',
    missed TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX shipment_key ON shipment (number, accepted_on);
CREATE INDEX shipment_card ON shipment (card_id, n);
CREATE INDEX shipment_import ON shipment (import_id);
CREATE INDEX shipment_accepted ON shipment (accepted_on, id);

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
CREATE UNIQUE INDEX tracking_event_once ON tracking_event (number, at, label, office, event, receiver);
CREATE INDEX tracking_event_label ON tracking_event (label_key, number);

CREATE TABLE tracking_sighting (
    event_id BIGINT NOT NULL REFERENCES tracking_event,
    import_id BIGINT NOT NULL REFERENCES tracking_import,
    PRIMARY KEY (import_id, event_id)
);
CREATE INDEX tracking_sighting_event ON tracking_sighting (event_id);

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
CREATE UNIQUE INDEX card_reminder_once ON card_reminder (shipment_id, kind, role, about);
CREATE INDEX card_reminder_card ON card_reminder (card_id, id);

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
CREATE INDEX inquiry_queue ON inquiry (state, opened_at, id);
CREATE INDEX inquiry_registration ON inquiry (registration_id) WHERE registration_id IS NOT NULL;

CREATE TABLE inquiry_entry (
    id {id},
    inquiry_id BIGINT NOT NULL REFERENCES inquiry,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    account_id BIGINT REFERENCES account,
    text TEXT NOT NULL,
    message_id BIGINT REFERENCES message
);
CREATE INDEX inquiry_entry_inquiry ON inquiry_entry (inquiry_id, id);

CREATE TABLE card_question (
    id {id},
    at BIGINT NOT NULL,
    registration_id BIGINT,
    answered TEXT NOT NULL,
    wants_inquiry BOOLEAN NOT NULL,
    told_at BIGINT
);
CREATE INDEX card_question_untold ON card_question (at) WHERE told_at IS NULL;

CREATE TABLE email_change (
    id {id},
    technician_id BIGINT NOT NULL REFERENCES technician,
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    address_id BIGINT NOT NULL REFERENCES email_address,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    tries SMALLINT NOT NULL,
    confirmed_at BIGINT,
    ended_at BIGINT
);
CREATE UNIQUE INDEX email_change_open ON email_change (technician_id)
    WHERE confirmed_at IS NULL AND ended_at IS NULL;

CREATE TABLE export_request (
    id {id},
    account_id BIGINT NOT NULL REFERENCES account ON DELETE CASCADE,
    source TEXT NOT NULL,
    address TEXT NOT NULL,
    format TEXT NOT NULL,
    language TEXT NOT NULL,
    state TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    lease_until BIGINT,
    fence INTEGER NOT NULL,
    tries SMALLINT NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER,
    cut BOOLEAN NOT NULL,
    failure TEXT,
    file TEXT,
    size BIGINT,
    finished_at BIGINT,
    expires_at BIGINT
);
CREATE INDEX export_request_mine ON export_request (account_id, id);
CREATE INDEX export_request_open ON export_request (id) WHERE state IN ('asked', 'writing');
CREATE INDEX export_request_ending ON export_request (expires_at) WHERE expires_at IS NOT NULL;
"""

NAMES = [line.split()[2] for line in TABLES.splitlines() if line.startswith("CREATE TABLE")]


def up(migrator, db):
    execute_script(db, TABLES)


def down(migrator, db):
    for name in reversed(NAMES):
        db.execute_sql(f"DROP TABLE {name}")
