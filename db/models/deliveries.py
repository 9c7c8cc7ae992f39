"""Sealed postcards (圧着ハガキ) in their first state; their own tables come with them."""

from peewee import ForeignKeyField, IntegerField, SmallIntegerField, TextField

from db.fields import MomentField
from db.models.base import Row
from db.models.messages import Message
from db.models.people import Technician
from db.models.registrations import Registration


class Postcard(Row):
    """A sealed postcard to a technician's registered address."""

    registration = ForeignKeyField(Registration, backref="postcards")
    technician = ForeignKeyField(Technician)
    message = ForeignKeyField(Message, null=True)  # the notice it stands in for; empty: there was no address
    n = SmallIntegerField()
    state = TextField()
    cause = TextField()  # the reason of the returned mail, or no_address, or ops
    hold_reason = TextField(null=True)
    queued_at = MomentField()
    changed_at = MomentField()
    version = IntegerField(default=1)
