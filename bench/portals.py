"""The portals' lists and decisions among 1.75 million technicians, each beside the same SQL run bare.

`python -m bench.portals [people]`. One business has 23,000 people; another has three.
"""

import random
import sys
from collections.abc import Callable, Iterator

from bench import register
from bench.measuring import MOST, application, beside, business_user, measure, on_each
from bench.register import NOW, Register
from db import database as db
from db.ids import new_ids
from db.models import AccessRow, Affiliation
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.affiliations import roster
from webapp.domain.affiliations.roster import Filter, Sort
from webapp.domain.affiliations.roster_states import CardFilter, NoticeFilter
from webapp.domain.disclosure import look_up
from webapp.domain.disclosure.access_log import Look, ViewKind, looked
from webapp.domain.disclosure.look_up import Criteria, LookUpLimits
from webapp.domain.disclosure.policy import Group, Viewer, decide, facts_of
from webapp.domain.disclosure.states import DisclosureState

FILTERS = {
    **{f"disclosure {wanted}": Filter(state=wanted) for wanted in DisclosureState},
    **{f"notice {wanted}": Filter(notice=wanted) for wanted in NoticeFilter},
    **{f"card {wanted}": Filter(card=wanted) for wanted in CardFilter},
    "not signed in": Filter(not_signed_in=True),
    "by kana": Filter(text="サトウ"),
    "by name": Filter(text="佐藤"),
}
_DECIDE = "SELECT technician_id, technician_keys, business_keys FROM affiliation WHERE current AND technician_id"


def _boss(business_id: int) -> Viewer:
    return Viewer(AccountKind.BUSINESS_USER, 1, True, "administrator", business_id=business_id)


def _lists(one: Register) -> Iterator[tuple[str, Callable[[], object]]]:
    for business in (one.large, one.small):
        boss = _boss(business)
        size = roster.count(boss)
        yield f"50 of {size:,}: first page", lambda boss=boss: roster.page(boss)
        yield f"50 of {size:,}: people by state", lambda boss=boss: roster.counts_by_state(boss)
        for name in ("notice undelivered", "card kept"):
            part = FILTERS[name]
            yield f"50 of {size:,}: hint, {name}", lambda boss=boss, part=part: roster.count(boss, part)
    boss = _boss(one.large)
    size = roster.count(boss)
    deep = _place(boss, min(400 * roster.PAGE, size // 2))
    yield f"50 of {size:,}: page 400", lambda: roster.page(boss, after=deep)
    yield f"50 of {size:,}: newest first", lambda: roster.page(boss, sort=Sort.NEWEST)
    person = roster.page(boss, after=deep).rows[0].technician_id
    for name, part in {**FILTERS, "by ID": Filter(text=person)}.items():
        yield f"50 of {size:,}: {name}", lambda part=part: roster.page(boss, part)


def _place(boss: Viewer, number: int) -> int:
    own = Affiliation.current & (Affiliation.business == boss.business_id)
    rows = Affiliation.select(Affiliation.id).where(own).order_by(Affiliation.sort_key, Affiliation.id)
    return rows.offset(number).limit(1).scalar()


def _decisions(people: list[int]) -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
    """Yield name, call and bare SQL; each time for others, so that nothing is warm but the indexes' tops."""
    chance, mark = random.Random(7), "?" if db.is_sqlite() else "%s"
    other = Viewer(AccountKind.BUSINESS_USER, 2, True, "viewer", business_id=1)

    def decided(n: int) -> list:
        return [decide(other, facts, Group.PERSON) for facts in facts_of(chance.sample(people, n)).values()]

    def read(n: int) -> list:
        sql = f"{_DECIDE} IN ({', '.join([mark] * n)})"
        return db.database.execute_sql(sql, chance.sample(people, n)).fetchall()

    for n in (1, 100):
        n = min(n, len(people))
        yield f"decide for {n}", lambda n=n: decided(n), lambda n=n: read(n)

    def logged() -> None:
        with db.transaction():
            (facts,) = facts_of(chance.sample(people, 1)).values()
            decide(other, facts, Group.PERSON)
            looked(other, [Look(facts, 1)], ViewKind.RECORD, NOW)

    columns = "id, at, account_id, relation, technician_id, kind, groups, context"
    insert = f"INSERT INTO access_row ({columns}) VALUES ({', '.join([mark] * 8)})"

    def written() -> None:
        with db.transaction():
            (row,) = chance.sample(people, 1)
            db.database.execute_sql(f"{_DECIDE} = {mark}", (row,)).fetchall()
            db.database.execute_sql(insert, (new_ids(1)[0], 0, 2, "other_business", row, "record", 1, ""))

    yield "decide and log, committed", logged, written


def _measured(one: Register, most: int) -> Iterator[dict[str, object]]:
    for name, work in _lists(one):
        yield {"name": name, **beside(work, most)}
    current = Affiliation.select(Affiliation.technician).where(Affiliation.current).limit(200_000)
    people = [row[0] for row in current.tuples()]
    for name, work, plain in _decisions(people):
        yield {
            "name": name,
            **measure(work, most),
            **{f"bare_{key}": value for key, value in measure(plain, most).items()},
        }
    other = Viewer(AccountKind.BUSINESS_USER, 2, True, "viewer", business_id=1)
    plenty = LookUpLimits(10**9, 10**9)
    yield {
        "name": "look-up by kana, 20 logged and counted",
        **beside(lambda: look_up.search(other, Criteria(kana="サトウ"), plenty, NOW), most),
    }
    AccessRow.delete().where(AccessRow.account_id == 2).execute()
    sizes = {business: roster.count(_boss(business)) for business in (one.large, one.small)}
    with application(one) as app:
        for business, size in sizes.items():
            client = business_user(app, business)
            yield {
                "name": f"the whole page over HTTP, {size:,} people",
                **beside(lambda client=client: client.get("/business/technicians"), most),
            }


def run(
    people: int = register.PEOPLE, engines: tuple[str, ...] = register.ENGINES, most: int = MOST
) -> list[dict[str, object]]:
    """Measure `most` calls of each on each engine; return rows: name, median and 99th percentile in ms, and of
    the bare SQL.
    """
    return on_each(engines, people, lambda one: _measured(one, most))


if __name__ == "__main__":
    for row in run(int(sys.argv[1]) if len(sys.argv) > 1 else register.PEOPLE):
        print("  ".join(f"{key}={value}" for key, value in row.items()))
