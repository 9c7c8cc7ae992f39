"""What somebody asked to take away."""

from peewee import BigIntegerField, BooleanField, ForeignKeyField, IntegerField, SmallIntegerField, TextField

from db.fields import Id, MomentField
from db.models.accounts import Account
from db.models.base import Work


class ExportRequest(Work):
    """A list that an account wants as a file, and the file when it is written."""

    account = ForeignKeyField(Account, on_delete="CASCADE")
    account_id: Id
    source = TextField()  # the endpoint of the list
    address = TextField()  # the page of the list with its filters; a search stands in it as a token
    format = TextField()
    language = TextField()
    state = TextField()
    asked_at = MomentField()
    lease_until = MomentField(null=True)
    fence = IntegerField(default=0)
    tries = SmallIntegerField(default=0)
    done = IntegerField(default=0)  # rows written
    total = IntegerField(null=True)  # rows there are to write, as far as that is known
    cut = BooleanField(default=False)  # the list went on behind the most rows that a file takes
    failure = TextField(null=True)
    file = TextField(null=True)  # its name in the directory of exports
    size = BigIntegerField(null=True)
    finished_at = MomentField(null=True)
    expires_at = MomentField(null=True)  # when the file, or the line of a failure, goes
