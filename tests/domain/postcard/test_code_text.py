"""Activation codes: derived, typed back in many ways, stored as a hash only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.postcard.code_text import (
    ALPHABET,
    derive_code,
    hash_code,
    is_code,
    mask_code,
    matches,
    normalise_code,
    show_code,
)

SECRET = b"a secret of the tests, long enough"
CODES = st.text(alphabet=ALPHABET, min_size=10, max_size=10)


def test_the_same_print_gives_the_same_code_and_any_other_another():
    codes = {derive_code(SECRET, card, number) for card in ("A", "B", "A1") for number in (1, 2, 11)}
    assert len(codes) == 9
    assert derive_code(SECRET, "A", 1) == derive_code(SECRET, "A", 1)
    assert derive_code(SECRET, "A", 1) != derive_code(SECRET + b"!", "A", 1)
    assert all(is_code(code) for code in codes)


def test_codes_use_the_whole_alphabet_evenly():
    signs = "".join(derive_code(SECRET, str(number), 1) for number in range(2000))
    counts = {sign: signs.count(sign) for sign in ALPHABET}
    assert min(counts.values()) > 500 and max(counts.values()) < 750


@given(CODES, st.randoms(use_true_random=False))
def test_a_code_is_read_however_it_is_typed(code, random):
    typed = "".join(
        {"0": random.choice("0Oo"), "1": random.choice("1IiLl")}.get(sign, sign) for sign in show_code(code)
    )
    typed = "".join(random.choice((sign.lower(), sign)) for sign in typed)
    typed = "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" and random.random() < 0.5 else sign for sign in typed)
    typed = random.choice((" ", "　", "")) + typed.replace("-", random.choice(("-", "－", "ー", " ", "")))
    assert normalise_code(typed) == code


@pytest.mark.parametrize(
    "typed", ["", "7QK2M", "7QK2M-9XW4", "7QK2M-9XW4TT", "7QK2M-9XW4U", "７ＱＫ２Ｍ＋９ＸＷ４Ｔ", "髙" * 10]
)
def test_what_cannot_be_a_code_is_none(typed):
    assert normalise_code(typed) is None
    assert not matches(SECRET, "A", typed, hash_code(SECRET, "A", "7QK2M9XW4T"))


def test_a_stored_hash_fits_its_own_code_card_and_secret_only():
    code = derive_code(SECRET, "A", 1)
    stored = hash_code(SECRET, "A", code)
    assert code not in stored
    assert matches(SECRET, "A", show_code(code).lower(), stored)
    assert not matches(SECRET, "B", code, stored)
    assert not matches(SECRET + b"!", "A", code, stored)
    assert not matches(SECRET, "A", derive_code(SECRET, "A", 2), stored)


@given(CODES)
def test_a_mask_tells_nothing_but_the_shape(code):
    assert mask_code(code) == "•••••-•••••"


def test_weak_secrets_and_wrong_print_numbers_are_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        derive_code(b"short", "A", 1)
    with pytest.raises(ValueError, match="begin at 1"):
        derive_code(SECRET, "A", 0)
