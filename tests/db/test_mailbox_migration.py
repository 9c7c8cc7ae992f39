"""Addresses that were stored under their spelling get the identity of their mailbox."""

from db import schema
from db.models import EmailAddress
from tests import cast


def test_stored_addresses_become_the_mailbox_that_they_are(database, now):
    firm, person = cast.business(now), cast.technician(now)
    cast.email(firm, "office@example.jp", now)
    hidden = cast.email(person, "office@exam\u00adple.jp", now)
    plain = cast.email(cast.technician(now), "Sato@mobile.example", now)
    while schema.revert() != ["0006_mailbox"]:
        pass
    assert EmailAddress.get_by_id(hidden.id).value_key == "office@exam\u00adple.jp"
    schema.migrate("test")
    assert EmailAddress.get_by_id(hidden.id).value_key == "office@example.jp"
    assert EmailAddress.get_by_id(plain.id).value_key == "sato@mobile.example"
