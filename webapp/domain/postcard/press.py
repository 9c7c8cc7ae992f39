"""Printing many cards: parts of 1,000, each in a process of its own, so that memory stays that of one part.

typst keeps what it typeset for later use; a process that ends gives everything back.
"""

import multiprocessing
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice

from webapp.domain.postcard.sheet import CARDS_A_PART, PrintedCard, PrintedSender, render_part


@dataclass(frozen=True)
class PrintPart:
    """One PDF of a batch: its number from 1, the management numbers in the order of its pages, the file."""

    number: int
    management_numbers: tuple[str, ...]
    pdf: bytes


def render_apart(cards: Sequence[PrintedCard], sender: PrintedSender, marks: bool = False) -> bytes:
    """Return one part as `render_part` does, made in a process of its own that gives its memory back."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(render_part, cards, sender, marks).result()


def render_parts(
    cards: Iterable[PrintedCard], sender: PrintedSender, marks: bool = False, size: int = CARDS_A_PART
) -> Iterator[PrintPart]:
    """Yield the parts of a batch one after the other; `cards` is read only as far as the part needs.

    Raises SheetError as `render_part` does, BrokenProcessPool if the process of a part was killed: then no part is
    half done, and the batch goes on from the first part that was not written.
    """
    source = iter(cards)
    number = 0
    # Spawned, never forked: the caller may hold connections and threads. One task, then the process ends.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context, max_tasks_per_child=1) as pool:
        while part := tuple(islice(source, size)):
            number += 1
            pdf = pool.submit(render_part, part, sender, marks).result()
            yield PrintPart(number, tuple(card.management_number for card in part), pdf)
