"""An e-mail address that its person has asked for and not confirmed yet."""

from db.schema import execute_script

TABLES = """
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
"""

INDEXES = """
CREATE UNIQUE INDEX email_change_open ON email_change (technician_id) WHERE confirmed_at IS NULL AND ended_at IS NULL;
"""


def up(migrator, db):
    execute_script(db, TABLES)
    execute_script(db, INDEXES)


def down(migrator, db):
    db.execute_sql("DROP TABLE email_change")
