"""What a client prefers is taken by quality (RFC 9110 section 12.5): codings of pages and files, and languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from webapp.web.negotiation import CODINGS, coding, language

TAGS = ("ja", "en", "en-GB", "en-US", "ja-JP", "fr", "zh-Hant-TW", "*")


@pytest.mark.parametrize(
    ("accepted", "right"),
    [
        ("br;q=0", "identity"),
        ("br;q=0, gzip", "gzip"),
        ("gzip, br", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("BR", "br"),
        ("*", "br"),
        ("*;q=0", "identity"),
        ("br;q=0, *", "gzip"),
        ("identity, br;q=0.5", "identity"),
        ("deflate, zstd", "identity"),
        ("br;q=x", "identity"),
        ("", "identity"),
    ],
)
def test_a_coding_is_used_only_where_it_is_wanted(app, accepted, right):
    assert coding(accepted) == right
    plain = Client(app)  # the checked client reads pages that are not compressed
    for address in ("/", app.extensions["static_files"].url("style.css")):
        answer = plain.get(address, headers={"Accept-Encoding": accepted}, buffered=True)
        assert answer.headers.get("Content-Encoding", "identity") == right, address
        assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("accepted", "right"),
    [
        ("en-GB;q=0.9, ja;q=0.8", "en"),
        ("ja;q=0.8, en-GB;q=0.9", "en"),
        ("en-GB, ja", "en"),
        ("ja, en-GB", "ja"),
        ("fr, en;q=0.5, ja;q=0.1", "en"),
        ("fr", "ja"),
        ("en;q=0, *", "ja"),
        ("en;q=0", "ja"),
        ("", "ja"),
        ("EN-us", "en"),
        ("*, en;q=0.5", "ja"),
    ],
)
def test_the_language_that_is_liked_best_is_spoken(client, accepted, right):
    assert language(accepted, ("ja", "en"), "ja") == right
    assert f'<html lang="{right}"' in client.get("/", headers={"Accept-Language": accepted}).text


QUALITIES = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


def wishes_for(*names):
    """Lists of (name, quality), no name twice."""
    return st.lists(st.tuples(st.sampled_from(names), QUALITIES), unique_by=lambda wish: wish[0])


@given(wishes_for(*CODINGS, "identity", "*", "deflate"))
def test_no_coding_is_chosen_that_another_beats(wishes):
    liked = dict(wishes)
    quality = {name: liked.get(name, liked.get("*", 0)) for name in CODINGS}
    chosen = coding(", ".join(f"{name};q={q}" for name, q in wishes))
    if chosen == "identity":
        assert max(quality.values()) == 0 or max(quality.values()) < liked.get("identity", 0)
    else:
        assert quality[chosen] == max(quality.values()) > 0


@given(wishes_for(*TAGS))
def test_no_language_is_spoken_that_another_beats(wishes):
    chosen = language(", ".join(f"{tag};q={q}" for tag, q in wishes), ("ja", "en"), "ja")

    def best(spoken: str) -> float:
        return max((q for tag, q in wishes if tag.startswith(spoken) or (tag == "*" and spoken == "ja")), default=0)

    assert best(chosen) >= max(best("ja"), best("en"))
