"""Recipients and their words in the text for people: what mail systems write that send no standard report.

They agree on little, but nearly all put an address at the beginning of a line and what happened behind or below it.
The tables here say where that part begins and ends and what names the address otherwise.
"""

import re
from dataclasses import dataclass, field

from webapp.domain.bounce.addresses import NO_ATOM, spans, trimmed
from webapp.domain.bounce.reports import MAX_RECIPIENTS
from webapp.domain.bounce.rules import SIGNS

MAX_LINES = 1500
MAX_LINE = 1000
MAX_BLOCK = 3000

_OUR_MAIL = SIGNS["ours"]
_OUR_HEADERS = SIGNS["our headers"]
_FIRST_SIGNS = frozenset(sign for words in _OUR_MAIL + _OUR_HEADERS for sign in (words[0], words[0].upper()))
_INTRODUCTIONS = SIGNS["introduction"]
_EXPANDED = ("expanded from", "expanded from:", "generated from", "alias of")  # the address stands on the next line
_ABOUT_OTHERS = SIGNS["others"]

_ADDRESS = (
    rf'(?:"[^"@\s]{{1,64}}"|[^{NO_ATOM}]{{1,128}})@[^{NO_ATOM}/?]{{1,255}}'
    rf"|[^{NO_ATOM}]{{1,128}}@\[[0-9.:a-fA-F]{{3,50}}\]"
)
_AT_START = re.compile(
    r"[\s>*\-•\"'<\[(]{0,24}(?:mailto:)?(" + _ADDRESS + r")(?=[\s>\"')\]:,;.(\[<]|$)[>\"')\]]{0,4}(.{0,1000})"
)
_NAMED = re.compile(
    r"(?:\b(?:to|for|recipients?|address(?:es)?|addressee|user|mailto|rcpt|list|destination|mailbox|account|is|email)\b"
    r"|宛先|送信先|宛て|アドレス)"
    r"[\"'：:=\s<(\[]{1,12}(" + _ADDRESS + r")",
    re.I,
)
_INTRODUCES_BARE_NAMES = SIGNS["bare names"]
# a lone name, or one with a gap or a bracket before the reason
_BARE_NAME = re.compile(r"[ \t]{1,16}([A-Za-z0-9][\w.+\-]{0,63})(?:[ \t]*$|\t|  | \()")
_BRACKETED = re.compile(r"\s{0,4}<(" + _ADDRESS + r")>")
_FROM_ADDRESS = re.compile(r"\((?:expanded|generated) from:? <?(" + _ADDRESS + r")>?\)")


@dataclass(slots=True)
class Block:
    """An address and the words that belong to it, in the order of the text."""

    address: str
    words: list[str] = field(default_factory=list)
    expanded_from: str = ""

    @property
    def text(self) -> str:
        """The words as one text."""
        return " ".join(self.words)[:MAX_BLOCK]


_HOST_WORDS = ("host ", "host: ", "server ", "talking to ", "rejected by ", "dns;")
_HOST = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-]{0,62}\.[a-zA-Z0-9\-.]{2,200}")


def remote_host(text: str) -> str:
    """The server that the words say refused, "" if they name none."""
    for word in _HOST_WORDS:
        at = text.find(word)
        if at >= 0:
            found = _HOST.match(text, at + len(word))
            if found:
                return found.group().rstrip(".")
    return ""


def own_lines(text: str) -> list[str]:
    """The lines that the mail system wrote itself: everything before our own mail begins."""
    lines: list[str] = []
    for line in text.split("\n", MAX_LINES)[:MAX_LINES]:
        if len(line) > MAX_LINE:
            line = line[:MAX_LINE]
        bare = line.lstrip("-=*_>#+| \t")
        if bare and bare[0] in _FIRST_SIGNS and lines:
            low = bare.lower()
            if low.startswith(_OUR_MAIL) or (len(bare) == len(line) and low.startswith(_OUR_HEADERS)):
                break
        lines.append(line)
    return lines


def blocks_in(lines: list[str]) -> list[Block]:
    """Addresses at the beginnings of lines, each with the words behind and below it; one block an address."""
    start = _start(lines)
    blocks: dict[str, Block] = {}
    current: Block | None = None
    for line in lines[start:]:
        found = _AT_START.match(line) if "@" in line else None
        if found and current is not None and current.words and current.words[-1].endswith(_EXPANDED):
            current.expanded_from = current.expanded_from or trimmed(found.group(1))
            line = found.group(2)
        elif found and _is_address(found.group(1)):
            inner = _BRACKETED.match(found.group(2))  # `name@here <address@there>`: a name that looks like an address
            address = trimmed(inner.group(1) if inner else found.group(1))
            key = address.lower()
            if key not in blocks and len(blocks) < MAX_RECIPIENTS:
                blocks[key] = Block(address)
            current = blocks.get(key, current)
            line = found.group(2)
            while line[:1] in (",", ";") and len(blocks) < MAX_RECIPIENTS:  # several on one line, one reason for all
                found = _AT_START.match(line[1:])
                if current is None or not found or not _is_address(found.group(1)):
                    break
                address = trimmed(found.group(1))
                current = blocks.setdefault(address.lower(), Block(address, current.words))
                line = found.group(2)
        elif "from" in line:
            origin = _FROM_ADDRESS.search(line)
            if origin and current is not None:
                current.expanded_from = origin.group(1)
            elif origin:  # a program or a file stands where the address should: `"|vacation taro"`
                address = trimmed(origin.group(1))
                current = blocks.setdefault(address.lower(), Block(address))
        if current is not None:
            line = line.strip()
            if line:
                current.words.append(line)
    return list(blocks.values())


def named_in(lines: list[str]) -> list[str]:
    """Addresses that a sentence names as the recipient ("delivering your mail to <…>"), then any other address."""
    named: list[str] = []
    unnamed: list[str] = []
    for line in lines[:300]:
        if "@" not in line:
            continue
        found = _NAMED.search(line)
        low = line[: found.start(1) if found else MAX_LINE].lower()
        if any(word in low for word in _ABOUT_OTHERS):
            continue
        if found and _is_address(found.group(1)):
            named.append(trimmed(found.group(1)))
        else:
            found_here = (trimmed(line[begin:end]) for begin, end in spans(line))
            unnamed.extend(address for address in found_here if _is_address(address))
        if len(named) + len(unnamed) > MAX_RECIPIENTS:
            break
    return _unique(named) or _unique(unnamed)


def bare_names_in(lines: list[str], domain: str) -> list[str]:
    """Recipients that a system names without its own domain, alone on the lines below an introduction (AOL, Yale)."""
    named: list[str] = []
    listed = False
    for line in lines[:300]:
        if not listed:
            listed = line.rstrip().endswith(":") and any(words in line.lower() for words in _INTRODUCES_BARE_NAMES)
            continue
        found = _BARE_NAME.match(line)
        if found:
            named.append(f"{found.group(1)}@{domain}")
        elif line.strip() or len(named) > MAX_RECIPIENTS:
            break
    return _unique(named)


def _start(lines: list[str]) -> int:
    text = "\n".join(lines[:80]).lower()
    found = [at for at in map(text.find, _INTRODUCTIONS) if at >= 0]
    return text.count("\n", 0, min(found)) if found else 0


def _is_address(address: str) -> bool:
    local, _, domain = address.rpartition("@")
    if local.startswith(("/", "|")):
        return False  # a file or a program
    return "." in domain or domain == "localhost" or domain.startswith("[")


def _unique(addresses: list[str]) -> list[str]:
    seen: dict[str, str] = {}
    for address in addresses:
        seen.setdefault(address.lower(), address)
    return list(seen.values())
