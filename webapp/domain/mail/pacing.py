"""When to send next: a token bucket for each destination domain, and the back-off between attempts. Pure functions."""

from dataclasses import dataclass
from datetime import timedelta

_FIRST_DELAY = timedelta(minutes=5)
_LONGEST_DELAY = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a domain may be sent to: `per_second` on average, `burst` at once after a rest."""

    per_second: float
    burst: float = 1.0

    def __post_init__(self) -> None:
        if self.per_second <= 0 or self.burst < 1:
            raise ValueError("a pace needs more than 0 messages a second and a burst of at least 1")


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is left of a domain's allowance at a moment (`at` in seconds on any steady clock, e.g. Unix time)."""

    tokens: float
    at: float


def full_bucket(pace: Pace, at: float) -> Bucket:
    """Return the state of a domain that has not been sent to before."""
    return Bucket(pace.burst, at)


def take(bucket: Bucket, pace: Pace, at: float, wanted: int = 1) -> tuple[int, Bucket, float]:
    """Take up to `wanted` messages at `at`: (how many may go now, the new state, seconds until one more may go).

    A clock that runs backwards gives no allowance and takes none away.
    """
    if wanted < 0:
        raise ValueError("a number of messages is not negative")
    elapsed = max(0.0, at - bucket.at)
    tokens = min(pace.burst, bucket.tokens + elapsed * pace.per_second)
    granted = min(wanted, int(tokens + 1e-9))
    left = max(0.0, tokens - granted)
    wait = 0.0 if left >= 1 else (1 - left) / pace.per_second
    return granted, Bucket(left, max(at, bucket.at)), wait


def back_off(failures: int, chance: float) -> timedelta:
    """Return how long to wait after the `failures`-th failure in a row (1, 2, …); `chance` is random within 0 and 1.

    5 minutes, doubled each time up to 12 hours, then spread over 75 to 125 % so that mails refused together do not
    come back together.
    """
    if failures < 1 or not 0 <= chance <= 1:
        raise ValueError("failures count from 1, chance lies within 0 and 1")
    # The exponent is bounded so that a row repeated for years does not overflow.
    delay: timedelta = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(failures - 1, 20))
    return delay * (0.75 + chance / 2)


def next_try(failures: int, chance: float, since_first: timedelta, period: timedelta) -> timedelta | None:
    """Return how long to wait for the next try, or None when the `period` since the first one is used up.

    `since_first` is the time from the first attempt until now. The last try is drawn to the end of the period: without
    that a person whose mailbox was emptied on the last day would have had no try on it.
    """
    remaining = period - since_first
    if remaining <= timedelta(0):
        return None
    return min(back_off(failures, chance), remaining)
