"""Operators' looks at a person: each is audited with its reason and written for the person to read.

A page that shows what belongs to a person writes a look before it answers. A way of coming that stands for a reason is
a token that the page one came from has signed; who comes without one is asked why.
"""

import datetime as dt
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from db.database import transaction
from db.fields import to_microseconds
from db.ids import decode, encode
from db.models import AccessRow, Alarm, Registration, WorkItem
from webapp.domain.audit.log import audit, audit_each
from webapp.domain.core import secret_box
from webapp.domain.core.events import EventName
from webapp.domain.core.language import N_
from webapp.domain.disclosure.access_log import Look, ViewKind, looked
from webapp.domain.disclosure.policy import MASTER, Relation, Viewer, facts_of

ASKED_EVERY = dt.timedelta(hours=1)
SUBJECT = "technician"
# A token is good on its day and the day after: somebody who works past midnight has a page of before it.
_DAYS = 2
_MAC = 32  # hexadecimal digits
_PURPOSE = "way-of-coming"


class Via(StrEnum):
    """From where a record is opened: from these, the work at hand is the reason."""

    WORK_ITEM = "work-item"
    ALARM = "alarm"
    REGISTRATIONS = "registrations"  # a list by state; a search for a person is no reason by itself
    MESSAGES = "messages"
    RETURNED_MAIL = "returned-mail"
    POSTCARDS = "postcards"
    CARDS = "cards"
    ADDRESSES = "addresses"
    IMPORTS = "imports"
    INQUIRY = "inquiry"
    DASHBOARD = "dashboard"
    SIGN_INS = "sign-ins"
    ADDRESS_LETTERS = "address-letters"


class ViewReason(StrEnum):
    """Why somebody looks who came by a search or an address."""

    INQUIRY = "inquiry"
    CORRECTION = "correction"
    CHECK = "check"
    OTHER = "other"


REASONS: dict[str, str] = {
    ViewReason.INQUIRY: N_("問い合わせへの回答"),
    ViewReason.CORRECTION: N_("連絡先などの訂正"),
    ViewReason.CHECK: N_("送付・配達の確認"),
    ViewReason.OTHER: N_("その他（下に書いてください）"),
}

# Why an operator looked, as the person reads it, by the context of the look.
WHY: dict[str, str] = {
    Via.WORK_ITEM: N_("対応事項の処理"),
    Via.ALARM: N_("警報への対応"),
    Via.REGISTRATIONS: N_("登録の処理"),
    Via.MESSAGES: N_("お知らせの送付の確認"),
    Via.RETURNED_MAIL: N_("届かなかったメールの確認"),
    Via.POSTCARDS: N_("はがきの処理"),
    Via.CARDS: N_("カードの処理"),
    Via.ADDRESSES: N_("メールアドレスの確認"),
    Via.IMPORTS: N_("取り込みの確認"),
    Via.DASHBOARD: N_("状況の確認"),
    Via.SIGN_INS: N_("サインインの手伝い"),
    Via.ADDRESS_LETTERS: N_("メールアドレスの変更を知らせる手紙"),
    **REASONS,  # an inquiry is one reason, whether it was come from or named
    ViewReason.OTHER: N_("その他（理由を運営が記録しています）"),
}


@dataclass(frozen=True)
class ViewOrigin:
    """Where a look comes from: the kind of list, and the row of it where there is one."""

    via: Via
    of: int | None = None


def token_of(came_from: ViewOrigin, account_id: int, registration_id: int, secret: str, now: dt.datetime) -> str:
    """Return what a page puts into its link to a record: from where this operator comes to this registration.

    The text stays the same for a day, so that the page does too.
    """
    of = encode(came_from.of) if came_from.of is not None else ""
    text = f"{came_from.via}.{of}.{_day(now)}"
    return f"{text}.{_mac(text, account_id, registration_id, secret)}"


def origin(token: str, account_id: int, registration_id: int, secret: str, now: dt.datetime) -> ViewOrigin | None:
    """Return the origin that a token proves; None for what no page of ours wrote for this operator and registration.

    A work item or an alarm that does not exist any more is no reason either.
    """
    text, _, mac = token.rpartition(".")
    if not hmac.compare_digest(mac.encode(), _mac(text, account_id, registration_id, secret).encode()):
        return None
    via, of, day = text.split(".")
    if not 0 <= _day(now) - int(day) < _DAYS:
        return None
    found = ViewOrigin(Via(via), decode(of) if of else None)
    rows = {Via.WORK_ITEM: WorkItem, Via.ALARM: Alarm}.get(found.via)
    if rows is not None and not rows.select().where(rows.id == found.of).exists():
        return None
    return found


def note_look(viewer: Viewer, registration: Registration, came_from: ViewOrigin | None, now: dt.datetime) -> bool:
    """Write a look; False, with nothing written, when a reason has to be asked first.

    Without an origin, the reason of a look at the same person within the hour holds.
    """
    if came_from is not None:
        _write(viewer, registration.technician_id, registration.id, came_from, now)
        return True
    reason = _reason_of_the_hour(viewer, registration.technician_id, now)
    if reason is None:
        return False
    detail = {"registration": registration.id, "via": "same-hour"}
    _note(viewer, {registration.technician_id: detail}, reason, ViewKind.RECORD, now)
    return True


def note_person(viewer: Viewer, technician_id: int, came_from: ViewOrigin, now: dt.datetime) -> None:
    """Write a look at a person on a page that belongs to no registration, such as their sign-in."""
    _write(viewer, technician_id, None, came_from, now)


def note_looks(
    viewer: Viewer,
    shown: Iterable[tuple[int, int | None]],
    came_from: ViewOrigin,
    now: dt.datetime,
    kind: ViewKind = ViewKind.LIST,
) -> None:
    """Write a look at each person of a page or file with many: pairs of technician and registration, a person once."""
    why = _words_of(came_from)
    details = {technician: {"registration": registration, **why} for technician, registration in shown}
    _note(viewer, details, came_from.via, kind, now)


def give_reason(viewer: Viewer, registration: Registration, reason: ViewReason, note: str, now: dt.datetime) -> None:
    """Write down why somebody looks; it holds for the person and the hour."""
    detail = {"registration": registration.id, "reason": reason, "note": note}
    _note(viewer, {registration.technician_id: detail}, reason, ViewKind.RECORD, now)


def _write(
    viewer: Viewer, technician_id: int, registration_id: int | None, came_from: ViewOrigin, now: dt.datetime
) -> None:
    detail = {"registration": registration_id, **_words_of(came_from)}
    _note(viewer, {technician_id: detail}, came_from.via, ViewKind.RECORD, now)


def _words_of(came_from: ViewOrigin) -> dict[str, Any]:
    return {"via": came_from.via, "of": came_from.of}


def _note(viewer: Viewer, details: dict[int, dict[str, Any]], context: str, kind: ViewKind, now: dt.datetime) -> None:
    """Write the audit rows, with the detail that only operators read, and the looks that the people read."""
    if not details or viewer.account_id is None:
        return
    with transaction():
        facts = facts_of(details)
        looked(viewer, [Look(facts[technician], MASTER) for technician in details], kind, now, context)
        if len(details) == 1:
            ((technician_id, detail),) = details.items()
            audit(EventName.RECORD_OPS_VIEWED, now, viewer.account_id, SUBJECT, technician_id, detail)
        else:
            audit_each(EventName.RECORD_OPS_VIEWED, now, viewer.account_id, SUBJECT, details)


def _reason_of_the_hour(viewer: Viewer, technician_id: int, now: dt.datetime) -> str | None:
    """Return why this operator opened this person's record within the hour; a row of a list is no such reason."""
    mine = (
        (AccessRow.technician_id == technician_id)
        & (AccessRow.account_id == viewer.account_id)
        & (AccessRow.relation == Relation.OPERATOR)
        & (AccessRow.kind == ViewKind.RECORD)
        & (AccessRow.at > now - ASKED_EVERY)
    )
    last = AccessRow.select(AccessRow.context).where(mine).order_by(AccessRow.at.desc(), AccessRow.id.desc()).first()
    return last.context if last is not None else None


def _day(now: dt.datetime) -> int:
    return to_microseconds(now) // 86_400_000_000


def _mac(text: str, account_id: int, registration_id: int, secret: str) -> str:
    return secret_box.keyed(secret, _PURPOSE, f"{account_id}:{registration_id}:{text}").hex()[:_MAC]
