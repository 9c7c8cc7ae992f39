"""Setting texts: cells, columns, sizes, and what the fonts can print."""

from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from webapp.domain.postcard.fontfile import sans, serif
from webapp.domain.postcard.layout import POINT_MM, cells, clusters, fit_columns, fit_line, missing_glyphs
from webapp.domain.postcard.sheet import ADDRESS_LENGTH, ADDRESS_STEPS, NAME_LENGTH, NAME_STEPS

TEXTS = st.text(alphabet="千葉市緑町一二3409-－ー（）「」、ッA bcABC 　𠮷髙﨑・", max_size=60)


def signs(row):
    return "".join(cell.text for cell in row)


def test_numbers_of_an_address_become_kanji_and_those_of_a_name_do_not():
    assert signs(cells("緑町1丁目99-８", serif(), numerals=True)) == "緑町一丁目九九―八"
    assert signs(cells("ハイツー12ー3", serif(), numerals=True)) == "ハイツー一二―三"
    assert signs(cells("三郎2", serif())) == "三郎２"


def test_strokes_of_numbers_in_an_address_stand_apart_so_that_12_is_not_read_as_3():
    row = cells("緑町1丁目12-3", serif(), numerals=True)
    assert [cell.text for cell in row if cell.air] == ["二"]
    assert sum(cell.length for cell in row) > len(row)
    assert [cell.text for cell in cells("一二三ハイツ90", serif(), numerals=True) if cell.air] == ["二", "三"]
    assert not any(cell.air for cell in cells("三三　一二", serif()))


def test_words_of_latin_letters_lie_on_their_side_and_short_capitals_stand():
    row = cells("ABCビル Maison B棟", serif())
    assert [(cell.text, cell.sideways) for cell in row] == [
        *[(sign, False) for sign in "ＡＢＣビル"],
        ("", False),
        ("Maison", True),
        ("", False),
        *[(sign, False) for sign in "Ｂ棟"],
    ]
    assert 2 < row[6].length < 4


def test_variation_selectors_and_marks_stay_with_their_character():
    assert clusters("葛\U000e0100城か\u3099") == ["葛\U000e0100", "城", "か\u3099"]
    assert clusters("\u200b佐\u2060藤") == ["佐", "藤"]


@examples(200)
@given(TEXTS)
def test_what_fits_is_whole_in_order_and_inside_its_room(text):
    row = cells(text, serif(), numerals=True)
    for length, steps in ((ADDRESS_LENGTH, ADDRESS_STEPS), (NAME_LENGTH, NAME_STEPS)):
        setting = fit_columns(row, length, steps)
        if setting is None:
            continue
        assert signs(cell for column in setting.columns for cell in column) == signs(row)
        most = dict(steps)[setting.points]
        assert len(setting.columns) <= most
        for place in range(len(setting.columns)):
            assert setting.length(place) * POINT_MM <= length + 1e-6


@examples(100)
@given(st.text(alphabet="千葉市緑町ハイツ", min_size=1, max_size=70), st.sampled_from("）ー、ッ"))
def test_a_column_never_begins_with_what_may_not_stand_first(text, sign):
    setting = fit_columns(cells("千" + text.replace("町", "町" + sign), serif()), 60, ((15, 9),))
    assert setting is None or all(column[0].text != sign for column in setting.columns)


def test_numbers_are_never_broken_over_columns():
    for before in range(8, 22):
        setting = fit_columns(cells("町" * before + "12345-678", serif(), numerals=True), 80, ((15, 3),))
        assert any("一二三四五―六七八" in signs(column) for column in setting.columns)


def test_the_largest_size_that_fits_is_taken_and_too_much_is_refused():
    short, long = cells("千葉市緑町", serif()), cells("長" * 100, serif())
    assert fit_columns(short, ADDRESS_LENGTH, ADDRESS_STEPS).points == ADDRESS_STEPS[0][0]
    assert fit_columns(long, ADDRESS_LENGTH, ADDRESS_STEPS).points < ADDRESS_STEPS[0][0]
    assert fit_columns(cells("長" * 300, serif()), ADDRESS_LENGTH, ADDRESS_STEPS) is None
    assert fit_columns(cells("Donaudampfschiff" * 20, serif()), NAME_LENGTH, NAME_STEPS) is None


@examples(100)
@given(TEXTS)
def test_a_line_that_fits_is_whole_and_inside_its_width(text):
    fitted = fit_line(text, sans(), 40, ((12, 2), (8, 3)))
    if fitted:
        points, lines = fitted
        assert "".join("".join(lines).split()) == "".join("".join(clusters(text)).split())
        assert all(sans().width(line) * points * POINT_MM <= 40 + 1e-6 for line in lines)


def test_the_fonts_are_asked_before_anything_is_printed():
    fonts = (serif(), sans())
    assert missing_glyphs("𠮷髙﨑神塚福　髙橋ｶﾞｽ Nguyễn", fonts) == ()
    assert missing_glyphs("佐藤☺ ☺ค", fonts) == ("☺", "ค")
    # A variant that the font has prints; one that it has not would silently print as another form.
    assert missing_glyphs("葛\U000e0100", fonts) == ()
    assert missing_glyphs("葛\U000e01ef", fonts) == ("葛\U000e01ef",)


def test_widths_come_from_the_font():
    assert serif().width("漢字") == 2
    assert 0.2 < sans().width("i") < sans().width("W") < 1.1
    assert sans().width("か\u3099") == 1
