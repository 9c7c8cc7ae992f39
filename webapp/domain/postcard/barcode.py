"""The customer barcode of Japan Post (カスタマバーコード): address digits, codes, check, bars and their sizes.

Source of the rules: Japan Post, "郵便番号・バーコードマニュアル" (extraction of the address digits, code table,
modulus-19 check, bar sizes). What part of an address stands behind the town is found in `address.py`.
"""

import re
from dataclasses import dataclass

POSTAL_CODE_LENGTH = 7
ADDRESS_CODES = 13
PADDING = "CC4"
MODULUS = 19
BAR_COUNT = 67

# 1 long, 2 upper semi-long, 3 lower semi-long, 4 timing.
BARS = {
    "0": "144",
    "1": "114",
    "2": "132",
    "3": "312",
    "4": "123",
    "5": "141",
    "6": "321",
    "7": "213",
    "8": "231",
    "9": "411",
    "-": "414",
    "CC1": "324",
    "CC2": "342",
    "CC3": "234",
    "CC4": "432",
    "CC5": "243",
    "CC6": "423",
    "CC7": "441",
    "CC8": "111",
}
START, STOP = "13", "31"
# The check value of a code is its place in the table: digits 0-9, hyphen 10, CC1-CC8 11-18.
CODES = tuple(BARS)
VALUES = {code: value for value, code in enumerate(CODES)}

_WIDTH = {0xFF01 + offset: 0x21 + offset for offset in range(94)} | {0x3000: " ", 0xFF65: "・"}
_FORMS = dict.fromkeys(map(ord, "‐‑‒–—―−－﹣⁃─━╴ー\uff70"), "-") | {0xFF89: "ノ"}
_REMOVED = str.maketrans("", "", "&/・.")
_NUMERALS = "〇零一二三四五六七八九"
_UNITS = {"十": 10, "百": 100, "千": 1000}
_KANJI_NUMBER = re.compile(f"[{_NUMERALS}{''.join(_UNITS)}]+")
# Kanji numerals are digits only when one of these follows directly.
_COUNTED = re.compile("丁目|丁|番地|番|号|地割|線|の|ノ")
_FLOOR = re.compile(r"(?<=[0-9])F(?![A-Z])")
_WORD = re.compile(r"[A-Z]{2,}")
_OTHER = re.compile(r"[^0-9A-Z]+")
_BESIDE_LETTER = re.compile(r"(?<=[A-Z])-|-(?=[A-Z])")


def fold_width(text: str) -> str:
    """Return the text with full-width letters, digits and signs made narrow, one character for one."""
    return text.translate(_WIDTH)


def kanji_number(numeral: str) -> str | None:
    """Return a kanji numeral as arabic digits ("二十一" → "21", "二〇三" → "203"), None if it is not a number."""
    if not any(sign in _UNITS for sign in numeral):
        return "".join(str(max(_NUMERALS.index(sign) - 1, 0)) for sign in numeral)
    total, digit, last_unit = 0, None, 10_000
    for sign in numeral:
        if sign in _UNITS:
            unit = _UNITS[sign]
            if unit >= last_unit or digit == 0:
                return None
            total, digit, last_unit = total + (digit or 1) * unit, None, unit
        elif digit is not None:
            return None
        else:
            digit = max(_NUMERALS.index(sign) - 1, 0)
    return str(total + (digit or 0))


def _counted_number(match: re.Match[str]) -> str:
    if not _COUNTED.match(match.string, match.end()):
        return "-"
    number = kanji_number(match.group())
    if number is None:
        return "-"
    # "3二号" are two numbers, never thirty-two.
    touching = match.start() > 0 and match.string[match.start() - 1].isdecimal()
    return f"-{number}" if touching else number


def extract_digits(behind_town: str) -> str:
    """Return the address digits of the part behind the town (抜き出し法), before the cut to 13 codes.

    The result holds 0-9, A-Z and single hyphens, none at either end and none beside a letter; "" if there is nothing.
    """
    text = fold_width(behind_town).upper().translate(_REMOVED).translate(_FORMS)
    text = _KANJI_NUMBER.sub(_counted_number, text)
    text = _WORD.sub("-", text)
    text = _FLOOR.sub("-", text)
    text = _OTHER.sub("-", text).strip("-")
    return _BESIDE_LETTER.sub("", text)


def encode_digits(digits: str) -> tuple[str, ...]:
    """Return the thirteen codes of extracted digits: letters take two codes, the rest is cut or filled with CC4.

    A letter whose control code falls on the 13th place keeps it and loses its digit. ValueError for any sign but
    digits, hyphens and the letters A to Z.
    """
    codes: list[str] = []
    for sign in digits:
        if sign in BARS:
            codes.append(sign)
        else:
            group, place = divmod(ord(sign) - ord("A"), 10)
            if not sign.isascii() or not 0 <= group <= 2:
                raise ValueError(f"not a sign of address digits: {sign!r}")
            codes += [f"CC{group + 1}", str(place)]
    return tuple((codes + [PADDING] * ADDRESS_CODES)[:ADDRESS_CODES])


def check_code(codes: tuple[str, ...]) -> str:
    """Return the code that makes the sum of the 20 codes and itself a multiple of 19."""
    return CODES[-sum(VALUES[code] for code in codes) % MODULUS]


@dataclass(frozen=True)
class Barcode:
    """One symbol: the digits before the cut, the 20 codes, the check code and the 67 bars (digits 1-4)."""

    digits: str
    codes: tuple[str, ...]
    check: str
    bars: str


def make_barcode(postal_code: str, digits: str) -> Barcode:
    """Build the symbol of a postal code (7 digits, no hyphen) and extracted address digits ("" for an office code).

    ValueError when either has another shape.
    """
    if len(postal_code) != POSTAL_CODE_LENGTH or not (postal_code.isascii() and postal_code.isdecimal()):
        raise ValueError(f"not a postal code of 7 digits: {postal_code!r}")
    codes = (*postal_code, *encode_digits(digits))
    check = check_code(codes)
    bars = START + "".join(BARS[code] for code in (*codes, check)) + STOP
    return Barcode(digits, codes, check, bars)


@dataclass(frozen=True)
class Geometry:
    """Sizes of the symbol in mm for a point size from 8 to 11.5 (scale a/10)."""

    points: float = 9.0

    def __post_init__(self) -> None:
        if not 8 <= self.points <= 11.5:
            raise ValueError("the point size of a customer barcode is from 8 to 11.5")

    @property
    def pitch(self) -> float:
        return 1.2 * self.points / 10

    @property
    def bar(self) -> float:
        return 0.6 * self.points / 10

    @property
    def height(self) -> float:
        """Height of a long bar."""
        return 3.6 * self.points / 10

    @property
    def timing(self) -> float:
        """Height of a timing bar, which stands in the middle third."""
        return 1.2 * self.points / 10

    @property
    def width(self) -> float:
        return (BAR_COUNT - 1) * self.pitch + self.bar

    def rectangles(self, bars: str) -> tuple[tuple[float, float, float, float], ...]:
        """Return (x, y, width, height) of each bar in mm from the upper left corner of the symbol."""
        semi = (self.height + self.timing) / 2
        top = {"1": 0.0, "2": 0.0, "3": self.height - semi, "4": (self.height - self.timing) / 2}
        tall = {"1": self.height, "2": semi, "3": semi, "4": self.timing}
        return tuple((place * self.pitch, top[state], self.bar, tall[state]) for place, state in enumerate(bars))
