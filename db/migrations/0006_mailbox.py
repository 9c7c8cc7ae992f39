"""The identity of stored e-mail addresses that are not plain ASCII: by what goes on the wire, no longer by spelling."""

import re

from db.database import is_sqlite
from db.rows import change_many, values_of


def _identity(address: str) -> str:
    """As `email_addresses/syntax.py` had it when this was written: a migration does not change with the code."""
    local, at, domain = address.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        return address.casefold()
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return f"{local}{at}{domain}".casefold()


def up(migrator, db):
    octets = "length(CAST(value AS BLOB))" if is_sqlite() else "octet_length(value)"
    rows = values_of(
        f"SELECT id, value FROM email_address WHERE {octets} <> length(value) OR substr(value, 1, 1) = '\"'"
    )
    change_many("UPDATE email_address SET value_key = ? WHERE id = ?", [(_identity(value), row) for row, value in rows])


def down(migrator, db):
    rows = values_of("SELECT id, value FROM email_address")
    change_many("UPDATE email_address SET value_key = ? WHERE id = ?", [(value.casefold(), row) for row, value in rows])
