"""How an e-mail address is written on the wire: quoted where it must be, refused where it could carry a command.

docomo and au gave out addresses such as `a..b@docomo.ne.jp` and `a.@ezweb.ne.jp` for years. They break the dot-atom
of RFC 5321, section 4.1.2, but they are people's addresses: as a quoted string they are correct SMTP.
"""

import re
from functools import lru_cache

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]+"
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff<>]")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9\-.]*[A-Za-z0-9])?|\[[0-9A-Za-z:.]+\]")


@lru_cache(maxsize=8192)
def wire_address(address: str) -> str:
    """Return the address as RCPT and To carry it: domain in ASCII, local part quoted when it is no dot-atom.

    Raises ValueError for what can be no address or could end a command or header (blanks, controls, `<>`, no `@`).
    """
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain or _UNSAFE.search(address):
        raise ValueError("this is no e-mail address")
    domain = wire_domain(domain)
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("this is no e-mail address")
    local = _unquoted(local)
    if not _DOT_ATOM.fullmatch(local):
        local = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{local}@{domain}"


def wire_domain(domain: str) -> str:
    """Return a domain as it stands on the wire: in ASCII. Raises ValueError for what has no such form."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError("this is no e-mail address") from None


@lru_cache(maxsize=8192)
def mailbox_of(address: str) -> str:
    """Return what makes two spellings the same mailbox: those that put the same bytes on the wire, in any case.

    The wire form drops signs that nobody sees (U+00AD, U+200B, U+FEFF) and writes Unicode as xn--. Compared as typed,
    an employer's own mailbox would pass for another one, and a technician's sign-in link would go there. What has no
    wire form is its own spelling: nothing can be sent there.
    """
    local, at, domain = address.rpartition("@")
    try:
        domain = wire_domain(domain)
    except ValueError:
        return address.casefold()
    return f"{_unquoted(local)}{at}{domain}".casefold()


def wire_sender(address: str) -> str:
    """Return an envelope sender as MAIL carries it; it may be empty. Raises ValueError as wire_address does."""
    return wire_address(address) if address else ""


def plain_address(address: str) -> str:
    """Return the address without the quotation marks of its local part, to compare a returned mail's with our own."""
    local, at, domain = address.strip().removeprefix("<").removesuffix(">").rpartition("@")
    return f"{_unquoted(local)}{at}{domain}"


def _unquoted(local: str) -> str:
    if len(local) > 1 and local[0] == local[-1] == '"':
        return re.sub(r"\\(.)", r"\1", local[1:-1])
    return local


def domain_of(address: str) -> str:
    """Return the domain in lower case, the key for pacing and for figures by destination."""
    return address.rpartition("@")[2].lower()
