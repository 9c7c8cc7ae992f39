"""Those who sign in: operators, technicians, users of businesses, and programs with a key."""

from peewee import BigIntegerField, BooleanField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from db.fields import Id, IdOrNone, JsonField, MomentField
from db.models.base import Row
from db.models.people import Business, Technician


class Account(Row):
    """A person who signs in."""

    kind = TextField()  # operator, technician, business_user
    login_key = TextField(unique=True)  # "operator:yamada", "technician:12345678901234", "business:ID:user"
    display_name = TextField(default="")
    role = TextField()
    technician = ForeignKeyField(Technician, null=True)
    technician_id: IdOrNone
    business = ForeignKeyField(Business, null=True)
    business_id: IdOrNone
    password_hash = TextField(null=True)
    password_changed_at = MomentField(null=True)
    language = TextField(default="ja")
    active = BooleanField(default=True)
    second_factor = BooleanField(default=False)  # whether a confirmed one is asked for at sign-in
    created_at = MomentField()
    last_sign_in_at = MomentField(null=True)
    tries_used_up_at = MomentField(null=True)  # the last time, by whomever: its owner is shown it


class SignInSession(Row):
    """A signed-in browser; only the hash of its token is kept."""

    account = ForeignKeyField(Account, backref="sessions", on_delete="CASCADE")
    account_id: Id
    token_hash = TextField(unique=True)
    created_at = MomentField()
    seen_at = MomentField()
    expires_at = MomentField()
    reauthenticated_at = MomentField(null=True)
    network_address = TextField(default="")
    user_agent = TextField(default="")
    stage = TextField(default="full")  # or second_factor: the password was right, nothing may be seen yet
    challenge = TextField(null=True)  # changes with each answer of a passkey: what was asked for is good for one


class Throttle(Row):
    """How often something happened in a window of time: limits that hold across processes."""

    key = TextField()  # "sign-in:account:<digest>"; never a name or an address in clear
    window_start = MomentField()
    count = IntegerField(default=0)
    expires_at = MomentField()


class SearchRequest(Row):
    """A search term, kept on the server so that it never stands in an address."""

    token_hash = TextField(unique=True)
    account = ForeignKeyField(Account, on_delete="CASCADE")
    account_id: Id
    page = TextField()
    terms = JsonField()
    expires_at = MomentField()


class ApiKey(Row):
    """A program's key; only its hash is kept."""

    name = TextField(unique=True)
    key_hash = TextField(unique=True)
    hint = TextField()  # the first characters, to tell keys apart
    created_at = MomentField()
    last_used_at = MomentField(null=True)
    revoked_at = MomentField(null=True)


class FormSubmission(Row):
    """A form that was sent: a second one from the same page gets the answer of the first."""

    digest = TextField(unique=True)
    answer = TextField(null=True)  # sealed; empty while the first sending is still at work
    created_at = MomentField()
    expires_at = MomentField()


class IdempotentRequest(Row):
    """A request that a program may repeat: what it was and what was answered."""

    api_key = ForeignKeyField(ApiKey, on_delete="CASCADE")
    api_key_id: Id
    key = TextField()
    body_digest = TextField()
    status = SmallIntegerField(null=True)  # empty while the first request is still at work
    body = TextField(null=True)
    created_at = MomentField()
    expires_at = MomentField()
    fence = BigIntegerField(default=0)
