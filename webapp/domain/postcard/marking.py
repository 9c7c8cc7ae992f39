"""Printed and mailed (差出): a batch moves with every card that still is in it, in one transaction."""

import datetime as dt
from collections import Counter

from db.database import is_sqlite, transaction
from db.fields import dump_json, to_microseconds
from db.ids import encode
from db.models import Postcard, PostcardBatch
from db.rows import in_parts
from webapp.domain.audit.log import audit
from webapp.domain.core import counters, progress
from webapp.domain.core.counters import Figure
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName, NewEvent, record, record_many
from webapp.domain.postcard import activation_codes
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.states import BatchStep, PostcardState, PostcardStep, next_batch_state, next_state


def advance(
    batch: PostcardBatch, step: BatchStep, office: PrintOffice, now: dt.datetime, account_id: int | None
) -> int:
    """Mark a batch printed or mailed (差出) with every card that still is in it; return how many cards.

    The codes of mailed cards count from this moment. StepNotAllowed when the batch is not at that point.
    """
    card_step = {BatchStep.PRINT: PostcardStep.PRINT, BatchStep.MAIL: PostcardStep.MAIL}[step]
    before = {PostcardStep.PRINT: PostcardState.BATCHED, PostcardStep.MAIL: PostcardState.PRINTED}[card_step]
    after = next_state(before, card_step)
    mailed = step is BatchStep.MAIL
    with transaction():
        state = next_batch_state(batch.state, step)
        dates = {"mailed_at" if mailed else "printed_at": now}
        unchanged = (PostcardBatch.id == batch.id) & (PostcardBatch.state == batch.state)
        if not PostcardBatch.update(state=state, **dates).where(unchanged).execute():
            raise StepNotAllowed("the batch has moved on meanwhile")
        name = EventName.POSTCARD_OPS_MAILED if mailed else EventName.POSTCARD_OPS_PRINTED
        rows = move_all(
            (Postcard.batch == batch.id) & (Postcard.state == before),
            after,
            name,
            now,
            account_id,
            {"batch": batch.number},
            {"mailed_at": now} if mailed else {},
        )
        if mailed:
            prints = [(encode(postcard_id), number) for postcard_id, number, *_ in rows]
            activation_codes.start(prints, now, now + office.codes_last)
        name = EventName.POSTCARD_BATCH_OPS_MAILED if mailed else EventName.POSTCARD_BATCH_OPS_PRINTED
        record(name, now, subject_id=batch.id, account_id=account_id, data={"batch": batch.number, "cards": len(rows)})
        audit(name, now, account_id, "postcard_batch", batch.id)
        batch.state = state
        return len(rows)


def move_all(
    condition,
    after: PostcardState,
    name: EventName,
    now: dt.datetime,
    account_id: int | None,
    data: dict,
    changes: dict,
) -> list[tuple]:
    """Move many postcards in the running transaction: rows, events, counters. Return (id, print number, …) of each."""
    columns = (Postcard.id, Postcard.print_number, Postcard.registration, Postcard.technician, Postcard.cause)
    query = Postcard.select(*columns).where(condition).order_by(Postcard.id)
    rows = list((query if is_sqlite() else query.for_update()).tuples())
    if not rows:
        return rows
    moment, content = to_microseconds(now), dump_json(data)
    for part in in_parts(rows):
        ids = [row[0] for row in part]
        Postcard.update(state=after, changed_at=now, version=Postcard.version + 1, **changes).where(
            Postcard.id.in_(ids)
        ).execute()
        record_many(
            [
                NewEvent(name, moment, registration, technician, None, postcard, account_id, content)
                for postcard, _, registration, technician, _ in part
            ]
        )
    counts = Counter(row[4] for row in rows)
    day = counters.day_of(now)
    counted = Counter({counters.key(Figure.POSTCARDS, day, after, cause): n for cause, n in counts.items()})
    if after is PostcardState.MAILED:
        counted.update(progress.postcards_moved([(row[0], row[2]) for row in rows], 1))
    counters.add(counted)
    return rows
