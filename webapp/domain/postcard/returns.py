"""Postcards that came back (返送): scanned by hand, many at a time; each becomes work for a person.

A scan changes only the newest print of a card that was mailed; every other scan is kept with what it found.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from peewee import JOIN, IntegrityError

from db.database import transaction
from db.ids import encode
from db.models import ActivationCode, Postcard, PostcardPrint, PostcardReturn, WorkItem
from webapp.domain.core import counters
from webapp.domain.core.counters import Figure
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, close_item, open_item
from webapp.domain.postcard import activation_codes, code_text, fallback
from webapp.domain.postcard.delivery import ReprintReason, reprint
from webapp.domain.postcard.states import PostcardState, PostcardStep

MOST_AT_ONCE = 5000
LONGEST_KEY = 40
_RETURNED = "returned"  # why a code ended


class ReturnOutcome(StrEnum):
    """What a scan found."""

    RETURNED = "returned"
    REPEATED = "repeated"  # noted before
    OLD_PRINT = "old_print"  # printed again since: nothing changes
    NOT_MAILED = "not_mailed"  # its batch is not marked mailed
    UNKNOWN = "unknown"  # no such number


class Resolution(StrEnum):
    """How the work of a returned postcard ends."""

    SENT_AGAIN = "sent_again"
    CLOSED = "closed"


@dataclass(frozen=True)
class ReturnTally:
    """What many scans found."""

    found: dict[ReturnOutcome, int]
    left_over: int  # beyond the most that are taken at once


def read_number(typed: str) -> str | None:
    """Return a management number in its one form; None for what cannot be one. Read like an activation code."""
    code = code_text.normalise_code(typed)
    return f"{code[:5]}-{code[5:]}" if code else None


def numbers_in(text: str) -> Iterator[str]:
    """Yield what stands first on each line of a file or a pasted list: a scanner's log, or a column of a table."""
    for line in text.lstrip("\ufeff").splitlines():
        first = re.split(r"[,;\t]", line.strip(), maxsplit=1)[0].strip().strip('"').strip()
        if first:
            yield first


def scan(typed: str, now: dt.datetime, account_id: int, key: str = "") -> PostcardReturn:
    """Note one returned postcard by what the scanner read, and return what was found.

    `key` is the browser's name for this scan, "" for none: sent again after a lost answer, it is the same scan.
    """
    key = key[:LONGEST_KEY]
    try:
        with transaction():
            return _known(key, account_id) or _scan(typed, now, account_id, key)
    except IntegrityError:  # the same scan twice at the same moment
        if known := _known(key, account_id):
            return known
        raise


def _known(key: str, account_id: int) -> PostcardReturn | None:
    return PostcardReturn.get_or_none(account=account_id, scan_key=key) if key else None


def _scan(typed: str, now: dt.datetime, account_id: int, key: str) -> PostcardReturn:
    number = read_number(typed)
    found = PostcardPrint.get_or_none(PostcardPrint.management_number == number) if number else None
    outcome = ReturnOutcome.UNKNOWN if found is None else _take_back(found, now, account_id)
    return PostcardReturn.create(
        scanned_at=now,
        account=account_id,
        typed=(number or typed.strip())[:40],
        outcome=outcome,
        print=found,
        scan_key=key or None,
    )


def scan_many(numbers: Iterable[str], now: dt.datetime, account_id: int) -> ReturnTally:
    """Note many returned postcards, at most MOST_AT_ONCE; each is a transaction of its own."""
    found: dict[ReturnOutcome, int] = {}
    left_over = 0
    for place, number in enumerate(numbers):
        if place >= MOST_AT_ONCE:
            left_over += 1
            continue
        outcome = ReturnOutcome(scan(number, now, account_id).outcome)
        found[outcome] = found.get(outcome, 0) + 1
    return ReturnTally(found, left_over)


def _take_back(found: PostcardPrint, now: dt.datetime, account_id: int) -> ReturnOutcome:
    postcard = found.postcard
    if postcard.print_number != found.print_number or postcard.batch_id != found.batch_id:
        return ReturnOutcome.OLD_PRINT
    if postcard.state == PostcardState.RETURNED:
        return ReturnOutcome.REPEATED
    try:
        fallback.move(postcard, PostcardStep.RETURN, now)
    except StepNotAllowed:
        return ReturnOutcome.NOT_MAILED
    counters.add({_return_of(postcard, now): 1})
    activation_codes.end([encode(postcard.id)], _RETURNED, now)
    data = {"print": found.print_number}
    fallback.note(EventName.POSTCARD_OPS_RETURNED, postcard, now, data, account_id)
    item = {"postcard": encode(postcard.id)}
    kind = WorkItemKind.POSTCARD_RETURNED
    open_item(kind, "registration", postcard.registration_id, _RETURNED, now, item)
    return ReturnOutcome.RETURNED


def undo(row: PostcardReturn, now: dt.datetime, account_id: int) -> None:
    """Take a scan back: the wrong card. StepNotAllowed when something was done about it meanwhile."""
    with transaction():
        fresh = (PostcardReturn.id == row.id) & PostcardReturn.undone_at.is_null()
        if not PostcardReturn.update(undone_at=now).where(fresh).execute():
            raise StepNotAllowed("it was taken back before")
        if row.outcome != ReturnOutcome.RETURNED:
            return
        postcard = row.print.postcard
        item = work_of(postcard)
        if item is None:
            raise StepNotAllowed("something was done about the returned card meanwhile")
        cause, returned_at = postcard.cause, postcard.changed_at
        fallback.move(postcard, PostcardStep.UNDO_RETURN, now)
        entry = counters.key(Figure.POSTCARDS, counters.day_of(returned_at), PostcardState.RETURNED, cause)
        counters.add({entry: -1, _return_of(postcard, returned_at): -1})
        same = (ActivationCode.card_id == encode(postcard.id)) & (ActivationCode.print_number == postcard.print_number)
        ended = ActivationCode.end_reason == _RETURNED
        ActivationCode.update(ended_at=None, end_reason=None).where(same & ended).execute()
        fallback.note(EventName.POSTCARD_OPS_RETURN_UNDONE, postcard, now, None, account_id)
        close_item(item, WorkItemState.DISMISSED, "undone", now, account_id)


def _return_of(postcard: Postcard, returned_at: dt.datetime) -> counters.Key:
    """The counter of a return: the day on which the postcard was mailed, and the days until it came back."""
    mailed, returned = counters.day_of(postcard.mailed_at), counters.day_of(returned_at)
    return counters.key(Figure.POSTCARD_RETURNS, mailed, str((returned - mailed).days))


def work_of(postcard: Postcard) -> WorkItem | None:
    """Return the open work of a returned postcard."""
    about = (WorkItem.subject_kind == "registration") & (WorkItem.subject_id == postcard.registration_id)
    return WorkItem.open().where(about & (WorkItem.kind == WorkItemKind.POSTCARD_RETURNED)).first()


def send_again(postcard: Postcard, now: dt.datetime, account_id: int) -> None:
    """Let a returned postcard be printed again, after its address was mended, and close its work."""
    with transaction():
        reprint(postcard, ReprintReason.RETURNED, now, account_id)
        _end_work(postcard, Resolution.SENT_AGAIN, now, account_id)


def close(postcard: Postcard, now: dt.datetime, account_id: int, note: str) -> None:
    """Let a returned postcard be: nothing more is sent. StepNotAllowed when there is no open work."""
    with transaction():
        _end_work(postcard, Resolution.CLOSED, now, account_id, note)


def ask_business(postcard: Postcard, now: dt.datetime, account_id: int, note: str) -> None:
    """Note that the affiliated business was asked for the address; the work stays open. StepNotAllowed as above."""
    item = work_of(postcard)
    if item is None:
        raise StepNotAllowed("there is no open work")
    with transaction():
        item.data = (item.data or {}) | {"asked_at": now.isoformat(), "asked_by": account_id}
        item.note = note or item.note
        item.save(only=[WorkItem.data, WorkItem.note])
        fallback.note(EventName.POSTCARD_OPS_ASKED, postcard, now, None, account_id)


def _end_work(postcard: Postcard, resolution: Resolution, now: dt.datetime, account_id: int, note: str = "") -> None:
    item = work_of(postcard)
    if item is None or not close_item(item, WorkItemState.DONE, resolution, now, account_id, note):
        raise StepNotAllowed("there is no open work")


def latest(account_id: int, most: int = 50) -> list[PostcardReturn]:
    """Return what somebody has scanned lately, newest first."""
    return list(
        PostcardReturn.select(PostcardReturn, PostcardPrint)
        .join(PostcardPrint, JOIN.LEFT_OUTER)
        .where((PostcardReturn.account == account_id) & PostcardReturn.undone_at.is_null())
        .order_by(PostcardReturn.id.desc())
        .limit(most)
    )
