"""The tracking number of simplified registered mail (お問い合わせ番号): eleven digits, written NNN-NN-NNNNN-C."""

import re
import unicodedata
from dataclasses import dataclass

from webapp.domain.core.language import N_

# What people and programs write for a hyphen between digits (the inside of a regex class); the long vowel mark ー comes
# from Japanese keyboards.
HYPHENS = "\\-\u00ad\u058a\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2500\u2501\u30fc\ufe58\ufe63\uff0d\uff70"
_POST = "https://trackings.post.japanpost.jp/services/srv/search/direct"
_BETWEEN = re.compile(rf"[\s{HYPHENS}._]+")

NOT_A_NUMBER = N_("お問い合わせ番号は11桁の数字です（例: 123-45-67890-3）。「%(value)s」は番号として読めません。")
CHECK_DIFFERS = N_(
    "お問い合わせ番号 %(number)s の最後の数字が計算と合いません（計算では %(expected)s）。控えと見比べてください。"
)


class NotATrackingNumber(ValueError):
    """A text that is no eleven-digit number; `sentence` and `parameters` say so to a person."""

    def __init__(self, value: str) -> None:
        super().__init__(NOT_A_NUMBER % {"value": value})
        self.sentence = NOT_A_NUMBER
        self.parameters = {"value": value}


def check_digit(first_ten: str) -> int:
    """The check digit of ten digits: the number they make, modulo 7."""
    return int(first_ten) % 7


@dataclass(frozen=True, order=True)
class TrackingNumber:
    """Eleven ASCII digits; `str()` gives NNN-NN-NNNNN-C."""

    digits: str

    def __str__(self) -> str:
        d = self.digits
        return f"{d[:3]}-{d[3:5]}-{d[5:10]}-{d[10]}"

    def address(self, language: str) -> str:
        """Return where the post says how this item stands; its page speaks Japanese and English."""
        return f"{_POST}?reqCodeNo1={self.digits}&searchKind=S004&locale={'en' if language == 'en' else 'ja'}"

    @property
    def check_holds(self) -> bool:
        """Whether the last digit is the check digit. The rule is attested, not official: warn, never refuse."""
        return check_digit(self.digits[:10]) == int(self.digits[10])

    @property
    def warning(self) -> tuple[str, dict[str, str]] | None:
        """A sentence and its parameters when the check digit differs, else None."""
        if self.check_holds:
            return None
        return CHECK_DIFFERS, {"number": str(self), "expected": str(check_digit(self.digits[:10]))}


def parse_number(value: str | int | float) -> TrackingNumber:
    """Read a number as people and spreadsheets write it: full-width digits, any hyphens or blanks, 12345678901.0.

    Raises NotATrackingNumber for anything else, also for 1.23E+10 and for a number that lost its leading zeros: digits
    that are gone are not guessed.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = unicodedata.normalize("NFKC", str(value)).strip()
    digits = _BETWEEN.sub("", text.removesuffix(".0"))
    if len(digits) != 11 or not digits.isascii() or not digits.isdigit():
        raise NotATrackingNumber(str(value))
    return TrackingNumber(digits)
