"""What a client prefers, by quality (RFC 9110 section 12.5): the coding of an answer and the language of a page.

The libraries that compress read `br;q=0` as a wish for br, and the one that matches languages takes an exact `ja`
before a wanted `en-GB`. The former get a header that leaves them no choice, the latter is not asked.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from werkzeug.http import parse_accept_header

CODINGS = ("br", "gzip")  # in our own order, for who prefers none
_AS_IT_IS = "identity"


@lru_cache(256)
def coding(accepted: str) -> str:
    """Return the coding that an Accept-Encoding header asks for: "br", "gzip" or "identity"."""
    quality = dict(parse_accept_header(accepted.lower()))
    any_other = quality.get("*", 0)
    best = max(CODINGS, key=lambda name: quality.get(name, any_other))
    wanted = quality.get(best, any_other)
    return best if wanted > 0 and wanted >= quality.get(_AS_IT_IS, 0) else _AS_IT_IS


@lru_cache(1024)
def language(accepted: str, spoken: Sequence[str], default: str) -> str:
    """Return which of the spoken languages an Accept-Language header likes best; `default` when it likes none.

    A region or script counts for its language: `en-GB` likes `en`, `zh-Hant` likes `zh`. `spoken` are lower-case tags,
    `*` stands for the default.
    """
    # The header is parsed with `*` behind what is named, whatever its quality; of equals the first stays first.
    for tag, quality in sorted(parse_accept_header(accepted.lower()), key=lambda wish: -wish[1]):
        if quality > 0 and (matched := default if tag == "*" else _spoken(tag, spoken)):
            return matched
    return default


def _spoken(tag: str, spoken: Sequence[str]) -> str | None:
    while tag and tag not in spoken:
        tag = tag.rpartition("-")[0]
    return tag or None


class OneCoding:
    """Tells the application behind it one coding to use, whatever the client's list is like."""

    def __init__(self, application: Callable) -> None:
        self.application = application

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        """Answer a request as WSGI has it."""
        if accepted := environ.get("HTTP_ACCEPT_ENCODING"):
            environ["HTTP_ACCEPT_ENCODING"] = coding(accepted)
        return self.application(environ, start_response)
