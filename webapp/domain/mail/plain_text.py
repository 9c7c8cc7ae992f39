"""A returned mail as text that is safe to look at: bounded, never HTML, without what a screen would act upon."""

import re

MOST = 60_000
# What HTML forbids in text, and marks that turn the direction of what follows.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef]|[\U0000fffe\U0000ffff]"
)
_BEYOND = {code for plane in range(1, 17) for code in (plane * 0x10000 + 0xFFFE, plane * 0x10000 + 0xFFFF)}


def readable(data: bytes) -> tuple[str, bool]:
    """Return the beginning of a mail as text, and whether something was left out."""
    part = data[:MOST].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    encoding = "iso2022_jp" if b"\x1b$" in part else "utf-8"
    text = part.decode(encoding, "replace")
    text = _FORBIDDEN.sub("\ufffd", text)
    return "".join("\ufffd" if ord(c) in _BEYOND else c for c in text), len(data) > MOST
