"""Who a record is about: businesses, technicians, and what binds them."""

from typing import Self

from peewee import BigIntegerField, BooleanField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from db.fields import DayField, Id, JsonField, MomentField
from db.models.base import Row, Rows


class Business(Row):
    """A registered business (事業者)."""

    business_id = TextField(unique=True)
    name = TextField()
    name_kana = TextField(default="")
    postal_code = TextField(default="")
    address = TextField(default="")
    telephone = TextField(default="")
    search_key = TextField()
    kana_key = TextField(default="")
    version = IntegerField(default=1)
    created_at = MomentField()
    updated_at = MomentField()
    invited_at = MomentField(null=True)  # when its registered address was asked to make the first user


class Technician(Row):
    """A technician (技能者) as registered now; what stood before is in `RecordVersion`."""

    technician_id = TextField(unique=True)
    name = TextField()
    name_kana = TextField()
    birth_date = DayField()
    postal_code = TextField(default="")
    address = TextField(default="")
    telephone = TextField(default="")
    language = TextField(default="ja")
    days_worked = IntegerField(null=True)
    social_insurance = TextField(default="")
    retirement_scheme = TextField(default="")  # 建退共
    level = SmallIntegerField(null=True)
    search_key = TextField()
    kana_key = TextField()
    version = IntegerField(default=1)
    created_at = MomentField()
    updated_at = MomentField()


class RecordItem(Row):
    """One of several values that a technician may have: a trade (職種) or a qualification (資格)."""

    technician = ForeignKeyField(Technician, backref="items")
    technician_id: Id
    kind = TextField()
    position = SmallIntegerField()
    value = TextField()
    value_key = TextField()


class RecordVersion(Row):
    """What a technician's or a business's data were before a change: nothing is overwritten in silence."""

    subject_kind = TextField()
    subject_id = BigIntegerField()
    version = IntegerField()
    replaced_at = MomentField()
    cause = TextField()
    content = JsonField()


class Affiliation(Row):
    """A technician's time with a business; at most one is current. Keys belong to it and start closed."""

    technician = ForeignKeyField(Technician, backref="affiliations")
    technician_id: Id
    business = ForeignKeyField(Business, backref="affiliations")
    business_id: Id
    current = BooleanField(default=True)
    started_at = MomentField()
    ended_at = MomentField(null=True)
    end_reason = TextField(null=True)
    # A bit a group, the master (本人) lowest; 0 = all closed. The version counts changes of the side.
    technician_keys = SmallIntegerField(default=0)
    technician_keys_version = IntegerField(default=0)
    business_keys = SmallIntegerField(default=0)
    business_keys_version = IntegerField(default=0)
    # The technician's kana key, copied: a page of a large business is then one range of one index.
    sort_key = TextField()


class EmailAddress(Row):
    """An e-mail address of somebody as a version: a correction is a new row, the old one stays."""

    owner_kind = TextField()
    owner_id = BigIntegerField()
    value = TextField()
    value_key = TextField()  # case-folded: the same mailbox for our purposes
    version = IntegerField()
    state = TextField()
    given_by = TextField()
    valid_from = MomentField()
    valid_to = MomentField(null=True)
    confirmed_at = MomentField(null=True)
    judged_at = MomentField(null=True)
    reason = TextField(null=True)
    letter_at = MomentField(null=True)  # when a letter to the registered postal address told of this version

    @classmethod
    def current(cls, owner_kind: str, owner_id: int) -> "Rows[Self]":
        """Return a select of the owner's newest version, whatever its validity."""
        return (
            cls.select()
            .where((cls.owner_kind == owner_kind) & (cls.owner_id == owner_id) & cls.valid_to.is_null())
            .order_by(cls.version.desc())
            .limit(1)
        )
