"""Printing a part of a batch in a process of its own, so that memory stays that of one part.

typst keeps what it typeset for later use; a process that ends gives everything back.
"""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from webapp.domain.postcard.sheet import PrintedCard, PrintedSender, render_part


def render_apart(cards: Sequence[PrintedCard], sender: PrintedSender, marks: bool = False) -> bytes:
    """Return one part as `render_part` does, made in a process of its own that gives its memory back.

    Raises SheetError as `render_part` does, BrokenProcessPool if that process was killed: then nothing is half done.
    """
    # Spawned, never forked: the caller may hold connections and threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(render_part, cards, sender, marks).result()
