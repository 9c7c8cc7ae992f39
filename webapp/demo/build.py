"""The demo's first database: businesses and registrations in files that are imported as an office's files are."""

import csv
import datetime as dt
import io
import random
from collections.abc import Iterable
from dataclasses import dataclass

from db.models import Business
from webapp.demo.people import businesses, person
from webapp.domain.intake import runs
from webapp.domain.intake.reading import TableKind
from webapp.domain.intake.runs import RunState

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

# Where the mail of the three technicians goes who sign in (webapp/demo/technicians.py): it is confirmed,
# there is no address, it is taken.
STORIES = ("delivered.example", None, "mail.example")

# The businesses that the demo's stories name, by their place in the list.
EMPLOYER, LARGE_EMPLOYER, OTHER_BUSINESS, PROXY = range(4)
_BUSINESSES = 24


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
    """Import the demo's businesses, `count` people of all kinds, and `large` more at one large employer.

    NotTheDemo outside demo and test mode.
    """
    if mode not in ("demo", "test"):
        raise NotTheDemo("invented people are made in demo mode only")
    rows = list(businesses(chance, _BUSINESSES))
    _import(TableKind.BUSINESSES, "事業者.csv", rows, now)
    ids = [row["事業者ID"] for row in rows]
    domains, weights = zip(*DESTINATIONS.items(), strict=True)
    people = []
    for number in range(count):
        # Each way that a mail can go is there at least once, whatever chance says.
        domain = domains[number] if number < len(domains) else chance.choices(domains, weights)[0]
        employer = (
            ids[EMPLOYER]
            if domain in STORIES and number < len(domains)
            else ids[chance.choice((EMPLOYER, EMPLOYER, *range(4, len(ids))))]
        )
        people.append(_application(chance, number, domain, employer, ids[PROXY], now))
    for number in range(count, count + large):
        people.append(_application(chance, number, "mail.example", ids[LARGE_EMPLOYER], "", now))
    _import(TableKind.REGISTRATIONS, "登録完了.csv", people, now)
    found = {business.business_id: business for business in Business.select()}
    return Cast(*(found[ids[n]] for n in (EMPLOYER, LARGE_EMPLOYER, OTHER_BUSINESS, PROXY)))


def _application(
    chance: random.Random, number: int, domain: str | None, employer: str, proxy: str, now: dt.datetime
) -> dict[str, str]:
    invented = person(chance, domain, number)
    completed = now - dt.timedelta(minutes=chance.randint(5, 2000))
    return {
        **invented.cells,
        "申請番号": f"D-{now:%Y}-{number:05}-{chance.randrange(16**4):04X}",
        "登録完了日時": completed.isoformat(timespec="seconds"),
        "所属事業者ID": employer,
        "代行申請事業者ID": proxy if chance.random() < 0.3 else employer,
    }


def _import(kind: TableKind, name: str, rows: Iterable[dict[str, str]], now: dt.datetime) -> None:
    rows = list(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    run = runs.begin_here(kind, name, text.getvalue().encode("utf-8-sig"), now)
    for _ in runs.proceed(run, lambda: now):
        pass
    if run.state != RunState.DONE or run.rejected:
        raise AssertionError("the demo's own file was not taken whole")
