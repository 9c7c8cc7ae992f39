"""Joining and leaving a business: invited by it, accepted by the technician, ended by either; keys end with it."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from peewee import IntegrityError

from db.database import transaction
from db.ids import encode, new_id
from db.models import Affiliation, AffiliationInvitation, Business, Technician, WorkItem
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.affiliations.mails import ROLES, Change, tell_both
from webapp.domain.audit.log import audit
from webapp.domain.core.daily_limits import take
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, close_item, open_item
from webapp.domain.disclosure.policy import Relation, Viewer, facts_of, relation
from webapp.domain.notices.messages import Role

# What is answered to every invitation, whether it reached anybody or not.
INVITED = N_("招待を受け付けました。IDと生年月日が合っていれば、技能者本人の画面に表示されます。")
INVITATION_LASTS = dt.timedelta(days=30)


class InvitationState(StrEnum):
    """Where an invitation stands."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"


class EndReason(StrEnum):
    """How an affiliation ended."""

    LEFT = "left"  # by the technician
    ENDED = "ended"  # by the business
    ANNULLED = "annulled"  # by operators: it was disputed, and never was


class AffiliationError(Exception):
    """A step that is not taken; `sentence` says why."""

    sentence = N_("この操作はできません。")


class NotTheirs(AffiliationError):
    """Somebody else's invitation or affiliation, or one that does not exist: 404."""

    sentence = N_("見つかりません。")


class OverAlready(AffiliationError):
    """The invitation was answered or has expired, or the affiliation has ended: 409."""

    sentence = N_("この招待または所属は、すでに終わっています。")


class AffiliatedElsewhere(AffiliationError):
    """The technician is with another business; one affiliation at most is current: 409."""

    sentence = N_("現在の所属事業者があります。先にそちらを離れてから承諾してください。")


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as its technician sees it."""

    id: int
    business: str
    business_id: str
    invited_at: dt.datetime
    expires_at: dt.datetime


def invite(viewer: Viewer, technician_id: str, birth_date: dt.date, per_day: int, now: dt.datetime) -> str:
    """Invite a technician by ID and birth date; return the same sentence whatever is found.

    Only the technician learns of it. NotTheirs unless the viewer is an active administrator of a business;
    LimitReached when the business has sent its invitations of the day (`per_day`), right or wrong.
    """
    if viewer.kind != AccountKind.BUSINESS_USER or viewer.business_id is None or not viewer.may_change:
        raise NotTheirs
    with transaction():
        take(f"invite:business:{encode(viewer.business_id)}", 1, per_day, now)
        row = Technician.get_or_none(
            (Technician.technician_id == fold_search_key(technician_id)) & (Technician.birth_date == birth_date)
        )
        audit(EventName.AFFILIATION_BUSINESS_INVITED, now, viewer.account_id, "business", viewer.business_id)
        if row is None or facts_of([row.id])[row.id].employer_id == viewer.business_id:
            return INVITED
        _expire(row.id, now)
        invitation_id = new_id()
        written = (
            AffiliationInvitation.insert(
                id=invitation_id,
                business=viewer.business_id,
                technician=row.id,
                invited_by=viewer.account_id,
                invited_at=now,
                expires_at=now + INVITATION_LASTS,
                state=InvitationState.OPEN,
            )
            .on_conflict_ignore()
            .as_rowcount()
            .execute()
        )
        if written:
            # No business on the event: its own pages must not tell whether the invitation arrived.
            record(
                EventName.AFFILIATION_BUSINESS_INVITED,
                now,
                technician_id=row.id,
                subject_id=invitation_id,
                account_id=viewer.account_id,
            )
        return INVITED


def invitations(viewer: Viewer, now: dt.datetime) -> list[Invitation]:
    """Return the open invitations of the technician who asks, newest first; nobody else gets any."""
    if viewer.kind != AccountKind.TECHNICIAN or not viewer.active:
        return []
    rows = (
        AffiliationInvitation.select(AffiliationInvitation, Business)
        .join(Business)
        .where(
            (AffiliationInvitation.technician == viewer.technician_id)
            & (AffiliationInvitation.state == InvitationState.OPEN)
            & (AffiliationInvitation.expires_at > now)
        )
        .order_by(AffiliationInvitation.invited_at.desc())
    )
    return [Invitation(r.id, r.business.name, r.business.business_id, r.invited_at, r.expires_at) for r in rows]


def accept(viewer: Viewer, invitation_id: int, now: dt.datetime) -> int:
    """Join the business of an invitation, with all keys closed; return the affiliation's id.

    NotTheirs, OverAlready or AffiliatedElsewhere.
    """
    with transaction():
        invitation = _answer(viewer, invitation_id, InvitationState.ACCEPTED, now)
        person = invitation.technician
        affiliation_id = new_id()
        try:
            with transaction():
                Affiliation.insert(
                    id=affiliation_id,
                    technician=person,
                    business=invitation.business_id,
                    started_at=now,
                    sort_key=person.kana_key,
                ).execute()
        except IntegrityError:  # the index that allows one current affiliation
            raise AffiliatedElsewhere from None
        AffiliationInvitation.update(affiliation=affiliation_id).where(
            AffiliationInvitation.id == invitation_id
        ).execute()
        ids: dict[str, Any] = {
            "technician_id": person.id,
            "business_id": invitation.business_id,
            "subject_id": affiliation_id,
        }
        record(EventName.AFFILIATION_TECHNICIAN_ACCEPTED, now, account_id=viewer.account_id, **ids)
        audit(
            EventName.AFFILIATION_TECHNICIAN_ACCEPTED, now, viewer.account_id, "affiliation", affiliation_id, dict(ids)
        )
        tell_both(affiliation_id, Change.JOINED, now)
        return affiliation_id


def decline(viewer: Viewer, invitation_id: int, now: dt.datetime) -> None:
    """Decline an invitation; the business is not told. NotTheirs or OverAlready."""
    with transaction():
        invitation = _answer(viewer, invitation_id, InvitationState.DECLINED, now)
        record(
            EventName.AFFILIATION_TECHNICIAN_DECLINED,
            now,
            technician_id=invitation.technician_id,
            subject_id=invitation_id,
            account_id=viewer.account_id,
        )


def leave(viewer: Viewer, affiliation_id: int, now: dt.datetime) -> None:
    """End the technician's own current affiliation; its keys close with it. NotTheirs or OverAlready."""
    _end(viewer, affiliation_id, Relation.SELF, EndReason.LEFT, now)


def end(viewer: Viewer, affiliation_id: int, now: dt.datetime) -> None:
    """End an affiliation of the administrator's business; its keys close with it. NotTheirs or OverAlready."""
    _end(viewer, affiliation_id, Relation.EMPLOYER, EndReason.ENDED, now)


def dispute(viewer: Viewer, affiliation_id: int, now: dt.datetime, words: str = "") -> int | None:
    """Say that one never was with a business: a work item for ops; None if it is open already. NotTheirs.

    Works for past affiliations too. What the person writes stands in the work item and in the removable part of
    the audit row.
    """
    with transaction():
        row = Affiliation.get_or_none(Affiliation.id == affiliation_id)
        if row is None or viewer.kind != AccountKind.TECHNICIAN or not viewer.may_change:
            raise NotTheirs
        if viewer.technician_id != row.technician_id:
            raise NotTheirs
        said = {"words": words} if words else None
        item = open_item(WorkItemKind.AFFILIATION_DISPUTED, "affiliation", affiliation_id, "technician", now, said)
        if item is not None:
            ids: dict[str, Any] = {
                "technician_id": row.technician_id,
                "business_id": row.business_id,
                "subject_id": affiliation_id,
            }
            record(EventName.AFFILIATION_TECHNICIAN_DISPUTED, now, account_id=viewer.account_id, **ids)
            name = EventName.AFFILIATION_TECHNICIAN_DISPUTED
            audit(name, now, viewer.account_id, "affiliation", affiliation_id, {"words": words})
            # A past employer is another business by now.
            tell_both(affiliation_id, Change.DISPUTED, now, ROLES if row.current else frozenset({Role.TECHNICIAN}))
        return item


def expire_invitations(now: dt.datetime) -> int:
    """Close the invitations that nobody answered in time; return how many."""
    return _expire(None, now)


def _expire(technician_id: int | None, now: dt.datetime) -> int:
    due = (AffiliationInvitation.state == InvitationState.OPEN) & (AffiliationInvitation.expires_at <= now)
    if technician_id is not None:
        due &= AffiliationInvitation.technician == technician_id
    return AffiliationInvitation.update(state=InvitationState.EXPIRED, answered_at=now).where(due).execute()


def _answer(viewer: Viewer, invitation_id: int, state: InvitationState, now: dt.datetime) -> AffiliationInvitation:
    invitation = AffiliationInvitation.get_or_none(AffiliationInvitation.id == invitation_id)
    theirs = viewer.kind == AccountKind.TECHNICIAN and viewer.may_change
    if invitation is None or not theirs or invitation.technician_id != viewer.technician_id:
        raise NotTheirs
    answered = (
        AffiliationInvitation.update(state=state, answered_at=now)
        .where(
            (AffiliationInvitation.id == invitation_id)
            & (AffiliationInvitation.state == InvitationState.OPEN)
            & (AffiliationInvitation.expires_at > now)
        )
        .execute()
    )
    if not answered:
        raise OverAlready
    return invitation


def annul(item: WorkItem, now: dt.datetime, account_id: int, note: str) -> None:
    """End a disputed affiliation by an operator's decision and close the dispute.

    NotTheirs when the work item is no dispute of an affiliation; OverAlready when either is over.
    """
    with transaction():
        row = Affiliation.get_or_none(Affiliation.id == item.subject_id)
        if item.kind != WorkItemKind.AFFILIATION_DISPUTED or row is None:
            raise NotTheirs
        if not close_item(item, WorkItemState.DONE, "annulled", now, account_id, note):
            raise OverAlready
        _close(row, EndReason.ANNULLED, account_id, now)


def _end(viewer: Viewer, affiliation_id: int, needs: Relation, reason: EndReason, now: dt.datetime) -> None:
    with transaction():
        row = Affiliation.get_or_none(Affiliation.id == affiliation_id)
        if row is None or not viewer.may_change:
            raise NotTheirs
        if not row.current:
            mine = viewer.technician_id == row.technician_id if needs is Relation.SELF else (
                viewer.business_id == row.business_id
            )  # fmt: skip
            raise OverAlready if mine else NotTheirs
        if relation(viewer, facts_of([row.technician_id])[row.technician_id]) is not needs:
            raise NotTheirs
        _close(row, reason, viewer.account_id, now)


# How an ending is written down and told.
_ENDINGS = {
    EndReason.LEFT: (EventName.AFFILIATION_TECHNICIAN_LEFT, Change.LEFT),
    EndReason.ENDED: (EventName.AFFILIATION_BUSINESS_ENDED, Change.ENDED),
    EndReason.ANNULLED: (EventName.AFFILIATION_OPS_ANNULLED, Change.ANNULLED),
}


def _close(row: Affiliation, reason: EndReason, account_id: int | None, now: dt.datetime) -> None:
    """End an affiliation and its keys in the running transaction and tell both; OverAlready if it has ended."""
    ended = (
        Affiliation.update(
            current=False,
            ended_at=now,
            end_reason=reason,
            technician_keys=0,
            technician_keys_version=Affiliation.technician_keys_version + 1,
            business_keys=0,
            business_keys_version=Affiliation.business_keys_version + 1,
        )
        .where((Affiliation.id == row.id) & Affiliation.current)
        .execute()
    )
    if not ended:
        raise OverAlready
    name, change = _ENDINGS[reason]
    ids = {"technician_id": row.technician_id, "business_id": row.business_id, "subject_id": row.id}
    # What the keys were, so that the timeline can say what closed.
    data = {"technician_keys": row.technician_keys, "business_keys": row.business_keys}
    record(name, now, account_id=account_id, data=data, **ids)
    audit(name, now, account_id, "affiliation", row.id, data)
    tell_both(row.id, change, now)
