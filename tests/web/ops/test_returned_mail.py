"""/ops/returned-mail: the list, one mail as safe text, judging it otherwise."""

import pytest

from db import ids
from db.models import AuditRow, EmailAddress, Message, Postcard, ReturnedMail, ReturnedMailSource
from tests.web.ops.story import bounced, returned, way_to
from webapp.domain.mail.plain_text import MOST, readable


def mail(story, what: str = "") -> str:
    return f"/ops/returned-mail/{ids.encode(story.mail.id)}{what}"


def test_a_mail_is_shown_as_text_and_never_as_a_page(app, now, ops_operator):
    story = bounced(now)
    page = ops_operator.get(mail(story)).text
    assert "&lt;script&gt;alert(1)" in page and "\ufffd" in page, "controls are shown as what they are"
    assert "5.1.1" in page and "判定の理由" in page and story.registration.application_number in page
    assert AuditRow.get(AuditRow.subject_kind == "returned_mail").subject_id == story.mail.id


def test_a_viewer_sees_every_address_of_it_masked(app, now, ops_viewer):
    page = ops_viewer.get(mail(bounced(now))).text
    assert "canary" not in page and "k…@docomo.ne.jp" in page


def test_a_mail_whose_bytes_are_gone_is_still_told_of(app, now, ops_operator):
    story = bounced(now)
    ReturnedMailSource.delete().execute()
    page = ops_operator.get(mail(story)).text
    assert "保存期間を過ぎた" in page and "判定の理由" in page


def test_unmatched_mail_is_what_the_list_begins_with(app, now, ops_viewer):
    bounced(now)
    returned(None, now, "unmatched")
    page = ops_viewer.get("/ops/returned-mail").text
    assert "返送先が当方の作ったアドレスではありません" in page and page.count("<tr>") == 2


@pytest.mark.parametrize(
    "data, shown",
    [
        (b"a\r\nb\rc", "a\nb\nc"),
        (b"\x00\x1b[31m\xff", "\ufffd\ufffd[31m\ufffd"),
        ("メール\u202e逆".encode(), "メール\ufffd逆"),
        ("戻り".encode("iso2022_jp"), "戻り"),
        ("\U0001fffe\ufdd0".encode(), "\ufffd\ufffd"),
    ],
)
def test_text_holds_nothing_that_a_screen_would_act_upon(data, shown):
    assert readable(data) == (shown, False)


def test_a_long_mail_is_cut(app, now, ops_operator):
    story = bounced(now)
    assert len(readable(b"x" * (MOST + 1))[0]) == MOST
    ReturnedMailSource.update(content=b"x" * (MOST + 1)).execute()
    page = ops_operator.get(mail(story)).text
    assert "はじめの部分だけ" in page and len(page) < 2 * MOST


def test_a_person_judges_a_dead_address_alive(app, now, ops_operator):
    story = bounced(now)
    assert mail(story, "/overrule") in ops_operator.get(mail(story)).text
    assert "アドレスが存在しません" in ops_operator.get(mail(story, "/overrule")).text
    form = {"reason": "filtered", "note": "本人に確かめた"}
    assert ops_operator.submit(mail(story, "/overrule"), form).status_code == 303
    assert ReturnedMail.get_by_id(story.mail.id).state == "overruled"
    assert EmailAddress.get_by_id(story.message.address_id).state == "valid"
    assert Message.get_by_id(story.message.id).state == "queued"
    assert Postcard.get().state == "cancelled"
    there = way_to(ops_operator, story.registration, mail(story))
    assert "判定の変更" in ops_operator.get(there).text


@pytest.mark.parametrize("form", [{}, {"reason": "nonsense", "note": "x"}, {"reason": "filtered", "note": " "}])
def test_a_judgement_needs_a_reason_and_grounds(app, now, ops_operator, form):
    story = bounced(now)
    answer = ops_operator.submit(mail(story, "/overrule"), form)
    assert answer.status_code == 422 and EmailAddress.get_by_id(story.message.address_id).state == "invalid"


def test_what_matches_nothing_cannot_be_judged(app, now, ops_operator):
    row = returned(None, now, "unmatched")
    address = f"/ops/returned-mail/{ids.encode(row.id)}"
    assert "/overrule" not in ops_operator.get(address).text
    assert ops_operator.get(address + "/overrule").status_code == 404
