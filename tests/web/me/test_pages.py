"""The technician's own pages: home, record, disclosure, looks, copy, contact; with htmx and without, both languages."""

import html
import json
import re

import pytest

from db.ids import encode
from db.models import AccessRow, Affiliation, Card, EmailAddress, Message, Technician, WorkItem
from tests.domain.cards.test_projection import ABSENT, post, report
from tests.domain.mail.test_compose import IDENTITY
from tests.web.conftest import technician_user
from tests.web.me.story import Story, begin, fill
from tests.web.taking_away import taken
from webapp.domain.accounts.accounts import RECENT
from webapp.domain.accounts.sign_in_links import account_of_technician
from webapp.domain.affiliations import membership
from webapp.domain.disclosure.policy import ALL_GROUPS, viewer_of
from webapp.domain.email_addresses import versions
from webapp.domain.mail.compose import OutgoingMail, body_of
from webapp.domain.notices.messages import MessageKind, Role
from webapp.domain.self_service import email_change

PAGES = (
    "/me",
    "/me/record",
    "/me/record/correction",
    "/me/disclosure",
    "/me/disclosure/as-other",
    "/me/disclosure/open-all",
    "/me/disclosure/close-all",
    "/me/access-log",
    "/me/data",
    "/me/contact",
)


@pytest.fixture
def story(app, now) -> Story:
    return begin(now)


@pytest.fixture
def me(app, now, story):
    return technician_user(app, now, story.person)


def keys(story) -> int:
    return Affiliation.get_by_id(story.affiliation.id).technician_keys


def turn(me, story, bits=1, opens=1, version=0, **more):
    data = {"affiliation": encode(story.affiliation.id), "groups": bits, "open": opens, "version": version}
    return me.submit("/me/disclosure", data | more.pop("data", {}), **more)


@pytest.mark.parametrize("path", PAGES)
def test_each_page_and_its_part_in_both_languages(me, path):
    for language in ("ja", "en"):
        me.set_cookie("language", language)
        page, part = me.get(path), me.partial(path)
        assert (page.status_code, part.status_code) == (200, 200)
        assert page.headers["Cache-Control"] == part.headers["Cache-Control"] == "no-store"


def test_home_says_id_notice_card_and_disclosure(me, story):
    text = me.get("/me").text
    number = story.person.technician_id
    assert f">{number[:4]}<i>" in text and story.registration.application_number in text
    assert "メールを11/18 10:02に送りました" in text and "迷惑メールフォルダ" in text
    assert "カードはまだ作られていません" in text and "あなたも所属事業者も開示を設定していません" in text
    assert "いま、していただくことはありません" in text


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_card_comes_first_with_its_number_its_days_and_the_posts_own_page(me, story, now, language):
    me.set_cookie("language", language)
    assert "japanpost" not in me.get("/me").text, "not posted yet"
    post(Card.get(), now, "123-45-67890-5")
    report(ABSENT, now)
    text = me.get("/me").text
    heads = re.findall(r"<h2[^>]*>([^<]+)</h2>", text)
    assert heads[1] == {"ja": "カード", "en": "Card"}[language], "behind what there is to do"
    assert "123-45-67890-5" in text
    days = {"ja": ("2026年11月18日", "2026年11月27日"), "en": ("18 November 2026", "27 November 2026")}[language]
    assert all(day in text for day in days)
    (link,) = re.findall(r'href="(https://[^"]*japanpost[^"]+)"', text)
    place = "https://trackings.post.japanpost.jp/services/srv/search/direct"
    assert html.unescape(link) == f"{place}?reqCodeNo1=12345678905&searchKind=S004&locale={language}"


def test_home_says_what_to_do_when_mail_does_not_arrive(me, story, now):
    Message.update(state="failed", reason="filtered").execute()
    EmailAddress.update(state="invalid").execute()
    text = me.get("/me").text
    assert "はじめに、していただくこと" in text and "いま使っているアドレスを届けてください" in text
    assert "受信リスト設定" in text and "@todoke.example" in text, "the carrier's own menu and the sender's domain"


def test_home_asks_first_for_what_cannot_wait(me, story, now):
    story.employer_opens(now)
    assert "あなたが設定すると" in me.get("/me").text
    turn(me, story)
    assert "所属事業者の開示設定を待っています" not in me.get("/me").text
    assert "現在、一部の項目が他の事業者に開示されています" in me.get("/me").text


@pytest.mark.parametrize("htmx", [False, True])
def test_a_key_is_turned_at_once(me, story, htmx):
    answer = turn(me, story, htmx=htmx)
    assert answer.status_code == (200 if htmx else 303)
    assert keys(story) == 1
    text = answer.text if htmx else me.get("/me/disclosure").text
    assert "本人情報を開示しました" in text and "所属事業者の設定待ち" in text and "開示をやめる" in text


@pytest.mark.parametrize("htmx", [False, True])
def test_a_key_that_moved_meanwhile_is_left_alone_and_shown(me, story, htmx):
    turn(me, story, bits=2)
    answer = turn(me, story, bits=1, version=0, htmx=htmx)
    assert answer.status_code == 409 and "画面を開いたあとに設定が変わりました" in answer.text
    assert keys(story) == 2


def test_what_opening_will_do_is_said_before(me, story, now):
    assert "所属事業者も開示を設定すると、他の事業者に表示されます" in me.get("/me/disclosure").text
    story.employer_opens(now)
    text = me.get("/me/disclosure").text
    assert "開示すると、他の事業者が本人情報を閲覧できるようになります" in text


def test_who_has_looked_is_said_before_closing(me, story, now):
    story.employer_opens(now)
    turn(me, story)
    assert "これまでに閲覧した事業者" not in me.get("/me/disclosure").text
    story.looked_at(now)
    for page in ("/me/disclosure", "/me/disclosure/close-all"):
        assert "これまでに閲覧した事業者: 株式会社他社建設" in me.get(page).text


def test_all_at_once_and_back(me, story):
    data = {"affiliation": encode(story.affiliation.id), "version": 0}
    assert me.submit("/me/disclosure/open-all", data).status_code == 303
    assert keys(story) == ALL_GROUPS
    assert me.submit("/me/disclosure/close-all", data | {"version": 1}).status_code == 303
    assert keys(story) == 0
    assert me.submit("/me/disclosure/open-all", data).status_code == 409


def test_opening_all_and_taking_data_away_need_a_fresh_proof_of_identity(me, story, clock, now):
    clock.at = now + RECENT
    data = {"affiliation": encode(story.affiliation.id), "version": 0}
    assert me.submit("/me/disclosure/open-all", data).status_code == 303
    assert keys(story) == 0
    for path in ("/me/disclosure/open-all", "/me/data/json"):
        assert "/confirm-identity" in me.get(path).headers["Location"], path
    assert turn(me, story).status_code == 303 and keys(story) == 1, "one key does not"


@pytest.mark.parametrize(
    "data, status",
    [
        ({"groups": "31"}, 400),
        ({"groups": "3"}, 400),
        ({"groups": "x"}, 400),
        ({"open": "2"}, 400),
        ({"version": "-1"}, 400),
        ({"affiliation": "x"}, 404),
        ({"affiliation": encode(5)}, 404),
    ],
)
def test_what_no_form_of_ours_sends_changes_nothing(me, story, data, status):
    assert turn(me, story, data=data).status_code == status
    assert keys(story) == 0


def test_as_another_business_sees_it_is_the_rule_itself_and_no_look(me, story, now):
    page = me.get("/me/disclosure/as-other").text
    assert "いまは何も表示されません" in page
    nothing, both = "何も表示されません</dd>", "本人情報、職種・経験、資格・研修、就業履歴、社会保険・建退共</dd>"
    assert page.count(nothing) == 2 and page.count(both) == 1, "one side alone opens nothing"
    fill(story, now)  # the business has opened 本人, 職種・経験, 資格・研修; the technician 本人, 職種・経験, 就業履歴
    before = AccessRow.select().count()
    page = me.get("/me/disclosure/as-other").text
    assert story.person.name in page and "型枠大工、とび工" in page and "1,234日" in page
    for hidden in ("玉掛け技能講習", "霞が関ビル新築工事", "健康保険", story.person.telephone, "1985", "霞が関1-3-2"):
        assert hidden not in page.partition("<h2>設定が変わったら")[0], hidden
    assert "本人情報、職種・経験、資格・研修</dd>" in page and both in page
    assert "本人情報、職種・経験、就業履歴</dd>" in page
    assert AccessRow.select().count() == before


def test_without_an_affiliation_there_is_nothing_to_turn(me, story, now):
    assert me.submit(f"/me/affiliations/{encode(story.affiliation.id)}/leave").status_code == 303
    assert "現在の所属事業者がないため" in me.get("/me/disclosure").text
    assert me.get("/me/disclosure/open-all").status_code == 303
    assert turn(me, story).status_code == 409


def test_the_record_shows_every_group_with_both_keys_and_past_employers(me, story, now):
    me.submit(f"/me/affiliations/{encode(story.affiliation.id)}/leave")
    text = me.get("/me/record").text
    for words in ("職種・経験", "資格・研修", "就業履歴", "社会保険・建退共", "1985年4月1日", "過去の所属"):
        assert words in text
    assert story.employer.name in text


@pytest.mark.parametrize("htmx", [False, True])
def test_a_correction_becomes_work_for_ops(me, story, ops_viewer, htmx):
    wrong = me.submit("/me/record/correction", {"part": "", "words": "資格が違います"}, htmx=htmx)
    assert wrong.status_code == 422 and "資格が違います" in wrong.text and "選んでください" in wrong.text
    assert WorkItem.select().count() == 0
    for words in ("資格が違います", "住所も違います"):
        answer = me.submit("/me/record/correction", {"part": "qualifications", "words": words}, htmx=htmx)
        assert answer.status_code == (200 if htmx else 303)
    item = WorkItem.get()
    assert item.kind == "record_correction" and "訂正の申し出を確認しています" in me.get("/me/record").text
    shown = ops_viewer.get(f"/ops/work-items/{encode(item.id)}").text
    assert "資格が違います" in shown and "住所も違います" in shown and story.person.name in shown


def test_corrections_have_a_limit_a_day_and_the_form_keeps_what_was_typed(me, story):
    for _ in range(10):
        me.submit("/me/record/correction", {"part": "other", "words": "a"})
    answer = me.submit("/me/record/correction", {"part": "other", "words": "もう一度"})
    assert answer.status_code == 429 and "もう一度" in answer.text


def test_an_affiliation_is_left_after_its_effect_was_said(me, story, now):
    story.employer_opens(now)
    place = f"/me/affiliations/{encode(story.affiliation.id)}"
    assert "他の事業者への開示も、すべて終わります" in me.get(f"{place}/leave").text
    assert me.submit(f"{place}/leave").status_code == 303
    assert not Affiliation.get_by_id(story.affiliation.id).current
    assert me.submit(f"{place}/leave").status_code == 409 and me.get(f"{place}/leave").status_code == 409


def test_a_disputed_affiliation_becomes_work_for_ops(me, story):
    place = f"/me/affiliations/{encode(story.affiliation.id)}/dispute"
    assert "所属したことがないとき" in me.get(place).text
    assert me.submit(place, {"words": "知らない事業者です"}).status_code == 303
    assert WorkItem.get().kind == "affiliation_disputed"


def test_an_invitation_is_answered_once(me, story, now):
    invited = viewer_of(story.other_user)
    membership.invite(invited, story.person.technician_id, story.person.birth_date, 10, now)
    text = me.get("/me").text
    assert "株式会社他社建設から、所属の招待が届いています" in text
    assert "先にいまの所属を終えてください" in me.get("/me/record").text
    (one,) = membership.invitations(viewer_of(account_of_technician(story.person)), now)
    place = f"/me/invitations/{encode(one.id)}"
    assert me.submit(f"{place}/accept").status_code == 409
    me.submit(f"/me/affiliations/{encode(story.affiliation.id)}/leave")
    assert me.submit(f"{place}/accept").status_code == 303
    assert me.submit(f"{place}/decline").status_code == 409
    assert "株式会社他社建設" in me.get("/me/record").text


def test_looks_are_shown_with_both_settings_and_without_names_of_people(me, story, now):
    story.employer_opens(now)
    turn(me, story)
    story.looked_at(now)
    story.looked_at(now, story.employer_user, ALL_GROUPS)
    text = me.get("/me/access-log").text
    assert "株式会社他社建設" in text and "株式会社山田建設（所属事業者）" in text and "田中" not in text
    assert "本人情報、職種・経験、資格・研修、就業履歴、社会保険・建退共" in text, "the employer's keys of that moment"
    assert "株式会社他社建設" not in me.get("/me/access-log?to=2026-11-17").text
    assert "株式会社他社建設" in me.get("/me/access-log?from=2026-11-18&to=2026-11-18").text
    assert me.get("/me/access-log?from=x&to=9999-12-31&after=zzz").status_code == 200


def test_looks_come_fifty_a_page(me, story, now):
    for _ in range(51):
        story.looked_at(now)
    first = me.get("/me/access-log").text
    assert first.count('<th scope="row">') == 50
    after = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert me.get(after).text.count('<th scope="row">') == 1


def test_looks_can_be_taken_away_as_text(app, me, story, now):
    story.other.name = "=cmd()"
    story.other.save()
    story.looked_at(now)
    rows = taken(app, me, "/me/access-log", "csv")
    assert rows[0][0] == "日時" and rows[1][1] == "'=cmd()"
    assert taken(app, me, "/me/access-log")[1][1] == "=cmd()"


def test_ones_own_data_are_whole_and_name_nobody_else(me, story, now):
    story.looked_at(now)
    answer = me.get("/me/data/json")
    data = json.loads(answer.text)
    assert data["record"]["technician_id"] == story.person.technician_id
    assert data["email_addresses"][0]["value"].endswith("@docomo.ne.jp")
    assert data["messages"][0]["attempts"][0]["state"] == "accepted" and data["cards"][0]["state"] == "ordered"
    assert data["looks"][0]["business"] == "株式会社他社建設"
    assert data["affiliations"][0]["business"] == story.employer.name and data["sign_ins"]
    assert "田中" not in answer.text and "password" not in answer.text and "token" not in answer.text


def test_language_is_changed_for_pages_and_mail(me, story):
    assert me.submit("/me/contact/language", {"language": "en"}).status_code == 303
    assert Technician.get_by_id(story.person.id).language == "en"
    assert '<html lang="en"' in me.get("/me").text
    assert me.submit("/me/contact/language", {"language": "xx"}).status_code == 303
    assert Technician.get_by_id(story.person.id).language == "en"


@pytest.mark.parametrize("htmx", [False, True])
def test_a_telephone_number_is_changed_and_the_old_one_kept(me, story, htmx):
    wrong = me.submit("/me/contact/telephone", {"telephone": "12", "version": 1}, htmx=htmx)
    assert wrong.status_code == 422 and 'value="12"' in wrong.text
    answer = me.submit("/me/contact/telephone", {"telephone": "03-1234-5678", "version": 1}, htmx=htmx)
    assert answer.status_code == (200 if htmx else 303)
    assert Technician.get_by_id(story.person.id).telephone == "03-1234-5678"
    late = me.submit("/me/contact/telephone", {"telephone": "03-0000-0000", "version": 1}, htmx=htmx)
    assert late.status_code == 409
    assert json.loads(me.get("/me/data/json").text)["earlier_records"][0]["content"] == {"telephone": "090-1234-5678"}


def test_looking_at_oneself_is_no_look(me):
    for path in PAGES:
        me.get(path)
    assert AccessRow.select().count() == 0


def code(settings) -> str:
    """The code as the mail of the last change carries it."""
    values = dict(Message.select().where(Message.kind == "confirm").order_by(Message.id.desc()).first().content)
    email_change.give_code(values, settings.secret_key)
    return values["confirm_code"]


@pytest.mark.parametrize("htmx", [False, True])
def test_a_new_mail_address_counts_once_its_code_is_typed_and_the_old_one_is_told(me, story, settings, htmx):
    old = versions.current("technician", story.person.id).value
    wrong = me.submit("/me/contact/email", {"email": "no address"}, htmx=htmx)
    assert wrong.status_code == 422 and 'value="no address"' in wrong.text
    assert me.submit("/me/contact/email", {"email": "new..one@docomo.ne.jp"}, htmx=htmx).status_code < 400
    assert versions.current("technician", story.person.id).value == old
    assert "new..one@docomo.ne.jp" in me.get("/me/contact").text
    typed = code(settings)
    assert "confirm_code" not in str([m.content for m in Message.select()]), "stored nowhere"
    wrong = me.submit("/me/contact/email/confirm", {"code": "0000-0000"}, htmx=htmx)
    assert wrong.status_code == 422 and "あと4回" in wrong.text
    answer = me.submit("/me/contact/email/confirm", {"code": typed.lower().replace("-", " ")}, htmx=htmx)
    assert answer.status_code == (200 if htmx else 303)
    now_is = versions.current("technician", story.person.id)
    assert (now_is.value, now_is.given_by, now_is.version) == ("new..one@docomo.ne.jp", "person", 2)
    assert now_is.confirmed_at
    told = Message.select().where(Message.kind == "confirm").order_by(Message.id.desc()).first()
    assert told.address.value == old and "email_changed_on" in told.content
    assert me.submit("/me/contact/email/confirm", {"code": typed}).status_code == 422, "once"


def test_a_code_dies_after_five_wrong_tries_a_day_and_a_new_request(me, story, settings, clock, now):
    me.submit("/me/contact/email", {"email": "one@docomo.ne.jp"})
    first = code(settings)
    me.submit("/me/contact/email", {"email": "two@docomo.ne.jp"})
    assert me.submit("/me/contact/email/confirm", {"code": first}).status_code == 422
    for _ in range(4):
        me.submit("/me/contact/email/confirm", {"code": "0000-0000"})
    assert me.submit("/me/contact/email/confirm", {"code": code(settings)}).status_code == 422
    me.submit("/me/contact/email", {"email": "three@docomo.ne.jp"})
    clock.at = now + email_change.LASTS
    with pytest.raises(email_change.WrongCode):
        email_change.confirm(
            viewer_of(account_of_technician(story.person)), code(settings), settings.secret_key, clock.at
        )


def test_a_change_of_address_can_be_given_up_and_has_a_limit_a_day(me, story):
    for number in range(5):
        me.submit("/me/contact/email", {"email": f"n{number}@docomo.ne.jp"})
    assert me.submit("/me/contact/email", {"email": "n6@docomo.ne.jp"}).status_code == 429
    me.submit("/me/contact/email/give-up")
    assert "n4@docomo.ne.jp" not in me.get("/me/contact").text


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_mail_with_the_code_can_be_written(language):
    values = {"name": "佐藤 健一", "confirm_code": "ABCD-1234"}
    mail = OutgoingMail(MessageKind.CONFIRM, Role.TECHNICIAN, language, "a@b.example", "佐藤", values)
    body = body_of(mail, IDENTITY)
    assert "ABCD-1234" in body and "24" in body and "{" not in body
