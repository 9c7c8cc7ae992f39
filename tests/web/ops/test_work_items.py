"""/ops/work-items: the list, closing one, a business's address, many people on one address."""

import datetime as dt

import pytest

from db import ids
from db.models import AuditDetail, AuditRow, Business, Card, Event, Message, Postcard, Technician, WorkItem
from tests.domain.cards.test_projection import ABSENT, RETURNED, post, report
from tests.web.ops.story import bounced, business_bounced, sent
from webapp.domain.core.work_items import WorkItemState, close_item
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind


def item(kind: str, what: str = "") -> str:
    return f"/ops/work-items/{ids.encode(WorkItem.get(WorkItem.kind == kind).id)}{what}"


@pytest.fixture
def crowd(app, now):
    """Five people on one dead address: more than the limit of the tests."""
    return [bounced(now + dt.timedelta(minutes=n), email="shared@yamada.example") for n in range(5)]


def test_an_item_says_what_it_is_about_and_leads_there(app, now, ops_operator):
    story = business_bounced(now)
    listed = ops_operator.get("/ops/work-items").text
    assert "事業者のメールアドレスの訂正" in listed and story.employer.name in listed
    page = ops_operator.get(item("business_address")).text
    assert "事業者にはがきは送りません" in page and f"office-{story.employer.id}@yamada.example" in page


def test_to_open_a_record_from_work_needs_no_other_reason(app, now, ops_viewer):
    story = bounced(now, postal_code="", address="")
    page = ops_viewer.get(item("postcard_on_hold")).text
    link = page.split('href="/ops/registrations/')[1].split('"')[0].replace("&amp;", "&")
    assert "via=work-item" in link
    assert story.person.name in ops_viewer.get(f"/ops/registrations/{link}").text


@pytest.mark.parametrize("htmx", [False, True])
def test_an_item_is_closed_with_a_result_and_a_note(app, now, ops_operator, htmx):
    business_bounced(now)
    close = item("business_address", "/close")
    assert ops_operator.submit(close, {}, htmx=htmx).status_code == 422
    assert ops_operator.submit(close, {"state": "dismissed"}, htmx=htmx).status_code == 422, "why not?"
    assert ops_operator.submit(close, {"state": "dismissed", "note": "廃業"}, htmx=htmx).status_code in (200, 303)
    row = WorkItem.get()
    assert (row.state, row.note) == ("dismissed", "廃業") and row.closed_by_id
    assert ops_operator.submit(close, {"state": "done"}).status_code == 409, "closed already"
    assert ops_operator.get("/ops/work-items").text.count("<tr>") == 0
    assert "廃業" in ops_operator.get(item("business_address")).text


def test_a_businesss_address_is_corrected_and_all_its_notices_go_again(app, now, ops_operator):
    story = business_bounced(now)
    answer = ops_operator.submit(item("business_address", "/address"), {"email": "new@yamada.example", "version": "1"})
    assert answer.status_code == 303
    message = Message.get_by_id(story.business_message.id)
    assert (message.state, message.destination) == ("queued", "yamada.example")
    assert versions.current(OwnerKind.BUSINESS, story.employer.id).value == "new@yamada.example"
    assert WorkItem.get().state == "done"


def test_many_notices_of_a_business_go_in_parts_until_none_is_left(app, now, ops_operator, monkeypatch):
    monkeypatch.setattr("webapp.domain.notices.corrections.MOST_AT_ONCE", 2)
    story = business_bounced(now)
    for n in range(4):
        other = sent(now, email=f"{n}@docomo.ne.jp")
        row = Message.business == other.employer
        Message.update(business=story.employer, state="failed").where(row).execute()
    form = {"email": "new@yamada.example", "version": "1"}
    for left in (3, 1):
        assert ops_operator.submit(item("business_address", "/address"), form).status_code == 303
        assert (
            Message.select().where((Message.business == story.employer) & (Message.state == "failed")).count() == left
        )
        form["version"] = "2"
    assert ops_operator.submit(item("business_address", "/address"), form).status_code == 303
    assert WorkItem.get().state == "done"


@pytest.mark.parametrize(
    "form, status", [({"email": "x", "version": "1"}, 422), ({"email": "a@b.jp", "version": "7"}, 409)]
)
def test_a_wrong_address_and_a_stale_one_change_nothing(app, now, ops_operator, form, status):
    story = business_bounced(now)
    assert ops_operator.submit(item("business_address", "/address"), form).status_code == status
    assert Message.get_by_id(story.business_message.id).state == "failed" and WorkItem.get().state == "open"


def test_postcards_of_many_people_on_one_address_are_released_together(crowd, ops_operator):
    page = ops_operator.get(item("same_address")).text
    held = Postcard.select().where(Postcard.hold_reason == "same_address").count()
    assert held == 5 and "5件" in page and page.count("via=work-item") == 5
    assert ops_operator.submit(item("same_address", "/release"), {"release-note": "会社の共用"}).status_code == 303
    assert WorkItem.get(WorkItem.kind == "same_address").note == "会社の共用"
    assert {row.state for row in Postcard.select()} == {"queued"}
    assert Event.select().where(Event.name == "postcard:ops:released").count() == 5
    assert ops_operator.submit(item("same_address", "/release")).status_code == 409


def test_an_item_offers_only_what_belongs_to_it(crowd, app, now, ops_operator):
    business_bounced(now)
    assert ops_operator.submit(item("same_address", "/address")).status_code == 404
    assert ops_operator.submit(item("business_address", "/release")).status_code == 404


def test_a_closed_item_is_looked_at_only(app, now, ops_operator):
    business_bounced(now)
    close_item(WorkItem.get(), WorkItemState.DONE, "by_hand", now, None)
    page = ops_operator.get(item("business_address")).text
    assert "<form" not in page.split("<main")[1].split("</main>")[0]


def test_work_about_a_card_has_how_to_reach_people_and_the_button_that_helps(app, now, ops_operator, ops_viewer):
    sent(now)
    Technician.update(telephone="090-1234-5678").execute()
    Business.update(telephone="03-1234-5678").execute()
    post(Card.get(), now)
    report([*ABSENT, *RETURNED], now)
    card = ids.encode(Card.get().id)
    for client in (ops_viewer, ops_operator):
        AuditDetail.delete().execute()
        AuditRow.delete().execute()
        page = client.get(item("card_returned")).text
        may = client is ops_operator
        for shown in ("東京都千代田区霞が関1-3-2", 'href="tel:09012345678"', 'href="tel:0312345678"'):
            assert (shown in page) is may, shown
        assert (f'<a class="button" href="/ops/cards/{card}">カードの画面を開く</a>' in page) is may
        looks = AuditRow.select().where(
            (AuditRow.action == "record:ops:viewed") & (AuditRow.subject_id == Technician.get().id)
        )
        assert looks.count() == 1, "a look at a person is written down"
    page = ops_operator.get(f"/ops/cards/{card}").text
    assert f'href="/ops/registrations/{ids.encode(Card.get().registration_id)}?via=cards.' in page


def test_work_about_a_postcard_leads_to_it_and_about_a_business_says_its_telephone(app, now, ops_operator):
    business_bounced(now)
    Business.update(telephone="03-1234-5678").execute()
    assert "03-1234-5678" in ops_operator.get(item("business_address")).text
    bounced(now, postal_code="", address="")
    page = ops_operator.get(item("postcard_on_hold")).text
    assert f'<a class="button" href="/ops/postcards/{ids.encode(Postcard.get().id)}">はがきの画面を開く</a>' in page
