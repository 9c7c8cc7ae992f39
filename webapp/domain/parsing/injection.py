"""Cells that a spreadsheet would run as a formula: made harmless in a CSV, and given back exactly.

A CSV has no text cells: Excel runs `=…`, `+…`, `-…` and `@…` even within quotation marks. The rejects file
therefore puts an apostrophe before such a cell, and the import takes it away again, but only from a file that has
both columns 行 and 理由, which is how a rejects file is known. Both steps together change nothing: a cell that
already begins with apostrophes before such a character gets, and loses, one more. An .xlsx needs none of this: its
cells are written as text. (Rule: OWASP, CSV Injection.)
"""

import re

_RISKY = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
_GUARDED = re.compile("''*[=+\\-@\t\r\n＝＋－＠]")


def guard(cell: str) -> str:
    """The cell as it may stand in a CSV that somebody opens in Excel."""
    return "'" + cell if _RISKY.match(cell) else cell


def unguard(cell: str) -> str:
    """What `guard` was given; a cell that was not guarded stays as it is."""
    return cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) else cell
