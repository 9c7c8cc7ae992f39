"""A believable past for the demo: many registrations over many days, written in bulk with the counters they stand for.

What a year has: few registrations at weekends and on holidays and none to speak of at year-end, a rush in April, a
carrier that did not answer for two days, a day on which another one blocked us, a week in which hardly anybody was at
home. Everything is invented.
"""

import datetime as dt
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from db.database import transaction
from db.fields import dump_json, to_microseconds
from db.ids import new_ids
from db.models import Business, EmailAddress
from db.rows import write_rows
from webapp.demo import year_cards
from webapp.demo.build import NotTheDemo
from webapp.demo.people import Person, person
from webapp.domain.bounce.model import REASON_CLASS, Reason, ReasonClass
from webapp.domain.cards.outcomes import prefecture
from webapp.domain.cards.states import CardState
from webapp.domain.core import counters, latency
from webapp.domain.core.calendar import JST, WorkingCalendar
from webapp.domain.core.counters import Figure
from webapp.domain.core.events import EventName
from webapp.domain.core.progress import TOLD_BY_POSTCARD, Reached
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.email_addresses import versions
from webapp.domain.notices.messages import ACCEPTED

# domain: how many of a hundred people have an address there, and per mille of them whose address is dead or refuses.
DOMAINS = {
    "gmail.example": (27, 9, 2),
    "docomo.example": (23, 26, 14),
    "au.example": (12, 31, 16),
    "softbank.example": (10, 24, 11),
    "yahoo.example": (12, 15, 4),
    "icloud.example": (8, 8, 2),
    "mail.example": (4, 12, 3),
    "full.example": (1, 20, 60),
    "old-provider.example": (3, 70, 5),
}
NO_EMAIL_PERCENT = 4
OUTAGE, BLOCKED = "docomo.example", "au.example"
# So many days before today.
OUTAGE_DAYS, BLOCKED_DAYS = (97, 96), (41,)
_POOL = 2_000
_AT_ONCE = 5_000

TABLES = {
    "technician": (
        *("id", "technician_id", "name", "name_kana", "birth_date", "postal_code", "address", "telephone", "language"),
        *("days_worked", "social_insurance", "retirement_scheme", "level", "search_key", "kana_key", "version"),
        *("created_at", "updated_at"),
    ),
    "email_address": (
        *("id", "owner_kind", "owner_id", "value", "value_key", "version", "state", "given_by", "valid_from"),
        *("judged_at", "reason"),
    ),
    "affiliation": (
        *("id", "technician_id", "business_id", "current", "started_at", "technician_keys", "technician_keys_version"),
        *("business_keys", "business_keys_version", "sort_key"),
    ),
    "registration": (
        *("id", "application_number", "technician_id", "affiliated_business_id", "completed_at", "created_at"),
        *("language", "first", "delivery_postal_code", "delivery_address", "delivery_name", "content"),
        "content_digest",
    ),
    "message": (
        *("id", "kind", "role", "registration_id", "technician_id", "business_id", "address_id", "language"),
        *("destination", "state", "failure_class", "reason", "attempts", "queued_at", "due_at", "fence"),
        *("first_attempt_at", "cohort_day", "sent_at", "first_sent_at", "settled_at"),
    ),
    "attempt": (
        *("id", "message_id", "n", "address_id", "message_ref", "state", "tries", "started_at", "replied_at"),
        *("reason", "hard"),
    ),
    "postcard": (
        *("id", "registration_id", "technician_id", "message_id", "n", "state", "cause", "queued_at", "changed_at"),
        *("version", "mailed_at"),
    ),
    **year_cards.TABLES,
    "event": ("id", "at", "name", "registration_id", "technician_id", "business_id", "subject_id", "data"),
}


@dataclass
class _Batch:
    """Rows that are written together."""

    rows: dict[str, list[tuple]] = field(default_factory=lambda: {table: [] for table in TABLES})
    counts: Counter = field(default_factory=Counter)
    ids: Iterator[int] = field(default_factory=lambda: iter(()))
    numbers: Iterator[int] = field(default_factory=itertools.count)  # of shipments

    def new_id(self) -> int:
        number = next(self.ids, None)
        if number is None:
            self.ids = iter(new_ids(20_000))
            number = next(self.ids)
        return number

    def write(self) -> None:
        with transaction():
            for table, columns in TABLES.items():
                write_rows(table, columns, self.rows[table])
                self.rows[table] = []
            counters.add(self.counts)
        self.counts.clear()


class _Year:
    """The past of one demo, day by day."""

    def __init__(self, now: dt.datetime, chance: random.Random) -> None:
        self.now, self.chance, self.today = now, chance, counters.day_of(now)
        self.calendar = WorkingCalendar()
        self.batch = _Batch(numbers=itertools.count(chance.randrange(10**8)))
        self.people: list[Person] = [person(chance, None, n) for n in range(_POOL)]
        self.firms = self._firms()
        self.serial = chance.randrange(10**6)

    def _firms(self) -> list[tuple[int, int, str]]:
        rows = EmailAddress.select(EmailAddress.owner_id, EmailAddress.id, EmailAddress.value).where(
            (EmailAddress.owner_kind == versions.OwnerKind.BUSINESS) & EmailAddress.valid_to.is_null()
        )
        return [(owner, number, versions.destination(value)) for owner, number, value in rows.tuples()]

    # -- one registration ----------------------------------------------------------------------------------------------

    def register(self, at: dt.datetime) -> None:
        """Let somebody's registration complete, and everything follow that has happened until now."""
        batch, chance = self.batch, self.chance
        invented = chance.choice(self.people)
        self.serial += 1
        technician, registration = batch.new_id(), batch.new_id()
        moment = to_microseconds(at)
        cells = invented.cells
        kana = fold_search_key(invented.kana)
        batch.rows["technician"].append(
            (technician, f"{60_000_000_000_000 + self.serial * 7_919:014}", invented.name, invented.kana,
             invented.birth_date.isoformat(), invented.postal_code, invented.address, cells["電話番号"], cells["言語"],
             int(cells["就業日数"]), cells["社会保険"], cells["建退共"], int(cells["レベル"]),
             fold_search_key(invented.name), kana, 1, moment, moment)
        )  # fmt: skip
        firm = chance.choice(self.firms) if self.firms and chance.random() < 0.9 else None
        number = f"D-{at:%Y}-{self.serial:07}-{chance.randrange(16**4):04X}"
        batch.rows["registration"].append(
            (registration, number, technician, firm and firm[0], moment, moment, cells["言語"], True, "", "", "", "{}",
             "")
        )  # fmt: skip
        self._event(EventName.REGISTRATION_IMPORT_COMPLETED, at, registration, technician)
        self._reached(Reached.REGISTERED, at)
        batch.counts[counters.key(Figure.REGISTRATIONS, counters.day_of(at), "affiliated" if firm else "alone")] += 1
        if firm:
            batch.rows["affiliation"].append(
                (batch.new_id(), technician, firm[0], True, moment, chance.choice((0, 0, 1, 31)), 0,
                 chance.choice((0, 0, 1, 31)), 0, kana)
            )  # fmt: skip
            self._firm_notice(registration, technician, firm, at)
        self._own_notice(registration, technician, at)
        self._card(registration, technician, at, prefecture(invented.postal_code, invented.address))

    def _event(self, name: str, at: dt.datetime, registration: int, technician: int, subject=None, data=None) -> None:
        row = (str(name), registration, technician, None, subject, data and dump_json(data))
        self.batch.rows["event"].append((self.batch.new_id(), to_microseconds(at), *row))

    # -- mail ----------------------------------------------------------------------------------------------------------

    def _firm_notice(self, registration: int, technician: int, firm: tuple[int, int, str], at: dt.datetime) -> None:
        verdict = Reason.MAILBOXFULL if self.chance.random() < 0.002 else None
        self._notice("business", registration, technician, firm[0], firm[1], firm[2], verdict, at)

    def _own_notice(self, registration: int, technician: int, at: dt.datetime) -> None:
        if self.chance.random() * 100 < NO_EMAIL_PERCENT:
            self._postcard(registration, technician, None, "no_email", at, at)
            return
        names, shares = list(DOMAINS), [share for share, *_ in DOMAINS.values()]
        domain = self.chance.choices(names, shares)[0]
        verdict = self._verdict(domain, at)
        dead = verdict is not None and REASON_CLASS[verdict] is ReasonClass.DEAD
        address, value = self.batch.new_id(), f"p{self.serial:07}@{domain}"
        moment = to_microseconds(at)
        judged = to_microseconds(at + dt.timedelta(minutes=1)) if dead else None
        self.batch.rows["email_address"].append(
            (address, "technician", technician, value, value, 1, "invalid" if dead else "valid", "application", moment,
             judged, str(verdict) if dead else None)
        )  # fmt: skip
        failed = self._notice("technician", registration, technician, None, address, domain, verdict, at)
        if failed and REASON_CLASS[verdict] is not ReasonClass.OURS:
            message, when = failed
            self._postcard(registration, technician, message, str(verdict), when, at)

    def _verdict(self, domain: str, at: dt.datetime) -> Reason | None:
        """Say why a mail fails in the end; most do not."""
        chance, ago = self.chance.random(), (self.today - counters.day_of(at)).days
        if domain == OUTAGE and ago in OUTAGE_DAYS and chance < 0.22:
            return Reason.EXPIRED if chance < 0.12 else Reason.NETWORKERROR
        if domain == BLOCKED and ago in BLOCKED_DAYS and chance < 0.45:
            return Reason.BLOCKED
        _, dead, refused = DOMAINS[domain]
        if chance * 1000 < dead:
            return Reason.HOSTUNKNOWN if domain.startswith("old") and chance * 2000 < dead else Reason.USERUNKNOWN
        if chance * 1000 < dead + refused:
            return Reason.MAILBOXFULL if domain == "full.example" else Reason.FILTERED
        if chance > 0.998:
            return Reason.EXPIRED
        return Reason.REJECTED if chance > 0.9975 else None

    def _notice(
        self, role: str, registration: int, technician: int, business: int | None, address: int, domain: str,
        verdict: Reason | None, at: dt.datetime,
    ) -> tuple[int, dt.datetime] | None:  # fmt: skip
        """Write a notice as it stands now; return its id and when it failed, if it has failed for good."""
        batch, message = self.batch, self.batch.new_id()
        failure = REASON_CLASS[verdict] if verdict else None
        days = {None: 3, ReasonClass.DEAD: 0, ReasonClass.OURS: 5}.get(failure, 3)
        sent = min(at + self._waited(at), self.now)
        settled = sent + dt.timedelta(days=days, minutes=1)
        done = settled <= self.now
        due = None
        if failure is None:
            state, reason = ("delivered", "presumed") if done else ("sent", None)
        elif done:
            state, reason = "failed", str(verdict)
        else:
            state, reason, due = "waiting_retry", str(verdict), to_microseconds(settled)
        day, moment = counters.day_of(at), to_microseconds(at)
        settled_at = to_microseconds(settled) if done else None
        word = None if failure is None else str(failure)
        batch.rows["message"].append(
            (message, "id_notice", role, registration, technician, business, address, "ja", domain, state, word, reason,
             1, moment, due, 0, moment, day.isoformat(), to_microseconds(sent), to_microseconds(sent), settled_at)
        )  # fmt: skip
        attempt = batch.new_id()
        batch.rows["attempt"].append(
            (attempt, message, 1, address, f"{attempt}@demo.example", "accepted", 1, moment, to_microseconds(sent),
             verdict and str(verdict), None if verdict is None else failure is ReasonClass.DEAD)
        )  # fmt: skip
        notice_kind = f"id_notice/{role}"
        outcome = {"failed": f"{word}/{reason}", "delivered": reason, "waiting_retry": ACCEPTED}.get(state, "")
        batch.counts[counters.key(Figure.NOTICES, day, notice_kind, state, outcome)] += 1
        shown = {"failed": word, "waiting_retry": f"{state}/{ACCEPTED}"}.get(state, state)
        batch.counts[counters.key(Figure.NOTICES_BY_DESTINATION, day, notice_kind, domain, shown)] += 1
        took = str(latency.class_of(sent - at))
        batch.counts[counters.key(Figure.SENT_AFTER, day, notice_kind, took)] += 1
        if state == "delivered" and role == "technician":
            self._reached(Reached.BY_MAIL, at)
        if state == "failed":
            data = {"kind": "id_notice", "role": role, "reason": reason, "class": word}
            self._event(EventName.NOTICE_BOUNCE_FAILED, settled, registration, technician, message, data)
            return message, settled
        return None

    def _waited(self, at: dt.datetime) -> dt.timedelta:
        """Say how long a notice took to the relay: a minute or two, longer behind the rush of a Monday morning."""
        rush = 12 if at.astimezone(JST).weekday() == 0 else 1
        slow = self.chance.random() < 0.04
        return dt.timedelta(seconds=round(self.chance.expovariate(1 / (2400 if slow else 50 * rush))) + 15)

    # -- postcards -----------------------------------------------------------------------------------------------------

    def _postcard(
        self, registration: int, technician: int, message: int | None, cause: str, at: dt.datetime,
        completed_at: dt.datetime,
    ) -> None:  # fmt: skip
        """Write a postcard with every state that it has entered until now."""
        number = self.batch.new_id()
        way = [("queued", "postcard:fallback:queued", at)]
        made = self._working(at, 1, 10)
        printed = made.replace(hour=15)
        way += [("batched", "postcard:worker:batched", made), ("printed", "postcard:ops:printed", printed)]
        mailed = self._working(made, 1, 16)
        way.append(("mailed", "postcard:ops:mailed", mailed))
        if self.chance.random() < (0.09 if counters.day_of(mailed).month in (3, 4) else 0.04):  # people move in spring
            back = self._working(mailed + dt.timedelta(days=self.chance.randint(4, 9)), 1, 11)
            way.append(("returned", "postcard:ops:returned", back))
        else:
            way.append(("presumed_delivered", "postcard:rule:presumed", mailed + dt.timedelta(days=10)))
        way = [step for step in way if step[2] <= self.now]
        for state, name, when in way:
            self._event(name, when, registration, technician, number, {"cause": cause})
            self.batch.counts[counters.key(Figure.POSTCARDS, counters.day_of(when), state, cause)] += 1
        state, _, changed = way[-1]
        if state in TOLD_BY_POSTCARD:
            self._reached(Reached.BY_POSTCARD, completed_at)
        if state == "returned":
            taken = str((counters.day_of(changed) - counters.day_of(mailed)).days)
            self.batch.counts[counters.key(Figure.POSTCARD_RETURNS, counters.day_of(mailed), taken)] += 1
        self.batch.rows["postcard"].append(
            (number, registration, technician, message, 1, state, cause, to_microseconds(at), to_microseconds(changed),
             len(way), to_microseconds(mailed) if mailed <= self.now else None)
        )  # fmt: skip

    def _working(self, at: dt.datetime, days: int, hour: int) -> dt.datetime:
        day = self.calendar.add_working_days(counters.day_of(at), days)
        return dt.datetime.combine(day, dt.time(hour), JST)

    # -- cards ---------------------------------------------------------------------------------------------------------

    def _card(self, registration: int, technician: int, at: dt.datetime, home: str) -> None:
        """Write a card with every state that it has entered until now."""
        number = self.batch.new_id()
        way = year_cards.way(at, self.today, home, self.calendar, self.chance)
        way = [step for step in way if step[1] <= self.now]
        states = [CardState.ORDERED, *(state for state, _ in way)]
        for before, (state, when) in zip(states, way, strict=False):
            data = {"from": before.value, "to": state.value, "cause": "made" if state is CardState.MADE else "tracking"}
            self._event(EventName.CARD_POST_MOVED, when, registration, technician, number, data)
        state = year_cards.write(self.batch, number, (registration, technician), at, way, home)
        if way and state not in (CardState.ORDERED, CardState.MADE):
            self._reached(Reached.CARD_POSTED, at)
        if state is CardState.DELIVERED:
            self._reached(Reached.CARD_DELIVERED, at)

    def _reached(self, reached: Reached, at: dt.datetime) -> None:
        """Count that a registration completed at `at` has come so far."""
        self.batch.counts[counters.key(Figure.FUNNEL, counters.day_of(at), reached)] += 1


def weight(day: dt.date, calendar: WorkingCalendar) -> float:
    """Return how many registrations complete on a day, 1 being an ordinary working day."""
    if (day.month, day.day) in ((12, 29), (12, 30), (12, 31), (1, 1), (1, 2), (1, 3)):
        return 0.01
    if not calendar.is_working(day):
        return 0.12 if day.weekday() == 5 else 0.04
    season = {4: 1.5, 5: 1.15, 3: 1.2, 8: 0.8, 12: 0.9}.get(day.month, 1.0)
    return season * (1.15 if day.weekday() == 0 else 1.0)


def write_year(mode: str, now: dt.datetime, chance: random.Random, days: int, registrations: int) -> Iterator[int]:
    """Write the past of `days` days up to now, `registrations` of them; yield after each part how many there are.

    The demo's businesses must be there already (`build`). NotTheDemo outside demo and test mode.
    """
    if mode not in ("demo", "test"):
        raise NotTheDemo("invented people are made in demo mode only")
    if not Business.select().exists():
        raise NotTheDemo("the past needs the demo's businesses")
    year = _Year(now, chance)
    dates = [year.today - dt.timedelta(days=n) for n in range(days - 1, -1, -1)]
    weights = [weight(day, year.calendar) for day in dates]
    per_day = Counter(chance.choices(dates, weights, k=registrations))
    done = written = 0
    for day in dates:
        morning = dt.datetime.combine(day, dt.time(9), JST).astimezone(dt.UTC)
        end = min(morning + dt.timedelta(hours=9), now - dt.timedelta(minutes=5))
        if end <= morning:
            continue
        seconds = (end - morning).total_seconds()
        for offset in sorted(chance.random() for _ in range(per_day[day])):
            year.register(morning + dt.timedelta(seconds=round(offset * seconds)))
            done += 1
        if done - written >= _AT_ONCE or day == dates[-1]:
            year.batch.write()
            written = done
            yield done
    year.batch.write()
