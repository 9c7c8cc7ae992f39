"""What a packaged font can print: its characters (cmap) and their widths (hmtx), read from the font file.

Only the tables that are asked for here are read (OpenType 1.9: cmap formats 4, 12 and 14, hhea, hmtx, head), so that
a name is known to print, and to fit, before anything is typeset.
"""

import struct
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pylopdf_fonts_jp


@dataclass(frozen=True)
class Font:
    """Characters of one font, their advance widths in em, and its ideographic variation sequences."""

    glyphs: dict[int, int]
    advances: tuple[int, ...]
    units: int
    variations: frozenset[tuple[int, int]]

    def covers(self, cluster: str) -> bool:
        """Whether each character of a cluster has a glyph, and each variation selector its variant."""
        for place, sign in enumerate(cluster):
            if is_variation_selector(sign):
                if place == 0 or (ord(cluster[place - 1]), ord(sign)) not in self.variations:
                    return False
            elif ord(sign) not in self.glyphs and unicodedata.category(sign) != "Cf":
                return False
        return True

    def width(self, text: str) -> float:
        """Return the width of a horizontal line in em, without kerning."""
        last = len(self.advances) - 1
        total = 0
        for sign in text:
            glyph = self.glyphs.get(ord(sign))
            if glyph is not None and not is_variation_selector(sign) and not unicodedata.combining(sign):
                total += self.advances[min(glyph, last)]
        return total / self.units


def is_variation_selector(sign: str) -> bool:
    """Whether a character only chooses the form of the one before it."""
    return 0xFE00 <= ord(sign) <= 0xFE0F or 0xE0100 <= ord(sign) <= 0xE01EF


def _tables(data: bytes) -> dict[str, int]:
    (count,) = struct.unpack_from(">H", data, 4)
    records = (struct.unpack_from(">4sIII", data, 12 + 16 * place) for place in range(count))
    return {tag.decode("ascii"): offset for tag, _, offset, _ in records}


def _segments(data: bytes, at: int) -> dict[int, int]:
    """Read a cmap subtable of format 4: ranges of the first plane."""
    (double,) = struct.unpack_from(">H", data, at + 6)
    count = double // 2
    ends = struct.unpack_from(f">{count}H", data, at + 14)
    starts = struct.unpack_from(f">{count}H", data, at + 16 + double)
    deltas = struct.unpack_from(f">{count}H", data, at + 16 + 2 * double)
    ranges_at = at + 16 + 3 * double
    glyphs: dict[int, int] = {}
    for place in range(count):
        (offset,) = struct.unpack_from(">H", data, ranges_at + 2 * place)
        for code in range(starts[place], min(ends[place], 0xFFFE) + 1):
            glyph = code
            if offset:
                (glyph,) = struct.unpack_from(">H", data, ranges_at + 2 * place + offset + 2 * (code - starts[place]))
                if not glyph:
                    continue
            glyphs[code] = (glyph + deltas[place]) & 0xFFFF
    return glyphs


def _groups(data: bytes, at: int) -> dict[int, int]:
    """Read a cmap subtable of format 12: groups of all planes."""
    (count,) = struct.unpack_from(">I", data, at + 12)
    glyphs: dict[int, int] = {}
    for place in range(count):
        first, last, glyph = struct.unpack_from(">III", data, at + 16 + 12 * place)
        glyphs.update(zip(range(first, last + 1), range(glyph, glyph + last - first + 1), strict=True))
    return glyphs


def _variations(data: bytes, at: int) -> set[tuple[int, int]]:
    """Read a cmap subtable of format 14: which (character, selector) pairs the font knows."""
    (count,) = struct.unpack_from(">I", data, at + 6)
    found: set[tuple[int, int]] = set()
    for place in range(count):
        record = data[at + 10 + 11 * place : at + 21 + 11 * place]
        selector = int.from_bytes(record[:3], "big")
        default, other = struct.unpack(">II", record[3:])
        if default:
            (ranges,) = struct.unpack_from(">I", data, at + default)
            for index in range(ranges):
                entry = at + default + 4 + 4 * index
                first = int.from_bytes(data[entry : entry + 3], "big")
                found.update((code, selector) for code in range(first, first + data[entry + 3] + 1))
        if other:
            (mappings,) = struct.unpack_from(">I", data, at + other)
            for index in range(mappings):
                entry = at + other + 4 + 5 * index
                found.add((int.from_bytes(data[entry : entry + 3], "big"), selector))
    return found


def read_font(path: Path) -> Font:
    """Read a font file (OpenType, one face)."""
    data = path.read_bytes()
    tables = _tables(data)
    cmap = tables["cmap"]
    (count,) = struct.unpack_from(">H", data, cmap + 2)
    glyphs: dict[int, int] = {}
    variations: set[tuple[int, int]] = set()
    offsets = {struct.unpack_from(">HHI", data, cmap + 4 + 8 * place)[2] for place in range(count)}
    for offset in offsets:
        (form,) = struct.unpack_from(">H", data, cmap + offset)
        if form == 4:
            glyphs.update(_segments(data, cmap + offset))
        elif form == 12:
            glyphs.update(_groups(data, cmap + offset))
        elif form == 14:
            variations.update(_variations(data, cmap + offset))
    (units,) = struct.unpack_from(">H", data, tables["head"] + 18)
    (metrics,) = struct.unpack_from(">H", data, tables["hhea"] + 34)
    advances = struct.unpack_from(f">{2 * metrics}H", data, tables["hmtx"])[::2]
    return Font({code: glyph for code, glyph in glyphs.items() if glyph}, advances, units, frozenset(variations))


@cache
def serif() -> Font:
    """The font of names and addresses."""
    return read_font(pylopdf_fonts_jp.serif_path())


@cache
def sans() -> Font:
    """The font of everything else."""
    return read_font(pylopdf_fonts_jp.sans_path())
