"""Mail addresses in running text, found from their @ outwards, so that long text without one costs nothing.

Tolerant on purpose: real addresses of Japanese carriers break RFC 5321 (`a..b@…`, `a.@…`), with and without quotes.
"""

import re
from collections.abc import Iterator

# What cannot stand in an address as mail systems print it; full-width signs stand around addresses in Japanese text.
NO_ATOM = r"\s<>()\[\]\",;:@`：；「」『』（）【】＜＞、。，"
_LEFT = re.compile(rf"[^{NO_ATOM}]{{1,128}}")
_RIGHT = re.compile(rf"[^{NO_ATOM}/?]{{1,255}}|\[[0-9a-fA-F.:]{{3,50}}\]")
_TRAILING = ".,;:!?…'>"


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where addresses stand: begin and end of each; a quoted local part keeps its quotes."""
    at = text.find("@")
    while at >= 0:
        right = _RIGHT.match(text, at + 1)
        if right:
            begin = _begin(text, at)
            if begin < at:
                yield begin, right.end()
        at = text.find("@", at + 1)


def first_address(text: str) -> str:
    """The first address in a text, "" if there is none."""
    for begin, end in spans(text):
        address = trimmed(text[begin:end])
        if not address.endswith("@"):
            return address
    return ""


def trimmed(address: str) -> str:
    """An address without the signs that a sentence put around it."""
    return address.rstrip(_TRAILING).lstrip("'")


def without_addresses(text: str) -> str:
    """The text with `@` in the place of each address."""
    if "@" not in text:
        return text
    kept, done = [], 0
    for begin, end in spans(text):
        if begin >= done:
            kept.append(text[done:begin])
            done = end
    return "@".join([*kept, text[done:]])


def _begin(text: str, at: int) -> int:
    if at >= 2 and text[at - 1] == '"':
        opening = text.rfind('"', max(0, at - 102), at - 1)
        return opening if opening >= 0 else at
    before = _LEFT.match(text[max(0, at - 128) : at][::-1])
    return at - before.end() if before else at
