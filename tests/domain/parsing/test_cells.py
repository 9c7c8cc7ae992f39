import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.parsing import cells, contact
from webapp.domain.parsing.problems import CellError


def refusal(parse, text) -> str:
    with pytest.raises(CellError) as refused:
        parse(text)
    assert refused.value.sentence % refused.value.params
    return refused.value.sentence


@pytest.mark.parametrize(
    "text", ["1000001", "100-0001", "１００−０００１", "〒100-0001", "100 0001", "１００ー０００１"]
)
def test_a_postal_code_is_seven_digits_however_it_is_written(text):
    assert cells.parse_postal_code(text) == "1000001"


def test_six_digits_are_a_postal_code_that_lost_its_zero():
    assert refusal(cells.parse_postal_code, "600001") == cells.POSTAL_ZERO_LOST
    assert refusal(cells.parse_postal_code, "60-0001") == cells.POSTAL_ZERO_LOST
    assert refusal(cells.parse_postal_code, "10000011") == cells.POSTAL_CODE
    assert refusal(cells.parse_postal_code, "1.00E+06") == cells.E_NOTATION


def test_a_technician_id_is_fourteen_digits_and_stays_text():
    assert cells.parse_technician_id("01234567890123") == "01234567890123"
    assert cells.parse_technician_id("０１２３４５６７８９０１２３") == "01234567890123"
    assert cells.parse_technician_id("0123-4567-890123") == "01234567890123"
    assert refusal(cells.parse_technician_id, "1234567890123") == cells.ID_ZERO_LOST
    assert refusal(cells.parse_technician_id, "1.23457E+13") == cells.E_NOTATION
    assert refusal(cells.parse_technician_id, "１．２３４５７Ｅ＋１３") == cells.E_NOTATION
    assert refusal(cells.parse_technician_id, "123456789012345") == cells.TECHNICIAN_ID
    assert refusal(cells.parse_technician_id, "1234567890123x") == cells.TECHNICIAN_ID


def test_a_business_id_and_an_application_number_survive_except_for_what_excel_destroyed():
    assert cells.parse_business_id("01234567890123") == "01234567890123"
    assert cells.parse_business_id("ＡＢ－12") == "AB-12"
    assert refusal(cells.parse_business_id, "1.23E+13") == cells.E_NOTATION
    assert refusal(cells.parse_business_id, "12E5") == cells.E_NOTATION
    assert refusal(cells.parse_business_id, "1" * 21) == cells.BUSINESS_ID
    assert cells.parse_application_number("Ａ-1/2_x") == "A-1/2_x"
    assert refusal(cells.parse_application_number, "A 1") == cells.APPLICATION_NUMBER
    assert refusal(cells.parse_application_number, "2.02611E+15") == cells.E_NOTATION


@pytest.mark.parametrize(
    "text",
    [
        "taro@example.jp",
        "a..b@docomo.ne.jp",
        "a.@ezweb.ne.jp",
        ".a@docomo.ne.jp",
        "taro+ccus@mail.example.co.jp",
        "o'brien@example.com",
        "TARO@Example.JP",
        "taro@日本語.jp",
        "a@xn--wgv71a119e.jp",
        "x" * 64 + "@example.jp",
    ],
)
def test_an_address_in_use_is_kept_as_it_came(text):
    assert contact.parse_email(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", "taro@example.jp"),
        ('"a..b"@docomo.ne.jp', "a..b@docomo.ne.jp"),
        ("mailto:taro@example.jp", "taro@example.jp"),
        ("<taro@example.jp>", "taro@example.jp"),
    ],
)
def test_an_address_in_a_wrapping_is_unwrapped(text, value):
    assert contact.parse_email(text) == value


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("taro", contact.NOT_AN_ADDRESS),
        ("@example.jp", contact.NOT_AN_ADDRESS),
        ("taro@", contact.NOT_AN_ADDRESS),
        ("ta ro@example.jp", contact.NOT_AN_ADDRESS),
        ("taro\r\nBcc: x@example.jp", contact.NOT_AN_ADDRESS),
        ("taro@example", contact.NOT_A_DOMAIN),
        ("taro@example..jp", contact.NOT_A_DOMAIN),
        ("taro@-example.jp", contact.NOT_A_DOMAIN),
        ("taro@[192.0.2.1]", contact.NOT_A_DOMAIN),
        ("taro@192.0.2.1", contact.NOT_A_DOMAIN),
        ("taro@example.jp\n", contact.NOT_A_DOMAIN),
        ("太郎@example.jp", contact.NOT_ASCII),
        ("a@example.jp;b@example.jp", contact.SEVERAL_ADDRESSES),
        ("a@example.jp, b@example.jp", contact.SEVERAL_ADDRESSES),
        ("x" * 65 + "@example.jp", contact.ADDRESS_TOO_LONG),
        ("x@" + "a." * 130 + "jp", contact.ADDRESS_TOO_LONG),
        ("; " * 100_000, contact.ADDRESS_TOO_LONG),
    ],
)
def test_what_is_no_address_is_refused_with_its_sentence(text, sentence):
    assert refusal(contact.parse_email, text) == sentence


def test_a_telephone_number_keeps_its_hyphens_and_must_have_its_zero():
    assert contact.parse_telephone("03-1234-5678") == "03-1234-5678"
    assert contact.parse_telephone("０９０（１２３４）５６７８") == "090(1234)5678"
    assert contact.parse_telephone("+81-90-1234-5678") == "+81-90-1234-5678"
    assert refusal(contact.parse_telephone, "9012345678") == contact.TELEPHONE_ZERO_LOST
    assert refusal(contact.parse_telephone, "312345678") == contact.TELEPHONE_ZERO_LOST
    assert refusal(contact.parse_telephone, "9.01E+09") == cells.E_NOTATION
    assert refusal(contact.parse_telephone, "なし") == contact.NOT_A_TELEPHONE


def test_small_values_are_read_and_bounded():
    assert cells.parse_days_worked("1,234") == 1234
    assert cells.parse_days_worked("１２０日") == 120
    assert refusal(cells.parse_days_worked, "-1") == cells.DAYS
    assert refusal(cells.parse_days_worked, "1.5") == cells.DAYS
    assert [cells.parse_level(text) for text in ("1", "４", "レベル2")] == [1, 4, 2]
    assert refusal(cells.parse_level, "5") == cells.LEVEL
    assert [cells.parse_card(text) for text in ("", "0", "1", "１")] == [False, False, True, True]
    assert refusal(cells.parse_card, "2") == cells.CARD
    assert [cells.parse_language(text) for text in ("", "ja", "EN", "英語", "vi")] == ["ja", "ja", "en", "en", None]


@pytest.mark.parametrize("mark", (";", "；", ",", "，", "、", "・", "･", "/", "／", "\n", "\r\n"))
def test_whatever_stands_between_values_is_a_separator(mark):
    assert cells.parse_list(f"とび{mark}型枠", 50) == ("とび", "型枠")


def test_beside_a_semicolon_no_other_mark_separates():
    assert cells.parse_list("とび・土工; 型枠／鉄筋", 50) == ("とび・土工", "型枠／鉄筋")
    assert cells.parse_list("とび・土工;", 50) == ("とび・土工",)


def test_a_whole_number_written_as_a_decimal_has_lost_nothing():
    assert cells.parse_technician_id("12345678901234.0") == "12345678901234"
    assert cells.parse_business_id("10000000000017.0") == "10000000000017"
    assert (cells.parse_level("2.0"), cells.parse_days_worked("120.0"), cells.parse_card("1.0")) == (2, 120, True)
    assert cells.parse_application_number("2026.0") == "2026.0"
    assert refusal(cells.parse_level, "2.5") == cells.LEVEL


def test_lists_are_split_at_both_semicolons_without_empty_or_repeated_values():
    assert cells.parse_list("とび; 型枠；鉄筋;;とび ", 50) == ("とび", "型枠", "鉄筋")
    assert refusal(lambda text: cells.parse_list(text, 50), ";".join(map(str, range(101)))) == cells.TOO_MANY
    assert refusal(lambda text: cells.parse_list(text, 5), "123456") == cells.TOO_LONG


PARSERS = (
    cells.parse_application_number,
    cells.parse_technician_id,
    cells.parse_business_id,
    cells.parse_postal_code,
    cells.parse_days_worked,
    cells.parse_level,
    cells.parse_card,
    contact.parse_email,
    contact.parse_telephone,
)


@given(st.text(max_size=60) | st.text(alphabet="0123456789-ー０１Ee+@.;\"'<> 年日〒", max_size=40))
def test_any_text_in_any_cell_is_a_value_or_a_refusal_that_can_be_printed(text):
    for parse in PARSERS:
        try:
            value = parse(text)
        except CellError as refused:
            assert refused.sentence % refused.params
        else:
            str(value).encode()
            assert not isinstance(value, str) or "\n" not in value
