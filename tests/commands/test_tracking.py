"""`todoke tracking read` prints what files say and changes nothing."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest
import xlsxwriter
from click.testing import CliRunner

from webapp.cli import main

TEXT = "123-45-67890-3\n11/18 13:05 引受 新宿郵便局 東京都\n11/20 ご不在のため持ち戻り 上尾郵便局 埼玉県\n"
EXPECTED = {
    "number": "123-45-67890-3",
    "events": [
        {"at": "2026-11-18T13:05:00+09:00", "label": "引受", "office": "新宿郵便局", "state": "posted"},
        {"at": "2026-11-20", "label": "ご不在のため持ち戻り", "office": "上尾郵便局", "state": "absent"},
    ],
    "state": "absent",
}


def read(*arguments: str, given: bytes = b""):
    return CliRunner().invoke(main, ["tracking", "read", "--today", "2026-11-23", *arguments], input=given)


def objects(result) -> list[dict]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_a_text_file_in_any_encoding(tmp_path: Path, encoding):
    file = tmp_path / "copied.txt"
    file.write_bytes(TEXT.encode(encoding))
    assert objects(read("--jsonl", str(file))) == [EXPECTED]


def test_standard_input_is_a_file_too():
    assert objects(read("--jsonl", "-", given=TEXT.encode())) == [EXPECTED]


def test_several_files_are_put_together_and_the_same_line_counts_once(tmp_path: Path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text(TEXT, "utf-8")
    second.write_text(TEXT + "11/21 10:00 窓口でお渡し 上尾郵便局", "utf-8")
    (item,) = objects(read("--jsonl", str(first), str(second)))
    assert [event["state"] for event in item["events"]] == ["posted", "absent", "delivered"]
    assert item["state"] == "delivered"


def test_a_workbook_with_dates_numbers_and_empty_cells(tmp_path: Path):
    file = tmp_path / "status.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["配達状況一覧"])
        sheet.write_row(1, 0, ["お問い合わせ番号", "日時", "状態", "取扱局"])
        stamp = book.add_format({"num_format": "yyyy/mm/dd hh:mm"})
        day = book.add_format({"num_format": "yyyy/mm/dd"})
        sheet.write_number(2, 0, 12345678903)
        sheet.write_datetime(2, 1, datetime(2026, 11, 18, 13, 5), stamp)
        sheet.write_row(2, 2, ["引受", "新宿郵便局"])
        sheet.write_datetime(3, 1, date(2026, 11, 20), day)
        sheet.write_row(3, 2, ["ご不在のため持ち戻り", "上尾郵便局"])
    assert objects(read("--jsonl", str(file))) == [EXPECTED]


def test_a_csv_saved_by_excel(tmp_path: Path):
    file = tmp_path / "status.csv"
    file.write_bytes(
        "追跡番号,日時,状態,取扱局\r\n"
        "123-45-67890-3,2026/11/18 13:05,引受,新宿郵便局\r\n"
        "123-45-67890-3,2026/11/20,ご不在のため持ち戻り,上尾郵便局\r\n".encode("cp932")
    )
    assert objects(read("--jsonl", str(file))) == [EXPECTED]


def test_what_is_doubtful_is_said_on_standard_error(tmp_path: Path):
    file = tmp_path / "a.txt"
    file.write_text("123-45-67890-1\n11/20 10:00 見知らぬ状態 新宿郵便局\n1234-5678-9012\n", "utf-8")
    result = read("--jsonl", str(file))
    assert objects(result)[0]["state"] == "unknown"
    for word in ("123-45-67890-1", "見知らぬ状態", "1234-5678-9012"):
        assert word in result.stderr


def test_without_jsonl_it_is_a_short_table():
    result = read("-", given=TEXT.encode())
    assert result.stdout.split() == ["123-45-67890-3", "absent", "2026-11-20", "ご不在のため持ち戻り"]


@pytest.mark.parametrize(
    ("content", "name"), [(b"PK\x03\x04broken", "a.xlsx"), (b"\xff\x00\xff\x80", "a.txt"), (None, "missing.txt")]
)
def test_a_file_that_cannot_be_read_ends_with_one_sentence(tmp_path: Path, content, name):
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    result = read("--jsonl", str(file))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_bad_day_ends_with_one_sentence():
    result = CliRunner().invoke(main, ["tracking", "read", "--today", "23.11.2026", "-"], input=b"")
    assert result.exit_code == 2
    assert "YYYY-MM-DD" in result.stderr
