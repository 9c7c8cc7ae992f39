"""Ids made by the application: 63-bit, ordered in time, and 13 characters of Crockford base32 in an address.

Made here and not by the database, so that a row's id is known before it is written, rows of one batch can refer to each
other, and several machines can write without asking one another.
"""

import os
import secrets
import threading
import time

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 13
LARGEST = (1 << 63) - 1

# 2020-01-01T00:00:00Z in ms: 41 bits of milliseconds from here last until 2089.
_EPOCH_MS = 1_577_836_800_000
# 10 bits tell processes apart, 12 count within a millisecond.
_NODE_BITS, _COUNT_BITS = 10, 12
_COUNT_MASK = (1 << _COUNT_BITS) - 1

# Two characters at a time: a worker writes three ids a mail.
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
_THIRTY_BITS = (1 << 30) - 1

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_VALUES |= {character.lower(): value for character, value in list(_VALUES.items())}
# Crockford: what a person may read or type instead.
_VALUES |= {"o": 0, "O": 0, "i": 1, "I": 1, "l": 1, "L": 1}

_lock = threading.Lock()
_node = secrets.randbits(_NODE_BITS) << _COUNT_BITS
_last = 0  # milliseconds and count of the newest id, as one number
_process = None


def new_id() -> int:
    """Return an id larger than every id that this process made before.

    Two processes that drew the same 10 random bits could make the same id in the same millisecond; the primary key
    refuses the second one, and the transaction can be repeated.
    """
    return new_ids(1)[0]


def new_ids(count: int) -> list[int]:
    """Return `count` ids in rising order: one lock for a batch."""
    global _last, _node, _process
    with _lock:
        if _process != os.getpid():  # after a fork the child must not repeat its parent
            _process = os.getpid()
            _node = secrets.randbits(_NODE_BITS) << _COUNT_BITS
        clock = (time.time_ns() // 1_000_000 - _EPOCH_MS) << _COUNT_BITS
        first = max(clock, _last + 1)
        _last = first + count - 1
        node = _node
    shift = _COUNT_BITS + _NODE_BITS
    return [((n >> _COUNT_BITS) << shift) | node | (n & _COUNT_MASK) for n in range(first, first + count)]


def encode(number: int) -> str:
    """Return the 13 characters of an id; ValueError for what is no id."""
    if not 0 <= number <= LARGEST:
        raise ValueError("an id has 63 bits")
    low, high = number & _THIRTY_BITS, number >> 30 & _THIRTY_BITS
    return (
        f"{ALPHABET[number >> 60]}{_PAIRS[high >> 20]}{_PAIRS[high >> 10 & 1023]}{_PAIRS[high & 1023]}"
        f"{_PAIRS[low >> 20]}{_PAIRS[low >> 10 & 1023]}{_PAIRS[low & 1023]}"
    )


def decode(text: str) -> int:
    """Return the id behind 13 characters; ValueError for anything else."""
    if len(text) != LENGTH:
        raise ValueError("an id has 13 characters")
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            raise ValueError("not a character of an id")
        number = number << 5 | value
    if number > LARGEST:
        raise ValueError("an id has 63 bits")
    return number
