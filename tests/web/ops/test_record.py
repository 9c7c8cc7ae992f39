"""/ops/registrations/<id>: where things stand, the timeline, the reason for a look, correcting an address."""

import datetime as dt
import re

import pytest

from db import ids
from db.models import (
    Account,
    Attempt,
    AuditDetail,
    AuditRow,
    Card,
    EmailAddress,
    Event,
    Message,
    Postcard,
    WorkItem,
)
from tests.domain.cards.test_projection import ABSENT, RETURNED, post, report
from tests.web.ops.story import EMAIL, bounced, sent, way_to
from webapp.domain.cards import actions
from webapp.domain.cards.reminders import remind
from webapp.domain.core.event_labels import EVENTS, NOT_SHOWN
from webapp.domain.core.events import EventName
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.inquiries import cases


def there(story, via: str = "") -> str:
    return f"/ops/registrations/{ids.encode(story.registration.id)}{via}"


def form(story, role: str = "technician") -> str:
    return f"/ops/registrations/{ids.encode(story.registration.id)}/address/{role}"


@pytest.fixture
def story(app, now):
    return bounced(now)


def test_the_page_says_in_a_sentence_where_things_stand(story, ops_operator):
    page = ops_operator.get(way_to(ops_operator, story.registration)).text
    assert (
        "メールは届きませんでした（アドレスが存在しません）。はがきは作成待ちです。カードは「作成待ち」です。" in page
    )
    assert "迷惑メールフォルダ" in page and "@mail.todoke.example" in page


def test_the_timeline_tells_everything_in_order(story, ops_operator):
    page = ops_operator.get(way_to(ops_operator, story.registration)).text
    timeline = page.split('<ol class="timeline"')[1].split("</ol>")[0]
    told = re.findall(r"</time> <b>([^<]+)</b>", timeline)
    assert told == [
        *("登録完了", "メール送信", "メール送信", "戻りメール", "アドレスを無効にしました", "不達", "はがき作成待ち")
    ]
    assert "11/18 10:02" in timeline, "times are Japan's"
    assert "550 5.1.1" in timeline and "宛先（RCPT）の応答" in timeline
    assert "判定の理由" in timeline and EMAIL in timeline


def test_a_part_of_the_page_is_asked_for_by_its_header_alone(story, ops_operator):
    assert ops_operator.partial(way_to(ops_operator, story.registration)).text.strip().startswith('<div id="record">')


def test_who_comes_from_nowhere_is_asked_once_an_hour(story, ops_viewer, clock):
    asked = ops_viewer.get(there(story))
    assert "閲覧の理由" in asked.text and story.person.name not in asked.text
    action = there(story, "/reason")
    assert ops_viewer.submit(action).status_code == 422
    assert ops_viewer.submit(action, {"reason": "other"}).status_code == 422, "other needs words"
    assert ops_viewer.submit(action, {"reason": "inquiry", "note": "電話"}).status_code == 303
    assert story.person.name in ops_viewer.get(there(story)).text
    for _ in range(3):  # at work, so that the session lasts
        clock.at += dt.timedelta(minutes=19)
        assert story.person.name in ops_viewer.get("/ops/registrations").text
    clock.at += dt.timedelta(minutes=4)
    assert "閲覧の理由" in ops_viewer.get(there(story)).text
    first = AuditRow.select().where(AuditRow.action == "record:ops:viewed").order_by(AuditRow.id).get()
    assert first.subject_id == story.person.id
    assert AuditDetail.get(AuditDetail.audit == first).content["reason"] == "inquiry"


def test_each_look_from_work_is_logged_with_what_led_there(story, ops_viewer):
    ops_viewer.get(way_to(ops_viewer, story.registration, "/ops/messages?state=failed"))
    row = AuditRow.get(AuditRow.action == "record:ops:viewed")
    assert AuditDetail.get(AuditDetail.audit == row).content["via"] == "messages"


def test_work_that_does_not_exist_is_no_reason(story, ops_viewer):
    for via in ("work-item", f"work-item&of={ids.encode(story.registration.id)}", "alarm&of=nonsense", "whatever"):
        assert "閲覧の理由" in ops_viewer.get(there(story, f"?via={via}")).text, via


def test_a_corrected_address_is_a_new_version_and_the_notice_goes_to_it(story, ops_operator):
    ops_operator.get(way_to(ops_operator, story.registration))
    assert EMAIL in ops_operator.get(form(story)).text
    answer = ops_operator.submit(form(story), {"email": " sato@example.jp ", "version": "1"})
    assert answer.status_code == 303 and answer.location.endswith(ids.encode(story.registration.id))
    now_valid = versions.current(OwnerKind.TECHNICIAN, story.person.id)
    assert (now_valid.value, now_valid.version, now_valid.state) == ("sato@example.jp", 2, "valid")
    message = Message.get_by_id(story.message.id)
    assert (message.state, message.address_id, message.destination) == ("queued", now_valid.id, "example.jp")
    assert Attempt.select().where(Attempt.message == message).count() == 1, "the next attempt is a worker's"
    assert EmailAddress.select().where(EmailAddress.value == EMAIL).get().state == "invalid"
    page = ops_operator.get(way_to(ops_operator, story.registration)).text
    assert "メールアドレスを訂正" in page and "再送の手配" in page and "運営 operator" in page


def test_by_htmx_the_way_on_is_a_header(story, ops_operator):
    answer = ops_operator.submit(form(story), {"email": "sato@example.jp", "version": "1"}, htmx=True)
    assert answer.status_code == 200 and answer.headers["HX-Redirect"].startswith("/ops/registrations/")


@pytest.mark.parametrize("typed", ["", "nonsense", "a b@example.jp", "a@b@example.jp", "a@localhost", "x" * 400])
def test_what_is_no_address_comes_back_with_what_was_typed(story, ops_operator, typed):
    for htmx in (False, True):
        answer = ops_operator.submit(form(story), {"email": typed, "version": "1"}, htmx=htmx)
        assert answer.status_code == 422 and 'id="email-error"' in answer.text
        assert f'value="{typed}"' in answer.text
    assert Message.get_by_id(story.message.id).state == "failed"


def test_the_same_address_is_no_correction_unless_it_was_dead(app, now, ops_operator):
    story = sent(now)
    answer = ops_operator.submit(form(story), {"email": EMAIL, "version": "1"})
    assert answer.status_code == 422 and "そのまま再送" in answer.text


def test_who_comes_second_is_told_what_changed(story, ops_operator, ops_admin):
    assert ops_operator.submit(form(story), {"email": "first@example.jp", "version": "1"}).status_code == 303
    answer = ops_admin.submit(form(story), {"email": "second@example.jp", "version": "1"})
    assert answer.status_code == 409
    assert "first@example.jp" in answer.text and 'name="version" value="2"' in answer.text
    assert versions.current(OwnerKind.TECHNICIAN, story.person.id).value == "first@example.jp"


def test_a_notice_that_is_under_way_is_not_sent_twice(app, now, ops_operator):
    story = sent(now)
    way = way_to(ops_operator, story.registration)
    assert ops_operator.submit(form(story), {"email": "new@example.jp", "version": "1"}).status_code == 303
    assert Message.get_by_id(story.message.id).state == "sent"
    assert "再送していません" in ops_operator.get(way).text


def test_somebody_without_an_address_gets_the_notice_once_it_is_known(app, now, ops_operator):
    story = sent(now)
    Attempt.delete().where(Attempt.message == story.message).execute()
    Message.delete().where(Message.id == story.message.id).execute()
    EmailAddress.delete().where(EmailAddress.owner_id == story.person.id).execute()
    assert "メールアドレスの届けがないため" in ops_operator.get(way_to(ops_operator, story.registration)).text
    assert ops_operator.submit(form(story), {"email": "new@example.jp", "version": "0"}).status_code == 303
    message = Message.get((Message.registration == story.registration) & (Message.role == "technician"))
    assert (message.state, message.kind, message.technician_id) == ("queued", "id_notice", story.person.id)


def test_a_business_has_an_address_of_its_own(story, ops_operator):
    assert (
        ops_operator.submit(form(story, "business"), {"email": "new@yamada.example", "version": "1"}).status_code == 303
    )
    assert versions.current(OwnerKind.BUSINESS, story.employer.id).value == "new@yamada.example"
    for role in ("proxy", "operator", "nonsense"):
        assert ops_operator.get(form(story, role)).status_code == 404, "no such recipient"


def test_a_postcard_stays_when_an_address_is_corrected(story, ops_operator):
    ops_operator.submit(form(story), {"email": "sato@example.jp", "version": "1"})
    assert [row.state for row in Postcard.select()] == ["queued"], "it is cancelled by a confirmation, not by a guess"


def test_a_replys_text_is_text(story, ops_operator):
    Event.create(
        at=story.message.sent_at,
        name="notice:email:refused",
        registration_id=story.registration.id,
        subject_id=story.message.id,
        data={"role": "technician", "attempt": 1, "reason": "userunknown"},
    )
    Attempt.update(reply_code=550, reply_text='550 <b onclick="x">nobody</b> %(x)s').execute()
    page = ops_operator.get(way_to(ops_operator, story.registration)).text
    assert "&lt;b onclick=" in page and "%(x)s" in page


def test_work_and_its_end_stand_on_the_timeline(app, now, ops_operator):
    story = bounced(now, postal_code="", address="")
    item = WorkItem.get(WorkItem.kind == "postcard_on_hold")
    ops_operator.get("/ops/work-items")
    ops_operator.submit(f"/ops/work-items/{ids.encode(item.id)}/close", {"state": "done", "note": "電話で確認"})
    page = ops_operator.get(way_to(ops_operator, story.registration)).text
    assert "対応が必要" in page and "対応の完了" in page and "電話で確認" in page
    assert "はがきは保留中です（郵便番号か住所がありません）。" in page


# What happens to nobody in particular.
OF_NOBODY = ("alarm", "business", "export", "postcard-batch", "postcard-file", "retention", "switch", "tracking")


def test_everything_that_happens_to_a_person_has_words_of_its_own():
    of_people = [name for name in EventName if name.partition(":")[0] not in OF_NOBODY]
    silent = {name for name in of_people if name not in EVENTS and name not in NOT_SHOWN}
    assert silent == {
        # Of the accounts of operators and businesses, and a list of cards as a file.
        *("account:business-user:changed", "account:business-user:invited", "account:business:invited"),
        *("account:email:confirmed", "account:email:given", "account:email:mailed-again", "account:email:removed"),
        *("account:lost-factor:approved", "account:ops:changed", "account:ops:looked", "card:ops:exported"),
    }


def told_on(page: str) -> list[str]:
    return re.findall(r"</time> <b>([^<]+)</b>", page.split('<ol class="timeline"')[-1].split("</ol>")[0])


def test_the_timeline_says_what_became_of_a_card_and_where(app, now, ops_operator):
    story = sent(now)
    card = Card.get()
    actions.mark_made([card.id], now, None)
    post(card, now)
    report([*ABSENT, *RETURNED], now + dt.timedelta(days=11))
    actions.reopen(card.id, now + dt.timedelta(days=12), None)
    page = ops_operator.get(way_to(ops_operator, story.registration)).text
    assert [words for words in told_on(page) if words.startswith("カード")] == [
        *("カード作成済み", "カード発送", "カード: 発送済み", "カード: 返送", "カードの再発送の手配"),
    ]
    assert "郵便局の記録: 差出人に返送 長野南郵便局（11/28 09:00）" in page and "カードの記録" not in page


def test_the_timeline_says_what_became_of_an_inquiry(app, now, ops_operator):
    story = sent(now)
    inquiry = cases.open_inquiry(
        cases.Topic.CARD,
        cases.Channel.PHONE,
        cases.Caller.SELF,
        cases.IdentityCheck.CALLED_BACK,
        now,
        registration_id=story.registration.id,
    )
    account = Account.get(Account.kind == "operator").id
    cases.close(inquiry, cases.CloseReason.CARD_ARRIVED, "", now, account)
    page = ops_operator.get(way_to(ops_operator, story.registration)).text
    assert told_on(page)[-2:] == ["サイトからお問い合わせ", "お問い合わせの完了"]
    assert f"受付番号 {inquiry.number}" in page and "問い合わせの記録" not in page


def test_a_reminder_that_was_refused_is_not_called_sent(app, now, ops_operator):
    story = sent(now)
    post(Card.get(), now)
    report(ABSENT, now)
    remind(now + dt.timedelta(days=2))
    message = Message.get((Message.kind == "card_reminder") & (Message.role == "technician"))
    page = ops_operator.get(way_to(ops_operator, story.registration)).text
    assert "保管のお知らせ - 本人: メール 送信待ち" in page
    Message.update(state="failed", reason="userunknown").where(Message.id == message.id).execute()
    page = ops_operator.get(way_to(ops_operator, story.registration)).text
    assert "保管のお知らせ - 本人: メール 不達（アドレスが存在しません）" in page and "メールを送りました" not in page
