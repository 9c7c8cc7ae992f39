"""How many examples a property is tried on: few in `make test`, which somebody waits for, all in `make soak`."""

import os
from collections.abc import Callable

import pytest
from hypothesis import settings

FULL = os.environ.get("HYPOTHESIS_EXAMPLES") == "full"
_SHARE, _LEAST = 4, 10


def examples(full: int, **more: object) -> Callable:
    """Decorate a property test: `full` examples in the soak, a quarter of them (ten at least) otherwise."""
    number = full if FULL else min(full, max(_LEAST, full // _SHARE))
    chosen = settings(max_examples=number, deadline=None, **more)
    return lambda test: pytest.mark.property(chosen(test))
