"""A postal address as a value: parsed once, with its parts, errors by rule, warnings and its customer barcode.

The text itself is kept exactly as it came; folding serves comparison only. Where the part behind the town begins
decides the digits of the barcode (Japan Post, "郵便番号・バーコードマニュアル"), so each parse says how it was found.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from webapp.domain.core.language import N_
from webapp.domain.postcard import towns
from webapp.domain.postcard.barcode import Barcode, extract_digits, fold_width, make_barcode
from webapp.domain.postcard.towns import CodeKind, Folded, Place, fold, fold_key

LONGEST_ADDRESS = 200
_CODE_NOISE = re.compile(r"[\s〒‐‑‒–—―−－ー-]")
# Arabic digits, or a kanji numeral that is counted; 一番町 and 六番丁 are names of towns.
_NUMERAL = re.compile("[0-9]|[〇零一二三四五六七八九十百千]+(?=丁目|丁|番地|番(?![町丁])|号|地割|線)")
_TOWN_SIGNS = re.compile("[市区町村]")


class AddressRule(StrEnum):
    """What can be wrong with an address, or worth a look."""

    CODE_MISSING = "code_missing"
    CODE_FORMAT = "code_format"
    ADDRESS_MISSING = "address_missing"
    ADDRESS_TOO_LONG = "address_too_long"
    CONTROL_CHARACTER = "control_character"
    TOWN_CODE = "town_code"
    UNKNOWN_CODE = "unknown_code"
    WITHDRAWN_CODE = "withdrawn_code"
    CODE_ADDRESS_DISAGREE = "code_address_disagree"
    TOWN_NOT_FOUND = "town_not_found"
    NO_NUMBER = "no_number"


SENTENCES = {
    AddressRule.CODE_MISSING: N_("郵便番号がありません。7桁の郵便番号を入れてください。"),
    AddressRule.CODE_FORMAT: N_("郵便番号が7桁の数字ではありません。先頭の0が消えていないか確かめてください。"),
    AddressRule.ADDRESS_MISSING: N_("住所がありません。住所を入れてください。"),
    AddressRule.ADDRESS_TOO_LONG: N_("住所が長すぎます。200文字までにしてください。"),
    AddressRule.CONTROL_CHARACTER: N_("住所に印刷できない文字（改行など）があります。取り除いてください。"),
    AddressRule.TOWN_CODE: N_(
        "市区町村全体を表す郵便番号です。バーコードは付きません。町域の郵便番号を確かめてください。"
    ),
    AddressRule.UNKNOWN_CODE: N_(
        "郵便番号が一覧にありません。バーコードは付きません。正しい郵便番号を確かめてください。"
    ),
    AddressRule.WITHDRAWN_CODE: N_(
        "郵便番号は今の一覧になく、廃止された番号のようです。新しい郵便番号を確かめてください。"
    ),
    AddressRule.CODE_ADDRESS_DISAGREE: N_("郵便番号と住所が一致しません。どちらが正しいか確かめてください。"),
    AddressRule.TOWN_NOT_FOUND: N_("住所の中に郵便番号の町名が見つかりません。郵便番号と住所を確かめてください。"),
    AddressRule.NO_NUMBER: N_("町名の後に番地がありません。番地が抜けていないか確かめてください。"),
}
_ERRORS = frozenset(
    {
        AddressRule.CODE_MISSING,
        AddressRule.CODE_FORMAT,
        AddressRule.ADDRESS_MISSING,
        AddressRule.ADDRESS_TOO_LONG,
        AddressRule.CONTROL_CHARACTER,
    }
)
# No barcode is better than one that sends the card to another town.
_WITHOUT_BARCODE = (AddressRule.TOWN_CODE, AddressRule.UNKNOWN_CODE, AddressRule.CODE_ADDRESS_DISAGREE)


def normalise_postal_code(text: str) -> str:
    """Return a typed postal code without mark, blanks and hyphens, in narrow digits; the rest is left to the rules."""
    return _CODE_NOISE.sub("", fold_width(text))


@dataclass(frozen=True)
class PostalAddress:
    """One parsed address; build it with `parse_address`.

    `text` is the address as it came; `rest` is its part behind the town. `findings` holds errors and warnings.
    """

    postal_code: str
    text: str
    kind: CodeKind = CodeKind.UNLISTED
    prefecture: str = ""
    city: str = ""
    town: str = ""
    rest: str = ""
    findings: tuple[AddressRule, ...] = ()

    @property
    def errors(self) -> tuple[AddressRule, ...]:
        return tuple(rule for rule in self.findings if rule in _ERRORS)

    @property
    def warnings(self) -> tuple[AddressRule, ...]:
        return tuple(rule for rule in self.findings if rule not in _ERRORS)

    @property
    def valid(self) -> bool:
        """Whether a letter can be addressed with it: warnings do not keep it from being mailed."""
        return not self.errors

    @property
    def no_barcode_reason(self) -> AddressRule | None:
        """The rule that forbids a barcode, None if there is one."""
        return next((rule for rule in (*self.errors, *_WITHOUT_BARCODE) if rule in self.findings), None)

    @property
    def digits(self) -> str:
        """The address digits before the cut; "" for an office with a code of its own (個別番号)."""
        return "" if self.kind is CodeKind.OFFICE else extract_digits(self.rest)

    @property
    def barcode(self) -> Barcode | None:
        return None if self.no_barcode_reason else make_barcode(self.postal_code, self.digits)


def parse_address(postal_code: str, text: str) -> PostalAddress:
    """Parse a postal code as typed and an address as it came; never raises for bad data, the findings say it."""
    code = normalise_postal_code(postal_code)
    findings = list(_form_findings(code, text))
    if findings:
        return PostalAddress(code, text, findings=tuple(findings))
    kind, places = towns.look_up(code)
    found = _locate(text, places)
    findings = list(_place_findings(code, kind, places, found))
    rest = text[found.end :]
    if kind is CodeKind.TOWN and AddressRule.CODE_ADDRESS_DISAGREE not in findings and not extract_digits(rest):
        findings.append(AddressRule.NO_NUMBER)
    return PostalAddress(code, text, kind, found.prefecture, found.city, found.town, rest, tuple(findings))


def _form_findings(code: str, text: str) -> Iterable[AddressRule]:
    if not code:
        yield AddressRule.CODE_MISSING
    elif not (len(code) == 7 and code.isascii() and code.isdecimal()):
        yield AddressRule.CODE_FORMAT
    if not text.strip():
        yield AddressRule.ADDRESS_MISSING
    elif len(text) > LONGEST_ADDRESS:
        yield AddressRule.ADDRESS_TOO_LONG
    if any(ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0 or sign in "\u2028\u2029" for sign in text.strip()):
        yield AddressRule.CONTROL_CHARACTER


@dataclass(frozen=True)
class _Found:
    """Parts of an address text; `named` tells which of them the text itself names, `at_once` a town right there."""

    prefecture: str
    city: str
    town: str
    end: int
    named_prefecture: str
    named_city: tuple[tuple[str, str], ...]
    own_town: bool
    at_once: bool


def _locate(text: str, places: tuple[Place, ...]) -> _Found:
    folded = fold(text)
    key = folded.key
    prefecture = next((candidate for candidate in towns.PREFECTURES if key.startswith(fold_key(candidate))), "")
    at = len(fold_key(prefecture))
    at, named = _city_at(key, at, prefecture, places)
    limit = _first_numeral(text, folded, at)

    match = _town_in(text, folded, at, limit, places)
    if match:
        place, end = match
        at_once = key.startswith(fold_key(place.town), at)
        return _Found(place.prefecture, place.city, place.town, _tail(folded, end), prefecture, named, True, at_once)
    for owner in named:
        match = _town_in(text, folded, at, limit, towns.towns(*owner))
        if match:
            place, end = match
            at_once = key.startswith(fold_key(place.town), at)
            return _Found(*owner, place.town, _tail(folded, end), prefecture, named, False, at_once)

    # Nothing of the list: the digits begin behind the last sign of a town before the first numeral.
    signs = [sign.end() for sign in _TOWN_SIGNS.finditer(key, at, limit)]
    end = signs[-1] if signs else at
    owner = named[0] if named else (places[0].prefecture, places[0].city) if places else (prefecture, "")
    begin = folded.starts[at] if at < len(folded.starts) else len(text)
    tail = _tail(folded, end)
    return _Found(*owner, text[begin:tail].strip() if signs else "", tail, prefecture, named, False, False)


def _city_at(key: str, at: int, prefecture: str, places: tuple[Place, ...]) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Return where the text goes on behind its city, and the listed cities of that name (the code's own first)."""
    known = towns.cities()
    longest = next((size for size in range(min(16, len(key) - at), 1, -1) if key[at : at + size] in known), 0)
    owners = [owner for owner in known.get(key[at : at + longest], ()) if not prefecture or owner[0] == prefecture]
    if not owners:
        return at, ()
    own = {(place.prefecture, place.city) for place in places}
    return at + longest, tuple(sorted(owners, key=lambda owner: owner not in own))


def _first_numeral(text: str, folded: Folded, at: int) -> int:
    """Return the place in the key where the first number behind `at` begins, the end of the key if there is none."""
    begin = folded.starts[at] if at < len(folded.starts) else len(text)
    match = _NUMERAL.search(fold_width(text), begin)
    if not match:
        return len(folded.key)
    return next((place for place, start in enumerate(folded.starts) if start >= match.start()), len(folded.key))


def _town_in(text: str, folded: Folded, at: int, limit: int, places: tuple[Place, ...]) -> tuple[Place, int] | None:
    """Find the longest town right behind the city, else the first one before the first number (streets of Kyoto)."""
    key = folded.key
    names = sorted(((fold_key(place.town), place) for place in places if place.town), key=lambda pair: -len(pair[0]))
    for name, place in names:
        if key.startswith(name, at) and _ends_number(text, folded, at + len(name)):
            return place, at + len(name)
    inside = []
    for name, place in names:
        start = key.find(name, at)
        # A single letter (町 of one kanji) stands everywhere by chance.
        if len(name) > 1 and at < start < limit and _ends_number(text, folded, start + len(name)):
            inside.append((start, -len(name), place))
    if not inside:
        return None
    start, size, place = min(inside, key=lambda found: found[:2])
    return place, start - size


def _ends_number(text: str, folded: Folded, end: int) -> bool:
    """Whether no number goes on over this place of the key; in 与一9 the name ends in kanji and the number begins."""
    key = folded.key
    if end >= len(key) or not (key[end - 1].isdecimal() and key[end].isdecimal()):
        return True
    before, after = text[folded.starts[end - 1]], text[folded.starts[end]]
    return before.isdecimal() != after.isdecimal()


def _tail(folded: Folded, end: int) -> int:
    return folded.ends[end - 1] if end else 0


def _place_findings(code: str, kind: CodeKind, places: tuple[Place, ...], found: _Found) -> Iterable[AddressRule]:
    if kind is CodeKind.UNLISTED:
        yield _unlisted(code, found)
        return
    own = {(place.prefecture, place.city) for place in places}
    other_prefecture = found.named_prefecture and found.named_prefecture not in {owner[0] for owner in own}
    other_city = found.named_city and not own.intersection(found.named_city)
    if kind is CodeKind.WHOLE_TOWN:
        yield AddressRule.TOWN_CODE
    if other_prefecture or (other_city and not found.own_town):
        yield AddressRule.CODE_ADDRESS_DISAGREE
    elif kind is CodeKind.TOWN and not found.own_town and any(place.town for place in places):
        # A town of the code may be a building or a street in Kyoto: then the address names its town all the same.
        related = any(fold_key(place.town).startswith(fold_key(found.town)) for place in places)
        listed_elsewhere = found.at_once and not (found.town and related)
        if listed_elsewhere:
            yield AddressRule.CODE_ADDRESS_DISAGREE
        elif not (found.at_once and related):
            yield AddressRule.TOWN_NOT_FOUND


def _unlisted(code: str, found: _Found) -> AddressRule:
    """Tell a withdrawn code, which still sorts the letter, from one that never was.

    Withdrawn: the area (first three digits) is or was that of the named city (or, the city unknown today, of its
    prefecture), and the named town does not stand in the list with another code of the same area.
    """
    area = code[:3]
    if found.named_city:
        use = [towns.areas(*owner) for owner in found.named_city]
    elif found.named_prefecture:
        use = [towns.areas(found.named_prefecture)]
    else:
        use = []
    if not any(area in areas.current or area in areas.old for areas in use):
        return (
            AddressRule.TOWN_CODE if code.endswith("00") and area in towns.areas_in_use() else AddressRule.UNKNOWN_CODE
        )
    if code.endswith("00"):
        return AddressRule.TOWN_CODE
    listed = [
        place.postal_code
        for owner in found.named_city
        for place in towns.towns(*owner)
        if found.at_once and fold_key(place.town) == fold_key(found.town)
    ]
    return (
        AddressRule.UNKNOWN_CODE
        if any(postal_code[:3] == area for postal_code in listed)
        else AddressRule.WITHDRAWN_CODE
    )


def propose_codes(text: str, limit: int = 5) -> tuple[Place, ...]:
    """Return the listed codes that fit an address text, the best first; () if the text names no listed town.

    For a person to choose from: `note` tells what part of the town a code covers. A whole-city code is not proposed.
    """
    found = _locate(text, ())
    # A town that got another name begins with the old one more often than not: 入谷 → 入谷東, 入谷西.
    rest = fold_width(text[found.end :])
    wanted = fold_key(found.town) or fold_key(_NUMERAL.split(rest, maxsplit=1)[0])
    if not wanted:
        return ()
    places = [place for owner in found.named_city for place in towns.towns(*owner) if fold_key(place.town) == wanted]
    if not places:
        places = [
            place
            for owner in found.named_city
            for place in towns.towns(*owner)
            if fold_key(place.town).startswith(wanted)
        ]
    chome = re.match(r"([0-9]+)丁目", fold_key(text[found.end :]))
    number = int(chome.group(1)) if chome else None
    return tuple(sorted(places, key=lambda place: (not _covers(place.note, number), place.postal_code))[:limit])


def _covers(note: str, chome: int | None) -> bool:
    """Whether a note such as "8〜20丁目" or "1、3丁目" names this 丁目."""
    if chome is None or "丁目" not in note:
        return False
    for first, last in re.findall("([0-9]+)(?:〜([0-9]+))?", fold_width(note)):
        if int(first) <= chome <= int(last or first):
            return True
    return False
