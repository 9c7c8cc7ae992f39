"""Opening and closing keys: who may, on which version, what it will do before it is done, and what it did."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from peewee import IntegerField

from db.database import transaction
from db.models import Affiliation
from webapp.domain.audit.log import audit
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_
from webapp.domain.disclosure.policy import (
    MASTER,
    Facts,
    Group,
    Relation,
    Side,
    Viewer,
    as_business,
    facts_of,
    groups_of,
    relation,
    visible_groups,
)

COMMA = N_("、")


class DisclosureError(Exception):
    """A change of keys that is not made; `sentence` says why."""

    sentence = N_("開示の設定を変更できませんでした。")


class KeyNotAllowed(DisclosureError):
    """The key is not this person's, or the role only looks."""

    sentence = N_("この設定を変更する権限がありません。")


class NotCurrent(DisclosureError):
    """The affiliation has ended or never was: its keys cannot be turned any more."""

    sentence = N_("この所属は終わっています。開示の設定は変更できません。")


class StaleKey(DisclosureError):
    """The key was changed, by whomever, since the page was shown (409); `facts` are as they stand now."""

    sentence = N_("画面を開いたあとに設定が変わりました。いまの設定を確かめて、もう一度操作してください。")

    def __init__(self, facts: Facts):
        super().__init__(self.sentence)
        self.facts = facts


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What a change did: the facts before and after; `changed` is False when the key stood so already."""

    before: Facts
    after: Facts
    changed: bool


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence for the catalogue with its parameters; `groups` are to be translated and joined as %(groups)s."""

    text: str
    groups: tuple[Group, ...] = ()
    params: tuple[tuple[str, object], ...] = ()

    def parameters(self, say: Callable[[str], str] = str) -> dict[str, object]:
        """Return what fills the sentence in; `say` translates the names of the groups and the comma between them."""
        values = dict(self.params)
        if self.groups:
            values["groups"] = say(COMMA).join(say(group.label) for group in self.groups)
        return values

    def in_japanese(self) -> str:
        """Return the sentence filled in, untranslated."""
        values = self.parameters()
        return self.text % values if values else self.text


@dataclass(frozen=True, slots=True)
class Preview:
    """What another business sees before and after a change that is not made yet, as bits, and what to say of it."""

    before: int
    after: int
    sentences: tuple[Sentence, ...]

    @property
    def newly_visible(self) -> tuple[Group, ...]:
        return groups_of(self.after & ~self.before)

    @property
    def no_longer_visible(self) -> tuple[Group, ...]:
        return groups_of(self.before & ~self.after)


EVENTS = {
    (Side.TECHNICIAN, True): EventName.DISCLOSURE_TECHNICIAN_OPENED,
    (Side.TECHNICIAN, False): EventName.DISCLOSURE_TECHNICIAN_CLOSED,
    (Side.BUSINESS, True): EventName.DISCLOSURE_BUSINESS_OPENED,
    (Side.BUSINESS, False): EventName.DISCLOSURE_BUSINESS_CLOSED,
}
OTHER_SIDE = {Side.TECHNICIAN: Side.BUSINESS, Side.BUSINESS: Side.TECHNICIAN}


def may_turn(viewer: Viewer, side: Side, facts: Facts) -> bool:
    """Return whether a viewer may turn a side's keys: the technician the own, an employer's administrator theirs."""
    if facts.affiliation_id is None or not viewer.may_change:
        return False
    wanted = Relation.SELF if side is Side.TECHNICIAN else Relation.EMPLOYER
    return relation(viewer, facts) is wanted


def set_key(
    side: Side, affiliation_id: int, bits: int, open: bool, by: Viewer, now: dt.datetime, expected_version: int
) -> KeyChange:
    """Open or close groups (bits) of one side of an affiliation, with event and audit row; effect at once.

    `expected_version` is the version of the side's keys that the page showed. Stale (409) when it is another by now;
    NotAllowed (404 or 403) when the key is not `by`'s; NotCurrent when the affiliation has ended.
    """
    with transaction():
        row = Affiliation.get_or_none(Affiliation.id == affiliation_id)
        if row is None:
            raise KeyNotAllowed
        if not row.current:
            raise NotCurrent if _was_theirs(by, side, row) else KeyNotAllowed
        before = _facts(row)
        if not may_turn(by, side, before):
            raise KeyNotAllowed
        after = before.with_keys(side, bits, open)
        if _version(before, side) != expected_version:
            raise StaleKey(before)
        if after == before:
            return KeyChange(before, before, False)
        keys, version = _columns(side)
        written = (
            Affiliation.update({keys: after.keys(side), version: expected_version + 1})
            .where((Affiliation.id == affiliation_id) & Affiliation.current & (version == expected_version))
            .execute()
        )
        if not written:
            raise StaleKey(facts_of([row.technician_id])[row.technician_id])
        after = facts_of([row.technician_id])[row.technician_id]
        name = EVENTS[side, open]
        data = {
            "groups": bits,
            "before": before.keys(side),
            "after": after.keys(side),
            "version": _version(after, side),
        }
        record(
            name,
            now,
            technician_id=row.technician_id,
            business_id=row.business_id,
            subject_id=affiliation_id,
            account_id=by.account_id,
            data=data,
        )
        audit(name, now, by.account_id, "affiliation", affiliation_id, data)
        return KeyChange(before, after, True)


def _was_theirs(by: Viewer, side: Side, row: Affiliation) -> bool:
    if side is Side.TECHNICIAN:
        return by.technician_id == row.technician_id
    return by.business_id == row.business_id


def _columns(side: Side) -> "tuple[IntegerField[int], IntegerField[int]]":
    if side is Side.TECHNICIAN:
        return Affiliation.technician_keys, Affiliation.technician_keys_version
    return Affiliation.business_keys, Affiliation.business_keys_version


def _version(facts: Facts, side: Side) -> int | None:
    return facts.technician_keys_version if side is Side.TECHNICIAN else facts.business_keys_version


def _facts(row: Affiliation) -> Facts:
    return Facts(
        row.technician_id,
        row.id,
        row.business_id,
        row.technician_keys,
        row.business_keys,
        row.technician_keys_version,
        row.business_keys_version,
    )


def preview(
    facts: Facts, side: Side, bits: int, open: bool, viewer: Viewer | None = None, example: str = ""
) -> Preview:
    """Say what opening or closing groups will do, by the same rule with a hypothetical viewer; it is no view.

    `viewer` is by default another business that has nothing to do with the person (`as_business(id)` for a certain
    one); `example` is the name of a business to name in the sentence. For "what if the other key were open" give the
    facts with that key: `facts.with_keys(other side, ALL_GROUPS, True)`.
    """
    viewer = as_business() if viewer is None else viewer
    changed = facts.with_keys(side, bits, open)
    before, after = visible_groups(viewer, facts), visible_groups(viewer, changed)
    say = _opening if open else _closing
    return Preview(before, after, tuple(say(facts, changed, side, bits, before, after, example)))


def _opening(
    facts: Facts, changed: Facts, side: Side, bits: int, before: int, after: int, example: str
) -> Iterator[Sentence]:
    if facts.employer_id is None:
        yield Sentence(N_("現在の所属事業者がないため、開示を設定できません。"))
        return
    if new := groups_of(after & ~before):
        if example:
            text = N_("開示すると、他の事業者（%(business)sを含む）が%(groups)sを閲覧できるようになります。")
            yield Sentence(text, new, (("business", example),))
        else:
            yield Sentence(N_("開示すると、他の事業者が%(groups)sを閲覧できるようになります。"), new)
    closed = tuple(group for group in groups_of(bits) if not after & group.bit)
    if closed and not changed.keys(side) & MASTER:
        yield Sentence(
            N_("「本人情報」を開示していないため、%(groups)sは「本人情報」を開示するまで表示されません。"), closed
        )
    elif waiting := tuple(group for group in closed if not changed.is_open(OTHER_SIDE[side], group)):
        if side is Side.TECHNICIAN:
            text = N_("%(groups)sは、所属事業者も開示を設定すると、他の事業者に表示されます。")
        else:
            text = N_("%(groups)sは、本人も開示を設定すると、他の事業者に表示されます。")
        yield Sentence(text, waiting)
    if after == before and not closed:
        yield Sentence(N_("すでに開示しています。表示は変わりません。"))


def _closing(
    facts: Facts, changed: Facts, side: Side, bits: int, before: int, after: int, example: str
) -> Iterator[Sentence]:
    if gone := groups_of(before & ~after):
        if example:
            text = N_("開示をやめると、他の事業者（%(business)sを含む）は%(groups)sを閲覧できなくなります。")
            yield Sentence(text, gone, (("business", example),))
        else:
            yield Sentence(N_("開示をやめると、他の事業者は%(groups)sを閲覧できなくなります。"), gone)
        yield Sentence(N_("次の閲覧から効きます。すでに閲覧された内容は取り消せません。"))
        if bits & MASTER:
            yield Sentence(N_("ほかの項目の設定は残り、「本人情報」をもう一度開示すると元どおりになります。"))
    else:
        yield Sentence(N_("いまも他の事業者には表示されていません。表示は変わりません。"))
