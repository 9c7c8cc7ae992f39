"""A lean, bounded and tolerant reader of mail bytes (RFC 5322, RFC 2045-2047): headers, parts, decoded texts.

Returned mail is written by anybody, broken MIME is common, and thousands come at once. The standard library's parser
is strict where we are tolerant and slow; this one reads what a judgement needs. It never raises and does bounded work.
"""

import binascii
import re
from dataclasses import dataclass

MAX_BYTES = 512 * 1024  # a report's words stand in front; what follows is our own mail
MAX_HEAD = 64 * 1024
MAX_HEADERS = 300
MAX_DEPTH = 8
MAX_PARTS = 60
MAX_TEXT = 96 * 1024

_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.I)
_CHARSET = re.compile(r'charset\s*=\s*"?([\w.:+\-]{1,40})', re.I)
_WORD = re.compile(r"=\?([\w.+\-]{1,40})(?:\*[\w\-]{0,20})?\?([bq])\?([^?\s]{0,4000})\?=", re.I)
_BETWEEN_WORDS = re.compile(r"\?=\s{1,20}=\?")
_TAG = re.compile(r"<[^<>]{0,3000}>")
# Python knows these under other names, or they say less than the text does.
_CHARSETS = {
    "unicode-1-1-utf-7": "ascii",
    "us-ascii": "ascii",
    "x-unknown": "ascii",
    "iso-2022-jp": "iso2022_jp_ext",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "euc-jp": "euc_jp",
}

# The headers that decide something; the others are not kept.
_CONTENT = ("content-type", "content-transfer-encoding", "content-disposition", "content-description", "content-id")
_READ = frozenset(
    {
        *_CONTENT,
        "auto-submitted",
        "delivered-to",
        "from",
        "in-reply-to",
        "precedence",
        "return-path",
        "subject",
        "to",
        "x-auto-response-suppress",
        "x-autoreply",
        "x-autorespond",
        "x-failed-recipients",
        "x-hmxmroriginalrecipient",
        "x-mailer",
        "x-original-to",
    }
)

Headers = dict[str, str]


@dataclass(slots=True)
class MailPart:
    """A leaf of the MIME tree: its type (lower case), its headers, and its body as it came."""

    type: str
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body as text: transfer encoding and character set undone as far as they can be."""
        text = decode_body(self.body[:MAX_TEXT], self.headers)
        return strip_tags(text) if self.type == "text/html" else text


@dataclass(slots=True)
class ParsedMail:
    """A mail as read: the top headers (first of each name, lower case), the leaf parts, the top content type."""

    headers: Headers
    type: str
    parts: list[MailPart]

    def header(self, name: str) -> str:
        """A header's value, "" if there is none."""
        return self.headers.get(name, "")


def read(raw: bytes) -> ParsedMail:
    """Read any bytes as a mail."""
    raw = raw[:MAX_BYTES]
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if raw[:1] in (b"\n", b" ", b"\t", b"\xef"):
        raw = raw.lstrip(b"\n \t\xef\xbb\xbf")
    headers, body = split_head(raw)
    content_type = headers.get("content-type", "")
    parts: list[MailPart] = []
    _walk(headers, content_type, body, 0, parts)
    return ParsedMail(headers, _type_of(content_type) or "text/plain", parts)


def split_head(raw: bytes) -> tuple[Headers, bytes]:
    """Split a message or part into its unfolded headers and its body."""
    if raw[:1] == b"\n":
        return {}, raw[1:]
    end = raw.find(b"\n\n")
    head, body = (raw, b"") if end < 0 else (raw[:end], raw[end + 2 :])
    return parse_headers(_decode(head[:MAX_HEAD], "")), body


def parse_headers(head: str) -> Headers:
    """The header lines that a judgement looks at, unfolded; the first of each name counts."""
    if "\n " in head or "\n\t" in head:
        head = head.replace("\n\t", "\n ").replace("\n ", " ")
    headers: Headers = {}
    for line in head.split("\n", MAX_HEADERS)[:MAX_HEADERS]:
        name, _, value = line.partition(":")
        name = name.lower()
        if name in _READ and name not in headers:
            headers[name] = value.strip()
    return headers


def decode_words(value: str) -> str:
    """Undo RFC 2047 encoded words in a header value; what cannot be decoded stays as it is."""
    if "=?" not in value:
        return value
    return _WORD.sub(_decode_word, _BETWEEN_WORDS.sub("?==?", value[:8000]))


def decode_body(body: bytes, headers: Headers) -> str:
    """Undo the transfer encoding and the character set of a body."""
    encoding = headers.get("content-transfer-encoding", "").lower()
    if encoding.startswith("quoted"):
        body = binascii.a2b_qp(body)
    elif encoding.startswith("base64"):
        body = _base64(body)
    found = _CHARSET.search(headers.get("content-type", ""))
    return _decode(body, found.group(1).lower() if found else "")


def strip_tags(html: str) -> str:
    """The words of an HTML text: tags become line breaks, so that each table cell stands on its own line."""
    for opening, closing in (("<style", "</style"), ("<script", "</script")):
        html = _cut(html, opening, closing)
    text = _TAG.sub("\n", html)
    for entity, sign in (
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", '"'),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ):
        text = text.replace(entity, sign)
    return text


def _cut(text: str, opening: str, closing: str) -> str:
    """The text without what stands between two words, found by one pass from left to right."""
    if opening not in text:
        return text
    kept, at = [], 0
    while (start := text.find(opening, at)) >= 0:
        kept.append(text[at:start])
        end = text.find(closing, start)
        if end < 0:
            return "".join(kept)
        at = end
    return "".join([*kept, text[at:]])


def _walk(headers: Headers, content_type: str, body: bytes, depth: int, parts: list[MailPart]) -> None:
    kind = _type_of(content_type)
    if kind.startswith("multipart/") and depth < MAX_DEPTH:
        found = _BOUNDARY.search(content_type)
        if found:
            pieces = _pieces(body, (found.group(1) or found.group(2)).encode("utf-8", "replace"))
            for piece in pieces:
                if len(parts) >= MAX_PARTS:
                    return
                inner, rest = split_head(piece)
                if "content-type" not in inner and not any(name in inner for name in _CONTENT):
                    # no part headers: the boundary is followed by the text at once (PowerMTA, sendmail)
                    inner, rest = {}, piece
                _walk(inner, inner.get("content-type", ""), rest, depth + 1, parts)
            if pieces:
                return
    parts.append(MailPart("text/plain" if not kind or kind.startswith("multipart/") else kind, headers, body))


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts between boundary lines, without the preamble and what follows the closing line."""
    chunks = (b"\n" + body).split(b"\n--" + boundary, MAX_PARTS)
    pieces: list[bytes] = []
    for chunk in chunks[1:]:
        line, newline, rest = chunk.partition(b"\n")
        line = line.strip()
        if line == b"--":
            break
        if line and pieces:
            # a longer boundary that begins with this one belongs to a nested part
            pieces[-1] += b"\n--" + boundary + chunk
        elif newline:
            pieces.append(rest)
    return pieces


def _type_of(content_type: str) -> str:
    words = content_type.replace(";", " ", 1).split(None, 1)
    return words[0].lower() if words else ""


def _decode(data: bytes, charset: str) -> str:
    if b"\x1b$" in data or b"\x1b(" in data:
        return data.decode("iso2022_jp_ext", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode(_CHARSETS.get(charset, charset) or "latin-1", "replace")
    except (LookupError, ValueError):
        return data.decode("latin-1")


def _base64(body: bytes) -> bytes:
    body = body.translate(None, b" \t\n")
    try:
        return binascii.a2b_base64(body[: len(body) // 4 * 4])
    except binascii.Error:
        return b""


def _decode_word(match: re.Match[str]) -> str:
    charset, kind, payload = match.groups()
    data = payload.encode("utf-8", "replace")
    data = _base64(data + b"=" * (-len(data) % 4)) if kind in "bB" else binascii.a2b_qp(data, header=True)
    return _decode(data, charset.lower())
