"""/ops/alarms, /ops/addresses and /ops/postcards: short lists."""

import datetime as dt
import html
import random
import re

import pytest

from db import ids
from db.models import Alarm, EmailAddress, Event, Message
from tests import cast
from tests.web.ops.story import EMAIL, bounced
from webapp.demo.build import build
from webapp.demo.cards import stories
from webapp.domain.cards import monitor
from webapp.domain.cards.monitor import Thresholds
from webapp.domain.cards.overdue import Attention
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.monitoring import alarm_mail
from webapp.pages import alarms
from webapp.translations import speaker


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
    assert Alarm.get().note == "確認中" and "すでに確認済みです" in ops_admin.get("/ops/alarms").text
    assert "運営 operator" in ops_admin.get("/ops/alarms").text


def test_what_is_over_moves_to_the_history(app, now, ops_viewer):
    for domain in ("docomo.ne.jp", "au.com"):
        open_alarm(AlarmKind.OUR_FAILURE, domain, now)
    close_alarm(AlarmKind.OUR_FAILURE, "au.com", now)
    assert "au.com" not in ops_viewer.get("/ops/alarms").text
    history = ops_viewer.get("/ops/alarms?show=history").text
    assert "au.com" in history and "docomo.ne.jp" not in history.split("</nav>")[-1]


def test_the_history_is_narrowed_by_kind_day_and_acknowledgement(app, now, ops_operator):
    for kind, subject in ((AlarmKind.OUR_FAILURE, "docomo.ne.jp"), (AlarmKind.QUEUE_AGE, "notices")):
        alarm = open_alarm(kind, subject, now)
        close_alarm(kind, subject, now + dt.timedelta(hours=26, minutes=5))
    ops_operator.submit(f"/ops/alarms/{ids.encode(alarm.id)}/acknowledge", {"note": "回線を直した"})
    every = ops_operator.get("/ops/alarms?show=history").text
    assert "続いた時間 1日 2時間" in every and "回線を直した" in every
    for query, there in (
        ("kind=queue_age", {"滞って"}),
        ("seen=no", {"拒否"}),
        ("seen=yes", {"滞って"}),
        ("since=2026-11-19", set()),
        ("until=2026-11-17", set()),
        ("since=2026-11-18&until=2026-11-18", {"滞って", "拒否"}),
    ):
        for page in (ops_operator.get, ops_operator.partial):
            listed = " ".join(re.findall("<h2><a[^>]*>([^<]+)", page(f"/ops/alarms?show=history&{query}").text))
            assert {word for word in ("滞って", "拒否") if word in listed} == there, query


def test_the_history_is_read_page_by_page(app, now, ops_viewer):
    for n in range(55):
        open_alarm(AlarmKind.OUR_FAILURE, f"d{n:02}.example", now)
        close_alarm(AlarmKind.OUR_FAILURE, f"d{n:02}.example", now)
    first = ops_viewer.get("/ops/alarms?show=history&kind=our_failure").text
    after = html.unescape(re.search(r'href="([^"]+after=[^"]+)"', first)[1])
    assert "kind=our_failure" in after and "show=history" in after
    second = ops_viewer.get(after).text
    found = [set(re.findall(r"d\d\d\.example", page)) for page in (first, second)]
    assert len(found[0] | found[1]) == 55 and not found[0] & found[1]


@pytest.mark.parametrize("kind", AlarmKind)
def test_each_alarm_has_a_page_with_what_to_do_and_a_way_to_its_cases(app, now, ops_viewer, kind):
    alarm = open_alarm(kind, "docomo.ne.jp", now, {"failed": 3, "attempts": 9})
    page = ops_viewer.get(f"/ops/alarms/{ids.encode(alarm.id)}")
    assert page.status_code == 200 and "失敗 3" in page.text and "確認が必要です" not in page.text
    cases, _ = alarm_cases_of(app, alarm, now)
    if cases:
        assert html.escape(cases) in page.text
        assert ops_viewer.get(cases).status_code == 200
    else:
        assert kind.split("_")[0] in ("worker", "seal", "look", "work"), "only these have no list"


@pytest.mark.parametrize("subject", ["imports", "tracking", "postcards", "exports"])
def test_work_that_was_given_up_leads_to_the_list_of_its_queue(app, now, ops_viewer, subject):
    open_alarm(AlarmKind.WORK_GIVEN_UP, subject, now)
    cases, words = alarm_cases_of(app, Alarm.get(), now)
    assert bool(cases) == bool(words) == (subject != "exports")  # an export is its asker's own
    if cases:
        assert ops_viewer.get(cases).status_code == 200


def alarm_cases_of(app, alarm, now):
    with app.test_request_context():
        return alarms.cases_of(alarm, now)


def test_a_failing_destination_leads_to_its_notices(app, now, ops_viewer):
    story = bounced(now)
    alarm = open_alarm(AlarmKind.DESTINATION_FAILING, "docomo.ne.jp", now)
    cases, _ = alarm_cases_of(app, alarm, now)
    assert story.registration.application_number in ops_viewer.get(cases).text


def test_a_business_at_its_limit_has_its_name_on_pages_and_only_there(app, now, ops_viewer):
    business = cast.business(now, name="合同会社音無")
    alarm = open_alarm(AlarmKind.LOOK_UP_LIMIT, ids.encode(business.id), now)
    for page in ("/ops", "/ops/dashboard", "/ops/alarms", f"/ops/alarms/{ids.encode(alarm.id)}"):
        shown = ops_viewer.get(page).text
        assert f"合同会社音無 ({business.business_id})" in shown and ids.encode(business.id) not in shown, page
    assert "運営の画面に閲覧の一覧はありません" in shown
    alarm_mail.mail_new(now, "ops@todoke.example", "https://todoke.example", speaker)
    kept = [Message.get(Message.kind == "ops_alarm").content, *(event.data for event in Event.select())]
    assert ids.encode(business.id) in str(kept) and "音無" not in str(kept)


def test_no_alarm_is_a_sentence_too(app, ops_viewer):
    assert "警報はありません。" in ops_viewer.get("/ops/alarms").text


def test_an_address_that_is_not_mailed_has_a_way_back(app, now, ops_operator):
    story = bounced(now)
    listed = ops_operator.get("/ops/addresses").text
    assert EMAIL in listed and story.person.name in listed and "アドレスが存在しません" in listed
    address = f"/ops/addresses/{ids.encode(story.message.address_id)}/restore"
    assert ops_operator.submit(address, {"note": ""}).status_code == 422, "why?"
    assert ops_operator.submit(address, {"note": "本人に確かめた"}).status_code == 303
    assert EmailAddress.get_by_id(story.message.address_id).state == "valid"
    assert EMAIL not in ops_operator.get("/ops/addresses").text
    assert ops_operator.submit(address, {"note": "もう一度"}).status_code == 409


def test_an_address_that_was_replaced_is_not_restored(app, now, ops_operator):
    story = bounced(now)
    EmailAddress.update(valid_to=now).where(EmailAddress.id == story.message.address_id).execute()
    address = f"/ops/addresses/{ids.encode(story.message.address_id)}/restore"
    assert ops_operator.submit(address, {"note": "本人に確かめた"}).status_code == 409


def test_postcards_are_listed_by_state_and_cause(app, now, ops_viewer):
    story = bounced(now)
    assert story.registration.application_number in ops_viewer.get("/ops/postcards").text
    for query in ("?state=on_hold", "?cause=hostunknown"):
        assert story.registration.application_number not in ops_viewer.get(f"/ops/postcards{query}").text
    assert story.registration.application_number in ops_viewer.get("/ops/postcards?cause=userunknown").text


def test_each_alarm_of_cards_leads_to_exactly_its_cards(app, now, ops_viewer):
    build("test", now, random.Random(1), count=30, large=0)
    stories(now, random.Random(2))
    thresholds = Thresholds.of(app.extensions["settings"])
    monitor.look(now, thresholds)
    for kind in Attention:
        page = ops_viewer.get(f"/ops/alarms/{ids.encode(Alarm.get(Alarm.kind == monitor.ALARMS[kind]).id)}").text
        cases = html.unescape(re.search(r'href="(/ops/cards\?[^"]+)"', page)[1])
        expected = {card.registration.application_number for card in monitor.cards_with(kind, now, thresholds)}
        listed = set(re.findall(r'<a href="/ops/cards/[^"]+">([^<]+)</a></th>', ops_viewer.get(cases).text))
        assert listed == expected != set(), kind
