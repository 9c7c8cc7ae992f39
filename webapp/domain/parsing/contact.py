"""E-mail addresses and telephone numbers as they stand in the tables of offices."""

import re
import unicodedata

from webapp.domain.core.language import N_
from webapp.domain.parsing.cells import fold, refuse_e_notation
from webapp.domain.parsing.problems import CellError

_DOMAIN = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)"
# Dots may stand anywhere in the local part: old docomo and au addresses (a..b@, a.@) break RFC 5321 and are in use.
_ADDRESS = re.compile(r"([a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64})@(" + _DOMAIN + r")\Z", re.ASCII | re.IGNORECASE)
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}\Z", re.ASCII | re.IGNORECASE)
_ASCII_DOMAIN = re.compile(_DOMAIN + r"\Z", re.ASCII | re.IGNORECASE)
_MOST = 254
_MOST_DOMAIN = 253
_DOTS = str.maketrans("。．｡", "...")

_TELEPHONE = re.compile(r"0\d{9,10}\Z", re.ASCII)
_ABROAD = re.compile(r"\+\d{7,15}\Z", re.ASCII)
_ZERO_LOST = re.compile(r"[1-9]\d{8}\Z|[789]0\d{8}\Z", re.ASCII)
_PUNCTUATION = str.maketrans("", "", " \t-()./")

NOT_AN_ADDRESS = N_(
    "メールアドレスとして読めません。「名前@example.jp」の形で1つだけ書いてください。ないときは空にしてください。"
)
SEVERAL_ADDRESSES = N_("メールアドレスが2つ以上あります。1つだけ書いてください。")
ADDRESS_TOO_LONG = N_("メールアドレスが長すぎます（@の前は64文字、全体は254文字まで）。")
INVISIBLE_SIGN = N_("メールアドレスに目に見えない文字が入っています。入力し直してください。")
NOT_ASCII = N_("メールアドレスの@の前は半角の英数字と記号で書いてください。")
NOT_A_DOMAIN = N_("メールアドレスの@の後（%(domain)s）が正しくありません。つづりを確かめてください。")
NOT_A_TELEPHONE = N_("電話番号として読めません。市外局番から、数字とハイフンで書いてください（例: 03-1234-5678）。")
TELEPHONE_ZERO_LOST = N_("電話番号の先頭の0が消えたようです。0から入れ直してください。")


def parse_email(text: str) -> str:
    """An address as it came, case kept; full width is folded, since no mail server knows it.

    The local part is what RFC 5321 calls a dot-string, but with dots anywhere; written between quotation marks it
    loses them if it can stand without. The domain is a name with a dot, IDN allowed and kept as written; no
    address literal. At most 64 octets before the @ and 254 in all (RFC 5321, 4.5.3.1). Raises CellError.
    """
    if len(text) > 2 * _MOST:
        raise CellError(ADDRESS_TOO_LONG)
    if len(text) <= _MOST and _ADDRESS.match(text):
        return text
    if any(unicodedata.category(sign) == "Cf" for sign in text):
        raise CellError(INVISIBLE_SIGN)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_DOTS).strip()
    if text[:1] == "<" and text[-1:] == ">":
        text = text[1:-1]
    if text.lower().startswith("mailto:"):
        text = text[7:]
    if text.count("@") > 1:
        raise CellError(SEVERAL_ADDRESSES)
    local, at, domain = text.rpartition("@")
    if len(local) > 2 and local[0] == local[-1] == '"':
        local = local[1:-1]
    if not at or not local or not domain:
        raise CellError(NOT_AN_ADDRESS)
    if len(local) > 64 or len(text.encode("utf-8", "replace")) > _MOST:
        raise CellError(ADDRESS_TOO_LONG)
    if not local.isascii():
        raise CellError(NOT_ASCII)
    if not _LOCAL.match(local):
        raise CellError(NOT_AN_ADDRESS)
    _check_domain(domain)
    return f"{local}@{domain}"


def _check_domain(domain: str) -> None:
    try:
        name = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise CellError(NOT_A_DOMAIN, domain=domain) from None
    if len(name) > _MOST_DOMAIN or not _ASCII_DOMAIN.match(name):
        raise CellError(NOT_A_DOMAIN, domain=domain)


def parse_telephone(text: str) -> str:
    """A telephone number in ASCII, its hyphens kept: 10 or 11 digits from 0, or + and 7-15 digits from abroad.

    Nine digits, or ten from 70, 80 or 90, are a number whose leading zero was lost. Raises CellError.
    """
    text = fold(text[:_MOST])
    refuse_e_notation(text)
    digits = text.translate(_PUNCTUATION)
    if _TELEPHONE.match(digits) or _ABROAD.match(digits):
        return text
    raise CellError(TELEPHONE_ZERO_LOST if _ZERO_LOST.match(digits) else NOT_A_TELEPHONE)
