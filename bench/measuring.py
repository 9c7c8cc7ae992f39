"""How benches over `bench.register` measure: a call, beside the very statements that it sends, run bare."""

import contextlib
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator

from flask.testing import FlaskClient

from bench.register import NOW, Register, opened
from db import database as db
from db.models import Account, Business
from webapp import create_app
from webapp.domain.accounts import accounts, first_access
from webapp.domain.accounts.accounts import AccountKind, BusinessRole, OperatorRole
from webapp.settings import load

PASSWORD = "a long enough password"
MOST, LEAST, SECONDS = 200, 20, 2.0

Statement = tuple[str, tuple]


def measure(work: Callable[[], object], most: int = MOST) -> dict[str, float]:
    """Return the median and the 99th percentile of a call, in ms: `most` calls, fewer where they take long."""
    for _ in range(min(3, most)):
        work()
    taken: list[float] = []
    while len(taken) < most and (len(taken) < min(LEAST, most) or sum(taken) < SECONDS * 1000):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    last = statistics.quantiles(taken, n=100)[98] if len(taken) >= 100 else max(taken)
    return {"p50_ms": round(statistics.median(taken), 2), "p99_ms": round(last, 2)}


@contextlib.contextmanager
def recorded() -> Iterator[list[Statement]]:
    """Collect the statements that are sent within the block."""
    found: list[Statement] = []
    engine, send = db.database.obj, db.database.obj.execute_sql

    def execute_sql(sql, params=None, *more, **options):
        found.append((sql, tuple(params or ())))
        return send(sql, params, *more, **options)

    engine.execute_sql = execute_sql
    try:
        yield found
    finally:
        del engine.execute_sql


def bare(statements: list[Statement]) -> None:
    """Run what was recorded as the driver runs it; what writes is left out."""
    cursor = db.database.connection().cursor()
    for sql, params in statements:
        if sql.lstrip().startswith(("SELECT", "WITH")):
            cursor.execute(sql, params).fetchall()


def beside(work: Callable[[], object], most: int = MOST) -> dict[str, float]:
    """Measure a call, and the statements of one such call bare (`bare_…`), with how many these are."""
    with recorded() as statements:
        work()
    plain = {f"bare_{key}": value for key, value in measure(lambda: bare(statements), most).items()}
    return {**measure(work, most), **plain, "statements": len(statements)}


@contextlib.contextmanager
def application(register: Register) -> Iterator:
    """The application over a register, at the register's moment."""
    with tempfile.TemporaryDirectory() as state:
        values = {
            "TODOKE_MODE": "test",
            "TODOKE_STATE_DIR": state,
            "TODOKE_DATABASE_URL": register.url,
            "TODOKE_SECRET_KEY": "bench " * 8,
            "TODOKE_RETURN_KEYS": "a:" + "bench " * 8,
        }
        db.database.close_all()
        app = create_app(load(values, dotenv=None), lambda: NOW)
        db.database.connect()
        yield app


def operator(app) -> FlaskClient:
    """The client of an operator who has signed in."""
    key = accounts.login_key(AccountKind.OPERATOR, "bench")
    if not Account.select().where(Account.login_key == key).exists():
        accounts.create_operator("bench", "", OperatorRole.VIEWER, PASSWORD, NOW)
    return _signed_in(app, "/sign-in/operators", {"name": "bench"})


def business_user(app, business_id: int) -> FlaskClient:
    """The client of an administrator of a business who has signed in."""
    firm = Business.get_by_id(business_id)
    account = Account.get_or_none(Account.login_key == accounts.business_key(firm.business_id, "bench"))
    if account is None:
        account = first_access.new_business_user(firm, "bench", "", BusinessRole.ADMINISTRATOR, NOW)
    accounts.set_password(account, PASSWORD, NOW)
    return _signed_in(app, "/sign-in/business", {"business_id": firm.business_id, "user_name": "bench"})


def _signed_in(app, path: str, fields: dict[str, str]) -> FlaskClient:
    client = app.test_client()
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)[1]
    form = {"csrf_token": token, "password": PASSWORD, **fields}
    answer = client.post(path, data=form, headers={"Sec-Fetch-Site": "same-origin"})
    if answer.status_code != 303:
        raise SystemExit(f"nobody could sign in at {path}: {answer.status_code}")
    return client


def on_each(
    engines: Iterable[str], people: int, measured: Callable[[Register], Iterable[dict[str, object]]]
) -> list[dict[str, object]]:
    """Return what is measured on the register of each engine, its name in front of each row."""
    found = []
    for engine in engines:
        with opened(engine, people) as one:
            found += [{"engine": engine, **row} for row in measured(one)]
    return found
