"""The customer barcode: extraction of the digits, codes, check and bars."""

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from webapp.domain.postcard.barcode import (
    BARS,
    VALUES,
    Geometry,
    encode_digits,
    extract_digits,
    kanji_number,
    make_barcode,
)

ZINT = shutil.which("zint")

# What an address part is made of, so that the rules meet each other.
SAMPLES = """
0 7 12 305 A b f F AB A&b 1F F1 １２ Ｂ - － ー ‐ 丁目 番地 号 の ノ 線 地割 一 二十 三十三 〇 第 棟 ビル コーポ & /
・ . ･ 階 字 Ⅱ ① 𠮷
"""
PARTS = st.lists(st.sampled_from([*SAMPLES.split(), " ", "\u3000"]), max_size=14).map("".join)


@pytest.mark.parametrize(
    ("behind_town", "digits"),
    [
        ("1丁目3番2号　甲ビル503室", "1-3-2-503"),
        ("１－２ー３", "1-2-3"),
        ("十一丁目六番地一号", "11-6-1"),
        ("四丁六番十九号", "4-6-19"),
        ("百二十番地", "120"),
        ("一〇三号", "103"),
        ("三の五", "3"),
        ("二ノ7", "2-7"),
        ("二ﾉ7", "2-7"),
        ("三十三番地の二ノ5", "33-2-5"),
        ("二十三番百二号", "23-102"),
        ("五十番地F2", "50F2"),
        ("2-1 2F-B", "2-1-2B"),
        ("2-1-A-B-3", "2-1AB3"),
        ("2‐1−3–4—5", "2-1-3-4-5"),
        ("北三条5", "5"),
        ("第三ビル5", "5"),
        ("20二号", "20-2"),
        ("7-1 サンハイツA", "7-1A"),
        ("6-7　LプラザB106", "6-7LB106"),
        ("80-25 J1ビル2-B", "80-25J1-2B"),
        ("1-2 A・B館3", "1-2-3"),
        ("1-2 a-b 3", "1-2AB3"),
        ("8-1 甲5f", "8-1-5"),
        ("8-1 F2", "8-1F2"),
        ("8-1 2FC", "8-1-2"),
        ("8-1 2F C", "8-1-2C"),
        ("8-1 B1F 7", "8-1B1-7"),
        ("3／4・5", "345"),
        ("コーポー12", "12"),
        ("無番地", ""),
        ("", ""),
    ],
)
def test_digits_are_extracted_by_the_rules(behind_town, digits):
    assert extract_digits(behind_town) == digits


@pytest.mark.parametrize(
    ("numeral", "number"),
    [
        ("十", "10"),
        ("二十一", "21"),
        ("千五百二十四", "1524"),
        ("〇五", "05"),
        ("二〇三", "203"),
        ("百一", "101"),
        ("十百", None),
        ("二三十", None),
        ("〇十", None),
    ],
)
def test_kanji_numerals_are_read_in_both_ways_of_writing(numeral, number):
    assert kanji_number(numeral) == number


@given(st.integers(1, 9999))
def test_every_written_kanji_number_is_read_back(number):
    signs = "〇一二三四五六七八九"
    text = ""
    for unit, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit:
            text += ("" if digit == 1 and sign else signs[digit]) + sign
    assert kanji_number(text) == str(number)
    assert kanji_number("".join(signs[int(digit)] for digit in str(number))) == str(number)
    assert extract_digits(f"{text}丁目") == str(number)


@examples(300)
@given(PARTS)
def test_extracted_digits_have_one_form_and_extract_to_themselves(text):
    digits = extract_digits(text)
    assert re.fullmatch(r"([0-9A-Z]+(-[0-9A-Z]+)*)?", digits)
    assert not re.search("[A-Z]-|-[A-Z]", digits)
    # Width never matters, and nothing that was extracted is invented.
    wide = text.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    assert extract_digits(wide) == digits
    if not re.search("[A-Z]{2}|[0-9]F", digits):
        assert extract_digits(digits) == digits


@examples(300)
@given(st.from_regex(r"[0-9]{7}", fullmatch=True), PARTS)
def test_every_symbol_has_67_bars_twenty_codes_and_a_right_check(postal_code, text):
    barcode = make_barcode(postal_code, extract_digits(text))
    assert len(barcode.codes) == 20
    assert len(barcode.bars) == 67
    assert set(barcode.bars) <= set("1234")
    assert sum(VALUES[code] for code in (*barcode.codes, barcode.check)) % 19 == 0
    back = {bars: code for code, bars in BARS.items()}
    inner = barcode.bars[2:-2]
    read = [back[inner[place : place + 3]] for place in range(0, 63, 3)]
    assert read == [*barcode.codes, barcode.check]


def test_a_letter_on_the_thirteenth_place_keeps_its_control_code_and_loses_its_digit():
    assert encode_digits("1-2-3-4-5-6-B")[-2:] == ("-", "CC1")
    assert encode_digits("123456789012Z5") == (*"123456789012", "CC3")
    assert encode_digits("12345678901Z5") == (*"12345678901", "CC3", "5")
    assert encode_digits("") == ("CC4",) * 13


def test_the_bar_codes_are_all_different():
    assert len(set(BARS.values())) == len(BARS) == 19


def test_sizes_follow_the_points():
    geometry = Geometry(9)
    assert geometry.width == pytest.approx(71.82)
    assert (geometry.height, geometry.timing) == pytest.approx((3.24, 1.08))
    bars = geometry.rectangles("1234")
    assert [round(x, 2) for x, *_ in bars] == [0, 1.08, 2.16, 3.24]
    assert [round(y, 2) for _, y, *_ in bars] == [0, 0, 1.08, 1.08]
    assert [round(tall, 2) for *_, tall in bars] == [3.24, 2.16, 2.16, 1.08]
    with pytest.raises(ValueError, match=r"11\.5"):
        Geometry(12)


@pytest.mark.parametrize(
    ("code", "digits"), [("123", "1"), ("１２３４５６７", "1"), ("1234567", "a"), ("1234567", "１")]
)
def test_what_cannot_be_encoded_is_refused(code, digits):
    with pytest.raises(ValueError, match="not a"):
        make_barcode(code, digits)


def zint_bars(data: str) -> str:
    """Read the bars that zint draws: two modules a bar, rows of upper part, middle and lower part."""
    run = subprocess.run([ZINT, "-b", "76", "--dump", "-d", data], capture_output=True, text=True, check=True)
    upper, _, lower = (
        bin(int("1" + row.replace(" ", ""), 16))[3:][: 67 * 2 : 2] for row in run.stdout.strip().splitlines()
    )
    states = {"11": "1", "10": "2", "01": "3", "00": "4"}
    return "".join(states[up + down] for up, down in zip(upper, lower, strict=True))


@pytest.mark.skipif(not ZINT, reason="zint is not installed")
def test_an_independent_encoder_draws_the_same_bars():
    compared = 0
    for number in range(60):
        digits = ["", "3-30-8-403", "5-6-3-10", "9-7-6A1-1", "6-7LB106", "1Z-2", "29-1524-23-2-501"][number % 7]
        barcode = make_barcode(f"{1000013 + number * 4673 % 8999986:07}", digits)
        # zint 2.11 draws a wrong symbol when the check is 0, and takes no more than 20 codes.
        if barcode.check == "0" or sum(2 if sign.isalpha() else 1 for sign in digits) > 13:
            continue
        assert zint_bars("".join(barcode.codes[:7]) + digits) == barcode.bars
        compared += 1
    assert compared > 30
