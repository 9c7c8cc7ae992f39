"""A change of one's own e-mail address, until a code that was mailed there is typed in."""

from typing import Self

from peewee import ForeignKeyField, SmallIntegerField

from db.fields import Id, MomentField
from db.models.accounts import Account
from db.models.base import Row, Rows
from db.models.people import EmailAddress, Technician


class EmailChange(Row):
    """Asked for by a technician; at most one is open. Its address row is mailed, but is nobody's current one."""

    technician = ForeignKeyField(Technician)
    technician_id: Id
    account = ForeignKeyField(Account, on_delete="CASCADE")
    account_id: Id
    address = ForeignKeyField(EmailAddress, backref="changes")
    address_id: Id
    asked_at = MomentField()
    expires_at = MomentField()
    tries = SmallIntegerField(default=0)
    confirmed_at = MomentField(null=True)
    ended_at = MomentField(null=True)

    @classmethod
    def open(cls, technician_id: int) -> "Rows[Self]":
        """Return a select of the technician's open change."""
        return cls.select().where(
            (cls.technician == technician_id) & cls.confirmed_at.is_null() & cls.ended_at.is_null()
        )
