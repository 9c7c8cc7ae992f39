"""How the text of a setting is read: each reader returns the value, or raises ValueError with half a sentence."""

import datetime as dt
import re
from collections.abc import Callable
from urllib.parse import urlsplit


def text(value: str) -> str:
    """Any text, as it stands."""
    return value


def line(value: str) -> str:
    """One line of text, not empty."""
    if not value or re.search(r"[\x00-\x1f\x7f]", value):
        raise ValueError("must be one line of text")
    return value


def time_of_day(value: str) -> str:
    """A time such as 16:30, or nothing."""
    if value and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError("must be a time such as 16:30, or empty")
    return value


def flag(value: str) -> bool:
    """Yes or no."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError("must be yes or no")
    return words[value.lower()]


def number(least: int, most: int) -> Callable[[str], int]:
    """A reader of whole numbers within bounds."""

    def read(value: str) -> int:
        if not re.fullmatch(r"-?\d{1,12}", value) or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return read


def choice(*words: str) -> Callable[[str], str]:
    """A reader of one of some words."""

    def read(value: str) -> str:
        if value not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return value

    return read


def words(*allowed: str) -> Callable[[str], tuple[str, ...]]:
    """A reader of words with commas between them, all of them allowed."""

    def read(value: str) -> tuple[str, ...]:
        words = tuple(word.strip() for word in value.split(",") if word.strip())
        if bad := [word for word in words if word not in allowed]:
            raise ValueError(f"does not know {bad[0]!r}; it may hold " + ", ".join(allowed))
        return words

    return read


def database(value: str) -> str:
    """The address of a database."""
    if not re.match(r"sqlite:///.|postgres(ql)?://.", value):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return value


def domain(value: str) -> str:
    """A domain in lower case."""
    if not re.fullmatch(r"(?=.{1,253}\Z)[a-z0-9-]+(\.[a-z0-9-]+)+", value):
        raise ValueError("must be a domain in lower case")
    return value


def mailbox(value: str) -> str:
    """An e-mail address whose local part needs no quotes."""
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)+", value):
        raise ValueError("must be an e-mail address")
    return value


def empty_or(read: Callable[[str], object]) -> Callable[[str], object]:
    """A reader that also takes nothing."""
    return lambda value: read(value) if value else ""


def url(value: str) -> str:
    """A web address without query, without the slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an address that begins with https:// or http://")
    return value.rstrip("/")


def keys(value: str) -> tuple[tuple[str, str], ...]:
    """Keys that rotate, newest first: id and secret of each."""
    pairs = tuple(tuple(pair.strip().split(":", 1)) for pair in value.split(",") if pair.strip())
    if not pairs or any(len(p) != 2 or not re.fullmatch(r"[a-z2-7]", p[0]) or len(p[1]) < 32 for p in pairs):
        raise ValueError(
            "must be id:secret pairs, the id one of a-z 2-7, the secret 32 characters or more, newest first"
        )
    if len({p[0] for p in pairs}) != len(pairs):
        raise ValueError("uses one id twice")
    return pairs


def year_end(value: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first and the last day of a closure, each as (month, day)."""
    match = re.fullmatch(r"(\d\d)-(\d\d)/(\d\d)-(\d\d)", value)
    if not match:
        raise ValueError("must be two days such as 12-29/01-03")
    numbers = [int(group) for group in match.groups()]
    for month, of_month in (numbers[:2], numbers[2:]):
        day(f"2024-{month:02}-{of_month:02}")
    return (numbers[0], numbers[1]), (numbers[2], numbers[3])


def day(value: str) -> dt.date:
    """One day, as 2026-12-28."""
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise ValueError("must hold days such as 2026-12-28") from None


def days(value: str) -> tuple[dt.date, ...]:
    """Days with commas between them."""
    return tuple(day(word.strip()) for word in value.split(",") if word.strip())


def secret(value: str) -> str:
    """A secret of 32 characters or more."""
    if len(value) < 32:
        raise ValueError("must have 32 characters or more")
    return value


def token(value: str) -> str:
    """A secret of 32 characters or more, or nothing."""
    if value and len(value) < 32:
        raise ValueError("must have 32 characters or more, or be empty")
    return value


def relays(value: str) -> tuple[str, ...]:
    """Addresses of relays with commas between them, at least one."""
    relays = tuple(relay.strip() for relay in value.split(",") if relay.strip())
    for relay in relays:
        parts = urlsplit(relay)
        if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname:
            raise ValueError("must hold addresses such as smtp+starttls://user:password@relay.example:587")
    if not relays:
        raise ValueError("must name at least one relay")
    return relays
