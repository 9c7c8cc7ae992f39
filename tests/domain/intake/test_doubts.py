"""What a file would lose without a word: refused by name, or taken as a person decides."""

import datetime as dt
import io
import zipfile

import pytest
import xlsxwriter

from tests.domain.intake.sheets import GOOD, as_csv, as_xlsx
from webapp.domain.intake.columns import REGISTRATIONS
from webapp.domain.intake.doubts import SAFE, Answer
from webapp.domain.intake.files import open_source
from webapp.domain.intake.rows import clean_registration
from webapp.domain.parsing.problems import IntakeError

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
HEADINGS = [*GOOD, "所属事業者ID"]
FIRST = [*GOOD.values(), "10000000000017"]


def read(stream, answers=frozenset()):
    with open_source(stream, REGISTRATIONS, frozenset(answers)) as source:
        return source, list(source.rows)


def book_of(*rows, change=lambda book, sheet: None, headings=HEADINGS, top=0):
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        sheet = book.add_worksheet("10月")
        for number, row in enumerate((headings, *rows), start=top):
            sheet.write_row(number, 0, ["" if value is None else value for value in row])
        change(book, sheet)
    stream.seek(0)
    return stream


def without_values(stream):
    """Drop the results of formulas, as writers do that compute nothing."""
    changed = io.BytesIO()
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"</f><v>0</v>", b"</f><v />"))
    return changed


@pytest.mark.parametrize("file", (as_csv, lambda rows: as_xlsx([list(rows[0]), *(list(row.values()) for row in rows)])))
def test_a_column_by_another_name_is_not_left_out_in_silence(file):
    row = {("E-mail" if key == "メールアドレス" else key): value for key, value in GOOD.items()}
    with pytest.raises(IntakeError) as error:
        read(file([row]))
    assert error.value.params == {"heading": "E-mail", "column": "メールアドレス"}
    assert len(read(file([row | {"メールアドレス": "hana@example.jp"}]))[1]) == 1


def test_title_lines_above_the_heading_are_no_table():
    source, rows = read(as_xlsx([["登録完了者一覧"], [], ["2026年11月分"], HEADINGS, FIRST]))
    assert source.heading_line == 4 and [(line, cells["氏名"]) for line, cells in rows] == [(5, "山田 太郎")]
    text = as_csv([GOOD], delimiter=";").getvalue()
    source, rows = read(io.BytesIO("登録完了者一覧\r\n\r\n".encode() + text))
    assert (source.heading_line, source.delimiter, rows[0][0]) == (3, ";", 4)
    with pytest.raises(IntakeError):
        read(as_xlsx([*[["前書き"]] * 10, HEADINGS, FIRST]))


def test_another_sheet_with_such_a_table_is_named_and_any_other_is_shown_as_left_out():
    def note(book, sheet):
        book.add_worksheet("注意").write(0, 0, "この表は毎月送ります")

    source, rows = read(book_of(FIRST, change=note))
    assert source.sheets_left_out == ("注意",) and len(rows) == 1

    def second(book, sheet):
        more = book.add_worksheet("11月")
        more.write_row(0, 0, HEADINGS)
        more.write_row(1, 0, FIRST)

    with pytest.raises(IntakeError, match="11月"):
        read(book_of(FIRST, change=second))


def test_a_merged_cell_holds_for_its_rows_only_when_a_person_says_so():
    others = [[f"A-{n}", *FIRST[1:-1], None] for n in (2, 3, 4)]
    file = book_of(FIRST, *others, change=lambda book, sheet: sheet.merge_range("J2:J4", FIRST[-1])).getvalue()
    with pytest.raises(IntakeError) as error:
        read(io.BytesIO(file))
    assert error.value.params == {"row": 2, "last": 4, "column": "所属事業者ID"}
    rows = read(io.BytesIO(file), {Answer.FILL_MERGED})[1]
    assert [cells["所属事業者ID"] for _, cells in rows] == [FIRST[-1]] * 3 + [""]


def test_merged_cells_of_titles_and_beside_the_table_are_nobodys_loss():
    def change(book, sheet):
        sheet.merge_range("A1:C1", "一覧")
        sheet.merge_range("M3:M4", "済")

    assert len(read(book_of(FIRST, FIRST, change=change, top=1))[1]) == 2


def test_hidden_rows_wait_for_a_decision():
    def change(book, sheet):
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_row(8, None, None, {"hidden": True})  # holds nothing

    file = book_of(FIRST, ["A-2", *FIRST[1:]], ["A-3", *FIRST[1:]], change=change).getvalue()
    with pytest.raises(IntakeError) as error:
        read(io.BytesIO(file))
    assert error.value.params == {"n": 1, "row": 3}
    assert [line for line, _ in read(io.BytesIO(file), {Answer.TAKE_HIDDEN})[1]] == [2, 3, 4]
    assert [line for line, _ in read(io.BytesIO(file), SAFE)[1]] == [2, 4]


def test_a_formula_without_a_stored_value_is_no_empty_cell():
    row = [*FIRST[:8], '=LOWER("T1@EXAMPLE.JP")', FIRST[9]]
    with pytest.raises(IntakeError) as error:
        read(without_values(book_of(row)), SAFE)
    assert error.value.params == {"row": 2, "column": "メールアドレス"}
    assert len(read(without_values(book_of([*FIRST, "=1+1"])))[1]) == 1  # beside the table


@pytest.mark.parametrize(
    "number_format, value, shown",
    (
        ("[<=999]000;[<=9999]000-00;000-0000", 600001, "060-0001"),
        ("0000000", 600001, "0600001"),
        ("000\\-0000", 600001, "060-0001"),
        ("0000000", 1000001, "1000001"),
        ("General", 600001, "600001"),
        ("#,##0", 600001, "600001"),
    ),
)
def test_a_number_is_taken_as_its_format_shows_it(number_format, value, shown):
    rows = [[*FIRST[:6], value, *FIRST[7:]], FIRST]

    def change(book, sheet):
        sheet.write_number("G2", value, book.add_format({"num_format": number_format}))

    assert [cells["郵便番号"] for _, cells in read(book_of(*rows, change=change))[1]] == [shown, FIRST[6]]


def test_fourteen_zeros_give_an_id_its_first_digits_back():
    row = [*FIRST[:2], 1234567890123, *FIRST[3:]]

    def change(book, sheet):
        sheet.write_number("C2", row[2], book.add_format({"num_format": "0" * 14}))

    assert read(book_of(row, change=change))[1][0][1]["技能者ID"] == "01234567890123"


@pytest.mark.parametrize("encoding, name", (("euc_jp", "EUC-JP"), ("iso2022_jp", "JIS"), ("utf-16-le", "UTF-16")))
def test_an_encoding_that_is_not_read_is_named(encoding, name):
    with pytest.raises(IntakeError, match=name):
        read(as_csv([GOOD], encoding=encoding))


def test_marks_that_systems_leave_in_a_text_are_no_rows():
    text = as_csv([GOOD | {"技能者ID": '="04301234567890"'}], delimiter=";").getvalue()
    _, rows = read(io.BytesIO(b"sep=;\r\n" + text + b"\x1a"))
    ((line, cells),) = rows
    row = clean_registration(line, cells, NOW)
    assert (line, row.technician_id, row.warnings) == (3, "04301234567890", ())


@pytest.mark.parametrize("birth, age", (("2015/4/1", "11"), ("1920/4/1", "106")))
def test_an_unusual_age_is_a_warning(birth, age):
    (warning,) = clean_registration(2, GOOD | {"生年月日": birth}, NOW).warnings
    assert (warning.column, str(warning.params["age"])) == ("生年月日", age)
