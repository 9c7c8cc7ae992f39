"""Which passwords are refused: short ones, common ones, and those made of what is known of the person.

No rule of composition: those make people write `Password1!`. The words of `common_passwords.txt` stand for the many
passwords made from them by a capital, digits, signs and look-alikes (NIST SP 800-63B, 3.1.1.2 asks for such a list).
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

from webapp.domain.core.language import N_

SHORTEST = 8
LONGEST = 200  # argon2 takes any length, but nobody types more, and a request should not make us hash a megabyte

TOO_SHORT = N_("パスワードは8文字以上にしてください。15文字以上をおすすめします。")
TOO_LONG = N_("パスワードは200文字以下にしてください。")
TOO_COMMON = N_("よく使われるパスワードなので、推測されやすく使えません。ほかの言葉の組み合わせにしてください。")
TOO_PERSONAL = N_("ID、氏名、生年月日などから推測できるパスワードは使えません。ほかの言葉の組み合わせにしてください。")

_LOOK_ALIKE = str.maketrans("@4310!$57", "aaeloisst")
_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz", "1qaz2wsx3edc4rfv5tgb6yhn")
_LEAST_PERSONAL = 4


class PasswordError(ValueError):
    """A password that is refused; `sentence` says why."""

    def __init__(self, sentence: str):
        super().__init__(sentence)
        self.sentence = sentence


def check(password: str, about: tuple[str, ...] = ()) -> None:
    """Raise PasswordError for a password that is too short, too common, or made of one of the words `about` somebody.

    `about` holds IDs, names, birth dates (19850401) as they are known; blanks and hyphens in them do not matter.
    """
    if len(password) < SHORTEST:
        raise PasswordError(TOO_SHORT)
    if len(password) > LONGEST:
        raise PasswordError(TOO_LONG)
    if is_common(password):
        raise PasswordError(TOO_COMMON)
    if is_personal(password, about):
        raise PasswordError(TOO_PERSONAL)


def is_common(password: str) -> bool:
    """Return whether a password is a word of the list, a run of keys or one thing repeated, give or take decoration."""
    plain = _plain(password)
    if len(set(plain)) <= 2 or _is_run(plain) or _is_repeated(plain):
        return True
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    decoration = len(plain) - len(core)
    # What stands around a common word does not help; a long remainder is a password of its own.
    for form in (core, core.translate(_LOOK_ALIKE)):
        if decoration <= 6 and (form in _words() or _is_repeated(form) or (len(form) > 3 and _is_run(form))):
            return True
        if decoration <= 4 and _two_words(form):
            return True
    if plain in _words() or plain.translate(_LOOK_ALIKE) in _words():
        return True
    return bool(re.fullmatch(r"(19|20)\d\d[-/.]?[01]?\d[-/.]?[0-3]?\d", plain))


def is_personal(password: str, about: tuple[str, ...]) -> bool:
    """Return whether little is left of a password once what is known of the person is taken out."""
    plain = _bare(password)
    for word in about:
        for known in {_bare(word), *(_bare(part) for part in re.split(r"[\s　]+", word))}:
            if len(known) < _LEAST_PERSONAL:
                if known and plain == known * (len(plain) // len(known)):
                    return True
                continue
            if known in plain and len(plain) - len(known) < SHORTEST:
                return True
            if known.isdigit() and len(plain) >= 6 and plain.isdigit() and plain in known:
                return True
    return False


@cache
def _words() -> frozenset[str]:
    text = Path(__file__).with_name("common_passwords.txt").read_text("utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.split())


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", _plain(text))


def _is_run(text: str) -> bool:
    if len(text) < 3:
        return False
    for row in _ROWS:
        for keys in (row, row[::-1]):
            if text in keys * 3:
                return True
    return False


def _is_repeated(text: str) -> bool:
    return any(text == text[:size] * (len(text) // size) for size in range(1, min(5, len(text) // 2 + 1)))


def _two_words(text: str) -> bool:
    words = _words()
    return len(text) <= 12 and any(
        text[:at] in words and (text[at:] in words or _is_run(text[at:])) for at in range(3, len(text) - 2)
    )
