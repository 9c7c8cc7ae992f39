import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from tests.domain.intake.sheets import GOOD, as_csv
from tests.examples import examples
from webapp.domain.intake.columns import REGISTRATIONS
from webapp.domain.intake.files import open_source
from webapp.domain.intake.rejects import RejectsFile
from webapp.domain.intake.rows import clean_registration
from webapp.domain.parsing.injection import guard, unguard

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
ROWS = [
    GOOD | {"申請番号": "A-1", "生年月日": "きのう", "備考": "=HYPERLINK(1)"},
    GOOD | {"申請番号": "A-2", "氏名": "\ufa19\ufa10 \ufa1b", "郵便番号": "600001", "備考": "'+x"},
    GOOD | {"申請番号": "A-3", "氏名": "=1+1", "住所": '東京"都\n千代田', "レベル": "9", "電話番号": "+81312345678"},
]
HEADINGS = ["備考", *REGISTRATIONS.columns]


def reject_all(stream, path):
    with open_source(stream, REGISTRATIONS) as source, RejectsFile(path, source.heading) as rejects:
        rows = list(source.rows)
        for line, cells in rows:
            problems = clean_registration(line, cells, NOW)
            rejects.write(line, cells, problems if isinstance(problems, list) else [])
    return source, rows


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_rejected_rows_come_back_exactly_when_their_file_is_imported_again_and_again(tmp_path, suffix):
    first, rows = reject_all(as_csv(ROWS, HEADINGS), tmp_path / f"one{suffix}")
    for again in ("two", "three"):
        name = {"two": "one", "three": "two"}[again]
        source, back = reject_all((tmp_path / f"{name}{suffix}").open("rb"), tmp_path / f"{again}{suffix}")
        assert source.heading.texts == (*first.heading.texts, "行", "理由")
        assert source.heading.unknown == ("備考",)
        assert [{key: cells[key] for key in first.heading.keys} for _, cells in back] == [cells for _, cells in rows]
        assert "日付として読めません" in back[0][1]["理由"]
        assert back[1][1]["理由"].startswith("郵便番号: ")
    assert not list(tmp_path.glob("*.part"))


def test_a_mended_rejects_file_goes_in_as_it_is(tmp_path):
    reject_all(as_csv(ROWS, HEADINGS), tmp_path / "r.csv")
    text = (tmp_path / "r.csv").read_text("utf-8-sig").replace("600001", "060-0001")
    with open_source(io.BytesIO(text.encode("cp932")), REGISTRATIONS) as source:
        cleaned = [clean_registration(line, cells, NOW) for line, cells in source.rows]
    assert cleaned[1].postal_code == "0600001"
    assert cleaned[1].name == "\ufa19\ufa10 \ufa1b"


def test_no_cell_of_a_rejects_csv_runs_in_a_spreadsheet(tmp_path):
    reject_all(as_csv(ROWS, HEADINGS), tmp_path / "r.csv")
    data = (tmp_path / "r.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    cells = [cell for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) for cell in row]
    assert "'=1+1" in cells and "''+x" in cells
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r＝＋－＠")]


def test_an_excel_rejects_file_holds_text_only(tmp_path):
    reject_all(as_csv(ROWS, HEADINGS), tmp_path / "r.xlsx")
    sheet = CalamineWorkbook.from_path(str(tmp_path / "r.xlsx")).get_sheet_by_index(0)
    values = [value for row in sheet.to_python() for value in row]
    assert {type(value) for value in values} == {str}
    assert "=1+1" in values and "+81312345678" in values


def test_a_row_of_wrong_shape_keeps_all_its_cells(tmp_path):
    shifted = ",".join(GOOD) + "\n" + ",".join(GOOD.values()) + ",one,two\n"
    reject_all(io.BytesIO(shifted.encode()), tmp_path / "r.csv")
    _, back = reject_all((tmp_path / "r.csv").open("rb"), tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_bytes() == (tmp_path / "r.csv").read_bytes()
    assert list(back[0][1].values())[-3:-1] == ["one", "two"]


def test_nothing_is_left_under_the_name_when_the_import_fails(tmp_path):
    with open_source(as_csv(ROWS, HEADINGS), REGISTRATIONS) as source:
        heading = source.heading
    with pytest.raises(KeyboardInterrupt), RejectsFile(tmp_path / "r.csv", heading) as rejects:
        rejects.write(2, GOOD, [])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@examples(300)
@given(st.text(alphabet="'=+-@\t＝a", max_size=6) | st.text(max_size=10))
def test_guarding_is_undone_exactly(text):
    assert unguard(guard(text)) == text
    assert guard(text)[:1] not in tuple("=+-@\t\r\n＝＋－＠")
