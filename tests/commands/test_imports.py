"""`todoke import` as a person calls it."""

import csv
import json

import pytest
import xlsxwriter

from db import database as db
from db.models import ImportOriginal, ImportReject, ImportRun, Registration, Technician
from tests.domain.intake.sheets import GOOD, as_csv
from webapp.domain.intake import reading, runs


@pytest.fixture
def ready(todoke, tmp_path):
    assert todoke("migrate").exit_code == 0
    return todoke


@pytest.fixture
def look(tmp_path):
    """Look into the database between two calls."""

    def at(query):
        db.configure(f"sqlite:///{tmp_path}/commands.db")
        try:
            with db.connected():
                return query()
        finally:
            db.database.close_all()

    return at


def write(path, *rows):
    path.write_bytes(as_csv(rows, headings=[*GOOD, "所属事業者ID", "備考"]).getvalue())
    return str(path)


def rows(n):
    return [GOOD | {"申請番号": f"A-{k}"} for k in range(n)]


def test_good_rows_go_in_and_bad_ones_come_back_mendable(ready, look, tmp_path):
    file = write(tmp_path / "in.csv", GOOD, GOOD | {"申請番号": "A-2", "生年月日": "昭和65年1月1日", "備考": "=memo"})
    result = ready("import", "registrations", file)
    assert result.exit_code == 1
    assert "rejected: line 3 生年月日: 昭和に65年はありません。" in result.output
    assert "1 new" in result.output and "1 rejected" in result.output
    assert "columns that are not imported: 備考" in result.output
    rejects = tmp_path / "in-rejects.csv"
    with rejects.open(encoding="utf-8-sig", newline="") as f:
        (bad,) = csv.DictReader(f)
    assert (bad["申請番号"], bad["行"]) == ("A-2", "3")
    rejects.write_bytes(rejects.read_bytes().replace("昭和65年".encode(), "昭和55年".encode()))
    mended = ready("import", "registrations", str(rejects))
    assert mended.exit_code == 0, mended.output
    assert look(lambda: sorted(r.application_number for r in Registration)) == ["A-2", "A-2026-0001"]
    assert look(lambda: bytes(ImportOriginal.select().order_by(ImportOriginal.id).first().content)) == (
        (tmp_path / "in.csv").read_bytes()
    )


def test_a_check_changes_nothing(ready, look, tmp_path):
    file = write(tmp_path / "in.csv", GOOD, GOOD | {"氏名": "別人"})
    result = ready("import", "registrations", file, "--check", "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert (found["accepted"], found["rejected"], found["problems"][0]["column"]) == (1, 1, "氏名")
    assert look(lambda: (Registration.select().count(), ImportRun.select().count())) == (0, 0)
    assert list(tmp_path.glob("*rejects*")) == []
    asked = ready("import", "registrations", file, "--check", "--rejects", str(tmp_path / "r.xlsx"))
    assert asked.exit_code == 1
    assert (tmp_path / "r.xlsx").read_bytes().startswith(b"PK")


def test_hidden_rows_are_asked_about_and_an_option_answers(ready, look, tmp_path):
    file = tmp_path / "in.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([list(GOOD), *(list(row.values()) for row in rows(3))]):
            sheet.write_row(number, 0, row)
        sheet.set_row(2, None, None, {"hidden": True})
    asked = ready("import", "registrations", str(file))
    assert asked.exit_code == 2 and "隠れている行が1行" in asked.output
    assert look(lambda: ImportRun.select().count()) == 0
    check = json.loads(ready("import", "registrations", str(file), "--check", "--yes", "--json").stdout)
    assert (check["rows"], check["answers"]) == (2, ["fill-merged", "leave-hidden"])
    assert check["read_as"]["heading_line"] == 1 and check["read_as"]["sheet"] == "Sheet1"
    assert ready("import", "registrations", str(file), "--hidden", "leave").exit_code == 0
    assert look(lambda: sorted(r.application_number for r in Registration)) == ["A-0", "A-2"]
    taken = json.loads(ready("import", "registrations", str(file), "--yes", "--hidden", "take", "--json").stdout)
    assert (taken["accepted"], taken["unchanged"]) == (1, 2)


def test_what_cannot_be_read_ends_in_one_sentence(ready, look, tmp_path):
    (tmp_path / "empty.csv").write_bytes(b"")
    for name, words in [("empty.csv", "ファイルが空です"), ("missing.csv", "開けません")]:
        result = ready("import", "businesses", str(tmp_path / name))
        assert result.exit_code == 2
        assert words in result.output
        assert "Traceback" not in result.output
    file = write(tmp_path / "in.csv", *rows(2000))
    result = ready("import", "registrations", file, env={"TODOKE_IMPORT_BYTES": "100000"})
    assert result.exit_code == 2 and "ファイルが大きすぎます" in result.output
    assert look(lambda: ImportRun.select().count()) == 0


def test_a_killed_import_goes_on_behind_its_last_batch(ready, look, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BATCH_ROWS", 10)
    monkeypatch.setattr(runs.chunks, "__defaults__", (0, 10))
    some = rows(45)
    some[3] |= {"生年月日": "x"}
    file = write(tmp_path / "in.csv", *some)
    take, taken = runs.take, []

    def dying(*args, **kwargs):
        if len(taken) == 2:
            raise KeyboardInterrupt
        taken.append(1)
        return take(*args, **kwargs)

    monkeypatch.setattr(runs, "take", dying)
    assert ready("import", "registrations", file).exit_code != 0
    assert look(lambda: (Registration.select().count(), ImportRun.get().done)) == (19, 20)
    monkeypatch.setattr(runs, "take", take)
    result = ready("import", "registrations", file, "--json")
    found = json.loads(result.output)
    assert (found["rows"], found["accepted"], found["rejected"], found["continued"]) == (45, 44, 1, True)
    assert look(lambda: (ImportRun.select().count(), ImportReject.select().count())) == (1, 1)
    assert look(lambda: (Registration.select().count(), Technician.select().count())) == (44, 44)
    again = ready("import", "registrations", file, "--json")
    assert json.loads(again.output)["unchanged"] == 44


def test_a_rejects_file_that_is_there_is_not_overwritten(ready, tmp_path):
    file = write(tmp_path / "in.csv", GOOD | {"生年月日": "x"})
    ready("import", "registrations", file)
    (tmp_path / "in-rejects.csv").write_text("mended by hand")
    ready("import", "registrations", file)
    assert (tmp_path / "in-rejects.csv").read_text() == "mended by hand"
    assert (tmp_path / "in-rejects-2.csv").exists()
