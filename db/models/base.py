"""What all tables share."""

import datetime as dt
from typing import TYPE_CHECKING, Any, TypeVar

from peewee import BigIntegerField, IntegerField, Model, ModelSelect, TextField

from db.database import database
from db.fields import MomentField
from db.ids import new_id

M = TypeVar("M", bound=Model)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self, overload

    # What peewee's stubs leave open. Only a checker of types sees these two: a select is peewee's own at run time.
    class Tuples(ModelSelect[Model]):
        """A select whose rows come as tuples of what it selects."""

        def __iter__(self) -> Iterator[tuple[Any, ...]]: ...  # type: ignore[override]  # not models, that is the point
        def __getitem__(self, value: int) -> tuple[Any, ...]: ...
        def first(self, database: Any = ..., n: int = ...) -> tuple[Any, ...] | None: ...
        def get(self, database: Any = ...) -> tuple[Any, ...]: ...  # type: ignore[override]  # as above

    class Rows(ModelSelect[M]):
        """A select of whole rows."""

        def tuples(self, as_tuple: bool = ...) -> Tuples: ...  # type: ignore[override]  # peewee: the same select
        def select(self, *fields: Any) -> "Rows[M]": ...
        @overload
        def __getitem__(self, value: int) -> M: ...
        @overload
        def __getitem__(self, value: slice) -> list[M]: ...
        def __getitem__(self, value: int | slice) -> Any: ...
        def first(self, database: Any = ..., n: int = ...) -> M | None: ...  # nobody here asks for more than one

    class Table(Model):
        """A table, also one without an id of its own."""

        @classmethod
        def select(cls, *fields: Any) -> Rows[Self]: ...

else:
    Table = Model
    Rows = ModelSelect


class Row(Table):
    """A table of ours: table names in the singular, ids made by the application."""

    id = BigIntegerField(primary_key=True, default=new_id)

    class Meta:
        database = database
        legacy_table_names = False


class Work(Row):
    """Rows of work, each held by one worker at a time: what `core/leases.py` needs of such a table."""

    state: "TextField[str]"
    lease_until: "MomentField[dt.datetime | None]"
    fence: "IntegerField[int]"  # of the claim that holds it
    tries: "IntegerField[int]"  # claims since it last got on
