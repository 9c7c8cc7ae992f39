import datetime
import io
import time
import zipfile

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.domain.intake.sheets import GOOD, as_csv, as_xlsx
from tests.examples import examples
from webapp.domain.intake.columns import BUSINESSES, REGISTRATIONS, SHAPE
from webapp.domain.intake.files import SourceFormat, open_source
from webapp.domain.intake.rows import BROKEN_QUOTES, WRONG_SHAPE, Problem, clean_business, clean_registration
from webapp.domain.parsing import archive
from webapp.domain.parsing.cells import FORMULA_ERROR
from webapp.domain.parsing.problems import IntakeError

NOW = datetime.datetime(2026, 11, 23, 3, 0, tzinfo=datetime.UTC)


def read(stream, table=REGISTRATIONS):
    with open_source(stream, table) as source:
        return source, list(source.rows)


def error(stream, table=REGISTRATIONS) -> str:
    with pytest.raises(IntakeError) as refused:
        read(stream, table)
    assert stream.closed
    return str(refused.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_every_encoding_delimiter_and_line_end_gives_the_same_rows(encoding, delimiter, line_end):
    # U+FA19, U+FA10 and U+FA1B are characters of their own, which normalising would replace by others.
    row = GOOD | {"氏名": "\ufa19\ufa10 \ufa1b太郎", "職種": "とび,型枠"}
    source, rows = read(as_csv([row, row], encoding=encoding, delimiter=delimiter, line_end=line_end))
    assert rows == [(2, row), (3, row)]
    assert (source.kind, source.delimiter) == (SourceFormat.csv, delimiter)
    cleaned = clean_registration(*rows[0], NOW)
    assert cleaned.name == "\ufa19\ufa10 \ufa1b太郎"


def test_columns_come_in_any_order_and_width_and_unknown_ones_are_named():
    headings = ["備考", *reversed(GOOD), "", "備考", "カ ード"]
    row = [GOOD.get(heading, "x") for heading in headings]
    spelled = {"申請番号": " 申請 番号", "氏名カナ": "氏名ｶﾅ", "技能者ID": "技能者ｉｄ"}
    text = ",".join(spelled.get(heading, heading) for heading in headings) + "\n" + ",".join(row)
    source, rows = read(io.BytesIO(b"\xef\xbb\xbf" + text.encode()))
    assert source.heading.unknown == ("備考", "(11)", "備考")
    assert {key: rows[0][1][key] for key in GOOD} == GOOD
    assert rows[0][1]["カード"] == "x"


def test_missing_required_columns_are_all_named_in_one_error():
    rows = [{"申請番号": "1", "氏名": "x", "生年月日": "2000/1/1"}]
    assert "登録完了日時、氏名カナ" in error(as_csv(rows))
    assert "名称" in error(as_csv([{"事業者ID": "1"}]), BUSINESSES)


def test_a_column_that_stands_twice_is_an_error_and_not_a_guess():
    assert "氏名" in error(io.BytesIO(("氏名,氏　名," + ",".join(GOOD)).encode()))


def test_empty_and_foreign_files_are_clear_errors():
    assert "空" in error(io.BytesIO(b""))
    assert "空" in error(io.BytesIO(b"\r\n\r\n"))
    assert "xls" in error(io.BytesIO(b"\xd0\xcf\x11\xe0" + b"\0" * 600))
    assert "Excel" in error(io.BytesIO(b"PK\x03\x04" + b"\0" * 600))
    assert error(io.BytesIO(b"%PDF-1.7\n" + bytes(range(256)) * 50))
    assert "長い行" in error(io.BytesIO(b"x" * (6 << 20)))


def test_a_path_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(IntakeError, match="開けません"):
        open_source(tmp_path / "none.csv", REGISTRATIONS)
    with pytest.raises(IntakeError, match="開けません"):
        open_source(tmp_path, REGISTRATIONS)


def test_line_numbers_are_those_of_an_editor_across_quoted_line_feeds_and_blank_lines():
    head = ",".join(GOOD)
    one = ",".join(GOOD.values()).replace("東京都千代田区千代田1-1", '"東京都千代田区\r\n千代田1-1\n2階"')
    text = f"\r\n{head}\r\n{one}\r\n\r\n,,,,,,,,\r\n{one}\r\n"
    _, rows = read(io.BytesIO(text.encode()))
    assert [line for line, _ in rows] == [3, 8]
    assert rows[0][1]["住所"] == "東京都千代田区\r\n千代田1-1\n2階"
    assert clean_registration(*rows[0], NOW).address == "東京都千代田区\r\n千代田1-1\n2階"


@pytest.mark.parametrize("broken", ['"山田 "太郎', '"山田 太郎'])
def test_an_unclosed_quotation_mark_costs_its_own_row_only(broken):
    lines = [",".join((GOOD | {"申請番号": f"A-{n}"}).values()) for n in range(200)]
    lines[3] = lines[3].replace("山田 太郎", broken)
    _, rows = read(io.BytesIO("\n".join([",".join(GOOD), *lines]).encode()))
    assert [line for line, _ in rows] == list(range(2, 202))
    assert [cells["申請番号"] for _, cells in rows] == [f"A-{n}" for n in range(200)]
    assert [line for line, cells in rows if SHAPE in cells] == [5]
    problem = clean_registration(*rows[3], NOW)[0]
    assert (problem.line, problem.sentence) == (5, BROKEN_QUOTES)


def test_shifted_and_cut_rows_are_refused_but_not_what_excel_leaves_out():
    headings = [*GOOD, "職種", "カード"]
    whole = ",".join(GOOD.values())
    shifted = whole.replace("千代田区", "千代田区,") + ",とび,1"
    cut = whole.partition("東京都千代田")[0] + "東京都千代田"
    text = "\n".join([",".join(headings), whole + ",,,,,", whole, shifted, cut])
    _, rows = read(io.BytesIO(text.encode()))
    results = [clean_registration(line, cells, NOW) for line, cells in rows]
    assert [isinstance(result, list) for result in results] == [False, False, True, True]
    assert [result[0].sentence for result in results[2:]] == [WRONG_SHAPE] * 2
    assert results[2][0].in_japanese().count("12") == 1


def test_one_row_in_a_wrong_encoding_is_refused_alone():
    good = ",".join(GOOD.values()).encode()
    bad = ",".join((GOOD | {"申請番号": "A-2"}).values()).encode("cp932")
    stream = io.BytesIO(b"\n".join([",".join(GOOD).encode(), *[good] * 40, bad, good]))
    _, rows = read(stream)
    results = [clean_registration(line, cells, NOW) for line, cells in rows]
    assert [line for (line, _), result in zip(rows, results, strict=True) if isinstance(result, list)] == [42]
    assert {problem.column for problem in results[40]} == {"氏名", "氏名カナ", "住所"}


def test_a_workbook_gives_what_a_person_sees_in_its_cells():
    values = [
        "A-1",
        datetime.datetime(2026, 11, 18, 10, 2),
        12345678901234,
        "\ufa19\ufa10 \ufa1b太郎",
        "ヤマダ",
        datetime.date(1980, 4, 1),
        1000001,
        "東京都",
        "",
        3.0,
        1.5,
        1234567890123456789,
        True,
    ]
    headings = [*GOOD, "就業日数", "備考", "社会保険", "建退共"]
    source, rows = read(as_xlsx([[], headings, values, [], ["A-2"]], top=1, left=2))
    assert (source.kind, source.sheet, [line for line, _ in rows]) == (SourceFormat.xlsx, "Sheet1", [4, 6])
    cells = rows[0][1]
    assert list(cells.values()) == [
        "A-1",
        "2026-11-18 10:02:00",
        "12345678901234",
        "\ufa19\ufa10 \ufa1b太郎",
        "ヤマダ",
        "1980-04-01",
        "1000001",
        "東京都",
        "",
        "3",
        "1.5",
        "1.23456789012346E+18",
        "TRUE",
    ]
    assert clean_registration(4, cells, NOW).birth_date == datetime.date(1980, 4, 1)


def test_a_failed_formula_is_refused_and_not_taken_for_an_empty_cell():
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        for name in ("Cover", "Data"):
            sheet = book.add_worksheet(name)
            if name == "Cover":
                sheet.write_formula(2, 0, "=NA()", None, "#N/A")
                continue
            sheet.write_row(1, 1, list(GOOD))
            for row in (2, 3):
                sheet.write_row(row, 1, list(GOOD.values()))
            sheet.write_formula(3, len(GOOD), '=VLOOKUP("x",A1:B2,2)', None, "#N/A")
    source, rows = read(stream)
    assert source.sheet == "Data"
    results = [clean_registration(line, cells, NOW) for line, cells in rows]
    assert results[0].email == GOOD["メールアドレス"]
    assert [(p.line, p.column, p.value, p.sentence) for p in results[1]] == [
        (4, "メールアドレス", "#N/A", FORMULA_ERROR)
    ]


def rezipped(stream, change) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(stream) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))
    out.seek(0)
    return out


@pytest.mark.parametrize(
    ("old", "new", "bounds"),
    [
        (b'r="A2"', b'r="XFD1048576"', {}),
        (b'r="A2"', b"r = 'ZZ2'", {"MAX_CELLS": 1000}),
        (b'r="A2"', b'r="A99999999"', {}),
        (b'<row r="2"', b'<row r="1048576"', {}),
        (b"<sheetData>", b"<sheetData>" + b"<row></row>" * 1000, {"MAX_ROWS": 1000}),
        (b"<sheetData>", b"<!--" + b" " * (9 << 20) + b"--><sheetData>", {"MAX_INFLATED": 8 << 20}),
        (b"<sheetData>", b"<!--" + b" " * (9 << 20) + b"--><sheetData>", {}),
        (b"<worksheet", b"<!DOCTYPE x [<!ENTITY a 'b'>]><worksheet", {}),
    ],
)
def test_a_workbook_that_would_fill_the_memory_is_refused_before_it_is_read(old, new, bounds, monkeypatch):
    for name, bound in bounds.items():
        monkeypatch.setattr(archive, name, bound)
    bomb = rezipped(
        as_xlsx([list(GOOD), list(GOOD.values())]),
        lambda name, data: data.replace(old, new, 1) if name.endswith("sheet1.xml") else data,
    )
    assert "Excel" in error(bomb)


def test_a_declared_number_of_texts_that_would_end_the_process_is_refused():
    bomb = rezipped(
        as_xlsx([list(GOOD), list(GOOD.values())]),
        lambda name, data: data.replace(b'uniqueCount="', b'uniqueCount="1999999999'),
    )
    assert "Excel" in error(bomb)


def test_a_workbook_with_damaged_or_lying_parts_is_a_clear_error():
    whole = as_xlsx([list(GOOD), list(GOOD.values())]).getvalue()
    for cut in range(100, len(whole), 97):
        assert "Excel" in error(io.BytesIO(whole[:cut]))


@examples(60, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(min_value=4), st.binary(min_size=1, max_size=4))
def test_a_workbook_changed_anywhere_is_rows_or_a_clear_error(where, octets):
    whole = bytearray(WORKBOOK)
    where %= len(whole)
    whole[where : where + len(octets)] = octets
    rows_or_error(bytes(whole))


WORKBOOK = as_xlsx([list(GOOD), list(GOOD.values())]).getvalue()
HEAD = (",".join(GOOD) + "\n").encode()


def rows_or_error(data: bytes) -> None:
    for table, clean in ((REGISTRATIONS, lambda *row: clean_registration(*row, NOW)), (BUSINESSES, clean_business)):
        try:
            _, rows = read(io.BytesIO(data), table)
        except IntakeError as refused:
            assert refused.in_japanese()
            continue
        for line, cells in rows:
            result = clean(line, cells)
            if isinstance(result, list):
                assert all(isinstance(problem, Problem) and problem.in_japanese() for problem in result)
                assert any(problem.severity == "error" for problem in result)
            else:
                repr(result).encode()


@examples(100)
@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: HEAD + data))
def test_any_bytes_are_rows_or_a_clear_error(data):
    rows_or_error(data)


@examples(100)
@given(st.lists(st.lists(st.text(max_size=12) | st.sampled_from(list(GOOD.values())), max_size=12), max_size=5))
def test_any_text_under_a_good_heading_is_rows_or_problems(table):
    text = "\n".join(",".join(cells) for cells in table)
    rows_or_error(HEAD + text.encode("utf-8", "replace"))


def test_a_hundred_unclosed_quotation_marks_a_row_do_not_take_long():
    started = time.process_time()
    _, rows = read(io.BytesIO(HEAD + b'"a,b\n' * 20_000))
    assert len(rows) == 20_000
    assert time.process_time() - started < 10
