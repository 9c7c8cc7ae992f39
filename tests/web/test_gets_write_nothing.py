"""GET writes nothing: every route that answers it, for everybody who may use it, with things that it can show.

Browsers fetch pages ahead, scanners open links. A look at personal data is written down, because it is one; so is
that a file was fetched. Nothing else is.
"""

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from werkzeug.routing import BuildError

import db.models
from db.database import database
from db.models import Account, Affiliation, SecondFactor
from tests.domain.cards.test_projection import card_of
from tests.web.conftest import PASSWORD, app_of, business_user, operator, technician_user
from tests.web.me.story import begin
from tests.web.ops.story import bounced, held
from webapp.domain.accounts import accounts
from webapp.domain.accounts.accounts import AccountKind, BusinessRole, OperatorRole
from webapp.domain.affiliations import membership
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.domain.disclosure.bulk import begin_bulk
from webapp.domain.disclosure.policy import viewer_of

# What a look leaves: who looked at what, and who did.
LOOKS = {"access_row", "audit_row", "audit_detail"}
# What is counted against a limit, because it is the look itself that must not be repeated without end.
COUNTED = {"api.show": {"throttle"}, "look_up.show": {"throttle"}}
WRITES = re.compile(r'\s*(?:INSERT INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+"?(\w+)', re.I)


@pytest.fixture
def settings(settings):
    """An address with a name: browsers know no passkeys for a bare number."""
    return replace(settings, public_url="https://todoke.example")


@pytest.fixture
def visitors(app, now):
    """Somebody of each kind, as rules ask, in a world that has one of most things."""
    story = begin(now)
    bounced(now)
    held(now)
    card_of(now)
    open_alarm(AlarmKind.OUR_FAILURE, "docomo.ne.jp", now)
    begin_bulk(viewer_of(story.employer_user), None, 1, False, now)
    membership.invite(viewer_of(story.other_user), story.person.technician_id, story.person.birth_date, 10, now)
    half = accounts.create_operator("half", "途中", OperatorRole.VIEWER, PASSWORD, now)
    app_of(app, half, now)
    administrator = operator(app, OperatorRole.ADMINISTRATOR, now)
    for account in (half, Account.get(Account.role == OperatorRole.ADMINISTRATOR, Account.kind == "operator")):
        key = {"credential_id": f"c{account.id}", "public_key": "k", "created_at": now, "confirmed_at": now}
        SecondFactor.create(account=account, kind="passkey", **key)
    waiting = app.test_client()
    answer = waiting.submit("/sign-in/operators", {"name": "half", "password": PASSWORD})
    assert answer.location == "/sign-in/second-factor"
    boss = BusinessRole.ADMINISTRATOR
    return [
        (None, app.test_client()),
        (None, waiting),
        ((AccountKind.TECHNICIAN, ""), technician_user(app, now, story.person)),
        ((AccountKind.BUSINESS_USER, boss), business_user(app, now, boss, firm=story.employer, name="suzuki")),
        ((AccountKind.OPERATOR, OperatorRole.ADMINISTRATOR), administrator),
    ]


def written(action) -> set[str]:
    """The tables into which an action writes."""
    tables, before = set(), database.obj.execute_sql

    def spy(sql, params=None, *rest):
        if found := WRITES.match(sql):
            tables.add(found[1])
        return before(sql, params, *rest)

    database.obj.execute_sql = spy
    try:
        action()
    finally:
        del database.obj.execute_sql
    return tables


def newest_of_each_table() -> list[int]:
    """The id of a row of each table that has some and has ids."""
    tables = [getattr(db.models, name) for name in db.models.__all__]
    having = [table for table in tables if table.table_exists() and "id" in table._meta.fields]
    ids = [table.select(table.id).order_by(table.id.desc()).limit(1).scalar() for table in having]
    return [number for number in ids if number is not None]


def test_no_get_writes_anything_but_that_somebody_has_looked(app, visitors):
    ids = [Affiliation.get().technician_id, Affiliation.get().id, *newest_of_each_table()]
    access, found, shown = app.extensions["access_table"], {}, set()
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods]
    for user, client in visitors:
        for rule in rules:
            allowed = access[rule.endpoint]
            known = SimpleNamespace(kind=user[0], role=user[1]) if user else None
            may = allowed.allows(known) if known else not allowed.signed_in
            for number in ids if rule.arguments and may else ids[:1]:
                try:
                    path = app.url_map.bind("").build(rule.endpoint, dict.fromkeys(rule.arguments, number))
                except BuildError:  # it names no row
                    path = rule.rule.partition("<")[0] + "x"
                answers = []
                tables = written(lambda path=path, client=client, answers=answers: answers.append(client.get(path)))
                if more := tables - LOOKS - COUNTED.get(rule.endpoint, set()):
                    found[rule.endpoint, user] = more
                if answers[0].status_code == 200:
                    shown.add(rule.endpoint)
                    break
    assert found == {}
    assert len(shown) > 85, "most pages were there to be looked at"
