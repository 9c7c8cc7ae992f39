"""Cards by simplified registered mail (簡易書留): their shipments, what the post reported, and who was reminded."""

from typing import Self

from peewee import (
    BigIntegerField,
    BlobField,
    BooleanField,
    CompositeKey,
    ForeignKeyField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from db.database import database
from db.fields import DayField, Id, IdOrNone, JsonField, MomentField
from db.models.accounts import Account
from db.models.base import Row, Rows, Table, Work
from db.models.messages import Message
from db.models.people import Technician
from db.models.registrations import Registration


class Card(Row):
    """A technician's card. All but the first six columns is folded from its shipments and the post's reports."""

    registration = ForeignKeyField(Registration, backref="cards")
    registration_id: Id
    technician = ForeignKeyField(Technician)
    technician_id: Id
    state = TextField()
    ordered_at = MomentField()
    changed_at = MomentField()
    version = IntegerField(default=1)
    known = TextField(default="ordered")  # the last state that was understood, where `state` is unknown
    since_on = DayField(null=True)  # the day since which it is in its state, as the post tells it
    shipment_id = BigIntegerField(null=True)  # the current one
    posted_on = DayField(null=True)  # acceptance date of the current shipment
    kept_until = DayField(null=True)
    last_word_on = DayField(null=True)
    receiver = TextField(default="unknown")
    unknown_labels = JsonField(null=True)
    contradictory = BooleanField(default=False)
    exported_at = MomentField(null=True)
    made_at = MomentField(null=True)
    reopened_at = MomentField(null=True)  # when it was given back to be posted again
    # Where it goes when posted again; empty: as the registration says.
    delivery_postal_code = TextField(null=True)
    delivery_address = TextField(null=True)
    delivery_name = TextField(null=True)


class TrackingImport(Work):
    """One reading of dispatches or tracking: how far it is, how it ended, whether it was undone."""

    kind = TextField()
    state = TextField()
    file_name = TextField(default="")
    digest = TextField()
    size = BigIntegerField()
    total = IntegerField(default=0)
    done = IntegerField(default=0)
    events = IntegerField(default=0)
    added = IntegerField(default=0)
    changed = IntegerField(default=0)
    unmatched = IntegerField(default=0)
    rejected = IntegerField(default=0)
    warned = IntegerField(default=0)
    problems = JsonField(null=True)
    account = ForeignKeyField(Account, null=True)
    account_id: IdOrNone
    created_at = MomentField()
    finished_at = MomentField(null=True)
    lease_until = MomentField(null=True)
    fence = IntegerField(default=0)  # of the claim that holds it
    tries = SmallIntegerField(default=0)
    undone_at = MomentField(null=True)
    undone_by = ForeignKeyField(Account, null=True)
    undone_by_id: IdOrNone

    @classmethod
    def newest(cls) -> "Rows[Self]":
        """Return a select of all imports, newest first."""
        return cls.select().order_by(cls.created_at.desc(), cls.id.desc())


class TrackingSource(Row):
    """The bytes of a file that waits to be read; removed when it has been."""

    import_run = ForeignKeyField(TrackingImport, column_name="import_id", unique=True, on_delete="CASCADE")
    import_id: Id
    content = BlobField()


class Shipment(Row):
    """A card under one tracking number; posted again it gets another shipment. Key: number + acceptance date."""

    card = ForeignKeyField(Card, backref="shipments")
    card_id: Id
    n = SmallIntegerField()
    number = TextField()  # eleven digits
    accepted_on = DayField()
    import_run = ForeignKeyField(TrackingImport, column_name="import_id", null=True)
    import_id: IdOrNone
    created_at = MomentField()
    lost_at = MomentField(null=True)
    prefecture = TextField(default="")  # of the address it was posted to; empty where the address names none
    missed = TextField(default="")  # the worst that kept it from its receiver: absent, kept or returned
    closed_at = MomentField(null=True)  # nothing more is expected of it: the card goes out again
    close_reason = TextField(null=True)


class TrackingEvent(Row):
    """A line of the post's history of a number, each once, whoever reported it how often."""

    number = TextField()
    at = TextField()  # ISO 8601 with +09:00, a day, or empty
    label = TextField()
    label_key = TextField()
    office = TextField(default="")
    event = TextField()
    receiver = TextField()


class TrackingSighting(Table):
    """Which import has told of a line; a line lives as long as one of them stands."""

    event = ForeignKeyField(TrackingEvent)
    event_id: Id
    import_run = ForeignKeyField(TrackingImport, column_name="import_id")
    import_id: Id

    class Meta:
        database = database
        legacy_table_names = False
        primary_key = CompositeKey("import_run", "event")


class TrackingLabel(Row):
    """What operators say that a word of the post means."""

    label = TextField()
    label_key = TextField(unique=True)
    event = TextField()
    receiver = TextField()
    account = ForeignKeyField(Account, null=True)
    account_id: IdOrNone
    created_at = MomentField()


class CardReminder(Row):
    """That somebody was, or could not be, told of a kept or returned card."""

    card = ForeignKeyField(Card)
    card_id: Id
    shipment_id = BigIntegerField()
    kind = TextField()
    role = TextField()
    about = TextField()  # the day until which the card was kept, else empty
    outcome = TextField()
    message = ForeignKeyField(Message, null=True)
    message_id: IdOrNone
    at = MomentField()
