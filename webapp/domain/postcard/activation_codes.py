"""Activation codes in the store: made with the paper, good from its mailing for 60 days, dead after five wrong tries.

What a code looks like and how it is derived is in `code_text`. A postcard's code belongs to card and print number; a
business's letter is its own card.
"""

import datetime as dt
from collections.abc import Collection, Iterable

from db.database import transaction
from db.fields import to_microseconds
from db.ids import encode, new_id
from db.models import Account, ActivationCode, Business
from db.rows import change_many
from webapp.domain.audit.log import audit
from webapp.domain.core.events import EventName, record
from webapp.domain.postcard import code_text

LIFETIME = dt.timedelta(days=60)
TRIES = 5


def issue(secret: str, technician_id: int, card_id: str, print_number: int, now: dt.datetime) -> str:
    """Return the code of a print of a technician's postcard, in the running transaction; only its hash is stored.

    `technician_id` is the row's id. The same print has the same code however often it is asked for. Another print of
    the same card ends the codes of the earlier ones.
    """
    code = code_text.derive_code(secret.encode(), card_id, print_number)
    same_card = ActivationCode.card_id == card_id
    if not ActivationCode.select().where(same_card & (ActivationCode.print_number == print_number)).exists():
        _end(same_card, "reprint", now)
        ActivationCode.create(
            technician=technician_id,
            card_id=card_id,
            print_number=print_number,
            code_hash=code_text.hash_code(secret.encode(), card_id, code),
            issued_at=now,
        )
    return code


def start(prints: Iterable[tuple[str, int]], now: dt.datetime, until: dt.datetime) -> None:
    """Let the codes of these prints (card id, print number) count from now, in the running transaction."""
    begin, last = to_microseconds(now), to_microseconds(until)
    change_many(
        "UPDATE activation_code SET valid_from = ?, expires_at = ? WHERE card_id = ?"
        " AND print_number = ? AND valid_from IS NULL AND ended_at IS NULL",
        [(begin, last, card_id, number) for card_id, number in prints],
    )


def end(card_ids: Collection[str], reason: str, now: dt.datetime) -> int:
    """End the codes of these cards in the running transaction: the card came back, or is not to be sent."""
    return _end(ActivationCode.card_id.in_(list(card_ids)), reason, now)


def end_of_technician(technician_id: int, now: dt.datetime, reason: str = "signed_in") -> int:
    """End the codes of a technician who has got in, or who objected to a change, in the running transaction."""
    return _end(ActivationCode.technician == technician_id, reason, now)


def issue_letter(business: Business, operator: Account, secret: str, now: dt.datetime) -> ActivationCode:
    """Issue a code to be sent to a business's registered postal address by letter, in place of older ones."""
    code_id = new_id()
    card_id = encode(code_id)
    code = code_text.derive_code(secret.encode(), card_id, 1)
    with transaction():
        _end(ActivationCode.business == business, "reprint", now)
        row = ActivationCode.create(
            id=code_id,
            business=business,
            card_id=card_id,
            print_number=1,
            code_hash=code_text.hash_code(secret.encode(), card_id, code),
            issued_at=now,
            issued_by=operator,
            valid_from=now,
            expires_at=now + LIFETIME,
        )
        audit(EventName.ACCOUNT_LETTER_CODE_ISSUED, now, operator.id, "business", business.id)
        record(EventName.ACCOUNT_LETTER_CODE_ISSUED, now, business_id=business.id, account_id=operator.id)
        return row


def code_of(row: ActivationCode, secret: str) -> str:
    """Return the code of a stored row again, for its printed page."""
    return code_text.derive_code(secret.encode(), row.card_id, row.print_number)


def living(of_owner, now: dt.datetime) -> list[ActivationCode]:
    """Return the codes that can be redeemed now, newest first; `of_owner` is a condition on ActivationCode."""
    good = ActivationCode.used_at.is_null() & ActivationCode.ended_at.is_null() & (ActivationCode.tries < TRIES)
    in_time = (ActivationCode.valid_from <= now) & (ActivationCode.expires_at > now)
    return list(ActivationCode.select().where(of_owner & good & in_time).order_by(ActivationCode.id.desc()))


def find(typed: str, codes: list[ActivationCode], secret: str) -> ActivationCode | None:
    """Return the code that was typed among `codes`; as much work for none as for one."""
    found = None
    for row in codes or [ActivationCode(card_id="none", code_hash="0" * 64)]:
        if code_text.matches(secret.encode(), row.card_id, typed, row.code_hash):
            found = row
    return found


def count_wrong(codes: list[ActivationCode]) -> list[ActivationCode]:
    """Count a wrong try against each of these codes, in the running transaction; return those that died of it.

    One statement, whoever was meant.
    """
    ids = [row.id for row in codes] or [0]
    counted = ActivationCode.update(tries=ActivationCode.tries + 1).where(ActivationCode.id.in_(ids))
    return [row for row in counted.returning(ActivationCode).execute() if row.tries == TRIES]


def died_of_tries(card_ids: Collection[str]) -> set[str]:
    """Return which of these cards have codes that died of wrong tries, and none that can still be used."""
    mine = ActivationCode.card_id.in_(list(card_ids)) & ActivationCode.used_at.is_null()
    rows = ActivationCode.select(ActivationCode.card_id, ActivationCode.tries, ActivationCode.ended_at).where(mine)
    dead = {row.card_id for row in rows if row.tries >= TRIES}
    return dead - {row.card_id for row in rows if row.tries < TRIES and row.ended_at is None}


def use(row: ActivationCode, now: dt.datetime) -> bool:
    """Use a code up in the running transaction; False if somebody was quicker."""
    fresh = (ActivationCode.id == row.id) & ActivationCode.used_at.is_null() & ActivationCode.ended_at.is_null()
    return bool(ActivationCode.update(used_at=now).where(fresh & (ActivationCode.tries < TRIES)).execute())


def _end(condition, reason: str, now: dt.datetime) -> int:
    open_codes = ActivationCode.used_at.is_null() & ActivationCode.ended_at.is_null()
    return ActivationCode.update(ended_at=now, end_reason=reason).where(condition & open_codes).execute()
