"""What goes to the printer: parts, manifest and cover sheet."""

import csv
import io

import pypdf
import pytest
from python_calamine import CalamineWorkbook

from tests.domain.postcard.cast import SENDER, card
from webapp.domain.postcard.manifest import COLUMNS, ManifestRow, cover_sheet, part_name, write_csv, write_xlsx
from webapp.domain.postcard.press import render_apart
from webapp.domain.postcard.sheet import SheetError

CARDS = [
    card(
        management_number=f"0{n:03}-00001",
        print_number=2 if n == 3 else 1,
        language="en" if n == 1 else "ja",
        postal_code="1000000" if n == 4 else "0650006",
        address="東京都千代田区9-9" if n == 4 else f"札幌市東区北六条東9丁目{n}",
    )
    for n in range(5)
]


def manifest() -> list[ManifestRow]:
    """The rows of these cards in parts of two."""
    return [
        ManifestRow(
            place=place,
            management_number=printed.management_number,
            print_number=printed.print_number,
            file=part_name("2026-11-23-1", (place + 1) // 2),
            outside_page=1 if place % 2 else 3,
            inside_page=2 if place % 2 else 4,
            postal_code=printed.postal_code,
            barcode=printed.postal_code != "1000000",
            language=printed.language,
        )
        for place, printed in enumerate(CARDS, 1)
    ]


def test_a_part_holds_every_card_once_in_order():
    pages = pypdf.PdfReader(io.BytesIO(render_apart(CARDS, SENDER))).pages
    assert len(pages) == 2 * len(CARDS)
    for place, printed in enumerate(CARDS):
        assert printed.management_number in pages[2 * place].extract_text()


def test_a_card_on_hold_stops_the_part_with_its_reason():
    with pytest.raises(SheetError, match="no_usable_address"):
        render_apart([card(address="")], SENDER)


def test_the_manifest_names_file_and_pages_of_each_card_as_text(tmp_path):
    rows = manifest()
    assert write_xlsx(rows, tmp_path / "m.xlsx") == write_csv(rows, tmp_path / "m.csv") == 5
    sheet = CalamineWorkbook.from_path(str(tmp_path / "m.xlsx")).get_sheet_by_index(0).to_python(skip_empty_area=False)
    raw = (tmp_path / "m.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    with (tmp_path / "m.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.reader(file))
    assert sheet == table
    assert table[0] == list(COLUMNS)
    assert table[4] == ["4", "0003-00001", "2", part_name("2026-11-23-1", 2), "3", "4", "0650006", "あり", "ja"]
    assert table[5][-2] == "なし"
    # No name, address, ID or code leaves with it.
    flat = raw.decode()
    for secret in ("佐藤", "札幌", CARDS[0].technician_id, CARDS[0].activation_code):
        assert secret not in flat


def test_the_cover_sheet_counts_what_the_files_hold():
    rows = manifest()
    pdf = cover_sheet("2026-11-23-1", "2026年11月23日", rows, SENDER.name, marks=True)
    flat = "".join(pypdf.PdfReader(io.BytesIO(pdf)).pages[0].extract_text().split())
    expected = [
        "はがき5件",
        "10ページ",
        "3個",
        "バーコードあり4件",
        "バーコードなし1件",
        "日本語と英語1件",
        "再印刷1件",
    ]
    for count in [*expected, "2026-11-23-1-003.pdf1件0004-00001", "200x148mm"]:
        assert count in flat, flat
    assert "佐藤" not in flat
