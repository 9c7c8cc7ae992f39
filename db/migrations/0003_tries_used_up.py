"""When somebody has used up the tries of an account: its owner sees it beside the own sessions, also without mail."""

from db.schema import execute_script


def up(migrator, db):
    execute_script(db, "ALTER TABLE account ADD COLUMN tries_used_up_at BIGINT;\n")


def down(migrator, db):
    execute_script(db, "ALTER TABLE account DROP COLUMN tries_used_up_at;\n")
