"""Completed registrations, and the files they came in."""

from typing import Self

from peewee import BigIntegerField, BlobField, BooleanField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from db.fields import Id, IdOrNone, JsonField, MomentField
from db.models.accounts import Account, ApiKey
from db.models.base import Row, Rows, Work
from db.models.people import Business, Technician


class ImportRun(Work):
    """One reading of a file: how far it is and how it ended."""

    kind = TextField()
    state = TextField()
    check_only = BooleanField(default=False)  # decide every row, write none
    file_name = TextField()
    file_digest = TextField()
    size = BigIntegerField()
    total = IntegerField(default=0)
    done = IntegerField(default=0)
    accepted = IntegerField(default=0)
    updated = IntegerField(default=0)
    unchanged = IntegerField(default=0)
    rejected = IntegerField(default=0)
    warned = IntegerField(default=0)
    columns = JsonField(null=True)  # of the file, in its order: the rejects file has the same
    ignored_columns = JsonField(null=True)
    error = JsonField(null=True)
    account = ForeignKeyField(Account, null=True)
    account_id: IdOrNone
    created_at = MomentField()
    started_at = MomentField(null=True)
    finished_at = MomentField(null=True)
    lease_until = MomentField(null=True)
    fence = IntegerField(default=0)
    tries = SmallIntegerField(default=0)  # claims since it last got on


class ImportOriginal(Row):
    """The bytes of an imported file; removed after the setting's time."""

    run = ForeignKeyField(ImportRun, unique=True, backref="originals", on_delete="CASCADE")
    run_id: Id
    content = BlobField()


class ImportReject(Row):
    """A row that stayed outside, as it came, with what is wrong with it; removed with its original."""

    run = ForeignKeyField(ImportRun, backref="rejects", on_delete="CASCADE")
    run_id: Id
    line = IntegerField()
    cells = JsonField()
    problems = JsonField()


class Registration(Row):
    """A registration application (登録申請) that is complete."""

    application_number = TextField(unique=True)
    technician = ForeignKeyField(Technician, backref="registrations")
    technician_id: Id
    affiliated_business = ForeignKeyField(Business, null=True, backref="affiliated_registrations")
    affiliated_business_id: IdOrNone
    proxy_business = ForeignKeyField(Business, null=True, backref="proxy_registrations")
    proxy_business_id: IdOrNone
    completed_at = MomentField()
    created_at = MomentField()
    language = TextField()
    first = BooleanField()  # the person's first registration
    delivery_postal_code = TextField(default="")
    delivery_address = TextField(default="")
    delivery_name = TextField(default="")
    content = JsonField()  # the cleaned row: what a later row with the same number is compared with
    content_digest = TextField()
    import_run = ForeignKeyField(ImportRun, null=True)
    import_run_id: IdOrNone
    import_line = IntegerField(null=True)
    api_key = ForeignKeyField(ApiKey, null=True)
    api_key_id: IdOrNone

    @classmethod
    def newest(cls) -> "Rows[Self]":
        """Return a select of all registrations, newest completion first."""
        return cls.select().order_by(cls.completed_at.desc(), cls.id.desc())
