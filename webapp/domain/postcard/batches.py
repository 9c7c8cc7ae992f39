"""Batches of postcards (発送ロット): begun by ops or at the daily time, gathered by the worker, then closed for good.

Each card is checked before it is taken in; one that cannot be printed goes on hold with the work that it needs.
"""

import datetime as dt
import hmac
from collections import Counter
from dataclasses import dataclass, replace

from db.database import exclusive, is_sqlite, transaction
from db.fields import dump_json, to_microseconds
from db.ids import encode, new_ids
from db.locks import Lock
from db.models import Postcard, PostcardBatch, PostcardPrint, Registration, Technician
from db.rows import change_many, write_rows
from webapp.domain.audit.log import audit
from webapp.domain.core import counters, leases
from webapp.domain.core.calendar import jst_day
from webapp.domain.core.counters import Figure
from webapp.domain.core.errors import StepNotAllowed, TakenOver
from webapp.domain.core.events import EventName, NewEvent, record, record_many
from webapp.domain.postcard import code_text, fallback
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.sheet import Hold, PrintedCard, check_sender, inspect
from webapp.domain.postcard.states import (
    BatchState,
    BatchStep,
    PostcardState,
    next_batch_state,
)

CHUNK = 500
# The worker that holds a batch says so this often at least: a part of 1,000 cards takes seconds.
LEASE = dt.timedelta(minutes=5)
_NO_NUMBER, _NO_CODE = "00000-00000", "0" * code_text.LENGTH


class NothingQueued(RuntimeError):
    """No card waits: a batch would be empty."""


class AlreadyGathering(RuntimeError):
    """A batch is being gathered: what is queued goes into that one."""


@dataclass(frozen=True)
class DryRun:
    """What a batch would be now: how many cards and yen, and how many would be held for which reason.

    `checked` is how many of the queued cards were looked at; the rest is counted as printable.
    """

    cards: int
    cost: int
    held: dict[str, int]
    checked: int
    queued: int


def begin(office: PrintOffice, now: dt.datetime, account_id: int | None = None) -> PostcardBatch:
    """Begin a batch of everything that is queued now; the worker gathers it.

    AlreadyGathering while another one is being gathered; NothingQueued when no card waits; SheetError for a sender
    that cannot be printed.
    """
    check_sender(office.sender)
    day = jst_day(now).isoformat()
    with exclusive(Lock.POSTCARD_BATCHES):
        if PostcardBatch.select().where(PostcardBatch.state == BatchState.GATHERING).exists():
            raise AlreadyGathering
        if not queued(now).exists():
            raise NothingQueued
        numbers = PostcardBatch.select(PostcardBatch.number).where(PostcardBatch.number.startswith(f"{day}-")).tuples()
        count = max((int(number.rpartition("-")[2]) for (number,) in numbers), default=0) + 1
        batch = PostcardBatch.create(
            number=f"{day}-{count}",
            state=BatchState.GATHERING,
            made_at=now,
            made_by=account_id,
            card_cost=office.card_cost,
        )
        name = EventName.POSTCARD_BATCH_OPS_BEGUN if account_id else EventName.POSTCARD_BATCH_RULE_BEGUN
        record(name, now, subject_id=batch.id, account_id=account_id, data={"batch": batch.number})
        audit(name, now, account_id, "postcard_batch", batch.id)
        return batch


def begin_daily(office: PrintOffice, now: dt.datetime) -> PostcardBatch | None:
    """Begin the batch of the day when its time has come, cards wait and the day has none by the clock yet."""
    if office.daily_at is None:
        return None
    local = now.astimezone(office.daily_at.tzinfo)
    due = dt.datetime.combine(local.date(), office.daily_at)
    if local < due:
        return None
    by_clock = PostcardBatch.made_by.is_null() & (PostcardBatch.made_at >= due)
    if PostcardBatch.select().where(by_clock).exists() or not queued(now).exists():
        return None
    try:
        return begin(office, now)
    except (AlreadyGathering, NothingQueued):
        return None


def queued(until: dt.datetime):
    """Return a select of the postcards that a batch would take in, in its order."""
    waiting = (Postcard.state == PostcardState.QUEUED) & (Postcard.queued_at <= until)
    return Postcard.select().where(waiting).order_by(Postcard.queued_at, Postcard.id)


def dry_run(office: PrintOffice, now: dt.datetime, most: int | None = None) -> DryRun:
    """Check what is queued (the first `most`, or all) without changing anything."""
    held: Counter[str] = Counter()
    checked, total = 0, queued(now).count()
    query = _with_people(queued(now))
    for postcard in (query.limit(most) if most is not None else query).iterator():
        checked += 1
        holds = inspect(card_of(postcard, office))[1]
        if holds:
            held[holds[0].reason] += 1
    cards = total - held.total()
    return DryRun(cards, cards * office.card_cost, dict(held), checked, total)


def card_of(
    postcard: Postcard, office: PrintOffice, number: str = _NO_NUMBER, print_number: int = 1, code: str = _NO_CODE
) -> PrintedCard:
    """Return a postcard as it would be printed from the data of today; the code is no real one unless given."""
    person = postcard.technician
    return PrintedCard(
        management_number=number,
        print_number=print_number,
        name=postcard.print_name or person.name,
        postal_code=person.postal_code,
        address=person.address,
        language=postcard.registration.language,
        technician_id=person.technician_id,
        activation_code=code,
        sign_in_url=office.sign_in_url,
        code_days=office.codes_last.days,
    )


def preview_card(postcard: Postcard, printed: PostcardPrint | None, office: PrintOffice) -> PrintedCard:
    """Return a postcard for a picture: as this print of it, else as it would be printed now; never with its code."""
    card = card_of(postcard, office)
    if printed is None:
        return card
    return replace(
        card,
        management_number=printed.management_number,
        print_number=printed.print_number,
        name=printed.name,
        postal_code=printed.postal_code,
        address=printed.address,
        language=printed.language,
    )


def _with_people(query):
    return query.select(Postcard, Technician, Registration).join(Technician).switch(Postcard).join(Registration)


def claim(now: dt.datetime) -> PostcardBatch | None:
    """Take the oldest batch that is not finished and that nobody works on; None when there is none."""
    return leases.claim(QUEUE, now, LEASE)


def keep(batch: PostcardBatch, now: dt.datetime, **changes) -> None:
    """Write to a claimed batch in the running transaction and hold it longer; TakenOver if it is another's now."""
    # What is written with it stays, whatever happens next: the work got on.
    leases.hold(batch, **{"lease_until": now + LEASE, "failure": None, "tries": 0, **changes})


def _stop(batch: PostcardBatch, now: dt.datetime) -> None:
    """Leave a batch on which every worker failed to a person; its cards stay in it."""
    leases.hold(batch, state=next_batch_state(batch.state, BatchStep.STOP), lease_until=None)
    data = {"batch": batch.number, "why": batch.failure or ""}
    record(EventName.POSTCARD_BATCH_WORKER_STOPPED, now, subject_id=batch.id, data=data)


QUEUE = leases.Queue("postcards", PostcardBatch, (BatchState.GATHERING, BatchState.MAKING), _stop)


def resume(batch: PostcardBatch, now: dt.datetime, account_id: int | None = None) -> None:
    """Let the worker go on with a stopped batch: the cause is gone. StepNotAllowed unless it is stopped.

    AlreadyGathering while another one is being gathered.
    """
    step = BatchStep.MAKE_ON if batch.closed_at else BatchStep.GATHER_ON
    state = next_batch_state(batch.state, step)
    with exclusive(Lock.POSTCARD_BATCHES):
        gathering = (PostcardBatch.state == BatchState.GATHERING) & (PostcardBatch.id != batch.id)
        if state == BatchState.GATHERING and PostcardBatch.select().where(gathering).exists():
            raise AlreadyGathering
        try:
            leases.hold(batch, state=state, tries=0, failure=None)
        except TakenOver:
            raise StepNotAllowed(f"batch {batch.number} is not stopped any more") from None
        data = {"batch": batch.number}
        record(EventName.POSTCARD_BATCH_OPS_RESUMED, now, subject_id=batch.id, account_id=account_id, data=data)
        audit(EventName.POSTCARD_BATCH_OPS_RESUMED, now, account_id, "postcard_batch", batch.id)


def gather(batch: PostcardBatch, office: PrintOffice, now: dt.datetime) -> None:
    """Take the next cards into a claimed batch, or close it when none is left: one short transaction.

    A card that somebody changed since it was checked stays queued and is met again.
    """
    cards = list(_with_people(queued(batch.made_at)).limit(CHUNK))
    found = [(postcard, *inspect(card_of(postcard, office))) for postcard in cards]
    with transaction():
        if not found:
            _close(batch, now)
            return
        keep(batch, now)
        same = _unchanged(cards)
        fit = [(postcard, address) for postcard, address, holds in found if not holds and postcard.id in same]
        held = [(postcard, holds) for postcard, _, holds in found if holds and postcard.id in same]
        for postcard, holds in held:
            _hold(postcard, holds, now)
        _take_in(batch, fit, office, now)
        keep(batch, now, cards=batch.cards + len(fit), held=batch.held + len(held))


def _unchanged(cards: list[Postcard]) -> set[int]:
    """Return which cards still are, with their people, as they were read; they stay so until commit."""
    query = Postcard.select(Postcard.id, Postcard.version, Postcard.technician).where(
        Postcard.id.in_([card.id for card in cards]) & (Postcard.state == PostcardState.QUEUED)
    )
    locked = query if is_sqlite() else query.for_update()
    rows: dict[int, int] = {row[0]: row[1] for row in locked.order_by(Postcard.id).tuples()}
    people = Technician.select(Technician.id, Technician.version).where(
        Technician.id.in_([card.technician_id for card in cards])
    )
    versions: dict[int, int] = dict(
        (people if is_sqlite() else people.for_update("FOR SHARE")).order_by(Technician.id).tuples()
    )
    return {
        card.id
        for card in cards
        if rows.get(card.id) == card.version and versions[card.technician_id] == card.technician.version
    }


def _hold(postcard: Postcard, holds: tuple[Hold, ...], now: dt.datetime) -> None:
    first = holds[0]
    fallback.hold(postcard, first.reason, now, first.part, first.signs)


def management_number(secret: bytes, card_id: str, print_number: int, attempt: int = 0) -> str:
    """Return the management number of a print: ten characters that say nothing of the person, in two groups.

    Derived, so that a batch that is gathered again after a crash is the same batch.
    """
    text = f"management-number\x00{card_id}\x00{print_number}\x00{attempt}"
    bits = int.from_bytes(hmac.digest(secret, text.encode(), "sha256")[:7], "big") >> 6
    signs = "".join(code_text.ALPHABET[bits >> shift & 31] for shift in range(45, -1, -5))
    return f"{signs[:5]}-{signs[5:]}"


def _numbers(secret: bytes, prints: list[tuple[str, int]]) -> list[str]:
    """Return a management number for each print (card id, print number) that no other print has."""
    numbers = [management_number(secret, *card_print) for card_print in prints]
    attempt = 0
    while True:
        used = PostcardPrint.select(PostcardPrint.management_number).where(PostcardPrint.management_number.in_(numbers))
        taken = {row[0] for row in used.tuples()} | {number for number, n in Counter(numbers).items() if n > 1}
        if not taken:
            return numbers
        attempt += 1
        numbers = [
            management_number(secret, *card_print, attempt) if number in taken else number
            for number, card_print in zip(numbers, prints, strict=True)
        ]


def _take_in(batch: PostcardBatch, fit: list, office: PrintOffice, now: dt.datetime) -> None:
    if not fit:
        return
    moment, secret = to_microseconds(now), office.secret.encode()
    prints, codes, events, counts = [], [], [], Counter()
    ids = iter(new_ids(3 * len(fit)))
    reprinted = []
    card_prints = [(encode(postcard.id), postcard.print_number + 1) for postcard, _ in fit]
    numbers = _numbers(secret, card_prints)
    for place, (postcard, address) in enumerate(fit):
        position, (card_id, number) = batch.cards + place + 1, card_prints[place]
        if number > 1:
            reprinted.append((moment, "reprint", card_id))
        prints.append(
            (
                *(next(ids), postcard.id, batch.id, position, number, numbers[place], postcard.reprint_reason),
                *(postcard.print_name or postcard.technician.name, address.postal_code, postcard.technician.address),
                *(address.barcode is not None, postcard.registration.language),
            )
        )
        code = code_text.derive_code(secret, card_id, number)
        code_hash = code_text.hash_code(secret, card_id, code)
        codes.append((next(ids), postcard.technician_id, card_id, number, code_hash, moment, 0))
        data = dump_json({"batch": batch.number, "position": position, "print": number})
        people = (postcard.registration_id, postcard.technician_id, None)
        events.append(NewEvent(EventName.POSTCARD_WORKER_BATCHED, moment, *people, postcard.id, data=data))
        counts[postcard.cause] += 1
    write_rows(
        "postcard_print",
        (
            *("id", "postcard_id", "batch_id", "position", "print_number", "management_number", "reason"),
            *("name", "postal_code", "address", "barcode", "language"),
        ),
        prints,
    )
    change_many(
        "UPDATE activation_code SET ended_at = ?, end_reason = ? WHERE card_id = ?"
        " AND ended_at IS NULL AND used_at IS NULL",
        reprinted,
    )
    columns = ("id", "technician_id", "card_id", "print_number", "code_hash", "issued_at", "tries")
    write_rows("activation_code", columns, codes)
    record_many(events)
    changed = (
        Postcard.update(
            state=PostcardState.BATCHED,
            batch=batch.id,
            print_number=Postcard.print_number + 1,
            reprint_reason=None,
            changed_at=now,
            version=Postcard.version + 1,
        )
        .where(Postcard.id.in_([postcard.id for postcard, _ in fit]) & (Postcard.state == PostcardState.QUEUED))
        .execute()
    )
    if changed != len(fit):
        raise TakenOver("cards that were locked have changed")
    counters.add(
        {
            counters.key(Figure.POSTCARDS, counters.day_of(now), PostcardState.BATCHED, cause): n
            for cause, n in counts.items()
        }
    )


def _close(batch: PostcardBatch, now: dt.datetime) -> None:
    state = next_batch_state(batch.state, BatchStep.CLOSE if batch.cards else BatchStep.CLOSE_EMPTY)
    keep(batch, now, state=state, closed_at=now, cost=batch.cards * batch.card_cost)
    data = {"batch": batch.number, "cards": batch.cards, "held": batch.held}
    record(EventName.POSTCARD_BATCH_WORKER_CLOSED, now, subject_id=batch.id, data=data)
