"""Addresses: where the town ends, what is wrong, and what the list of codes says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from webapp.domain.postcard.address import SENTENCES, AddressRule, parse_address, propose_codes
from webapp.domain.postcard.towns import CodeKind, fold, fold_key, look_up


@pytest.mark.parametrize(
    ("code", "text", "town", "digits"),
    [
        ("100-0013", "東京都千代田区霞が関1-2-3", "霞が関", "1-2-3"),
        ("100-0013", "東京都 千代田区 霞ヶ関 １－２－３", "霞が関", "1-2-3"),
        ("100-0013", "千代田区霞ケ関1-2-3", "霞が関", "1-2-3"),
        ("100-0013", "霞が関1-2-3", "霞が関", "1-2-3"),
        # A building with a code of its own stands behind its town in an address.
        ("100-6001", "東京都千代田区霞が関9-8-7 霞が関ビル1F", "霞が関", "9-8-7-1"),
        # Numerals of towns in kanji or arabic, and names that look like numbers of houses.
        ("065-0006", "札幌市東区北6条東9丁目1", "北六条東", "9-1"),
        ("078-8218", "旭川市八条通20丁目1-2", "８条通", "20-1-2"),
        ("518-0775", "三重県名張市希央台五番町10", "希央台５番町", "10"),
        ("102-0082", "東京都千代田区一番町99", "一番町", "99"),
        ("980-0811", "宮城県仙台市青葉区一番町三丁目99", "一番町", "3-99"),
        ("510-0075", "三重県四日市市安島99番5号", "安島", "99-5"),
        # 大字/字 are left out, counties may be; the list's town goes on behind the name (第N地割, 〜).
        ("027-0203", "岩手県宮古市津軽石第二地割5", "津軽石", "2-5"),
        ("028-5102", "岩手県葛巻町大字葛巻第４２地割９９", "葛巻", "42-99"),
        ("029-5503", "岩手県西和賀町間木野２２地割９", "間木野", "22-9"),
        # A name that ends in a kanji numeral, with the number of the house right behind it.
        ("420-0949", "静岡市葵区与一9丁目1", "与一", "9-1"),
        # Streets of Kyoto stand before the town.
        ("604-0925", "京都市中京区寺町通御池上る上本能寺前町99", "上本能寺前町", "99"),
        # One code for the whole village, and a village with two codes by number.
        ("100-0301", "東京都利島村99", "", "99"),
        ("409-0142", "山梨県小菅村99", "", "99"),
        # The town 一円 is a name, not "the whole".
        ("522-0317", "滋賀県多賀町一円99", "一円", "99"),
        # Old forms of kanji.
        ("407-0033", "山梨県韮崎市竜岡町下条南割99", "龍岡町下條南割", "99"),
        # A city that got wards since.
        ("590-0016", "大阪府堺市中田出井町一丁九番", "中田出井町", "1-9"),
    ],
)
def test_the_town_is_found_however_it_is_written(code, text, town, digits):
    address = parse_address(code, text)
    assert address.findings == ()
    assert (address.town, address.digits) == (town, digits)
    assert address.barcode.digits == digits
    assert text.endswith(address.rest)
    assert address.text == text


@pytest.mark.parametrize(
    ("code", "text", "rule"),
    [
        ("100-0000", "東京都千代田区9-9", AddressRule.TOWN_CODE),
        ("999-9999", "東京都千代田区丸の内9-9", AddressRule.UNKNOWN_CODE),
        ("000-0000", "東京都千代田区丸の内9-9", AddressRule.UNKNOWN_CODE),
        ("228-0099", "どこか9-9", AddressRule.UNKNOWN_CODE),
        # The town stands in the list with another code of the same area: a slip of the pen, not a withdrawn code.
        ("100-0099", "東京都千代田区丸の内9-9", AddressRule.UNKNOWN_CODE),
        ("263-0023", "大阪府大阪市北区梅田9-9", AddressRule.CODE_ADDRESS_DISAGREE),
        ("100-0013", "東京都千代田区丸の内9-9", AddressRule.CODE_ADDRESS_DISAGREE),
        ("100-0013", "千葉県霞が関9-9", AddressRule.CODE_ADDRESS_DISAGREE),
    ],
)
def test_no_barcode_is_made_that_would_send_the_card_astray(code, text, rule):
    address = parse_address(code, text)
    assert rule in address.warnings
    assert address.no_barcode_reason is rule
    assert address.barcode is None
    assert address.valid


@pytest.mark.parametrize(
    ("code", "text", "digits"),
    [
        # 228 was the area of this city until its codes changed; the first town is renamed, the second still there.
        ("228-0024", "神奈川県座間市入谷3丁目99", "3-99"),
        ("228-0001", "座間市相模が丘3丁目99", "3-99"),
    ],
)
def test_a_withdrawn_code_still_gives_its_barcode_and_is_flagged(code, text, digits):
    address = parse_address(code, text)
    assert address.kind is CodeKind.UNLISTED
    assert address.warnings == (AddressRule.WITHDRAWN_CODE,)
    assert address.barcode.digits == digits


def test_an_office_with_its_own_code_gets_the_code_and_thirteen_fillers():
    address = parse_address("100-8111", "東京都千代田区千代田9-9")
    assert address.kind is CodeKind.OFFICE
    assert address.findings == ()
    assert address.barcode.codes == (*"1008111", *["CC4"] * 13)


@pytest.mark.parametrize(
    ("code", "text", "rules"),
    [
        ("", "東京都千代田区丸の内9", {AddressRule.CODE_MISSING}),
        ("100-001", "東京都千代田区丸の内9", {AddressRule.CODE_FORMAT}),
        ("10000133", "東京都千代田区丸の内9", {AddressRule.CODE_FORMAT}),
        ("100-00l3", "東京都千代田区丸の内9", {AddressRule.CODE_FORMAT}),
        ("100-0013", " 　", {AddressRule.ADDRESS_MISSING}),
        ("", "", {AddressRule.CODE_MISSING, AddressRule.ADDRESS_MISSING}),
        ("100-0013", "千代田区" * 60, {AddressRule.ADDRESS_TOO_LONG}),
        ("100-0013", "千代田区\n霞が関9", {AddressRule.CONTROL_CHARACTER}),
    ],
)
def test_bad_input_is_named_by_rule(code, text, rules):
    address = parse_address(code, text)
    assert set(address.errors) == rules
    assert not address.valid
    assert address.barcode is None


def test_a_missing_number_and_a_town_that_is_not_there_are_warned_of():
    assert parse_address("100-0013", "東京都千代田区霞が関").warnings == (AddressRule.NO_NUMBER,)
    assert parse_address("100-0013", "1-2-3").warnings == (AddressRule.TOWN_NOT_FOUND,)
    assert parse_address("〒１００－００１３", "霞が関9").postal_code == "1000013"


def test_every_rule_has_its_sentence():
    assert set(SENTENCES) == set(AddressRule)


def test_codes_are_proposed_from_the_text_alone():
    assert [place.postal_code for place in propose_codes("神奈川県座間市相模が丘9-9")] == ["2520001"]
    assert [place.postal_code for place in propose_codes("札幌市東区北六条東9丁目3")] == ["0650006", "0600906"]
    assert [place.postal_code for place in propose_codes("札幌市東区北六条東2丁目3")] == ["0600906", "0650006"]
    assert {place.town for place in propose_codes("神奈川県座間市入谷3丁目99")} == {"入谷東", "入谷西"}
    assert propose_codes("どこにもない町9-9") == ()


@examples(200)
@given(st.text(max_size=40), st.text(alphabet="0123456789-〒 ０", max_size=9))
def test_any_text_is_parsed_without_a_crash_and_kept_as_it_came(text, code):
    address = parse_address(code, text)
    assert address.text == text
    assert text.endswith(address.rest)
    assert (address.barcode is None) == (address.no_barcode_reason is not None)


@examples(200)
@given(st.text(alphabet="大字東十一二条ケヶ 　１2町", max_size=12))
def test_folding_keeps_where_each_letter_came_from(text):
    folded = fold(text)
    assert len(folded.key) == len(folded.starts) == len(folded.ends)
    assert all(start < end for start, end in zip(folded.starts, folded.ends, strict=True))
    assert list(folded.starts) == sorted(folded.starts)
    assert fold_key(folded.key) == folded.key


def test_the_kind_of_a_code_is_read_from_the_list():
    assert look_up("1000000")[0] is CodeKind.WHOLE_TOWN
    assert look_up("1000013")[0] is CodeKind.TOWN
    assert look_up("1008111")[0] is CodeKind.OFFICE
    assert look_up("2280024") == (CodeKind.UNLISTED, ())
