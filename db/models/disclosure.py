"""Who looked at whom, the seals over the logs, invitations to an affiliation, and changes of many keys at once."""

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
from db.fields import Id, IdOrNone, MomentField
from db.models.accounts import Account
from db.models.base import Row, Table
from db.models.people import Affiliation, Business, Technician


class AccessRow(Row):
    """Somebody looked at a technician; append-only. Refers to people by their internal ids alone."""

    at = MomentField()
    account_id = BigIntegerField()
    business_id = BigIntegerField(null=True)  # of the viewer; empty: an operator
    relation = TextField()  # as what the viewer looked
    technician_id = BigIntegerField()
    affiliation_id = BigIntegerField(null=True)  # the technician's current one at that moment, and its business
    employer_id = BigIntegerField(null=True)
    kind = TextField()
    groups = SmallIntegerField()
    technician_keys_version = IntegerField(null=True)
    business_keys_version = IntegerField(null=True)
    context = TextField(default="")  # which criteria or which reason; never what was typed


class Seal(Row):
    """A range of one append-only table under a hash that also covers the seal before it."""

    stream = TextField()  # audit_row, access_row
    n = IntegerField()
    at = MomentField()
    first_id = BigIntegerField()
    last_id = BigIntegerField()
    newest_at = MomentField()
    count = IntegerField()
    leaves = BlobField(null=True)  # id and digest of each row; gone when the range is retired
    leaves_digest = TextField()
    previous_hash = TextField()
    hash = TextField()
    retired_at = MomentField(null=True)


class AffiliationInvitation(Row):
    """A business invites a technician; only the technician ever sees whether it arrived."""

    business = ForeignKeyField(Business, backref="invitations")
    business_id: Id
    technician = ForeignKeyField(Technician, backref="invitations")
    technician_id: Id
    invited_by = ForeignKeyField(Account, null=True)
    invited_by_id: IdOrNone
    invited_at = MomentField()
    expires_at = MomentField()
    state = TextField()
    answered_at = MomentField(null=True)
    affiliation = ForeignKeyField(Affiliation, null=True)
    affiliation_id: IdOrNone


class BulkChange(Row):
    """Keys of one side changed for many people, in batches, with a way back for a short time."""

    business = ForeignKeyField(Business)
    business_id: Id
    account = ForeignKeyField(Account)
    account_id: Id
    groups = SmallIntegerField()
    opens = BooleanField()
    state = TextField()
    total = IntegerField()
    done = IntegerField(default=0)
    changed = IntegerField(default=0)
    undone = IntegerField(default=0)
    kept = IntegerField(default=0)  # not taken back, because somebody has changed the key since
    created_at = MomentField()
    finished_at = MomentField(null=True)
    undo_until = MomentField(null=True)
    undone_at = MomentField(null=True)


class BulkChangeRow(Table):
    """One person of a bulk change: what the keys were before, and which version the change made."""

    bulk_change = ForeignKeyField(BulkChange, backref="rows", on_delete="CASCADE")
    bulk_change_id: Id
    affiliation = ForeignKeyField(Affiliation)
    affiliation_id: Id
    pending = BooleanField(default=True)
    before_keys = SmallIntegerField(null=True)
    after_version = IntegerField(null=True)  # empty: there was nothing to change

    class Meta:
        database = database
        legacy_table_names = False
        primary_key = CompositeKey("bulk_change", "affiliation")
