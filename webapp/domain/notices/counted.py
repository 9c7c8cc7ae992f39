"""A message as the counters read it."""

import datetime as dt
from typing import NamedTuple


class CountedMessage(NamedTuple):
    """What the counters read of a message: many messages that are alike are counted as one."""

    kind: str
    role: str
    state: str
    destination: str
    failure_class: str | None
    reason: str | None
    cohort_day: dt.date | None
    first_sent_at: bool  # whether a relay has accepted it
