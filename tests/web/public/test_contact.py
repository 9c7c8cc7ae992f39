"""お問い合わせ and 「カードが届かない」, with htmx and without."""

import datetime as dt

import pytest
from flask.testing import FlaskClient

from db.models import Card
from tests import cast
from tests.domain.cards.test_projection import ABSENT, card_of, post, report
from webapp.domain.inquiries.public_form import LIMIT_ADDRESS

BORN = "昭和60年4月1日"


@pytest.fixture
def card(app, now) -> Card:
    card = card_of(now)
    cast.email(card.technician, "sato@mobile.example", now)
    post(card, now)
    report(ABSENT, now)
    return card


def ask(client, number, born=BORN, **more):
    return client.submit("/contact/card", {"number": number, "birth_date": born} | more.pop("data", {}), **more)


@pytest.mark.parametrize(
    "at, words",
    [
        ((2026, 11, 18, 10, 0), "今日は17:00まで"),
        ((2026, 11, 18, 17, 0), "2026年11月19日(木) 09:00"),
        ((2026, 11, 21, 10, 0), "2026年11月24日(火) 09:00"),  # a weekend, then 勤労感謝の日
        ((2026, 12, 28, 18, 0), "2027年1月4日(月) 09:00"),  # year-end
    ],
)
def test_the_page_says_whether_somebody_answers_now_and_when_next(client, clock, at, words):
    clock.at = dt.datetime(*at, tzinfo=dt.timezone(dt.timedelta(hours=9)))
    text = client.get("/contact").text
    assert words in text and "00-0000-0000" in text and "contact@todoke.example" in text
    assert client.partial("/contact").status_code == 200
    client.set_cookie("language", "en")
    assert "Contact" in client.get("/contact").text


def test_the_answer_says_the_state_and_what_to_do_and_nothing_of_the_person(client, card):
    for htmx in (False, True):
        answer = ask(client, card.registration.application_number, htmx=htmx)
        assert answer.status_code == 200
        assert "2026年11月27日(金)まで" in answer.text and "ご不在" in answer.text
        person = card.technician
        shown = answer.text.replace("ご不在連絡票", "")
        for secret in (
            person.name,
            "佐藤",
            "霞が関",
            "長野南",
            "123-45-67890",
            "12345678905",
            "sato@",
            person.technician_id,
        ):
            assert secret not in shown, secret
        assert card.registration.application_number not in answer.text


def test_a_wrong_pair_is_answered_like_an_unknown_number(client, card):
    number = card.registration.application_number

    def page(answer, typed, born):
        text = answer.text.replace(typed, "…").replace(born, "…")
        return (
            answer.status_code,
            "".join(line for line in text.split("\n") if "csrf_token" not in line),
            sorted(answer.headers.keys()),
        )

    for htmx in (False, True):
        wrong = page(ask(client, number, "1990-01-01", htmx=htmx), number, "1990-01-01")
        unknown = page(ask(client, "A-2026-NONE", "1990-01-01", htmx=htmx), "A-2026-NONE", "1990-01-01")
        assert wrong == unknown and wrong[0] == 422


def test_what_is_missing_is_said_beside_its_field_and_costs_no_try(client, card):
    answer = ask(client, "", "きのう")
    assert answer.status_code == 422
    assert "申請番号を入れてください" in answer.text and "生年月日を" in answer.text
    assert ask(client, "A-1", "2030-01-01").status_code == 422


def test_beyond_the_budget_right_and_wrong_pairs_see_the_same_page(app, client, card):
    app.extensions["settings"].__dict__["card_wrong_pairs"] = 1
    ask(client, "A-NONE")
    right, wrong = ask(client, card.registration.application_number), ask(client, "A-NONE")

    def lines(answer):
        return [line for line in answer.text.split("\n") if "csrf_token" not in line]

    assert right.status_code == wrong.status_code == 200
    assert lines(right) == lines(wrong) and "登録された連絡先へ送ります" in right.text


def test_who_asks_too_often_waits(client, card):
    for n in range(LIMIT_ADDRESS):
        ask(client, f"A-{n}")
    answer = ask(client, card.registration.application_number)
    assert answer.status_code == 429 and "1時間ほど" in answer.text


def test_the_answer_comes_by_post_only(client):
    """Neither number nor birth date can stand in an address or in a log of addresses."""
    assert client.get("/contact/card").status_code == 200
    assert client.get("/contact/card?number=A-1&birth_date=1985-04-01").text.count("A-1") == 0


def test_the_public_pages_stay_light(app):
    """Below 6 KB on the line each, without the files that the browser keeps."""
    client = FlaskClient(app, app.response_class)
    client.set_cookie("style", app.extensions["static_files"].style_mark)
    for path in ("/contact", "/contact/card"):
        answer = client.get(path, headers={"Accept-Encoding": "br", "Sec-Fetch-Site": "same-origin"})
        assert answer.headers["Content-Encoding"] == "br" and len(answer.data) < 6_000, path
