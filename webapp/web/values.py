"""What an address or a form says, read within bounds: nobody asks for a day of the year 1 or 9999 and means it.

Days next to the ends of the calendar cannot be counted from: the day before the first one raises deep inside.
"""

import datetime as dt
from collections.abc import Mapping

# Wide enough for every birth and every list; narrow enough that a year may be added or taken away.
FIRST_DAY = dt.date(1900, 1, 1)
LAST_DAY = dt.date(2199, 12, 31)


def day_of(values: Mapping[str, str], name: str) -> dt.date | None:
    """Return a day (`YYYY-MM-DD`) of an address or a form; None for what is none, or lies outside of 1900 to 2199."""
    try:
        day = dt.date.fromisoformat(values.get(name, ""))
    except ValueError:
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None
