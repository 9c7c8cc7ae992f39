"""Eleven digits, however written; a wrong check digit is said and not refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.cards.tracking.number import NotATrackingNumber, TrackingNumber, check_digit, parse_number


@pytest.mark.parametrize(
    "value",
    [
        "123-45-67890-3",
        "12345678903",
        "１２３－４５－６７８９０－３",
        "123ー45ー67890ー3",
        "123 45 67890 3",
        "123‐45–67890—3",
        " 123-45-67890-3\n",
        12345678903,
        12345678903.0,
        "12345678903.0",
    ],
)
def test_a_number_is_read_however_it_is_written(value):
    number = parse_number(value)
    assert str(number) == "123-45-67890-3"
    assert number.warning is None


@pytest.mark.parametrize("value", ["", "1234567890", "123456789012", "1.23E+10", 1.5, "12345678９0X", "番号なし"])
def test_what_is_no_number_is_refused_with_its_text(value):
    with pytest.raises(NotATrackingNumber) as refused:
        parse_number(value)
    assert str(value) in str(refused.value)


def test_a_wrong_check_digit_is_a_warning_that_names_the_right_one():
    sentence, parameters = parse_number("123-45-67890-4").warning
    assert "3" in parameters["expected"]
    assert "123-45-67890-4" in sentence % parameters


@given(st.integers(0, 10**10 - 1))
def test_exactly_one_last_digit_holds(ten):
    first = f"{ten:010d}"
    holding = [c for c in range(10) if TrackingNumber(f"{first}{c}").check_holds]
    assert holding == [check_digit(first)] == [ten % 7]
