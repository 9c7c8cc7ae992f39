"""Workbooks that unpack to more than a machine has: refused before a reader opens them, wherever they come in."""

import ast
import io
import subprocess
import sys

import pytest
import xlsxwriter

from tests import ROOT
from webapp.domain.cards.tracking.files import MOST_CELLS, UnreadableFile, read_file
from webapp.domain.intake.files import open_source
from webapp.domain.parsing.problems import IntakeError

MEBIBYTE = 1 << 20


def workbook(row: int, column: int) -> bytes:
    """A workbook of a heading and one cell far away: some kilobytes, and a rectangle up to that cell."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "お問い合わせ番号")
        sheet.write(row, column, "x")
    return stream.getvalue()


FAR = workbook(1_048_575, 16_383)


def test_a_cell_far_away_is_refused_by_every_reader():
    assert len(FAR) < 20_000
    with pytest.raises(UnreadableFile, match="大きすぎます"):
        read_file(FAR, "追跡.xlsx")
    with pytest.raises(IntakeError, match="大きすぎます"):
        open_source(io.BytesIO(FAR), "登録.xlsx")


def test_a_workbook_at_the_bound_is_read_and_one_row_more_is_not():
    rows = MOST_CELLS // 26
    (table,) = read_file(workbook(rows - 1, 0), "追跡.xlsx")
    assert len(table) == rows
    with pytest.raises(UnreadableFile, match="セルの数"):
        read_file(workbook(rows, 0), "追跡.xlsx")


def test_an_old_workbook_is_refused_by_name():
    with pytest.raises(UnreadableFile, match=r"\.xls"):
        read_file(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), "追跡.xls")


PEAK = """
import sys
from webapp.domain.cards.tracking.files import UnreadableFile, read_file
content = open(sys.argv[1], "rb").read()
try:
    read_file(content, "x.xlsx")
except UnreadableFile:
    pass
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize(("row", "most"), [(1_048_575, 120), (MOST_CELLS // 26 - 1, 400)], ids=["far", "bound"])
def test_reading_stays_within_its_memory(tmp_path, row, most):
    """What a web process or a worker may take for one file; a few of them fit on a small machine."""
    file = tmp_path / "x.xlsx"
    file.write_bytes(workbook(row, 0))
    read = subprocess.run([sys.executable, "-c", PEAK, file], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(read.stdout) * 1024 < most * MEBIBYTE


def test_who_opens_a_workbook_has_looked_through_its_archive():
    """The reader reserves what a file declares; nothing hands it a file that was not measured."""
    readers = {}
    for path in (ROOT / "webapp").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        if "python_calamine" in imported:
            called = {getattr(node.func, "id", "") for node in ast.walk(tree) if isinstance(node, ast.Call)}
            readers[path.name] = "check_archive" in called
    assert readers == {"workbook.py": True, "files.py": True}
