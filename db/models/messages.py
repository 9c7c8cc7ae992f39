"""What is told to whom, each try of it, and what came back."""

import datetime as dt
from typing import Self

from peewee import BigIntegerField, BlobField, BooleanField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from db.fields import DayField, Id, IdOrNone, JsonField, MomentField
from db.models.accounts import Account
from db.models.base import Row, Rows
from db.models.people import Business, EmailAddress, Technician
from db.models.registrations import Registration


class Message(Row):
    """A message to one recipient; the outbox is the part of this table whose `due_at` is set."""

    kind = TextField()
    role = TextField()  # technician, business, proxy, operator
    registration = ForeignKeyField(Registration, null=True, backref="messages")
    registration_id: IdOrNone
    technician = ForeignKeyField(Technician, null=True)
    technician_id: IdOrNone
    business = ForeignKeyField(Business, null=True)
    business_id: IdOrNone
    account = ForeignKeyField(Account, null=True)
    account_id: IdOrNone
    address = ForeignKeyField(EmailAddress, null=True)
    address_id: IdOrNone
    language = TextField()
    content = JsonField(null=True)  # what the text needs beyond the rows it refers to
    destination = TextField(default="")  # the domain, lower case: for pacing and figures
    state = TextField()
    failure_class = TextField(null=True)
    reason = TextField(null=True)
    attempts = SmallIntegerField(default=0)
    queued_at = MomentField()
    # When a worker may take it; while one has it, when its lease ends. Empty: nobody is to send it.
    due_at = MomentField(null=True)
    fence = BigIntegerField(default=0)  # of the claim that holds it; a late finisher has an older one
    first_attempt_at = MomentField(null=True)
    cohort_day = DayField(null=True)
    sent_at = MomentField(null=True)
    first_sent_at = MomentField(null=True)  # when a relay accepted its first attempt; it stays
    settled_at = MomentField(null=True)

    @classmethod
    def due(cls, kind: str, now: dt.datetime) -> "Rows[Self]":
        """Return a select of the messages of a kind that a worker may take now, oldest first."""
        return cls.select().where((cls.kind == kind) & (cls.due_at <= now)).order_by(cls.due_at)


class Attempt(Row):
    """A try of a message at one address; repeated after a crash or a 4xx with the same Message-ID and token."""

    message = ForeignKeyField(Message, backref="all_attempts")
    message_id: Id
    n = SmallIntegerField()
    address = ForeignKeyField(EmailAddress)
    address_id: Id
    message_ref = TextField(unique=True)  # the Message-ID without its brackets
    state = TextField()
    tries = SmallIntegerField(default=0)
    started_at = MomentField()
    replied_at = MomentField(null=True)
    relay = TextField(null=True)
    stage = TextField(null=True)
    reply_code = SmallIntegerField(null=True)
    reply_status = TextField(null=True)
    reply_text = TextField(null=True)
    reason = TextField(null=True)
    hard = BooleanField(null=True)


class ReturnedMail(Row):
    """A mail that came to us, with what was made of it; the bytes go after the setting's time."""

    received_at = MomentField()
    source = TextField()  # lmtp, command
    digest = TextField()
    size = IntegerField()
    recipient = TextField(default="")
    state = TextField()  # applied, evidence, unmatched, conflict, overruled
    attempt = ForeignKeyField(Attempt, null=True, backref="returned_mails")
    attempt_id: IdOrNone
    kind = TextField()
    reason = TextField(null=True)
    hard = BooleanField(null=True)
    token_state = TextField()
    judgement = JsonField()
    overruled_reason = TextField(null=True)
    overruled_by = ForeignKeyField(Account, null=True)
    overruled_by_id: IdOrNone
    overruled_at = MomentField(null=True)
    overruled_note = TextField(null=True)


class ReturnedMailSource(Row):
    """The bytes of a returned mail."""

    returned_mail = ForeignKeyField(ReturnedMail, unique=True, on_delete="CASCADE")
    returned_mail_id: Id
    content = BlobField()
