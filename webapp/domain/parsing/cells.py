"""One cell of an office's table → one value; what cannot be taken raises CellError with a Japanese sentence."""

import re
import unicodedata

from webapp.domain.core.language import N_
from webapp.domain.parsing.problems import CellError

# What no cell may hold: control characters, line and paragraph separators, marks that reverse the direction of
# writing, characters that a damaged encoding leaves behind, halves of surrogate pairs (they come in by JSON only).
UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffc\ufffd\ufffe\uffff\ud800-\udfff]"
)
FORMULA_ERRORS = frozenset(("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"))
_LINE_FEED = re.compile("[\t\r\n]")
_E_NOTATION = re.compile(r"[+-]?\d+(?:\.\d*)?E[+-]?\d+\Z", re.ASCII | re.IGNORECASE)
_POSTAL_CODE = re.compile(r"(\d{3})-?(\d{4})\Z", re.ASCII)
_IDENTIFIER = re.compile(r"[0-9A-Za-z-]{1,20}\Z", re.ASCII)
_APPLICATION_NUMBER = re.compile(r"[!-~]{1,64}\Z", re.ASCII)
_INTEGER = re.compile(r"\d{1,9}\Z", re.ASCII)
_SEMICOLON = re.compile("[;；]")
_SEPARATOR = re.compile("[,，、・･/／\r\n]")
# What spreadsheets written by programs make of a whole number; no digit is lost.
_WHOLE = re.compile(r"(\d{1,15})\.0\Z", re.ASCII)
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−ー─", "-"))
_MOST_ITEMS = 100
_MOST_DAYS = 40_000

DAMAGED = N_(
    "読めない文字が入っています（制御文字か、文字コードの誤り）。その文字を消すか、正しい文字に直してください。"
)
LINE_FEED = N_("改行かタブが入っています。1行に直してください。")
TOO_LONG = N_("長すぎます（%(length)s文字、上限は%(bound)s文字）。短くしてください。")
FORMULA_ERROR = N_("Excel の数式がエラー（%(value)s）になっています。正しい値を入れるか、空にしてください。")
E_NOTATION = N_(
    "Excel が番号を %(value)s に変え、元の数字が失われています。列の書式を「文字列」にして、番号を入れ直してください。"
)
POSTAL_ZERO_LOST = N_("郵便番号が6桁です。先頭の0が消えたようです。7桁で入れ直してください（例: 060-0001）。")
POSTAL_CODE = N_("郵便番号は7桁の数字で書いてください（例: 100-0001）。")
ID_ZERO_LOST = N_("技能者IDが13桁です。先頭の0が消えたようです。14桁で入れ直してください。")
TECHNICIAN_ID = N_("技能者IDは14桁の数字です。番号を確かめてください。")
BUSINESS_ID = N_("事業者IDは20文字までの数字・英字・ハイフンで書いてください。")
APPLICATION_NUMBER = N_("申請番号は64文字までの英数字と記号で、空白を入れずに書いてください。")
DAYS = N_("就業日数は0以上の整数で書いてください（上限は%(bound)s日）。")
LEVEL = N_("レベルは1、2、3、4のどれかです。分からないときは空にしてください。")
CARD = N_("カードは、2枚目のカードを作るときだけ1を入れ、ほかは空にしてください。")
LANGUAGE = N_("言語「%(value)s」のお知らせはまだありません。日本語（ja）で送ります。")
TOO_MANY = N_("値が多すぎます（%(count)s個、上限は%(bound)s個）。")


def fold(text: str) -> str:
    """The cell in ASCII width with one kind of hyphen: for codes and numbers only, never for names."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_DASHES).strip()


def fold_number(text: str) -> str:
    """As `fold`, and a whole number that a program wrote as 12345678901234.0 without its `.0`."""
    folded = fold(text)
    match = _WHOLE.match(folded)
    return match[1] if match else folded


def refuse_e_notation(text: str) -> None:
    """Raise CellError for 1.23457E+13: Excel has thrown digits away, so nothing can be recovered."""
    if _E_NOTATION.match(text):
        raise CellError(E_NOTATION, value=text)


def check_text(text: str, most: int, *, one_line: bool) -> str:
    """The text exactly as it is, if it is at most `most` characters; a name (`one_line`) has no line feed or tab."""
    if len(text) > most:
        raise CellError(TOO_LONG, length=len(text), bound=most)
    if one_line and not text.isprintable() and _LINE_FEED.search(text):
        raise CellError(LINE_FEED)
    return text


def parse_application_number(text: str) -> str:
    """An opaque string of visible ASCII, 1-64 characters; full width is folded, since it is a code."""
    text = fold(text)
    if not _APPLICATION_NUMBER.match(text):
        raise CellError(APPLICATION_NUMBER)
    refuse_e_notation(text)
    return text


def parse_technician_id(text: str) -> str:
    """14 digits; blanks and hyphens that people put between groups are left out."""
    if not (len(text) == 14 and text.isascii() and text.isdigit()):
        text = fold_number(text)
        refuse_e_notation(text)
        text = "".join(text.split()).replace("-", "")
        if not (text.isascii() and text.isdigit()) or len(text) not in (13, 14):
            raise CellError(TECHNICIAN_ID)
        if len(text) == 13:
            raise CellError(ID_ZERO_LOST)
    return text


def parse_business_id(text: str) -> str:
    """1-20 ASCII letters, digits and hyphens, case kept.

    CCUS gives 14 digits, but the files of other systems carry their own numbers too, so no length is demanded and
    a lost zero shows itself as an unknown business.
    """
    text = fold_number(text)
    if not _IDENTIFIER.match(text):
        refuse_e_notation(text)
        raise CellError(BUSINESS_ID)
    refuse_e_notation(text)
    return text


def parse_postal_code(text: str) -> str:
    """Seven digits without the hyphen; a leading 〒 and blanks are left out. Six digits are a lost leading zero."""
    match = _POSTAL_CODE.match(text)
    if match is None:
        text = "".join(fold_number(text).split()).removeprefix("〒")
        refuse_e_notation(text)
        match = _POSTAL_CODE.match(text)
        if match is None:
            digits = text.replace("-", "")
            raise CellError(POSTAL_ZERO_LOST if len(digits) == 6 and digits.isdecimal() else POSTAL_CODE)
    return match[1] + match[2]


def parse_days_worked(text: str) -> int:
    """就業日数: a whole number of days from 0 to 40,000; `1,234` and `120日` are understood."""
    text = fold_number(text).removesuffix("日").strip().replace(",", "")
    if not _INTEGER.match(text) or int(text) > _MOST_DAYS:
        raise CellError(DAYS, bound=f"{_MOST_DAYS:,}")
    return int(text)


def parse_level(text: str) -> int:
    """レベル: 1 to 4, the four levels of the skill card; `レベル2` is understood."""
    text = fold_number(text)
    if not text.isascii():
        text = text.replace("-", "ー").removeprefix("レベル").strip()
    if text not in ("1", "2", "3", "4"):
        raise CellError(LEVEL)
    return int(text)


def parse_card(text: str) -> bool:
    """カード: 1 asks for a second card, empty and 0 do not."""
    if not text:
        return False
    text = fold_number(text)
    if text not in ("0", "1"):
        raise CellError(CARD)
    return text == "1"


def parse_language(text: str) -> str | None:
    """`ja` or `en` (also 日本語, 英語, en-US); empty is `ja`; None for any other, which is then told in Japanese."""
    if text in ("ja", "en"):
        return text
    if not text:
        return "ja"
    word = fold(text).casefold()
    if word in ("日本語", "japanese") or word == "ja" or word.startswith(("ja-", "ja_")):
        return "ja"
    if word in ("英語", "english") or word == "en" or word.startswith(("en-", "en_")):
        return "en"
    return None


def parse_list(text: str, most: int) -> tuple[str, ...]:
    """Values between ; or, in a cell without it, between , 、 ・ / (any width) and line breaks.

    Each as it came without blanks around it, empty and repeated ones left out.
    """
    if not text:
        return ()
    separator = _SEMICOLON if _SEMICOLON.search(text) else _SEPARATOR
    values = tuple(dict.fromkeys(value for part in separator.split(text) if (value := part.strip())))
    if len(values) > _MOST_ITEMS:
        raise CellError(TOO_MANY, count=len(values), bound=_MOST_ITEMS)
    for value in values:
        check_text(value, most, one_line=True)
    return values
