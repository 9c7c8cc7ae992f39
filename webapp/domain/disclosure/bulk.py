"""Keys of an employer changed for many people: prepared at once, done in batches, taken back within ten minutes."""

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from peewee import SQL, ColumnBase, fn

from db.database import is_sqlite, transaction
from db.fields import dump_json, to_microseconds
from db.models import Affiliation, BulkChange, BulkChangeRow
from db.rows import change_many
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.audit.log import audit
from webapp.domain.core.events import EventName, NewEvent, record_many
from webapp.domain.core.language import N_
from webapp.domain.disclosure.keys import EVENTS, DisclosureError, KeyNotAllowed, Sentence
from webapp.domain.disclosure.policy import MASTER, Side, Viewer

UNDO_FOR = dt.timedelta(minutes=10)
BATCH = 500

# Ids of affiliations, a condition over `Affiliation` and nothing else, or everybody.
Chosen = Collection[int] | ColumnBase | None
_Turned = tuple[int, int, int, int, int]  # affiliation, technician, keys before and after, version


class BulkState(StrEnum):
    """Where a change of many keys stands."""

    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


class TooLate(DisclosureError):
    """The ten minutes are over, or it was taken back already."""

    sentence = N_("10分を過ぎたか、すでに取り消したため、取り消せません。もう一度まとめて設定してください。")


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """What a change of many keys would do: how many people, how many keys turn, who becomes visible or vanishes."""

    people: int
    changed: int
    newly_visible: int  # people of whom another business would see something, or something more
    no_longer_visible: int  # people of whom it would see less
    waiting: int  # opened here, but the technician has not opened yet

    def sentences(self, open: bool) -> tuple[Sentence, ...]:
        """Return what to say before it is done."""
        params = (("people", self.people), ("changed", self.changed))
        said = [Sentence(N_("%(people)s人のうち%(changed)s人の設定が変わります。"), params=params)]
        if open and self.newly_visible:
            text = N_("%(people)s人の情報を、他の事業者が閲覧できるようになります。")
            said.append(Sentence(text, params=(("people", self.newly_visible),)))
        if open and self.waiting:
            text = N_("%(people)s人は、本人の設定を待つ状態になります。")
            said.append(Sentence(text, params=(("people", self.waiting),)))
        if not open and self.no_longer_visible:
            text = N_("%(people)s人の情報を、他の事業者が閲覧できなくなります。")
            said.append(Sentence(text, params=(("people", self.no_longer_visible),)))
        return tuple(said)


@dataclass(frozen=True, slots=True)
class BulkProgress:
    """How far a change of many keys has come."""

    id: int
    state: BulkState
    total: int
    done: int
    changed: int
    undone: int
    kept: int  # not taken back: somebody turned the key in the meantime
    undo_until: dt.datetime | None

    @property
    def finished(self) -> bool:
        return self.state in (BulkState.DONE, BulkState.UNDONE)

    def can_undo(self, now: dt.datetime) -> bool:
        return (
            self.state is BulkState.DONE and self.changed > 0 and self.undo_until is not None and now < self.undo_until
        )


def _own_people(viewer: Viewer, chosen: Chosen) -> ColumnBase:
    """Return the condition for the chosen people of a business."""
    allowed = viewer.kind == AccountKind.BUSINESS_USER and viewer.business_id is not None and viewer.may_change
    if not allowed:
        raise KeyNotAllowed
    own = Affiliation.current & (Affiliation.business == viewer.business_id)
    if isinstance(chosen, (list, tuple, set, frozenset)):
        return own & Affiliation.id.in_(list(chosen))
    return own if chosen is None else own & chosen


def preview_bulk(viewer: Viewer, chosen: Chosen, bits: int, open: bool) -> BulkPreview:
    """Count what opening or closing groups (bits) for the chosen people would do; one query, nothing is changed.

    `chosen` is a collection of affiliation ids, a condition over `Affiliation`, or None for everybody. NotAllowed
    unless the viewer is an active administrator of a business; people of others are left out.
    """
    where = _own_people(viewer, chosen)
    keys, theirs = Affiliation.business_keys, Affiliation.technician_keys
    after = keys.bin_or(bits) if open else keys.bin_and(~bits & 0x7FFF)
    rows = (
        Affiliation.select(keys, theirs, after, fn.COUNT(Affiliation.id)).where(where).group_by(keys, theirs).tuples()
    )
    people = changed = newly = gone = waiting = 0
    for before, technician, then, count in rows:
        people += count
        changed += count * (before != then)
        seen, will_see = _seen(before, technician), _seen(then, technician)
        newly += count * bool(will_see & ~seen)
        gone += count * bool(seen & ~will_see)
        waiting += count * bool(open and then & MASTER and before != then and not technician & MASTER)
    return BulkPreview(people, changed, newly, gone, waiting)


def _seen(business_keys: int, technician_keys: int) -> int:
    both = business_keys & technician_keys
    return both if both & MASTER else 0


def begin_bulk(viewer: Viewer, chosen: Chosen, bits: int, open: bool, now: dt.datetime) -> BulkProgress:
    """Prepare a change for the chosen people (as in `preview_bulk`) and return it; `run_bulk` does it in batches.

    Whom it concerns is fixed here: somebody who comes later is not touched.
    """
    where = _own_people(viewer, chosen)
    with transaction():
        change = BulkChange.create(
            business=viewer.business_id,
            account=viewer.account_id,
            groups=bits,
            opens=open,
            state=BulkState.RUNNING,
            total=0,
            created_at=now,
        )
        selected = Affiliation.select(SQL(str(change.id)), Affiliation.id, SQL("TRUE")).where(where)
        fields = [BulkChangeRow.bulk_change, BulkChangeRow.affiliation, BulkChangeRow.pending]
        BulkChangeRow.insert_from(selected, fields).execute()
        change.total = BulkChangeRow.select().where(BulkChangeRow.bulk_change == change).count()
        if not change.total:
            change.state, change.finished_at, change.undo_until = BulkState.DONE, now, now
        change.save()
        detail = {"bulk_change": change.id, "groups": bits, "people": change.total}
        audit(EVENTS[Side.BUSINESS, open], now, viewer.account_id, "business", viewer.business_id, detail)
        return _progress(change)


def run_bulk(bulk_id: int, now: dt.datetime, batch: int = BATCH) -> BulkProgress:
    """Do the next batch of a change or of its undoing in one transaction and return how far it is.

    Called by the page at once for the first batch and by the worker until `finished`; two callers do not disturb each
    other. An affiliation that ended in between is passed over.
    """
    with transaction():
        locked = BulkChange.select().where(BulkChange.id == bulk_id)
        change = (locked if is_sqlite() else locked.for_update()).get()
        if change.state == BulkState.RUNNING:
            _forward(change, now, batch)
        elif change.state == BulkState.UNDOING:
            _backward(change, now, batch)
        return _progress(change)


def running() -> list[int]:
    """Return the ids of changes that the worker has to go on with, oldest first."""
    query = BulkChange.select(BulkChange.id).where(SQL("state IN ('running', 'undoing')"))
    return [row[0] for row in query.order_by(BulkChange.created_at).tuples()]


def undo_bulk(viewer: Viewer, bulk_id: int, now: dt.datetime) -> BulkProgress:
    """Begin to take a finished change back; keys that somebody has turned since stay as they are.

    TooLate after ten minutes or the second time; NotAllowed for a change of another business.
    """
    _own_people(viewer, None)
    with transaction():
        begun = (
            BulkChange.update(state=BulkState.UNDOING)
            .where(
                (BulkChange.id == bulk_id)
                & (BulkChange.business == viewer.business_id)
                & (BulkChange.state == BulkState.DONE)
                & (BulkChange.undo_until > now)
            )
            .execute()
        )
        if not begun:
            own = (BulkChange.id == bulk_id) & (BulkChange.business == viewer.business_id)
            raise TooLate if BulkChange.select().where(own).exists() else KeyNotAllowed
        BulkChangeRow.update(pending=True).where(
            (BulkChangeRow.bulk_change == bulk_id) & BulkChangeRow.after_version.is_null(False)
        ).execute()
        audit(
            EventName.DISCLOSURE_BUSINESS_UNDONE,
            now,
            viewer.account_id,
            "business",
            viewer.business_id,
            {"bulk_change": bulk_id},
        )
        return _progress(BulkChange.get_by_id(bulk_id))


def progress(viewer: Viewer, bulk_id: int) -> BulkProgress | None:
    """Return how far a change is; None for one of another business."""
    if viewer.kind != AccountKind.BUSINESS_USER or not viewer.active:
        return None
    change = BulkChange.get_or_none((BulkChange.id == bulk_id) & (BulkChange.business == viewer.business_id))
    return _progress(change) if change else None


def _progress(change: BulkChange) -> BulkProgress:
    return BulkProgress(
        change.id,
        BulkState(change.state),
        change.total,
        change.done,
        change.changed,
        change.undone,
        change.kept,
        change.undo_until,
    )


def _pending(change: BulkChange, batch: int) -> list[tuple[Any, ...]]:
    """Return the next rows, their affiliations locked: affiliation, technician, keys, version, and what was noted."""
    query = (
        BulkChangeRow.select(
            Affiliation.id,
            Affiliation.technician,
            Affiliation.current,
            Affiliation.business_keys,
            Affiliation.business_keys_version,
            BulkChangeRow.before_keys,
            BulkChangeRow.after_version,
        )
        .join(Affiliation)
        .where((BulkChangeRow.bulk_change == change) & BulkChangeRow.pending)
        .order_by(BulkChangeRow.affiliation)
        .limit(batch)
    )
    return list((query if is_sqlite() else query.for_update(of=Affiliation)).tuples())


def _forward(change: BulkChange, now: dt.datetime, batch: int) -> None:
    rows = _pending(change, batch)
    turned: list[_Turned] = []
    notes: list[tuple[int | None, int | None, int]] = []  # keys before, version after; neither where nothing turned
    for affiliation, technician, current, keys, version, *_ in rows:
        after = keys | change.groups if change.opens else keys & ~change.groups
        if not current or after == keys:
            notes.append((None, None, affiliation))
            continue
        notes.append((keys, version + 1, affiliation))
        turned.append((affiliation, technician, keys, after, version + 1))
    _write(change, turned, EVENTS[Side.BUSINESS, change.opens], now)
    change_many(
        "UPDATE bulk_change_row SET pending = FALSE, before_keys = ?, after_version = ?"
        f" WHERE bulk_change_id = {change.id} AND affiliation_id = ?",
        notes,
    )
    change.done += len(rows)
    change.changed += len(turned)
    if len(rows) < batch:
        change.state, change.finished_at, change.undo_until = BulkState.DONE, now, now + UNDO_FOR
    change.save()


def _backward(change: BulkChange, now: dt.datetime, batch: int) -> None:
    rows = _pending(change, batch)
    turned = [
        (affiliation, technician, keys, before, version + 1)
        for affiliation, technician, current, keys, version, before, made in rows
        if current and version == made
    ]
    _write(change, turned, EventName.DISCLOSURE_BUSINESS_UNDONE, now)
    BulkChangeRow.update(pending=False).where(
        (BulkChangeRow.bulk_change == change) & BulkChangeRow.affiliation.in_([row[0] for row in rows])
    ).execute()
    change.undone += len(turned)
    change.kept += len(rows) - len(turned)
    if len(rows) < batch:
        change.state, change.undone_at = BulkState.UNDONE, now
    change.save()


def _write(change: BulkChange, turned: Iterable[_Turned], name: EventName, now: dt.datetime) -> None:
    turned = list(turned)
    if not turned:
        return
    change_many(
        "UPDATE affiliation SET business_keys = ?, business_keys_version = ? WHERE id = ?",
        [(after, version, affiliation) for affiliation, _, _, after, version in turned],
    )
    events, moment = [], to_microseconds(now)
    for affiliation, technician, before, after, version in turned:
        data = {"groups": change.groups, "before": before, "after": after, "version": version}
        data["bulk_change"] = change.id
        ids = (None, technician, change.business_id, affiliation, change.account_id)
        events.append(NewEvent(name, moment, *ids, dump_json(data)))
    record_many(events)
