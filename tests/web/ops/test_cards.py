"""The operators' cards: lists, one card, imports, words to be mapped; with htmx and without."""

import datetime as dt
import io
import re

import pytest

from db import ids
from db.models import Account, AuditDetail, AuditRow, Card, Message, TrackingImport
from tests import cast
from tests.domain.cards.test_projection import ABSENT, DELIVERED, RETURNED, card_of, post, report
from tests.domain.parsing.test_archive import FAR
from tests.web.conftest import returning
from webapp.domain.accounts.accounts import OperatorRole

TEXT = "お問い合わせ番号\t123-45-67890-5\n" + "\n".join(ABSENT)


@pytest.fixture
def card(app, now) -> Card:
    card = card_of(now)
    post(card, now)
    return card


def test_the_list_leads_to_each_card_and_counts_what_it_lists(app, ops_viewer, card, now, clock):
    other = card_of(now)
    for get in (ops_viewer.get, ops_viewer.partial):
        text = get("/ops/cards").text
        assert card.registration.application_number in text and other.registration.application_number in text
        assert card.registration.application_number not in get("/ops/cards?state=ordered").text
        assert "発送済み <b>1件</b>" in text
    clock.at = now + dt.timedelta(days=30)
    ops_viewer = returning(app, OperatorRole.VIEWER)
    text = ops_viewer.get("/ops/cards").text
    assert "発送が遅れている <b>1件</b>" in text and "追跡が更新されない <b>1件</b>" in text
    late = ops_viewer.get("/ops/cards?needs=not_posted").text
    assert other.registration.application_number in late and card.registration.application_number not in late
    assert card.registration.application_number in ops_viewer.get("/ops/cards?age=14").text
    assert 'name="card"' not in text, "who may only look is offered nothing to do"


def test_a_long_list_goes_on_where_the_page_ended(ops_viewer, app, now):
    cards = [card_of(now + dt.timedelta(seconds=n)) for n in range(60)]
    first = ops_viewer.get("/ops/cards").text
    after = re.search(r'href="(/ops/cards\?after=[^"]+)"', first)[1]
    second = ops_viewer.get(after).text
    back = re.search(r'href="(/ops/cards\?before=[^"]+)" rel="prev"', second)[1]
    numbers = lambda page: re.findall(r"A-2026-\d+", page)  # noqa: E731
    assert 'rel="prev"' not in first and numbers(ops_viewer.get(back).text) == numbers(first), "and back again"
    shown = [sum(c.registration.application_number + "</a>" in page for c in cards) for page in (first, second)]
    assert shown == [50, 10]


def test_cards_are_marked_made_lost_after_a_question_and_found(ops_operator, app, now):
    card = card_of(now)
    number = ids.encode(card.id)
    act = lambda **data: ops_operator.submit("/ops/cards/actions", data)  # noqa: E731
    assert act(action="made").status_code == 422
    assert act(action="made", card=number).status_code == 303
    assert act(action="lost", card=number).status_code == 200, "asked first"
    assert Card.get_by_id(card.id).state == "made"
    assert act(action="lost", card=number, sure="1").status_code == 409, "it is not in the post"
    post(card, now)
    assert act(action="lost", card=number, sure="1").status_code == 303
    assert Card.get_by_id(card.id).state == "lost"
    assert act(action="found", card=number).status_code == 303
    assert Card.get_by_id(card.id).state == "posted"
    assert act(action="burn", card=number).status_code == 400
    assert act(action="made", card="x").status_code == 400


def test_the_manifest_is_a_file_that_is_noted(ops_operator, app, now):
    card = card_of(now)
    answer = ops_operator.submit("/ops/cards/manifest", {"format": "csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8" and card.technician.technician_id in answer.text
    assert AuditRow.select().where(AuditRow.action == "card:ops:exported").count() == 1
    assert ops_operator.submit("/ops/cards/manifest").status_code == 303, "each card is written out once"
    answer = ops_operator.submit("/ops/cards/manifest", {"format": "xlsx", "again": "1"})
    assert answer.data[:2] == b"PK" and "attachment" in answer.headers["Content-Disposition"]


def test_a_returned_card_goes_out_again_to_the_corrected_address(ops_operator, app, card, now):
    report([*ABSENT, *RETURNED], now)
    page = f"/ops/cards/{ids.encode(card.id)}"
    for get in (ops_operator.get, ops_operator.partial):
        text = get(page).text
        assert "差出人に返送" in text and "もう一度発送する" in text
    wrong = {"postal_code": "12", "address": ""}
    for htmx in (False, True):
        answer = ops_operator.submit(page + "/again", wrong, htmx=htmx)
        assert answer.status_code == 422 and "7桁" in answer.text
    doubtful = {"postal_code": "1000013", "address": "大阪府大阪市北区梅田1-1"}
    answer = ops_operator.submit(page + "/again", doubtful)
    assert answer.status_code == 422 and "一致しません" in answer.text and 'name="sure"' in answer.text
    right = {"postal_code": "100-0013", "address": "東京都千代田区霞が関3-1-1", "name": "", "note": "転居"}
    assert ops_operator.submit(page + "/again", right).status_code == 303
    assert Card.get_by_id(card.id).state == "made"
    assert ops_operator.submit(page + "/again", right).status_code == 409
    assert "霞が関3-1-1" in ops_operator.get(page).text


def returned(now, number: str, employer=None, **person) -> Card:
    card = card_of(now)
    for name, value in person.items():
        setattr(card.technician, name, value)
    card.technician.save()
    if employer:
        cast.affiliate(card.technician, employer, now)
    post(card, now, number)
    report(RETURNED, now, number)
    return card


def test_what_would_happen_to_returned_cards_is_shown_before_it_does(ops_operator, app, now):
    employer, unreachable = cast.business(now), cast.business(now, name="合同会社音無")
    cast.email(employer, "soumu@yamada.example", now)
    fine = returned(now, "123-45-67890-3", employer)
    doubtful = returned(now, "123-45-67891-4", unreachable, address="大阪府大阪市北区梅田1-1")
    alone = returned(now, "123-45-67892-5")
    elsewhere = card_of(now)
    chosen = [ids.encode(card.id) for card in (fine, doubtful, alone, elsewhere)]
    act = lambda **data: ops_operator.submit("/ops/cards/actions", {"card": chosen, **data})  # noqa: E731
    for action in ("back", "ask", "again"):
        text = act(action=action).text
        assert "1件について尋ねる" in text and "2件を発送待ちに戻す" in text
        for sentence in ("一致しません", "所属事業者がありません", "電話で尋ねて", "返送や紛失の状態ではありません"):
            assert sentence in text
    assert not Message.select().exists() and Card.get_by_id(fine.id).state == "returned", "nothing is done yet"
    answer = act(action="ask", sure="1", needs="returned")
    assert (answer.status_code, answer.location) == (303, "/ops/cards?needs=returned")
    (mail,) = Message.select()
    assert (mail.role, mail.registration_id, mail.content["returned"]) == ("business", fine.registration_id, "1")
    assert "今日はもう尋ねました" in act(action="back").text
    assert act(action="ask", sure="1").status_code == 303 and Message.select().count() == 1
    assert "正しい住所の問い合わせ" in ops_operator.get(f"/ops/cards/{ids.encode(fine.id)}").text
    assert act(action="again", sure="1", note="本人に電話").status_code == 303
    states = [Card.get_by_id(card.id).state for card in (fine, doubtful, alone, elsewhere)]
    assert states == ["made", "returned", "made", "ordered"]
    assert AuditRow.select().where(AuditRow.action == "card:ops:reopened").count() == 2
    assert act(action="again", sure="1").status_code == 303, "again changes nothing"


@pytest.mark.parametrize("htmx", [False, True])
def test_showing_many_addresses_is_a_look_at_each_person_once(ops_operator, app, now, htmx):
    first, second = returned(now, "123-45-67890-3"), returned(now, "123-45-67891-4")
    more, other = card_of(now), card_of(now)
    Card.update(technician=first.technician).where(Card.id == more.id).execute()
    chosen = [ids.encode(card.id) for card in (first, second, more)]
    ops_operator.submit("/ops/cards/actions", {"card": chosen, "action": "again"}, htmx=htmx)
    looks = list(AuditRow.select().where(AuditRow.action == "record:ops:viewed"))
    people = {first.technician_id, second.technician_id}
    assert len(looks) == 2 and {look.subject_id for look in looks} == people and other.technician_id not in people
    why = {detail.content["via"] for detail in AuditDetail.select().where(AuditDetail.audit.in_(looks))}
    who = Account.get(Account.login_key == "operator:test-operator").id
    assert why == {"cards"} and {look.account_id for look in looks} == {who}
    ops_operator.submit("/ops/cards/actions", {"card": chosen, "action": "again", "sure": "1"}, htmx=htmx)
    assert AuditRow.select().where(AuditRow.action == "record:ops:viewed").count() == 2, "nothing is shown, nobody seen"


def test_pasted_text_changes_cards_and_is_taken_back(ops_operator, app, card):
    answer = ops_operator.submit("/ops/cards/imports", {"kind": "tracking", "text": TEXT})
    assert answer.status_code == 303
    assert Card.get_by_id(card.id).state == "absent"
    for get in (ops_operator.get, ops_operator.partial):
        assert "この取り込みを取り消す" in get(answer.location).text
        assert "貼り付けた文字" in get("/ops/cards/imports").text
    assert ops_operator.submit(answer.location + "/undo").status_code == 303
    assert Card.get_by_id(card.id).state == "posted"
    assert ops_operator.submit(answer.location + "/undo").status_code == 409


def test_a_list_of_dispatches_is_uploaded_and_what_is_wrong_is_said(ops_operator, app, now):
    card = card_of(now)
    rows = (
        f"申請番号,お問い合わせ番号,引受日\n{card.registration.application_number},123-45-67890-5,2026/11/18\nA-0,1,\n"
    )
    file = (io.BytesIO(rows.encode("cp932")), "posted.csv")
    answer = ops_operator.submit("/ops/cards/imports", {"kind": "dispatches", "file": file})
    text = ops_operator.get(answer.location).text
    assert "3行目" in text and "お問い合わせ番号として読めません" in text
    assert Card.get_by_id(card.id).state == "posted"
    ops_operator.set_cookie("language", "en")
    assert "Row 3" in ops_operator.get(answer.location).text


def test_a_large_file_waits_for_the_worker_and_its_page_follows_it(ops_operator, app, card):
    file = (io.BytesIO((TEXT + "\n" * 400_000).encode()), "big.txt")
    answer = ops_operator.submit("/ops/cards/imports", {"kind": "tracking", "file": file})
    assert "順番待ち" in ops_operator.get(answer.location).text
    assert 'hx-trigger="every' in ops_operator.partial(answer.location).text
    from webapp.domain.cards import imports

    assert imports.take_one(app.extensions["clock"])
    assert "hx-trigger" not in ops_operator.partial(answer.location).text
    assert Card.get_by_id(card.id).state == "absent"


def test_nothing_to_read_is_said(ops_operator, app):
    for kind in ("tracking", "dispatches"):
        assert ops_operator.submit("/ops/cards/imports", {"kind": kind}).status_code == 422
    assert ops_operator.submit("/ops/cards/imports", {"kind": "x"}).status_code == 400
    answer = ops_operator.submit("/ops/cards/imports", {"kind": "tracking", "text": "こんにちは"})
    assert "読み取れる行がありません" in ops_operator.get(answer.location).text
    assert TrackingImport.select().count() == 1


def test_an_unknown_word_is_mapped_on_its_page(ops_operator, app, card, now):
    report([*ABSENT, "2026/11/21 10:00\t<b>留置</b>\t長野南郵便局"], now)
    assert Card.get_by_id(card.id).state == "unknown"
    for get in (ops_operator.get, ops_operator.partial):
        assert "&lt;b&gt;留置" in get("/ops/cards/labels").text
    [(label, _)] = __import__("webapp.domain.cards.imports", fromlist=["x"]).unknown_labels()
    bad = ops_operator.submit("/ops/cards/labels", {"label": label, "event": "made"})
    assert bad.status_code == 422
    assert ops_operator.submit("/ops/cards/labels", {"label": label, "event": "kept"}).status_code == 303
    assert Card.get_by_id(card.id).state == "kept"
    assert "運用で加えた語" in ops_operator.get("/ops/cards/labels").text


def test_the_panel_shows_all_cards_of_a_registration(app, card, now):
    from dataclasses import dataclass

    from flask import render_template

    from webapp.pages.cards import Panel, card_panel

    report([*ABSENT, *DELIVERED], now)

    @dataclass
    class Page:
        cards: list[Panel]

    with app.test_request_context("/"):
        html = render_template("ops/cards/_panel.html", page=Page(card_panel(card.registration_id)))
    assert "お届け先にお届け済み" in html and 'aria-label="カードの進み具合"' in html and "受け取り <small>済み" in html


@pytest.mark.parametrize("role", ["client", "ops_viewer"])
def test_who_may_not_act_does_not(request, app, card, role):
    client = request.getfixturevalue(role)
    for address in ("actions", "manifest", "imports", "labels", f"{ids.encode(card.id)}/again"):
        answer = client.submit(f"/ops/cards/{address}")
        assert answer.status_code == (303 if role == "client" else 403), address
    assert Card.get_by_id(card.id).state == "posted"


def test_what_does_not_exist_is_not_found(ops_operator):
    for address in (f"/ops/cards/{ids.encode(5)}", f"/ops/cards/imports/{ids.encode(5)}", "/ops/cards/x"):
        assert ops_operator.get(address).status_code == 404


def test_a_workbook_with_a_cell_far_away_is_refused_in_words(ops_operator, app):
    sent = ops_operator.submit("/ops/cards/imports", {"kind": "tracking", "file": (io.BytesIO(FAR), "追跡.xlsx")})
    assert sent.status_code == 303
    assert "大きすぎます（行の数の上限は300,000）" in ops_operator.get(sent.location).text
    english = ops_operator.get(sent.location, headers={"Accept-Language": "en"}).text
    assert "number of rows" in english and "行の数" not in english
