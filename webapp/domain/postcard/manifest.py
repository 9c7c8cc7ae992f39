"""What goes to the printer beside the PDF parts: a manifest (.xlsx and CSV) and a cover sheet with counts.

The manifest says which card stands on which pages of which file. It carries no name, address, ID or code: the
printer counts and matches by management number alone.
"""

import csv
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import typst
import xlsxwriter

from webapp.domain.postcard.sheet import BLEED, HEIGHT, WIDTH, packaged_fonts

COLUMNS = (
    "通し番号",
    "管理番号",
    "印刷回数",
    "ファイル",
    "外面のページ",
    "中面のページ",
    "郵便番号",
    "バーコード",
    "言語",
)
_COVER = Path(__file__).with_name("cover.typ")


@dataclass(frozen=True)
class ManifestRow:
    """One card in the files of a batch; `place` counts from 1 through the batch, pages from 1 in their file."""

    place: int
    management_number: str
    print_number: int
    file: str
    outside_page: int
    inside_page: int
    postal_code: str
    barcode: bool
    language: str

    def texts(self) -> tuple[str, ...]:
        """Return the row as texts in the order of COLUMNS: a number would lose its leading zeros in a spreadsheet."""
        return (
            str(self.place),
            self.management_number,
            str(self.print_number),
            self.file,
            str(self.outside_page),
            str(self.inside_page),
            self.postal_code,
            "あり" if self.barcode else "なし",
            self.language,
        )


def part_name(batch_number: str, part: int) -> str:
    """Return the file name of one part."""
    return f"{batch_number}-{part:03}.pdf"


def write_xlsx(rows: Iterable[ManifestRow], path: Path, made_at: dt.datetime | None = None) -> int:
    """Write the manifest as a spreadsheet of text cells and return how many rows it has; memory does not grow.

    With `made_at` the same rows give the same bytes.
    """
    count = 0
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        if made_at is not None:
            book.set_properties({"created": made_at.replace(tzinfo=None)})
        text = book.add_format({"num_format": "@"})
        head = book.add_format({"bold": True, "num_format": "@", "bottom": 1})
        sheet = book.add_worksheet("はがき")
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(COLUMNS) - 1, 16, text)
        for column, name in enumerate(COLUMNS):
            sheet.write_string(0, column, name, head)
        for count, row in enumerate(rows, 1):
            for column, value in enumerate(row.texts()):
                sheet.write_string(count, column, value, text)
    return count


def write_csv(rows: Iterable[ManifestRow], path: Path) -> int:
    """Write the manifest as CSV (UTF-8 with BOM, CRLF) and return how many rows it has."""
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in rows:
            writer.writerow(row.texts())
            count += 1
    return count


def cover_sheet(batch_number: str, made_on: str, rows: Iterable[ManifestRow], sender_name: str, marks: bool) -> bytes:
    """Return the cover sheet for the printer as PDF (A4): counts by file, by barcode and language, and the paper.

    `made_on` is the date as it is printed ("2026年11月23日").
    """
    files: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    barcodes: Counter[bool] = Counter()
    reprints = 0
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for row in rows:
        files[row.file] += 1
        languages[row.language] += 1
        barcodes[row.barcode] += 1
        reprints += row.print_number > 1
        first.setdefault(row.file, row.management_number)
        last[row.file] = row.management_number
    total = files.total()
    data = {
        "batch": batch_number,
        "made_on": made_on,
        "sender": sender_name,
        "counts": [
            ["はがき", f"{total:,}件"],
            ["ページ（外面と中面）", f"{2 * total:,}ページ"],
            ["ファイル", f"{len(files):,}個"],
            ["カスタマバーコードあり", f"{barcodes[True]:,}件"],
            ["カスタマバーコードなし", f"{barcodes[False]:,}件"],
            ["日本語だけ", f"{languages['ja']:,}件"],
            ["日本語と英語", f"{languages['en']:,}件"],
            ["うち再印刷", f"{reprints:,}件"],
        ],
        "paper": [
            f"仕上がり {WIDTH:g} x {HEIGHT:g} mm、V折り（折った後 {WIDTH / 2:g} x {HEIGHT:g} mm）",
            f"塗り足し {BLEED:g} mm（PDFのページは {WIDTH + 2 * BLEED:g} x {HEIGHT + 2 * BLEED:g} mm、TrimBox が"
            "仕上がり）",
            "用紙 140-150 g/m²、1通 2-6 g、圧着",
            "トンボと折り線: " + ("塗り足しの中にあり" if marks else "なし"),
            "奇数ページが外面（左: 裏、右: 宛名）、偶数ページが中面（左、右）。ページの順を変えないこと。",
            "拡大・縮小をしないこと（郵便番号枠とカスタマバーコードの寸法が変わるため）。",
        ],
        "files": [[name, f"{count:,}件", first[name], last[name]] for name, count in files.items()],
    }
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    compiler = typst.Compiler(str(_COVER), font_paths=packaged_fonts(), ignore_system_fonts=True)
    return compiler.compile(format="pdf", sys_inputs=inputs)
