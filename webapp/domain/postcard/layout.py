"""Setting names and addresses into the space they have: vertical columns of cells, and horizontal lines.

Everything is measured here, in em, so that it is known before typesetting whether a text fits, and at which size.
A vertical cell is one em long, a blank half of one, a foreign word as long as its letters, lying on its side.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from webapp.domain.postcard.barcode import fold_width
from webapp.domain.postcard.fontfile import Font, is_variation_selector

POINT_MM = 25.4 / 72
_NUMERALS = dict(zip("0123456789", "〇一二三四五六七八九", strict=True))
_HYPHENS = "-‐‑‒–—―−－﹣⁃"
_NOT_FIRST = frozenset("、。，．・：；？！）」』】〉》〕］｝ーッャュョァィゥェォっゃゅょぁぃぅぇぉヶ々様―")
_NOT_LAST = frozenset("（「『【〈《〔［｛")
_WORD = re.compile(r"[^\W\d_\u2e80-\U0003ffff\uff00-\uffef]+(?:['’.-][^\W\d_\u2e80-\U0003ffff\uff00-\uffef]+)*\.?")
BLANK = 0.5
# One above the other, 一二 would be three strokes at even distances: 三. A little air keeps 12 from being 3.
_STROKES = frozenset("一二三")
_AIR = 0.3


@dataclass(frozen=True)
class Cell:
    """One step of a vertical column: a cluster standing upright, or a word lying on its side; `length` in em.

    `air` is the part of the length that stays blank before the cluster.
    """

    text: str
    length: float = 1.0
    sideways: bool = False
    glued: bool = False
    air: float = 0.0

    @property
    def blank(self) -> bool:
        return not self.text


@dataclass(frozen=True)
class Setting:
    """A text that fits: its size in points and its columns (or lines) in order."""

    points: float
    columns: tuple[tuple[Cell, ...], ...]

    def length(self, place: int) -> float:
        """Return the length of one column in points."""
        return self.points * _length(self.columns[place])


def clusters(text: str) -> list[str]:
    """Split a text into what is printed as one: a character with its variation selector and combining marks."""
    found: list[str] = []
    for sign in text:
        follows = is_variation_selector(sign) or unicodedata.combining(sign)
        if follows and found and found[-1].strip():
            found[-1] += sign
        elif unicodedata.category(sign) != "Cf":
            found.append(sign)
    return found


def cells(text: str, font: Font, numerals: bool = False) -> tuple[Cell, ...]:
    """Turn a text into vertical cells; `numerals` writes arabic digits as kanji and hyphens of numbers as a long bar.

    A blank becomes one blank cell. Words of Latin letters lie on their side, single letters and short capitals stand.
    """
    found: list[Cell] = []
    signs = clusters(text)
    place = 0
    while place < len(signs):
        sign = signs[place]
        narrow = fold_width(sign)
        before = found[-1].text if found else ""
        if sign.isspace():
            if found and not found[-1].blank:
                found.append(Cell("", BLANK))
            place += 1
            continue
        # Looked for only at Latin, Cyrillic and other narrow letters: most signs are none.
        word = _WORD.match("".join(signs[place:])) if sign[0].isalpha() and sign[0] < "\u2e80" else None
        if word and not (len(word.group()) <= 3 and word.group().isascii() and word.group().isupper()):
            count = _cluster_count(signs, place, len(word.group()))
            text_of_word = "".join(signs[place : place + count])
            found.append(Cell(text_of_word, font.width(text_of_word) + 0.1, sideways=True))
            place += count
            continue
        number_before = before in _NUMERALS.values() or before == "―"
        numeral = _NUMERALS.get(narrow, sign) if numerals else sign
        if numerals and numeral in _STROKES and before in _STROKES:
            found.append(Cell(numeral, 1 + _AIR, glued=numeral != sign, air=_AIR))
        elif numeral != sign:
            found.append(Cell(numeral, glued=number_before))
        elif numerals and (narrow in _HYPHENS or (narrow == "ー" and number_before)):
            found.append(Cell("―", glued=True))
        elif len(sign) == 1 and "!" <= sign <= "~":
            found.append(Cell(chr(ord(sign) + 0xFEE0)))
        else:
            found.append(Cell(sign))
        place += 1
    while found and found[-1].blank:
        found.pop()
    return tuple(found)


def _cluster_count(signs: Sequence[str], start: int, length: int) -> int:
    count = 0
    while length > 0:
        length -= len(signs[start + count])
        count += 1
    return count


def missing_glyphs(text: str, fonts: Sequence[Font]) -> tuple[str, ...]:
    """Return the clusters of a text that none of the fonts can print, each once, in order."""
    missing = (sign for sign in clusters(text) if not sign.isspace() and not any(font.covers(sign) for font in fonts))
    return tuple(dict.fromkeys(missing))


def _length(column: Sequence[Cell]) -> float:
    return sum(cell.length for cell in column)


def _can_break(before: Cell, after: Cell) -> bool:
    return not (after.glued or after.text[:1] in _NOT_FIRST or before.text[:1] in _NOT_LAST)


def _wrap(segment: Sequence[Cell], first: float, room: float) -> list[list[Cell]] | None:
    """Break one segment into columns (the first may be shorter); None if a piece is longer than a column."""
    columns: list[list[Cell]] = [[]]
    limit = first
    for cell in segment:
        current = columns[-1]
        if not current or _length(current) + cell.length <= limit:
            current.append(cell)
            continue
        moved = [cell]
        while current and not _can_break(current[-1], moved[0]):
            moved.insert(0, current.pop())
        if not current:
            return None
        limit = room
        columns.append(moved)
    return columns if all(_length(column) <= room + 1e-9 for column in columns) else None


def _segments(row: Sequence[Cell]) -> list[list[Cell]]:
    segments: list[list[Cell]] = [[]]
    for cell in row:
        if cell.blank:
            segments.append([])
        else:
            segments[-1].append(cell)
    return [segment for segment in segments if segment]


def _apart(segments: Sequence[Sequence[Cell]], room: float) -> list[list[Cell]] | None:
    """Set every segment into columns of its own: the address, then the building."""
    columns: list[list[Cell]] = []
    for segment in segments:
        wrapped = _wrap(segment, room, room)
        if wrapped is None:
            return None
        # A column of one or two signs looks like a slip: share the length out.
        if len(wrapped) > 1 and _length(wrapped[-1]) < 3:
            shorter = _wrap(segment, room - 4, room - 4)
            wrapped = shorter if shorter and len(shorter) == len(wrapped) else wrapped
        columns += wrapped
    return columns


def _together(segments: Sequence[Sequence[Cell]], room: float) -> list[list[Cell]] | None:
    """Set the segments one behind the other with a blank between, each whole in a column if it can be."""
    columns: list[list[Cell]] = [[]]
    for segment in segments:
        left = room - _length(columns[-1]) - BLANK
        if columns[-1] and _length(segment) <= left:
            columns[-1] += [Cell("", BLANK), *segment]
            continue
        start = _wrap(segment, left, room) if columns[-1] and left >= 6 and _length(segment) > room else None
        if start:
            columns[-1] += [Cell("", BLANK), *start[0]]
            columns += start[1:]
            continue
        wrapped = _wrap(segment, room, room)
        if wrapped is None:
            return None
        columns += wrapped
    return [column for column in columns if column]


def fit_columns(
    row: Sequence[Cell], length_mm: float, steps: Sequence[tuple[float, int]], joined_first: bool = False
) -> Setting | None:
    """Fit cells into columns of a length by steps of (points, most columns); None if the last step is too small.

    Blanks are where columns end by preference; `joined_first` keeps them in one column as long as there is room.
    """
    segments = _segments(row)
    ways = (_together, _apart) if joined_first else (_apart, _together)
    for points, most in steps:
        room = length_mm / (points * POINT_MM)
        for way in ways:
            columns = way(segments, room)
            if columns is not None and len(columns) <= most:
                return Setting(points, tuple(tuple(column) for column in columns))
    return None


def fit_line(
    text: str, font: Font, width_mm: float, steps: Sequence[tuple[float, int]]
) -> tuple[float, tuple[str, ...]] | None:
    """Fit a horizontal text by steps of (points, most lines), broken at blanks by preference; None if too long."""
    for points, most in steps:
        room = width_mm / (points * POINT_MM)
        lines = _lines(text.strip(), font, room)
        if lines and len(lines) <= most:
            return points, tuple(lines)
    return None


def _lines(text: str, font: Font, room: float) -> list[str]:
    lines, line = [], ""
    for piece in re.findall(r"\s*\S+", text):
        if font.width(line + piece) <= room:
            line += piece
            continue
        if line.strip():
            lines.append(line.strip())
            line = ""
        for sign in clusters(piece.strip()):
            if line and font.width(line + sign) > room:
                lines.append(line)
                line = ""
            line += sign
    return [*lines, line] if line else lines
