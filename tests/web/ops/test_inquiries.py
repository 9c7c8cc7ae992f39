"""The operators' inquiries: queue, case, answer by mail, close; with htmx and without."""

import datetime as dt
import re

import pytest

from db import ids
from db.models import Inquiry, Message
from tests import cast
from tests.domain.cards.test_projection import ABSENT, card_of, post, report
from webapp.domain.inquiries import cases
from webapp.domain.inquiries.cases import Caller, Channel, IdentityCheck, Topic

NEW = {"channel": "phone", "caller": "family", "topic": "card", "check": "none", "text": "カードが届かない"}


@pytest.fixture
def registration(app, now):
    card = card_of(now)
    cast.email(card.technician, "sato@mobile.example", now)
    post(card, now)
    report(ABSENT, now)
    return card.registration


def opened(client, **more) -> str:
    answer = client.submit("/ops/inquiries", NEW | more)
    assert answer.status_code == 303, answer.text
    return answer.location


def send(client, address, action, **data):
    version = re.search(r'name="version" value="(\d+)"', client.get(address).text)[1]
    return client.submit(f"{address}/{action}", {"version": version} | data)


def test_a_call_is_noted_waits_in_the_queue_and_ages_in_opening_hours(ops_operator, clock, app):
    address = opened(ops_operator)
    clock.at += dt.timedelta(minutes=29)
    for get in (ops_operator.get, ops_operator.partial):
        assert "カードが届かない" in get(address).text
        assert "0時間" in get("/ops/inquiries").text
    row = Inquiry.get()
    row.opened_at = clock.at - dt.timedelta(days=1)  # Tuesday 10:31 to Wednesday 10:31: 6.5 + 1.5 hours
    row.save()
    assert "8時間" in ops_operator.get("/ops/inquiries").text
    assert "この状態の問い合わせはありません" in ops_operator.get("/ops/inquiries?state=closed").text


def test_a_form_error_gives_back_what_was_typed(ops_operator, app):
    for htmx in (False, True):
        ops_operator.get("/ops/inquiries/new")
        answer = ops_operator.submit("/ops/inquiries", NEW | {"text": "", "application_number": "A-0"}, htmx=htmx)
        assert answer.status_code == 422 and 'value="A-0"' in answer.text
        assert "内容を入れてください" in answer.text and "登録はありません" in answer.text
    assert ops_operator.submit("/ops/inquiries", NEW | {"topic": "x"}).status_code == 400


def test_an_answer_is_drafted_from_the_card_sent_to_the_registered_contact_and_the_case_closed(
    ops_operator, app, registration
):
    address = opened(ops_operator)
    assert "電話で回答してください" in ops_operator.get(address).text
    wrong = send(ops_operator, address, "link", application_number="A-0", check="called_back")
    assert wrong.status_code == 422
    linked = send(
        ops_operator, address, "link", application_number=registration.application_number, check="called_back"
    )
    assert linked.status_code == 303
    text = ops_operator.get(address).text
    assert "2026年11月27日(金)まで" in text and "登録された電話番号への折り返し" in text
    bad = send(ops_operator, address, "answer", role="technician", answer="{name} 様")
    assert bad.status_code == 422 and "{name} 様</textarea>" in bad.text and "差し込みはありません" in bad.text
    good = send(ops_operator, address, "answer", role="technician", answer="{kept_until} までです。")
    assert good.status_code == 303
    message = Message.select().where(Message.kind == "inquiry").get()
    assert (message.address.value, message.content["answer_a"]) == ("sato@mobile.example", "2026/11/27 までです。")
    assert send(ops_operator, address, "notes", kind="note", text="").status_code == 422
    assert send(ops_operator, address, "notes", kind="call", text="受け取った").status_code == 303
    assert send(ops_operator, address, "notes", kind="waiting", text="確認中").status_code == 303
    assert send(ops_operator, address, "close", reason="card_arrived").status_code == 303
    assert "受付中に戻す" in ops_operator.get(address).text
    assert send(ops_operator, address, "reopen").status_code == 303
    assert Inquiry.get().state == "open"


def test_the_draft_speaks_the_language_of_the_person(ops_operator, app, registration):
    registration.technician.language = "en"
    registration.technician.save()
    address = opened(ops_operator, application_number=registration.application_number)
    assert "The post office" in ops_operator.get(address).text


def test_who_acts_on_an_old_page_is_told(ops_operator, app):
    address = opened(ops_operator)
    old = re.search(r'name="version" value="(\d+)"', ops_operator.get(address).text)[1]
    assert send(ops_operator, address, "notes", kind="waiting", text="x").status_code == 303
    for version in (old, "", "x"):
        answer = ops_operator.submit(f"{address}/close", {"version": version, "reason": "answered"})
        assert answer.status_code == 409 and "変わったため" in answer.text
    assert Inquiry.get().state == "waiting"


def test_who_may_only_look_changes_nothing(ops_operator, ops_viewer, client, app):
    address = opened(ops_operator)
    assert "完了にする" not in ops_viewer.get(address).text
    for action in ("notes", "link", "answer", "close", "reopen"):
        assert ops_viewer.submit(f"{address}/{action}").status_code == 403
        assert client.submit(f"{address}/{action}").status_code == 303
    assert ops_viewer.submit("/ops/inquiries", NEW).status_code == 403
    assert ops_operator.get(f"/ops/inquiries/{ids.encode(7)}").status_code == 404


def test_a_case_is_found_by_its_number_and_by_whom_it_is_about_and_nothing_of_that_stands_in_an_address(
    ops_operator, ops_viewer, app, registration
):
    opened(ops_operator, application_number=registration.application_number)
    opened(ops_operator, caller="self")
    mine, other = Inquiry.select().order_by(Inquiry.id)
    person, wide = registration.technician, str.maketrans("0123456789-", "０１２３４５６７８９－")
    terms = [mine.number, mine.number.replace("-", ""), mine.number.translate(wide), registration.application_number]
    for term in [*terms, "佐藤　健一", "さとう", "ｻﾄｳ ｹﾝ", person.technician_id, person.technician_id[:8]]:
        ops_viewer.get("/ops/inquiries")
        answer = ops_viewer.submit("/ops/inquiries/search", {"term": term})
        assert answer.status_code == 303 and term not in answer.location
        for get in (ops_viewer.get, ops_viewer.partial):
            text = get(answer.location).text
            assert mine.number + "</a>" in text and other.number not in text, term
            assert "すべて <b>1件</b>" in text
    assert "該当する問い合わせはありません" in ops_viewer.get(answer.location + "&state=closed").text
    assert "検索語を消しました" in ops_operator.get(answer.location).text, "a search is its own asker's"
    for htmx in (False, True):
        answer = ops_viewer.submit("/ops/inquiries/search", {"term": "佐"}, htmx=htmx)
        assert answer.status_code == 422 and "2文字以上" in answer.text and 'value="佐"' in answer.text
    assert ops_viewer.submit("/ops/inquiries/search", {"term": " "}).location == "/ops/inquiries"


def test_a_long_queue_goes_on_and_back(ops_viewer, app, now):
    for n in range(60):
        cases.open_inquiry(Topic.OTHER, Channel.MAIL, Caller.SELF, IdentityCheck.NONE, now + dt.timedelta(minutes=n))
    numbers = lambda page: re.findall(r">(\d{6}-\d{4})</a>", page)  # noqa: E731
    first = ops_viewer.get("/ops/inquiries").text
    second = ops_viewer.get(re.search(r'href="([^"]+)" rel="next"', first)[1].replace("&amp;", "&")).text
    back = ops_viewer.get(re.search(r'href="([^"]+)" rel="prev"', second)[1].replace("&amp;", "&")).text
    assert (len(numbers(first)), len(numbers(second)), numbers(back)) == (50, 10, numbers(first))
    oldest = [row.number for row in Inquiry.select().order_by(Inquiry.opened_at)]
    assert numbers(first) + numbers(second) == oldest


def test_a_later_call_is_noted_with_who_called_and_how_that_was_made_sure(ops_operator, app):
    address = opened(ops_operator, channel="web", caller="unknown")
    call = {"kind": "call", "text": "まだ届かない", "caller": "business", "caller_check": "called_back"}
    assert send(ops_operator, address, "notes", **call).status_code == 303
    row = Inquiry.get()
    assert (row.caller, row.identity_check) == ("business", "called_back")
    assert "事業者・登録された電話番号への折り返し: まだ届かない" in ops_operator.get(address).text
    assert send(ops_operator, address, "notes", kind="note", text="調査を依頼", caller="self").status_code == 303
    assert Inquiry.get().caller == "business", "a remark says nothing about a caller"
    assert send(ops_operator, address, "notes", **call | {"caller": "x"}).status_code == 400
    wrong = send(ops_operator, address, "notes", **call | {"text": "", "caller": "family"})
    assert wrong.status_code == 422 and '<option value="family" selected>' in wrong.text


def test_the_first_page_says_how_many_wait_since_when_and_a_case_leads_to_its_registration(ops_operator, app, now):
    registration = cast.registration(cast.technician(now), now)
    assert "受付中のお問い合わせ" not in ops_operator.get("/ops").text
    for days, number in ((2, registration.id), (0, None)):
        check, at = IdentityCheck.CALLED_BACK, now - dt.timedelta(days=days)
        inquiry = cases.open_inquiry(Topic.CARD, Channel.PHONE, Caller.SELF, check, at, registration_id=number)
    page = ops_operator.get("/ops").text
    part = page.split("受付中のお問い合わせ")[1].split("</tr>")[0]
    assert "2件" in part and "最も古いもの" in part and "2026年11月16日(月) 10:02" in part
    link = f"/ops/registrations/{ids.encode(registration.id)}?via=inquiry."
    oldest = Inquiry.select().order_by(Inquiry.id).first()
    assert f'href="{link}' in ops_operator.get(f"/ops/inquiries/{ids.encode(oldest.id)}").text
    assert "via=inquiry" not in ops_operator.get(f"/ops/inquiries/{ids.encode(inquiry.id)}").text
