"""/ops/alarms, /ops/addresses and /ops/postcards: short lists."""

import pytest

from db import ids
from db.models import Alarm, EmailAddress
from tests.web import ops_story
from webapp.domain.alarms import AlarmKind, close_alarm, open_alarm


@pytest.mark.parametrize("htmx", [False, True])
def test_an_alarm_is_acknowledged_once_with_a_note(app, now, ops_operator, ops_admin, htmx):
    alarm = open_alarm(AlarmKind.OUR_FAILURE, "docomo.ne.jp", now)
    page = ops_operator.get("/ops/alarms").text
    assert "受信側から拒否されています: docomo.ne.jp" in page
    address = f"/ops/alarms/{ids.encode(alarm.id)}/acknowledge"
    assert ops_operator.submit(address, {"note": "確認中"}, htmx=htmx).status_code in (200, 303)
    row = Alarm.get()
    assert row.note == "確認中" and row.acknowledged_at == now
    ops_admin.submit(address, {"note": "二度目"})
    assert Alarm.get().note == "確認中" and "ほかの人が先に" in ops_admin.get("/ops/alarms").text
    assert "運営 operator" in ops_admin.get("/ops/alarms").text


def test_what_is_over_moves_to_the_history(app, now, ops_viewer):
    for domain in ("docomo.ne.jp", "au.com"):
        open_alarm(AlarmKind.OUR_FAILURE, domain, now)
    close_alarm(AlarmKind.OUR_FAILURE, "au.com", now)
    assert "au.com" not in ops_viewer.get("/ops/alarms").text
    history = ops_viewer.get("/ops/alarms?show=history").text
    assert "au.com" in history and "docomo.ne.jp" not in history.split("</nav>")[-1]


def test_no_alarm_is_a_sentence_too(app, ops_viewer):
    assert "警報はありません。" in ops_viewer.get("/ops/alarms").text


def test_an_address_that_is_not_mailed_has_a_way_back(app, now, ops_operator):
    story = ops_story.bounced(now)
    listed = ops_operator.get("/ops/addresses").text
    assert ops_story.EMAIL in listed and story.person.name in listed and "アドレスが存在しません" in listed
    address = f"/ops/addresses/{ids.encode(story.message.address_id)}/restore"
    assert ops_operator.submit(address, {"note": ""}).status_code == 422, "why?"
    assert ops_operator.submit(address, {"note": "本人に確かめた"}).status_code == 303
    assert EmailAddress.get_by_id(story.message.address_id).state == "valid"
    assert ops_story.EMAIL not in ops_operator.get("/ops/addresses").text
    assert ops_operator.submit(address, {"note": "もう一度"}).status_code == 409


def test_an_address_that_was_replaced_is_not_restored(app, now, ops_operator):
    story = ops_story.bounced(now)
    EmailAddress.update(valid_to=now).where(EmailAddress.id == story.message.address_id).execute()
    address = f"/ops/addresses/{ids.encode(story.message.address_id)}/restore"
    assert ops_operator.submit(address, {"note": "本人に確かめた"}).status_code == 409


def test_postcards_are_listed_by_state_and_cause(app, now, ops_viewer):
    story = ops_story.bounced(now)
    assert story.registration.application_number in ops_viewer.get("/ops/postcards").text
    for query in ("?state=on_hold", "?cause=hostunknown"):
        assert story.registration.application_number not in ops_viewer.get(f"/ops/postcards{query}").text
    assert story.registration.application_number in ops_viewer.get("/ops/postcards?cause=userunknown").text
