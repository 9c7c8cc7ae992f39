"""/ops/messages: filters and counts; stopping the sending; deciding after a restore."""

import datetime as dt

import pytest

from db import ids
from db.models import Alarm, AuditRow, Message, Switch
from tests.web.ops.story import bounced, business_bounced, held, sent
from webapp.domain.mail import sending_switch
from webapp.domain.notices import listing
from webapp.domain.notices.messages import MessageState


def rows(answer) -> int:
    return max(0, answer.text.count("<tr>") - 1)


def counted(answer) -> dict[str, int]:
    parts = answer.text.split('class="states"')[1].split("</nav>")[0].split("<li>")[1:]
    return {
        part.split("state=")[1].split('"')[0].split("&")[0]: int(part.split("<b>")[1].split("<")[0]) for part in parts
    }


@pytest.mark.parametrize(
    "query", ["", "&failure=dead", "&reason=userunknown", "&destination=docomo.ne.jp", "&destination=x@yamada.example"]
)
def test_each_count_is_that_of_its_list_under_the_same_filters(app, now, ops_viewer, query):
    for minute in range(3):
        bounced(now + dt.timedelta(minutes=minute), email=f"{minute}@docomo.ne.jp")
    business_bounced(now, email="one@yamada.example"), held(now)
    shown = counted(ops_viewer.get(f"/ops/messages?kind=id_notice{query}"))
    assert set(shown) == set(MessageState)
    for state, number in shown.items():
        assert rows(ops_viewer.get(f"/ops/messages?state={state}{query}")) == number, state
    assert sum(shown.values()) > 0
    assert rows(ops_viewer.get(f"/ops/messages?{query}")) == shown["failed"], "the list begins with what failed"


def test_more_than_can_be_counted_is_said_to_be_more(app, now, ops_viewer, monkeypatch):
    monkeypatch.setattr("webapp.domain.core.paging.MOST_COUNTED", 3)
    monkeypatch.setattr(
        "webapp.domain.core.paging.count", lambda query, most=3: query.order_by().limit(most + 1).count()
    )
    for minute in range(5):
        sent(now + dt.timedelta(minutes=minute), email=f"{minute}@docomo.ne.jp")
    assert "送信済み <b>3+</b>" in ops_viewer.get("/ops/messages").text


def test_nobodys_address_stands_in_the_filter(app, ops_viewer):
    assert "canary" not in ops_viewer.get("/ops/messages?destination=canary@docomo.ne.jp").text


def test_sending_is_stopped_with_a_reason_and_started_again(app, ops_operator, ops_viewer):
    answer = ops_operator.submit("/ops/messages/sending", {"kind": "id_notice", "turn": "stop"})
    assert answer.status_code == 422 and sending_switch.stopped_kinds() == frozenset()
    stop = {"kind": "id_notice", "turn": "stop", "note-id_notice": "苦情"}
    assert ops_operator.submit("/ops/messages/sending", stop).status_code == 303
    assert sending_switch.stopped_kinds() == {"id_notice"} and Switch.get().changed_by_id
    assert AuditRow.select().where(AuditRow.action == "switch:ops:changed").count() == 1
    assert Alarm.get().kind == "sending_stopped"
    assert "停止中" in ops_viewer.get("/ops/messages/sending").text
    assert "送信を止めています" in ops_viewer.get("/ops").text
    assert ops_operator.submit("/ops/messages/sending", {"kind": "id_notice", "turn": "start"}).status_code == 303
    assert sending_switch.stopped_kinds() == frozenset()


@pytest.mark.parametrize("form", [{}, {"kind": "nonsense", "turn": "stop"}, {"kind": "id_notice", "turn": "?"}])
def test_a_switch_that_there_is_not_is_refused(app, ops_operator, form):
    assert ops_operator.submit("/ops/messages/sending", form).status_code == 400


@pytest.mark.parametrize("decision, state", [("was_sent", "sent"), ("send_again", "queued")])
def test_what_a_restore_held_is_decided_one_by_one(app, now, ops_operator, decision, state):
    one, two = held(now), held(now)
    page = ops_operator.get("/ops/messages?state=reconciliation")
    assert f'value="{ids.encode(one.message.id)}"' in page.text and "送信済みにする" in page.text
    form = {"kind": "id_notice", "which": "chosen", "decision": decision, "message": ids.encode(one.message.id)}
    assert ops_operator.submit("/ops/messages/reconcile", form).status_code == 303
    assert Message.get_by_id(one.message.id).state == state
    assert Message.get_by_id(two.message.id).state == "reconciliation"
    assert ops_operator.submit("/ops/messages/reconcile", form).status_code == 409, "decided already"


def test_what_a_restore_held_is_decided_together(app, now, ops_operator):
    for _ in range(3):
        held(now)
    form = {"kind": "id_notice", "which": "all", "decision": "was_sent"}
    assert ops_operator.submit("/ops/messages/reconcile", form).status_code == 303
    assert Message.select().where(Message.state == "reconciliation").count() == 0


def test_to_choose_nothing_decides_nothing(app, now, ops_operator):
    held(now)
    form = {"kind": "id_notice", "which": "chosen", "decision": "was_sent"}
    assert ops_operator.submit("/ops/messages/reconcile", form).status_code == 303
    assert Message.select().where(Message.state == "reconciliation").count() == 1
    for broken in ({"decision": "nonsense"}, {"decision": "was_sent", "which": "all"}, form | {"message": "nonsense"}):
        assert ops_operator.submit("/ops/messages/reconcile", broken).status_code == 400, broken


def test_a_viewer_sees_what_is_held_but_no_form(app, now, ops_viewer):
    held(now)
    page = ops_viewer.get("/ops/messages?state=reconciliation").text
    assert "/ops/messages/reconcile" not in page and "checkbox" not in page


def test_names_come_with_one_query_a_page(app, now):
    stories = [sent(now, email=f"{n}@docomo.ne.jp") for n in range(2)]
    people = listing.people([story.message for story in stories])
    assert set(people) == {story.registration.id for story in stories}
