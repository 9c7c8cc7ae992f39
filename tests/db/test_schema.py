"""Migrations run once, with a checksum, and give the tables that the models expect, on both engines."""

import pytest

import db.models as models
from db import schema
from db.models import LostFactor
from webapp.domain.accounts import accounts

TABLES = [getattr(models, name) for name in models.__all__ if name != "Row"]


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.table_name)
def test_every_model_has_its_columns_with_the_same_nullability(database, model):
    found = {column.name: column.null for column in database.get_columns(model._meta.table_name)}
    wanted = {field.column_name: field.null for field in model._meta.sorted_fields}
    if "id" in wanted:  # SQLite does not say NOT NULL of a primary key
        found["id"] = wanted["id"]
    for name in model._meta.primary_key.field_names if model._meta.composite_key else [model._meta.primary_key.name]:
        found[name] = wanted[name] = False
    assert found == wanted


def test_a_second_run_changes_nothing_and_a_way_back_leads_to_nothing(database):
    assert schema.migrate("test") == []
    while set(database.get_tables()) - {"schema_migration", "migration_checksum"}:
        assert len(schema.revert()) == 1
    assert schema.migrate("test")[0] == "0001_first"


def test_a_changed_file_stops_the_next_run(database):
    database.execute_sql("UPDATE migration_checksum SET sha256 = 'other'")
    with pytest.raises(schema.SchemaError, match="has changed since it was applied"):
        schema.migrate("test")


def test_a_process_in_another_mode_refuses_the_database(database):
    with pytest.raises(schema.SchemaError, match="belongs to test mode"):
        schema.check("production")


def test_a_database_without_migrations_says_what_to_run(database):
    schema.revert()
    with pytest.raises(schema.SchemaError, match="run `todoke migrate`"):
        schema.check("test")


def test_a_database_of_before_the_first_release_says_what_to_do(database):
    database.execute_sql("UPDATE schema_migration SET name = '0001_begin' WHERE name = '0001_first'")
    with pytest.raises(schema.SchemaError, match=r"before version 0\.1\.0: make a new one"):
        schema.migrate("test")


def test_migrations_are_numbered_without_gap_or_double():
    numbers = sorted(int(path.name.partition("_")[0]) for path in schema.DIRECTORY.glob("0*.py"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_two_migrations_have_the_same_number():
    numbers = [path.name[:4] for path in schema.DIRECTORY.glob("[0-9]*.py")]
    assert len(numbers) == len(set(numbers)) > 3


def test_the_way_back_of_a_lost_phone_outlives_its_migration_both_ways(database, now):
    account, helper = (
        accounts.create_operator(name, "", accounts.OperatorRole.OPERATOR, "a long enough password", now)
        for name in ("lost", "helper")
    )
    row = LostFactor.create(account=account, opened_at=now, opened_by=helper, effective_at=now)
    LostFactor.create(account=helper, opened_at=now)
    while "0004_lost_factor" not in schema.revert():
        pass
    assert "0004_lost_factor" in schema.migrate("test")
    kept = LostFactor.get()
    assert (kept.id, kept.account_id, kept.opened_by_id, kept.effective_at) == (row.id, account.id, helper.id, now)
    assert kept.approved_at is None, "what waits for a second one cannot be said before it: it is asked for anew"
