"""A return path is believed only if we made it, and acts only for 30 days."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.mail.return_path import (
    BadToken,
    BadTokenReason,
    ReturnPathKeys,
    Token,
    make_return_path,
    read_return_path,
)

NOW = datetime(2026, 11, 23, 14, 59, tzinfo=UTC)
KEYS = ReturnPathKeys(7, {7: b"\x07" * 32, 6: b"\x06" * 32})
DOMAIN = "bounce.todoke.example"
attempt_ids = st.integers(0, 2**63 - 1)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))


@given(attempt_ids, moments, st.integers(0, 400))
def test_what_was_made_is_read_and_expires_after_thirty_days(attempt_id, now, days):
    path = make_return_path(attempt_id, now, KEYS, DOMAIN)
    token = read_return_path(path, now + timedelta(days=days), KEYS)
    assert token == Token(attempt_id, now.date(), 7, expired=days > 30)


@given(attempt_ids)
def test_the_local_part_keeps_within_what_smtp_allows(attempt_id):
    local = make_return_path(attempt_id, NOW, KEYS, DOMAIN).partition("@")[0]
    assert len(local) == 50 and local == local.lower() and local.startswith("b-")


@given(attempt_ids, st.data())
def test_case_on_the_way_does_not_matter(attempt_id, data):
    path = make_return_path(attempt_id, NOW, KEYS, DOMAIN)
    flips = data.draw(st.lists(st.booleans(), min_size=len(path), max_size=len(path)))
    mixed = "".join(c.upper() if flip else c for c, flip in zip(path, flips, strict=True))
    assert read_return_path(f"<{mixed}>", NOW, KEYS) == Token(attempt_id, NOW.date(), 7, False)


@given(attempt_ids, st.data())
def test_any_changed_character_is_refused(attempt_id, data):
    path = make_return_path(attempt_id, NOW, KEYS, DOMAIN)
    at = data.draw(st.integers(0, 49))
    other = data.draw(st.one_of(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567-"), st.characters(codec="utf-8")))
    tampered = path[:at] + other + path[at + 1 :]
    result = read_return_path(tampered, NOW, KEYS)
    if tampered.isascii() and tampered.lower() == path:
        assert isinstance(result, Token)
    else:
        assert isinstance(result, BadToken)


@given(attempt_ids, attempt_ids)
def test_a_signature_fits_no_other_attempt(one, other):
    first, second = (make_return_path(n, NOW, KEYS, DOMAIN) for n in (one, other))
    mixed = second[:19] + first[19:]  # 2 + 17 characters hold key, day and the attempt, but for some bits
    result = read_return_path(mixed, NOW, KEYS)
    assert isinstance(result, BadToken) or mixed == first


@given(st.text())
def test_any_text_is_read_without_a_traceback(text):
    assert read_return_path(text, NOW, KEYS) == BadToken(BadTokenReason.NOT_A_RETURN_PATH)


def test_the_kelvin_sign_is_no_k():
    path = make_return_path(2**62 + 12345, NOW, KEYS, DOMAIN)
    at = next(i for i in range(2, 50) if path[i] == "k")
    assert isinstance(read_return_path(path[:at] + "\u212a" + path[at + 1 :], NOW, KEYS), BadToken)


def test_an_old_key_is_read_but_does_not_sign_and_a_dropped_one_is_unknown():
    old = ReturnPathKeys(6, {6: b"\x06" * 32})
    path = make_return_path(5, NOW, old, DOMAIN)
    assert read_return_path(path, NOW, KEYS) == Token(5, NOW.date(), 6, False)
    assert read_return_path(path, NOW, ReturnPathKeys(7, {7: b"\x07" * 32})) == BadToken(BadTokenReason.UNKNOWN_KEY)
    impostor = ReturnPathKeys(6, {6: b"\x66" * 32})
    assert read_return_path(path, NOW, impostor) == BadToken(BadTokenReason.FORGED)


def test_the_first_pair_of_the_setting_signs_and_none_is_shown():
    keys = ReturnPathKeys.from_pairs((("c", "ab" * 16), ("b", "cd" * 16)))
    assert (keys.current, keys.keys[ord("b")]) == (ord("c"), b"cd" * 16)
    assert "abab" not in repr(keys)


@pytest.mark.parametrize("pairs", [(), (("a", "x" * 31),), (("あ", "x" * 32),), (("a", "x" * 32), ("a", "y" * 32))])
def test_bad_keys_stop_with_a_sentence(pairs):
    with pytest.raises(ValueError, match="return path key"):
        ReturnPathKeys.from_pairs(pairs)
