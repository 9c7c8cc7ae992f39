"""What all tables share."""

from peewee import BigIntegerField, Model

from db.database import database
from db.ids import new_id


class Row(Model):
    """A table of ours: table names in the singular, ids made by the application."""

    id = BigIntegerField(primary_key=True, default=new_id)

    class Meta:
        database = database
        legacy_table_names = False
