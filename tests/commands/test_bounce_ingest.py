"""`todoke bounce ingest` takes any bytes and ends in a row or one clear sentence."""

import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db import database as db
from db.models import Message, Postcard, ReturnedMail
from tests.domain.mail.sending import queued_notice
from tests.domain.mail.test_inbound import report, send
from tests.examples import examples
from webapp.commands.bounce_ingest import recipient_of


@pytest.fixture
def sent(todoke, environment, now):
    """A migrated database with a notice that was sent, and its return path."""
    from webapp.commands.context import now as clock

    assert todoke("migrate").exit_code == 0
    return in_database(environment, lambda: send(queued_notice(clock()), clock()))


def in_database(environment, do):
    db.configure(environment["TODOKE_DATABASE_URL"])
    with db.connected():
        found = do()
    db.database.close_all()
    return found


def test_a_report_is_taken_for_the_given_recipient(todoke, environment, sent):
    message, path = sent
    found = todoke("bounce", "ingest", "--recipient", path, "--json", input=report())
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout) | {"id": 0} == {
        **{"id": 0, "state": "applied", "kind": "bounce", "reason": "userunknown", "again": False}
    }
    state = in_database(environment, lambda: (Message.get_by_id(message.id).state, Postcard.select().count()))
    assert state == ("failed", 1)


@pytest.mark.parametrize("header", ["Delivered-To", "X-Original-To", "delivered-to"])
def test_the_recipient_is_read_from_the_headers(todoke, sent, header):
    _, path = sent
    data = f"Delivered-To: postmaster@else.example\r\n{header}: <{path}>\r\n".encode() + report()
    assert todoke("bounce", "ingest", input=data).output == "applied: bounce userunknown\n"
    assert todoke("bounce", "ingest", input=data).output == "applied: bounce userunknown, seen before\n"


def test_a_body_does_not_name_the_recipient():
    assert (
        recipient_of(b"Subject: x\r\n\r\nDelivered-To: b-x@return.todoke.example\r\n", "return.todoke.example") is None
    )


@pytest.mark.parametrize("data", [b"", b"\n", b"Subject: hello\n\nno recipient\n"])
def test_what_cannot_be_taken_is_one_sentence(todoke, sent, data):
    found = todoke("bounce", "ingest", input=data)
    assert found.exit_code == 2 and found.stderr.startswith("Error: ") and found.stderr.count("\n") == 1


# One database for all examples: what is proved is that each call ends well.
@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=500), recipient=st.text(min_size=1, max_size=60))
def test_any_bytes_end_in_a_row_or_a_sentence(todoke, environment, sent, data, recipient):
    rows = in_database(environment, lambda: ReturnedMail.select().count())
    found = todoke("bounce", "ingest", f"--recipient={recipient}", "--json", input=data)
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    more = in_database(environment, lambda: ReturnedMail.select().count()) - rows
    if found.exit_code == 0:
        assert more == (not json.loads(found.stdout)["again"])
    else:
        assert (found.exit_code, more) == (2, 0)
