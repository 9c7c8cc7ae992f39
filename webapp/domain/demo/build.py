"""The demo's first database: businesses and registrations that go through the same doors as real ones."""

import datetime as dt
import random
from dataclasses import dataclass

from db.database import transaction
from db.models import Business
from webapp.domain.demo.people import businesses, person
from webapp.domain.intake.businesses import register_businesses
from webapp.domain.intake.rows import clean_business, clean_registration
from webapp.domain.registration import register

# How the mail of the demo's people fares, by domain of the catcher's table, and how many of a hundred.
DESTINATIONS = {
    "mail.example": 44,
    "delivered.example": 12,
    "docomo.example": 8,
    "au.example": 6,
    "slow.example": 3,
    "gone.docomo.example": 4,
    "filter.docomo.example": 3,
    "gone.au.example": 3,
    "filter.au.example": 2,
    "gone.softbank.example": 3,
    "gone.example": 4,
    "full.example": 2,
    "blocked.example": 1,
    None: 5,  # no address at all
}

# The businesses that the demo's stories name, by their place in the list.
EMPLOYER, LARGE_EMPLOYER, OTHER_BUSINESS, PROXY = range(4)


class NotTheDemo(RuntimeError):
    """Invented people are made in demo and test mode only."""


@dataclass(frozen=True)
class Cast:
    """The businesses of the stories, as registered."""

    employer: Business
    large_employer: Business
    other_business: Business
    proxy: Business


def build(mode: str, now: dt.datetime, chance: random.Random, count: int = 60, large: int = 300) -> Cast:
    """Register the demo's businesses and `count` people of all kinds, and `large` more at one large employer.

    NotTheDemo outside demo and test mode. Everything happens in one transaction: a demo is whole or absent.
    """
    if mode not in ("demo", "test"):
        raise NotTheDemo("invented people are made in demo mode only")
    with transaction():
        rows = list(businesses(chance, 24))
        register_businesses([_clean(clean_business(n, row)) for n, row in enumerate(rows, 2)], now)
        ids = [row["事業者ID"] for row in rows]
        domains, weights = zip(*DESTINATIONS.items(), strict=True)
        people = []
        for number in range(count):
            domain = chance.choices(domains, weights)[0]
            # Each way that a mail can go is there at least once, whatever chance says.
            domain = domains[number] if number < len(domains) else domain
            employer = ids[chance.choice((EMPLOYER, EMPLOYER, *range(4, len(ids))))]
            people.append(_application(chance, number, domain, employer, ids[PROXY], now))
        for number in range(count, count + large):
            people.append(_application(chance, number, "mail.example", ids[LARGE_EMPLOYER], "", now))
        for start in range(0, len(people), 500):
            register(people[start : start + 500], now)
        found = {business.business_id: business for business in Business.select()}
        return Cast(*(found[ids[n]] for n in (EMPLOYER, LARGE_EMPLOYER, OTHER_BUSINESS, PROXY)))


def _application(chance: random.Random, number: int, domain: str | None, employer: str, proxy: str, now: dt.datetime):
    someone = person(chance, domain, number)
    completed = now - dt.timedelta(minutes=chance.randint(5, 2000))
    cells = {
        **someone.cells,
        "申請番号": f"D-{now:%Y}-{number:05}-{chance.randrange(16**4):04X}",
        "登録完了日時": completed.isoformat(timespec="seconds"),
        "所属事業者ID": employer,
        "代行申請事業者ID": proxy if chance.random() < 0.3 else employer,
    }
    return _clean(clean_registration(number + 2, cells, now))


def _clean(row):
    if isinstance(row, list):
        raise AssertionError(f"the demo's own row is refused: {row[0].in_japanese()}")
    return row
