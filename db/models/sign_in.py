"""How people come in: links, codes, second factors, and what is kept for them while they do."""

from peewee import BigIntegerField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from db.fields import Id, IdOrNone, MomentField
from db.models.accounts import Account
from db.models.base import Row
from db.models.messages import Message
from db.models.people import Business, EmailAddress, Technician


class SignInLink(Row):
    """A link in a mail: its token is derived from its id and a secret, and stored nowhere."""

    purpose = TextField()  # first_access, forgotten, invitation
    message = ForeignKeyField(Message, null=True)
    message_id: IdOrNone
    technician = ForeignKeyField(Technician, null=True)
    technician_id: IdOrNone
    business = ForeignKeyField(Business, null=True)
    business_id: IdOrNone
    account = ForeignKeyField(Account, null=True)
    account_id: IdOrNone
    address = ForeignKeyField(EmailAddress, null=True)
    address_id: IdOrNone
    created_at = MomentField()
    expires_at = MomentField()
    tries = SmallIntegerField(default=0)
    used_at = MomentField(null=True)
    ended_at = MomentField(null=True)


class ActivationCode(Row):
    """A code on paper: to a technician by sealed postcard, to a business by letter. Only its keyed hash is kept."""

    technician = ForeignKeyField(Technician, null=True)
    technician_id: IdOrNone
    business = ForeignKeyField(Business, null=True)
    business_id: IdOrNone
    card_id = TextField()  # what the code was derived from, with the number of the print
    print_number = IntegerField()
    code_hash = TextField()
    issued_at = MomentField()
    issued_by = ForeignKeyField(Account, null=True)
    issued_by_id: IdOrNone
    valid_from = MomentField(null=True)  # empty until the paper was mailed
    expires_at = MomentField(null=True)
    tries = SmallIntegerField(default=0)
    used_at = MomentField(null=True)
    ended_at = MomentField(null=True)
    end_reason = TextField(null=True)


class SignInRequest(Row):
    """Somebody asked for a link or a postcard, known to us or not; sealed, answered by the worker, then removed."""

    requested_at = MomentField()
    content = TextField()
    expires_at = MomentField()


class SecondFactor(Row):
    """An authenticator app or a passkey of an account."""

    account = ForeignKeyField(Account, backref="factors", on_delete="CASCADE")
    account_id: Id
    kind = TextField()  # totp, passkey
    name = TextField(default="")
    secret = TextField(null=True)  # of an app: sealed
    credential_id = TextField(null=True, unique=True)
    public_key = TextField(null=True)
    sign_count = BigIntegerField(default=0)
    last_step = BigIntegerField(default=0)  # the newest half minute whose code was taken: none is taken twice
    created_at = MomentField()
    confirmed_at = MomentField(null=True)
    last_used_at = MomentField(null=True)


class RecoveryCode(Row):
    """One of ten codes for the day the phone is lost; only its keyed hash is kept."""

    account = ForeignKeyField(Account, on_delete="CASCADE")
    account_id: Id
    code_hash = TextField()
    created_at = MomentField()
    used_at = MomentField(null=True)


class LostFactor(Row):
    """An operator has checked who somebody is: after a day their second factors go, unless it is stopped.

    An administrator's waits for a second administrator; what was begun on the server has nobody who opened it.
    """

    account = ForeignKeyField(Account, on_delete="CASCADE")
    account_id: Id
    opened_at = MomentField()
    opened_by = ForeignKeyField(Account, null=True)
    opened_by_id: IdOrNone
    effective_at = MomentField(null=True)
    stopped_at = MomentField(null=True)
    stopped_by = ForeignKeyField(Account, null=True)
    stopped_by_id: IdOrNone
    done_at = MomentField(null=True)
    approved_at = MomentField(null=True)
    approved_by = ForeignKeyField(Account, null=True)
    approved_by_id: IdOrNone


class KeptForm(Row):
    """A form that came when its session had ended: sealed, without passwords, for this account and half an hour."""

    token_hash = TextField(unique=True)
    account = ForeignKeyField(Account, on_delete="CASCADE")
    account_id: Id
    page = TextField()
    content = TextField()
    expires_at = MomentField()
