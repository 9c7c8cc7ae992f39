"""Batches of postcards (発送ロット), what was printed of each card, the printer's files, and what came back."""

from typing import Self

from peewee import BigIntegerField, BooleanField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from db.fields import Id, IdOrNone, MomentField
from db.models.accounts import Account
from db.models.base import Row, Rows, Work
from db.models.messages import Message
from db.models.people import Technician
from db.models.registrations import Registration


class PostcardBatch(Work):
    """A batch of postcards (発送ロット): what is in it never changes once it is closed."""

    number = TextField(unique=True)  # 2026-11-20-1: the day in Japan and a count
    state = TextField()
    made_at = MomentField()  # the cards that were queued by then are gathered
    made_by = ForeignKeyField(Account, null=True)  # empty: the daily time
    made_by_id: IdOrNone
    cards = IntegerField(default=0)
    held = IntegerField(default=0)  # found unprintable while it was gathered
    typeset = IntegerField(default=0)
    card_cost = IntegerField()  # yen
    cost = BigIntegerField(default=0)  # yen, of all its cards
    closed_at = MomentField(null=True)
    ready_at = MomentField(null=True)
    printed_at = MomentField(null=True)
    mailed_at = MomentField(null=True)
    files_removed_at = MomentField(null=True)
    failure = TextField(null=True)  # the kind of error that stopped the last try
    lease_until = MomentField(null=True)
    fence = IntegerField(default=0)
    tries = SmallIntegerField(default=0)  # claims since it last got on

    @classmethod
    def newest(cls) -> "Rows[Self]":
        """Return a select of all batches, the one begun last first."""
        return cls.select().order_by(cls.made_at.desc(), cls.id.desc())


class Postcard(Row):
    """A sealed postcard to a technician's registered address."""

    registration = ForeignKeyField(Registration, backref="postcards")
    registration_id: Id
    technician = ForeignKeyField(Technician)
    technician_id: Id
    message = ForeignKeyField(Message, null=True)  # the notice it stands in for; empty: there was no address
    message_id: IdOrNone
    n = SmallIntegerField()
    state = TextField()
    cause = TextField()  # the reason of the returned mail, or no_email, requested, or ops
    hold_reason = TextField(null=True)
    queued_at = MomentField()
    changed_at = MomentField()
    version = IntegerField(default=1)
    batch = ForeignKeyField(PostcardBatch, null=True, backref="postcards")  # of its newest print
    batch_id: IdOrNone
    print_number = SmallIntegerField(default=0)
    print_name = TextField(default="")  # how the name is printed where it cannot be printed as registered
    reprint_reason = TextField(null=True)
    mailed_at = MomentField(null=True)


class PostcardPrint(Row):
    """One print of a postcard, as it stands on the paper: made again from this row it is the same to the byte."""

    postcard = ForeignKeyField(Postcard, backref="prints")
    postcard_id: Id
    batch = ForeignKeyField(PostcardBatch, backref="prints")
    batch_id: Id
    position = IntegerField()  # from 1 through the batch
    print_number = SmallIntegerField()
    management_number = TextField(unique=True)
    reason = TextField(null=True)  # of a reprint
    name = TextField()
    postal_code = TextField()
    address = TextField()
    barcode = BooleanField()
    language = TextField()


class PostcardFile(Row):
    """A finished file for the printer; the bytes stand in the state directory until they are removed."""

    batch = ForeignKeyField(PostcardBatch, backref="files")
    batch_id: Id
    name = TextField(unique=True)
    kind = TextField()
    part = IntegerField(null=True)
    cards = IntegerField()
    size = BigIntegerField()
    sha256 = TextField()
    made_at = MomentField()


class PostcardReturn(Row):
    """A scan of a postcard that came back."""

    scanned_at = MomentField()
    account = ForeignKeyField(Account, null=True)
    account_id: IdOrNone
    typed = TextField()
    outcome = TextField()
    print = ForeignKeyField(PostcardPrint, null=True)
    print_id: IdOrNone
    undone_at = MomentField(null=True)
    scan_key = TextField(null=True)  # the browser's for this scan: sent again, it is the same scan
