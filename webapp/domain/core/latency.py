"""How long a notice took from the completed registration to the relay, in classes of minutes that grow by a tenth.

A value read from a class is wrong by at most five of a hundred; the counts are exact.
"""

import datetime as dt
from bisect import bisect_right

STEP = 1.1
_MINUTE = 60_000_000  # microseconds
# Where each class begins, in microseconds: the first is everything under a minute, the last is centuries.
EDGES = (0, *(round(_MINUTE * STEP**power) for power in range(200)))


def class_of(took: dt.timedelta) -> int:
    """Return the class of a time; what clocks that disagree make negative is the first."""
    return max(0, bisect_right(EDGES, took // dt.timedelta(microseconds=1)) - 1)


def begins(number: int) -> dt.timedelta:
    """Return the shortest time of a class."""
    return dt.timedelta(microseconds=EDGES[number])


def minutes(number: int) -> float:
    """Return what stands for a class: the geometric middle, at most 5% from any of its times; 0 under a minute."""
    return 0.0 if number == 0 else EDGES[number] / _MINUTE * STEP**0.5
