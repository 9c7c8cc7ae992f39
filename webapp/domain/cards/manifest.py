"""The manifest of cards to be made: .xlsx with text cells, or CSV with BOM; addresses checked like a postcard's."""

import csv
import io
from collections.abc import Sequence

import xlsxwriter

from webapp.domain.cards.actions import ToMake
from webapp.domain.parsing.injection import guard
from webapp.domain.postcard.address import SENTENCES, parse_address

COLUMNS = ("申請番号", "技能者ID", "券面の氏名", "フリガナ", "送付先氏名", "送付先郵便番号", "送付先住所", "住所の点検")
# A maker sends this list back with both columns filled in; it is then the list of what was posted.
BLANK_COLUMNS = ("お問い合わせ番号", "引受日")
_WIDTHS = (18, 18, 18, 22, 18, 12, 60, 50, 18, 14)


def rows_of(cards: Sequence[ToMake]) -> list[tuple[str, ...]]:
    """Return the rows of the manifest; names and addresses exactly as they came."""
    rows = []
    for card in cards:
        checked = parse_address(card.delivery.postal_code, card.delivery.address)
        said = " ／ ".join(SENTENCES[rule] for rule in checked.findings)
        rows.append(
            (
                card.application_number,
                card.technician_id,
                card.name,
                card.name_kana,
                card.delivery.name,
                checked.postal_code,
                card.delivery.address,
                said,
            )
        )
    return rows


def as_csv(cards: Sequence[ToMake]) -> bytes:
    """Return the manifest as CSV, UTF-8 with BOM; cells that a spreadsheet would run are made harmless."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow((*COLUMNS, *BLANK_COLUMNS))
    writer.writerows([*map(guard, row), "", ""] for row in rows_of(cards))
    return "\ufeff".encode() + text.getvalue().encode()


def as_xlsx(cards: Sequence[ToMake]) -> bytes:
    """Return the manifest as .xlsx, every cell a text: no lost zeros, no 1.23E+13, no formula."""
    content = io.BytesIO()
    options = {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(content, options) as book:
        text = book.add_format({"num_format": "@"})
        sheet = book.add_worksheet("cards")
        sheet.freeze_panes(1, 0)
        for column, width in enumerate(_WIDTHS):
            sheet.set_column(column, column, width, text)
        for line, row in enumerate([(*COLUMNS, *BLANK_COLUMNS), *rows_of(cards)]):
            for column, value in enumerate(row):
                sheet.write_string(line, column, value, text)
    return content.getvalue()
