"""The way back of somebody who has lost phone and recovery codes: checked, told to the person, and done after a day.

An operator's is begun by an administrator, as everything about how operators sign in. That of an administrator needs
two of them, or the command line: one alone could take over a colleague, and with that the other's half of every rule
of two. All administrators are told.
"""

import datetime as dt

from db.database import transaction
from db.models import Account, LostFactor
from webapp.domain.accounts import accounts, mails, second_factor
from webapp.domain.accounts.accounts import AccountKind, OperatorRole
from webapp.domain.accounts.second_factor import note
from webapp.domain.audit.log import audit
from webapp.domain.core.calendar import written_moment
from webapp.domain.core.errors import NotAllowed
from webapp.domain.core.events import EventName

DELAY = dt.timedelta(days=1)
# So long a second administrator may approve; afterwards it is stopped and begun anew, with a new check.
APPROVE_WITHIN = dt.timedelta(days=7)
_OPEN = LostFactor.stopped_at.is_null() & LostFactor.done_at.is_null()


def begin(account: Account, by: Account | None, note_text: str, now: dt.datetime) -> LostFactor:
    """Begin the way back; it takes effect in a day, an administrator's a day after `approve`.

    `note_text` says how the operator has checked who they are. `by` is None on the server, where nobody approves.
    NotAllowed without a second factor, for who may not change this sign-in (`accounts.may_change`), or when it has
    begun already. The person is told by mail, and for an administrator all others.
    """
    with transaction():
        refused = by is not None and not accounts.may_change(account, by)
        if refused or not account.second_factor or not note_text.strip() or current(account):
            raise NotAllowed
        waits = by is not None and second_factor.must_have(account)
        row = LostFactor.create(
            account=account, opened_at=now, opened_by=by, effective_at=None if waits else now + DELAY
        )
        _write_down(EventName.ACCOUNT_LOST_FACTOR_OPENED, account, by, now, {"note": note_text.strip()})
        _tell(row, account, now)
        return row


def approve(account: Account, by: Account | None, now: dt.datetime) -> LostFactor:
    """Approve the way back of an administrator as the second one; it takes effect in a day.

    NotAllowed for who is no administrator, for the person and for whoever has begun it; when nothing waits, or it has
    waited longer than a week. `by` is None on the server.
    """
    with transaction():
        row = current(account)
        if row is None or row.effective_at is not None or row.opened_at <= now - APPROVE_WITHIN:
            raise NotAllowed
        if by is not None and not may_approve(row, account, by):
            raise NotAllowed
        waiting = (LostFactor.id == row.id) & _OPEN & LostFactor.effective_at.is_null()
        approved = {"approved_at": now, "approved_by": by, "effective_at": now + DELAY}
        if not LostFactor.update(approved).where(waiting).execute():
            raise NotAllowed
        row = LostFactor.get_by_id(row.id)
        _write_down(EventName.ACCOUNT_LOST_FACTOR_APPROVED, account, by, now)
        _tell(row, account, now)
        return row


def may_approve(row: LostFactor, account: Account, by: Account) -> bool:
    """Return whether an operator may be the second who says that an administrator has lost the phone."""
    return accounts.may_change(account, by) and by.id != row.opened_by_id


def current(account: Account) -> LostFactor | None:
    """Return the way back that is under way for an account; without `effective_at` it waits for a second operator."""
    return LostFactor.get_or_none((LostFactor.account == account) & _OPEN)


def stop(account: Account, by: Account, now: dt.datetime) -> bool:
    """Stop it: by the person, or by any operator. False when there is nothing to stop."""
    with transaction():
        mine = (LostFactor.account == account) & _OPEN
        stopped = LostFactor.update(stopped_at=now, stopped_by=by).where(mine).execute()
        if stopped:
            _write_down(EventName.ACCOUNT_LOST_FACTOR_STOPPED, account, by, now)
        return bool(stopped)


def take(account: Account, now: dt.datetime) -> bool:
    """Take away the factors of somebody whose day is over; called when their password was right."""
    with transaction():
        row = current(account)
        if row is None or row.effective_at is None or row.effective_at > now:
            return False
        LostFactor.update(done_at=now).where(LostFactor.id == row.id).execute()
        second_factor.remove_all(account, now)
        return True


def _write_down(
    name: EventName, account: Account, by: Account | None, now: dt.datetime, detail: dict | None = None
) -> None:
    audit(name, now, by.id if by else None, "account", account.id, detail)
    note(name, account, now, by.id if by else None)


def _tell(row: LostFactor, account: Account, now: dt.datetime) -> None:
    if row.effective_at is None:
        mine, colleague, moment = mails.LOST_ASKED, mails.COLLEAGUE_LOST_ASKED, written_moment(now)
    else:
        mine, colleague, moment = mails.LOST_UNTIL, mails.COLLEAGUE_LOST_UNTIL, written_moment(row.effective_at)
    mails.tell(account, {mine: moment}, now)
    if second_factor.must_have(account):
        administrators = (Account.kind == AccountKind.OPERATOR) & (Account.role == OperatorRole.ADMINISTRATOR)
        for administrator in Account.select().where(administrators & Account.active & (Account.id != account.id)):
            mails.tell(administrator, {colleague: moment, "colleague": account.display_name}, now)
