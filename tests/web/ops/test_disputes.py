"""A dispute of an affiliation: operators read whose it is and what was said, and annul it with a note."""

import pytest

from db import ids
from db.models import Affiliation, Message, WorkItem
from tests import cast
from webapp.domain.affiliations import membership
from webapp.domain.disclosure.policy import Viewer


@pytest.fixture
def disputed(app, now):
    """An affiliation whose technician has a registration and says never to have been there."""
    person, business = cast.technician(now), cast.business(now)
    cast.registration(person, now)
    cast.email(person, "k-sato@mail.example", now)
    cast.email(business, "office@yamada.example", now)
    row = cast.affiliate(person, business, now, technician_keys=1, business_keys=1)
    membership.dispute(Viewer("technician", None, True, technician_id=person.id), row.id, now, "知らない会社です")
    return row


def page(what: str = "") -> str:
    return f"/ops/work-items/{ids.encode(WorkItem.get().id)}{what}"


def test_the_item_says_whose_affiliation_and_what_was_said_and_leads_to_the_record(disputed, ops_viewer):
    for text in (ops_viewer.get("/ops/work-items").text, ops_viewer.get(page()).text):
        assert f"{disputed.technician.name} ・ {disputed.business.name}" in text
    text = ops_viewer.get(page()).text
    assert "知らない会社です" in text and 'href="/ops/registrations/' in text
    assert "所属を取り消す" not in text, "a viewer changes nothing"
    assert ops_viewer.submit(page("/annul"), {"annul-note": "電話で確認"}).status_code == 403


@pytest.mark.parametrize("htmx", [False, True])
def test_an_operator_annuls_it_with_a_note(disputed, ops_operator, htmx):
    ops_operator.get(page())
    Message.delete().execute()
    assert ops_operator.submit(page("/annul"), {"annul-note": " "}, htmx=htmx).status_code == 422
    assert Affiliation.get().current
    assert ops_operator.submit(page("/annul"), {"annul-note": "電話で確認"}, htmx=htmx).status_code in (200, 303)
    row = Affiliation.get()
    assert (row.current, row.end_reason, row.technician_keys, row.business_keys) == (False, "annulled", 0, 0)
    assert WorkItem.get().note == "電話で確認"
    assert {message.role for message in Message.select()} == {"technician", "business"}
    assert ops_operator.submit(page("/annul"), {"annul-note": "電話で確認"}).status_code == 409


def test_what_is_over_already_is_not_annulled(disputed, ops_operator):
    Affiliation.update(current=False).execute()
    assert "所属を取り消す" not in ops_operator.get(page()).text
    assert ops_operator.submit(page("/annul"), {"annul-note": "電話で確認"}).status_code == 409


def test_other_work_has_nothing_to_annul(disputed, ops_operator):
    WorkItem.update(kind="business_address", subject_kind="business", subject_id=disputed.business_id).execute()
    ops_operator.get(page())
    assert ops_operator.submit(page("/annul"), {"annul-note": "x"}).status_code == 404
