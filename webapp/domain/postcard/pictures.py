"""Barcodes and QR codes as small SVG pictures, which typst lays on the sheet as vectors."""

import re
from functools import lru_cache
from typing import Any

import segno

from webapp.domain.postcard.barcode import BAR_COUNT, Geometry

_RUN = re.compile("1+")
# One mask for all: choosing the best one takes longer than typesetting the card, and readers take any.
_QR: dict[str, Any] = {"error": "m", "mask": 2, "mode": "byte", "boost_error": False, "micro": False}


def bars_picture(bars: str, geometry: Geometry) -> str:
    """Return the customer barcode of 67 bars as SVG, one unit a mm."""
    drawn = _drawn_bars(geometry)
    path = "".join(drawn[state][place] for place, state in enumerate(bars))
    return _svg(f"{geometry.width:.2f}", f"{geometry.height:.2f}", path)


@lru_cache(maxsize=4)
def _drawn_bars(geometry: Geometry) -> dict[str, tuple[str, ...]]:
    """Return the path of a bar in each state at each place: all that a symbol can be put together from."""
    return {
        state: tuple(
            f"M{x:.2f} {y:.2f}h{width:.2f}v{tall:.2f}h-{width:.2f}z"
            for x, y, width, tall in geometry.rectangles(state * BAR_COUNT)
        )
        for state in "1234"
    }


def _svg(width: str, height: str, path: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><path d="{path}"/></svg>'


def _modules(content: bytes) -> tuple[int, int]:
    """Return the size of a QR code and its modules as one number, the first module in the highest bit."""
    matrix = segno.make(content, **_QR).matrix
    return len(matrix), int("".join("1" if dark else "0" for row in matrix for dark in row), 2)


@lru_cache(maxsize=4)
def _family(length: int) -> tuple[int, int, tuple[int, ...]]:
    """Return size, the QR code of `length` zero bytes, and what each bit of the content changes in it.

    With version and mask fixed, every module is a sum (XOR) of content bits: the error correction is linear. So the
    code of any text of this length is put together from these, eight times faster than encoding it anew.
    """
    size, base = _modules(bytes(length))
    changes = (
        _modules(bytes(place) + bytes([1 << bit]) + bytes(length - place - 1))[1] ^ base
        for place in range(length)
        for bit in range(8)
    )
    return size, base, tuple(changes)


@lru_cache(maxsize=16_384)
def _change(length: int, place: int, byte: int) -> int:
    changes = _family(length)[2]
    total = 0
    for bit in range(8):
        if byte >> bit & 1:
            total ^= changes[8 * place + bit]
    return total


def qr_modules(text: str, many: bool = False) -> tuple[str, ...]:
    """Return the rows of a QR code (level M, no quiet zone) as texts of 0 and 1.

    `many` prepares for a whole part of texts of the same length, which pays from about a hundred on.
    """
    content = text.encode()
    if many:
        size, modules, _ = _family(len(content))
        for place, byte in enumerate(content):
            modules ^= _change(len(content), place, byte)
    else:
        size, modules = _modules(content)
    flat = f"{modules:0{size * size}b}"
    return tuple(flat[at : at + size] for at in range(0, size * size, size))


def qr_picture(text: str, many: bool = False) -> str:
    """Return a QR code as SVG, one unit a module, without its quiet zone (4 modules, which the sheet leaves blank)."""
    rows = qr_modules(text, many)
    path = "".join(f"M0 {y}{_drawn_row(row)}" for y, row in enumerate(rows))
    return _svg(str(len(rows)), str(len(rows)), path)


@lru_cache(maxsize=16_384)
def _drawn_row(row: str) -> str:
    """Return the path of a row of modules from its beginning; many rows of many codes are alike."""
    path, at = [], 0
    for run in _RUN.finditer(row):
        start, end = run.span()
        path.append(f"m{start - at} 0h{end - start}v1h{start - end}z")
        at = start
    return "".join(path)
