import datetime as dt
import html
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, Rule

from db import ids
from webapp.web import rendering
from webapp.web.converters import IdConverter

NIGHT = dt.datetime(2026, 11, 22, 15, 4, tzinfo=dt.UTC)  # 2026-11-23 00:04 in Japan


def shown(app, language: str, value, name: str) -> str:
    with app.test_request_context(headers={"Accept-Language": language}):
        return str(app.jinja_env.filters[name](value))


@pytest.mark.parametrize(
    "name, value, japanese, english",
    [
        ("day", dt.date(2026, 11, 23), "2026年11月23日(月)", "Mon 23 November 2026"),
        ("day", NIGHT, "2026年11月23日(月)", "Mon 23 November 2026"),
        ("moment", NIGHT, "11/23 00:04", "23 Nov 00:04"),
        ("full_moment", NIGHT, "2026年11月23日(月) 00:04", "Mon 23 November 2026 00:04"),
        ("iso", NIGHT, "2026-11-22T15:04:00Z", "2026-11-22T15:04:00Z"),
        ("count", 23104, "23,104", "23,104"),
        ("day", None, "", ""),
        ("moment", None, "", ""),
    ],
)
def test_dates_and_numbers_as_public_services_write_them(app, name, value, japanese, english):
    assert shown(app, "ja", value, name) == japanese
    assert shown(app, "en", value, name) == english


def test_a_time_without_a_zone_is_refused(app):
    with pytest.raises(ValueError, match="zone"):
        shown(app, "ja", dt.datetime(2026, 11, 23), "moment")


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_grouped_id_copies_without_blanks_and_is_escaped(value):
    markup = str(rendering.grouped(value))
    assert html.unescape(re.sub(r"</?(span|i)[^>]*>", "", markup)) == value
    assert re.findall(r"<(?!/?i>|/?span)", markup) == []


def test_an_id_of_14_digits_stands_in_groups_of_four():
    assert rendering.grouped("12345678901234") == ('<span class="id">1234<i>5678</i><i>9012</i><i>34</i></span>')


def test_page_and_partial_come_from_one_context(client):
    page, partial = client.get("/sign-in"), client.partial("/sign-in")
    assert "<html" in page.text and "<html" not in partial.text
    assert 'id="sign-in"' in page.text and 'id="sign-in"' in partial.text
    assert "HX-Request" in page.headers["Vary"] and "HX-Request" in partial.headers["Vary"]


def test_a_form_error_is_422_both_ways(client):
    for htmx in (False, True):
        answer = client.submit("/sign-in/operators", {"name": "nobody"}, htmx=htmx)
        assert answer.status_code == 422 and ("<html" in answer.text) != htmx
        assert 'aria-invalid="true"' in answer.text and 'aria-describedby="name-error"' in answer.text


def test_after_a_post_the_browser_is_sent_on_both_ways(client):
    plain = client.submit("/language", {"language": "en", "back": "/sign-in"})
    assert (plain.status_code, plain.location) == (303, "/sign-in")
    by_htmx = client.submit("/language", {"language": "en", "back": "/sign-in"}, htmx=True)
    assert (by_htmx.status_code, by_htmx.headers["HX-Redirect"], by_htmx.text) == (200, "/sign-in", "")


def test_a_context_that_is_no_dataclass_is_refused(app):
    with app.test_request_context(), pytest.raises(TypeError):
        rendering.render("public/start/index.html", {"any": "thing"})


def test_invalid_and_stale_have_their_statuses(app):
    @dataclass(frozen=True)
    class Nothing:
        pass

    with app.test_request_context():
        assert rendering.invalid("public/start/index.html", Nothing()).status_code == 422
        assert rendering.stale("public/start/index.html", Nothing()).status_code == 409


def adapter():
    return Map([Rule("/x/<oid:x>", endpoint="x")], converters={"oid": IdConverter}).bind("localhost")


@given(st.integers(0, ids.LARGEST))
def test_an_id_in_an_address_comes_back(number):
    path = adapter().build("x", {"x": number})
    assert len(path) == len("/x/") + 13
    assert adapter().match(path) == ("x", {"x": number})


@pytest.mark.parametrize("text", ["0" * 12, "0" * 14, "8" + "0" * 12, "0" * 12 + "U", "0" * 12 + "a", "O" * 13, "-1"])
def test_an_id_has_one_spelling_only(text):
    with pytest.raises(NotFound):
        adapter().match(f"/x/{text}")
