"""The catalogues: Japanese sentences are the message ids, `en/LC_MESSAGES/<topic>.po` holds their English.

The compiled `.mo` files are made, not kept: by `python -m webapp.translations`, and at the start of a demo or a test.
"""

import contextlib
import gettext
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from babel.messages import mofile, pofile

DIRECTORY = Path(__file__).parent


def catalogues(directory: Path = DIRECTORY) -> list[Path]:
    """Return every `.po` file, in alphabetical order."""
    return sorted(directory.glob("*/LC_MESSAGES/*.po"))


def topics(directory: Path = DIRECTORY) -> list[str]:
    """Return the names of the catalogues, each once: what gettext calls domains."""
    return sorted({path.stem for path in catalogues(directory)})


def missing(directory: Path = DIRECTORY) -> list[Path]:
    """Return the catalogues whose compiled file is absent or older than its source."""
    return [po for po in catalogues(directory) if not _is_fresh(po)]


def compile_catalogues(directory: Path = DIRECTORY) -> list[Path]:
    """Compile what is missing and return it; several processes may do this at once."""
    todo = missing(directory)
    for po in todo:
        with po.open("rb") as source:
            catalogue = pofile.read_po(source, locale=po.parent.parent.name, abort_invalid=True)
        # The workers of a server start together: each writes its own, and the last one stays.
        aside = po.with_suffix(f".{os.getpid()}.mo")
        with aside.open("wb") as target:
            mofile.write_mo(target, catalogue)
        aside.replace(po.with_suffix(".mo"))
    return todo


def _is_fresh(po: Path) -> bool:
    mo = po.with_suffix(".mo")
    return mo.exists() and mo.stat().st_mtime_ns >= po.stat().st_mtime_ns


@cache
def speaker(language: str) -> Callable[..., str]:
    """Return what says a sentence and its parameters in a language outside a page: in a mail, at the command line."""
    if language == "ja":
        return lambda sentence, parameters=None: _filled(sentence, parameters)
    with contextlib.suppress(OSError):  # where nothing may be written, they were compiled when it was installed
        compile_catalogues()
    first, *further = (gettext.translation(topic, DIRECTORY, [language], fallback=True) for topic in topics())
    for other in further:
        first.add_fallback(other)
    return lambda sentence, parameters=None: _filled(first.gettext(sentence), parameters)


def _filled(sentence: str, parameters: Mapping | None) -> str:
    return sentence % parameters if parameters else sentence
