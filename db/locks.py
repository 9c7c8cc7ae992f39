"""The locks that hold over all processes of a database, each for one kind of work; `database.exclusive` takes them.

The numbers are those of PostgreSQL's advisory locks, which a database shares with whoever else uses some.
"""

from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    """What only one process does at a time."""

    MIGRATION = 7_401_001
    INTAKE = 7_401_002  # batches are decided one after another: two files may name the same people
    RESTORE = 7_401_003
    SEALS = 7_401_010
    POSTCARD_BATCHES = 7_401_020
    EXPORTS = 7_401_063
    ALARM_MAIL = 7_401_066
    CARDS = 7_403_001  # reports are folded by one process: two would each miss what the other has not committed
    CARD_REMINDERS = 7_403_002
