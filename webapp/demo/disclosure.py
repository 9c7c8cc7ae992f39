"""The demo's disclosure: people in each of the four states, another business that looked, an invitation, an ending."""

import datetime as dt
import random

from db.models import Account, Affiliation, Business, Technician
from webapp.demo.build import Cast
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.affiliations import membership
from webapp.domain.disclosure.keys import set_key
from webapp.domain.disclosure.look_up import LookUpLimits, open_record
from webapp.domain.disclosure.policy import ALL_GROUPS, Group, Side, Viewer, mask, viewer_of

# (technician's keys, business's keys): one of each in turn, so that even a small business shows every state.
_SOME = mask((Group.PERSON, Group.TRADES, Group.QUALIFICATIONS))
PATTERNS = (
    (ALL_GROUPS, ALL_GROUPS),
    (ALL_GROUPS, 0),
    (0, 0),
    (0, ALL_GROUPS),
    (_SOME, ALL_GROUPS),
    (0, 0),
    (Group.PERSON.bit, Group.PERSON.bit),
    (_SOME, 0),
)
LOOKED_AT = 6
_UNBOUND = LookUpLimits(per_user=10_000, per_business=10_000)


def stories(cast: Cast, now: dt.datetime, chance: random.Random) -> dict[str, int]:
    """Turn keys, let another business look, invite somebody, end an affiliation; return how many of each.

    Call it after the demo's accounts are made: what a business does, one of its users does.
    """
    counts = {"keys": 0, "looks": 0}
    for business in (cast.employer, cast.large_employer):
        counts["keys"] += _turn_keys(business, now, chance)
    counts["looks"] = _look(cast, now, chance)
    counts["invited"] = _invite(cast, now)
    counts["ended"] = _end(cast, now)
    return counts


def _turn_keys(business: Business, now: dt.datetime, chance: random.Random) -> int:
    boss, turned = administrator(business), 0
    for n, row in enumerate(_people(business)):
        keys = PATTERNS[n] if n < len(PATTERNS) else chance.choice(PATTERNS)
        person = Viewer(AccountKind.TECHNICIAN, None, True, technician_id=row.technician_id)
        then = now - dt.timedelta(minutes=chance.randint(10, 60 * 24))
        for side, by, bits in zip((Side.TECHNICIAN, Side.BUSINESS), (person, boss), keys, strict=True):
            if bits:
                set_key(side, row.id, bits, True, by, then, 0)
                turned += 1
    return turned


def _look(cast: Cast, now: dt.datetime, chance: random.Random) -> int:
    looker, looks = administrator(cast.other_business), 0
    both = Affiliation.technician_keys.bin_and(Affiliation.business_keys).bin_and(Group.PERSON.bit) != 0
    for row in _people(cast.employer).where(both).limit(LOOKED_AT):
        for _ in range(chance.randint(1, 3)):
            then = now - dt.timedelta(minutes=chance.randint(1, 9))
            looks += open_record(looker, row.technician_id, _UNBOUND, then) is not None
    return looks


def _invite(cast: Cast, now: dt.datetime) -> int:
    row = _people(cast.employer).first()
    if row is None:
        return 0
    person = Technician.get_by_id(row.technician_id)
    looker = administrator(cast.other_business)
    membership.invite(looker, person.technician_id, person.birth_date, 100, now - dt.timedelta(hours=2))
    return 1


def _end(cast: Cast, now: dt.datetime) -> int:
    row = _people(cast.large_employer).order_by(Affiliation.id.desc()).first()
    if row is None:
        return 0
    membership.end(administrator(cast.large_employer), row.id, now - dt.timedelta(hours=1))
    return 1


def _people(business: Business):
    return Affiliation.select().where((Affiliation.business == business) & Affiliation.current).order_by(Affiliation.id)


def administrator(business: Business) -> Viewer:
    """Return the first administrator of a business as a viewer; LookupError before the accounts are made."""
    account = (
        Account.select()
        .where((Account.business == business) & (Account.role == "administrator") & Account.active)
        .order_by(Account.id)
        .first()
    )
    if account is None:
        raise LookupError(f"no administrator of {business.name}: the demo's accounts come first")
    return viewer_of(account)
