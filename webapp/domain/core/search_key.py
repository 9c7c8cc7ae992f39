"""Folding of names, kana and numbers for the search key; what is kept and shown is never folded."""

import re
import unicodedata

_HYPHENS = "-\u00ad\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2500\u30fc\ufe58\ufe63\uff0d"
_TO_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)} | {0x309D: 0x30FD, 0x309E: 0x30FE}
_AFTER_KANA = re.compile(f"(?<=[\u30a1-\u30fa\u30fc])[{_HYPHENS}]")
_DROPPED = re.compile(r"[\s\u200b\ufeff" + _HYPHENS.replace("\u30fc", "").replace("-", r"\-") + "]+")


def fold_search_key(text: str) -> str:
    """One spelling for what people would type for the same name or number.

    Width (NFKC), kana (hiragana and half-width to katakana), case, blanks and hyphens are levelled; a hyphen
    typed after a kana is the long-vowel mark. Kanji variants merge only as far as NFKC merges them. The result is
    idempotent: folding it again changes nothing, so a stored key can be compared with a folded question.
    """
    if text.isascii():
        return _DROPPED.sub("", text.casefold()) if not text.isalnum() else text.casefold()
    folded = _fold_once(text)
    # What is dropped can stand between a letter and its mark (r, hyphen, cedilla), which then compose.
    while not unicodedata.is_normalized("NFKC", folded):
        folded = _fold_once(folded)
    return folded


def _fold_once(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    # casefold can undo what NFKC composed for a few letters, so it is composed once more
    folded = unicodedata.normalize("NFKC", folded).translate(_TO_KATAKANA)
    folded = "".join(folded.split())
    return _DROPPED.sub("", _AFTER_KANA.sub("\u30fc", folded))


_LARGE = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")
_VOWELS = {
    kana: vowel
    for vowel, row in (
        ("ア", "アカサタナハマヤラワガザダバパ"),
        ("イ", "イキシチニヒミリギジヂビピ"),
        ("ウ", "ウクスツヌフムユルグズヅブプヴ"),
        ("エ", "エケセテネヘメレゲゼデベペ"),
        ("オ", "オコソトノホモヨロヲゴゾドボポ"),
    )
    for kana in row
}


def fold_kana_of_person(key: str) -> str:
    """A key of kana for asking if two are one name: シヨウ = ショウ, オーノ = オオノ, ヴァン・アン = ヴァンアン."""
    large = key.translate(_LARGE).replace("・", "").replace("･", "")
    folded = ""
    for kana in large:
        folded += _VOWELS.get(folded[-1:], kana) if kana == "ー" else kana
    return folded
