"""What ops must see and do, and what happened."""

from typing import Self

from peewee import BigIntegerField, CompositeKey, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from db.database import database
from db.fields import DayField, Id, IdOrNone, JsonField, MomentField
from db.models.accounts import Account
from db.models.base import Row, Rows, Table


class Event(Row):
    """Something that happened, written in the transaction that caused it. Holds no personal data itself."""

    at = MomentField()
    name = TextField()
    registration_id = BigIntegerField(null=True)
    technician_id = BigIntegerField(null=True)
    business_id = BigIntegerField(null=True)
    subject_id = BigIntegerField(null=True)  # the message, attempt, postcard, card, address … that the name speaks of
    account_id = BigIntegerField(null=True)  # who did it; empty: the product itself
    data = JsonField(null=True)


class AuditRow(Row):
    """Who did or looked at what; append-only. Its words stand beside it, so that they can go and the proof stays."""

    at = MomentField()
    action = TextField()
    account_id = BigIntegerField(null=True)
    subject_kind = TextField()
    subject_id = BigIntegerField(null=True)
    detail_digest = TextField(default="")


class AuditDetail(Row):
    """The personal part of an audit row."""

    audit = ForeignKeyField(AuditRow, unique=True)
    audit_id: Id
    salt = TextField()  # without it a digest of few possible values could be guessed after they are gone
    content = JsonField()


class WorkItem(Row):
    """Something that a person must do."""

    kind = TextField()
    subject_kind = TextField()
    subject_id = BigIntegerField()
    reason = TextField()
    state = TextField()
    data = JsonField(null=True)
    opened_at = MomentField()
    closed_at = MomentField(null=True)
    closed_by = ForeignKeyField(Account, null=True)
    closed_by_id: IdOrNone
    resolution = TextField(null=True)
    note = TextField(null=True)

    @classmethod
    def open(cls) -> "Rows[Self]":
        """Return a select of what is still to do, oldest first."""
        return cls.select().where(cls.state == "open").order_by(cls.opened_at, cls.id)


class Alarm(Row):
    """Something that ops must know of; one open row a kind and subject, an episode each time it opens again."""

    kind = TextField()
    subject = TextField()
    episode = IntegerField()
    opened_at = MomentField()
    seen_at = MomentField()
    count = IntegerField(default=1)
    data = JsonField(null=True)
    acknowledged_at = MomentField(null=True)
    acknowledged_by = ForeignKeyField(Account, null=True)
    acknowledged_by_id: IdOrNone
    note = TextField(null=True)
    mailed_at = MomentField(null=True)
    closed_at = MomentField(null=True)

    @classmethod
    def open(cls) -> "Rows[Self]":
        """Return a select of what still holds, newest first."""
        return cls.select().where(cls.closed_at.is_null()).order_by(cls.opened_at.desc(), cls.id.desc())


class Counter(Table):
    """A daily count that charts read; several shards on PostgreSQL, so that writers need not wait for each other."""

    day = DayField()
    figure = TextField()
    a = TextField()
    b = TextField()
    c = TextField()
    shard = SmallIntegerField()
    n = BigIntegerField()

    class Meta:
        database = database
        legacy_table_names = False
        primary_key = CompositeKey("figure", "day", "a", "b", "c", "shard")


class Switch(Table):
    """A setting that ops change while the product runs."""

    name = TextField(primary_key=True)
    value = JsonField()
    changed_at = MomentField()
    changed_by = ForeignKeyField(Account, null=True)
    changed_by_id: IdOrNone

    class Meta:
        database = database
        legacy_table_names = False


class WorkerBeat(Row):
    """A worker's sign of life."""

    host = TextField()
    pid = IntegerField()
    started_at = MomentField()
    seen_at = MomentField()
    data = JsonField(null=True)


class Fact(Table):
    """Facts about this database itself: its mode, its tick."""

    name = TextField(primary_key=True)
    value = TextField()

    class Meta:
        database = database
        legacy_table_names = False
