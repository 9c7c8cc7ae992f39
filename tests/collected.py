"""Many small cases in one test: all of them are tried, and the failure names each that is wrong.

A test of its own for each of six thousand phrases costs pytest ten times what the phrase costs.
"""

import contextlib
from collections.abc import Iterator


class Collected:
    """Cases within `with Collected() as cases: …`, each within `with cases.case(name): …`."""

    def __init__(self) -> None:
        self.tried, self.wrong = 0, []

    def __enter__(self) -> "Collected":
        return self

    @contextlib.contextmanager
    def case(self, name: str) -> Iterator[None]:
        """Try one case; what is wrong with it is kept under its name."""
        self.tried += 1
        try:
            yield
        except AssertionError as error:
            self.wrong.append(f"{name}: {str(error) or 'wrong'}")

    def __exit__(self, kind, error, trace) -> None:
        if kind is None:
            assert self.tried, "no case was tried"
            assert not self.wrong, f"{len(self.wrong)} of {self.tried} wrong:\n" + "\n".join(self.wrong)
