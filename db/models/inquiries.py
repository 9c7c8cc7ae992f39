"""The contact centre: what people asked, and what became of it."""

from peewee import BigIntegerField, BooleanField, ForeignKeyField, IntegerField, TextField

from db.fields import Id, IdOrNone, MomentField
from db.models.accounts import Account
from db.models.base import Row
from db.models.messages import Message
from db.models.registrations import Registration


class Inquiry(Row):
    """A case of the contact centre (お問い合わせ)."""

    number = TextField(unique=True)
    state = TextField()  # open, waiting, closed
    topic = TextField()
    channel = TextField()
    caller = TextField()
    identity_check = TextField()
    registration = ForeignKeyField(Registration, null=True, backref="inquiries")
    registration_id: IdOrNone
    language = TextField()
    opened_at = MomentField()
    changed_at = MomentField()
    closed_at = MomentField(null=True)
    close_reason = TextField(null=True)
    version = IntegerField(default=1)


class InquiryEntry(Row):
    """A line of an inquiry's history."""

    inquiry = ForeignKeyField(Inquiry, backref="entries")
    inquiry_id: Id
    at = MomentField()
    kind = TextField()
    account = ForeignKeyField(Account, null=True)
    account_id: IdOrNone
    text = TextField(default="")
    message = ForeignKeyField(Message, null=True)
    message_id: IdOrNone


class CardQuestion(Row):
    """That somebody asked for a card without signing in; written alike for right and wrong pairs."""

    at = MomentField()
    registration_id = BigIntegerField(null=True)  # empty: the pair was wrong
    answered = TextField()  # page, contact
    wants_inquiry = BooleanField(default=False)
    told_at = MomentField(null=True)
