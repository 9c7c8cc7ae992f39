"""The statements that fill `bench.register`: one text for both engines.

Chance is arithmetic: `_lot(7, 100)` is the seventh lot of a person, one of 0 to 99. `bench_plan` says of each person
what happened when; every table of the product is then one INSERT … SELECT from it.
"""

import datetime as dt
import random
from collections.abc import Iterator

from db import database as db
from db.fields import dump_json, to_microseconds
from db.rows import write_rows
from webapp.demo import year, year_cards
from webapp.demo.people import FAMILY_NAMES, GIVEN_NAMES, PLACES
from webapp.domain.bounce.model import REASON_CLASS, Reason, ReasonClass
from webapp.domain.cards import outcomes
from webapp.domain.core.search_key import fold_search_key

TABLES = ("business", "technician", "affiliation", "account", "registration", "message", "postcard", "card", "shipment",
          "event", "work_item", "inquiry")  # fmt: skip
_MINUTE, _HOUR, _DAY = 60_000_000, 3_600_000_000, 86_400_000_000
_EPOCH_MS, _SHIFT = 1_577_836_800_000, 1 << 22
# Of everybody one in so many is with the large business.
LARGE_EVERY = 76
_PER_PERSON = 16  # ids of one table that a person may need

_CHANCE = """
CREATE TABLE bench_day (number BIGINT PRIMARY KEY, day TEXT, first BIGINT, people BIGINT, morning BIGINT, made BIGINT,
    posted BIGINT, batched BIGINT, printed BIGINT, mailed BIGINT);
CREATE TABLE bench_name (n BIGINT PRIMARY KEY, name TEXT, kana TEXT, name_key TEXT, kana_key TEXT);
CREATE TABLE bench_place (n BIGINT PRIMARY KEY, postal_code TEXT, address TEXT, prefecture TEXT);
CREATE TABLE bench_plan (i BIGINT PRIMARY KEY, at BIGINT, business BIGINT, domain TEXT, verdict TEXT, failure TEXT,
    settled BIGINT, firm_domain TEXT, firm_failed BOOLEAN, made BIGINT, posted BIGINT, out BIGINT, absent BIGINT,
    kept BIGINT, back BIGINT, remade BIGINT, reposted BIGINT, delivered BIGINT);
CREATE TABLE bench_postcard (i BIGINT PRIMARY KEY, cause TEXT, queued BIGINT, batched BIGINT, printed BIGINT,
    mailed BIGINT, returned BIGINT, presumed BIGINT)
"""


def run(statement: str) -> int:
    """Run a statement without values; return how many rows it wrote."""
    return db.database.execute_sql(statement if db.is_sqlite() else statement.replace("%", "%%")).rowcount


def loosen() -> None:
    """Let the engine write without looking back: what is half made is thrown away."""
    if db.is_sqlite():
        for pragma in ("journal_mode=off", "synchronous=off", "foreign_keys=off", "cache_size=-1000000",
                       "temp_store=file"):  # fmt: skip
            db.database.execute_sql(f"PRAGMA {pragma}")
    else:
        db.database.execute_sql("SET session_replication_role = replica")


def without_indexes() -> list[tuple[str, str]]:
    """Drop the indexes of the tables that will be filled; return (name, statement that makes it again)."""
    if db.is_sqlite():
        sql = "SELECT name, sql, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        sql = ("SELECT indexname, indexdef, tablename FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT IN"
               " (SELECT conname FROM pg_constraint)")  # fmt: skip
    found = [row[:2] for row in db.database.execute_sql(sql).fetchall() if row[2] in TABLES]
    for name, _ in found:
        db.database.execute_sql(f"DROP INDEX {name}")
    return found


def tighten() -> None:
    """Bring the engine back to how the product uses it, with statistics as a kept database has them."""
    for table in ("bench_plan", "bench_postcard", "bench_day", "bench_name", "bench_place"):
        db.database.execute_sql(f"DROP TABLE {table}")
    if db.is_sqlite():
        db.refresh_statistics()
        db.database.execute_sql("PRAGMA journal_mode=wal")
        db.database.close()
        db.database.connect()
    else:
        db.database.execute_sql("VACUUM (ANALYZE)")
        db.database.execute_sql("SET session_replication_role = DEFAULT")


def tables_of_chance(days: list[tuple], firms: int, now: dt.datetime) -> None:
    """Make the tables from which people are drawn; `days` are rows of `bench_day`."""
    for statement in _CHANCE.split(";\n"):
        run(statement)
    names = [(f"{family} {given}", f"{family_kana} {given_kana}")
             for family, family_kana in FAMILY_NAMES for given, given_kana in GIVEN_NAMES]  # fmt: skip
    rows = [(n, *both, *map(fold_search_key, both)) for n, both in enumerate(names)]
    with db.transaction():
        write_rows("bench_day", ("number", "day", "first", "people", "morning", "made", "posted", "batched",
                                    "printed", "mailed"), days)  # fmt: skip
        write_rows("bench_name", ("n", "name", "kana", "name_key", "kana_key"), rows)
        places = [(n, *row, outcomes.prefecture(*row)) for n, row in enumerate(PLACES)]
        write_rows("bench_place", ("n", "postal_code", "address", "prefecture"), places)
    for number, day in enumerate(days):
        if day[3]:
            run(_plan(day, len(days) - 90 - number, firms, to_microseconds(now)))


def _lot(k: int, of: int | str) -> str:
    chance = random.Random(k)
    factor, shift = chance.randrange(10**8, 2 * 10**9), chance.randrange(10**9)
    return f"((i * {factor} + {shift}) % 2147483647 % {of})"


def _cases(pairs, otherwise: str = "NULL") -> str:
    return f"CASE {' '.join(f'WHEN {when} THEN {then}' for when, then in pairs)} ELSE {otherwise} END"


def _domain() -> str:
    shares, so_far = [], 0
    for name, (share, _, _) in year.DOMAINS.items():
        so_far += share
        shares.append((f"{_lot(5, 100)} < {so_far}", f"'{name}'"))
    return _cases(shares)


def _verdict(ago: int) -> str:
    lot, found = "lot", []
    if ago in year.OUTAGE_DAYS:
        found.append((f"domain = '{year.OUTAGE}' AND {lot} < 2200", "'expired'"))
    if ago in year.BLOCKED_DAYS:
        found.append((f"domain = '{year.BLOCKED}' AND {lot} < 4500", "'blocked'"))
    for name, (_, dead, refused) in year.DOMAINS.items():
        word = "hostunknown" if name.startswith("old") else "userunknown"
        found.append((f"domain = '{name}' AND {lot} < {dead * 10}", f"'{word}'"))
        word = "mailboxfull" if name == "full.example" else "filtered"
        found.append((f"domain = '{name}' AND {lot} < {(dead + refused) * 10}", f"'{word}'"))
    return _cases([*found, (f"domain IS NOT NULL AND {lot} > 9980", "'expired'"),
                   (f"domain IS NOT NULL AND {lot} > 9975", "'rejected'")])  # fmt: skip


def _plan(day: tuple, ago: int, firms: int, moment: int) -> str:
    _, _, first, people, morning, made, posted, *_ = day
    span = min(9 * _HOUR, moment - morning)
    classes = {str(REASON_CLASS[reason]): [] for reason in Reason}
    for reason in Reason:
        classes[str(REASON_CLASS[reason])].append(f"'{reason}'")
    failure = _cases([(f"verdict IN ({', '.join(words)})", f"'{name}'") for name, words in classes.items()])
    waits = {ReasonClass.DEAD: 0, ReasonClass.OURS: 5}
    settled = _cases([(f"failure = '{name}'", f"at + {days * _DAY + _MINUTE}") for name, days in waits.items()],
                     f"at + {3 * _DAY + _MINUTE}")  # fmt: skip
    absent_share = 460 if ago - 8 in year_cards.ABSENCE_DAYS else 130
    business = _cases(
        [
            (f"i % {LARGE_EVERY} = 0", "0"),
            (f"{_lot(1, 100)} < 6", "NULL"),
            (f"{_lot(2, 10)} < 3", f"1 + i % {firms - 1}"),
            (f"{_lot(2, 10)} < 8", f"1 + {_lot(3, firms // 4 + 1)}"),
        ],
        f"1 + {_lot(4, firms // 100 + 1)}",
    )
    return f"""
INSERT INTO bench_plan
WITH RECURSIVE person (i) AS (
    SELECT CAST({first} AS BIGINT) UNION ALL SELECT i + 1 FROM person WHERE i + 1 < {first + people}
), mailed AS MATERIALIZED (
    SELECT i, {morning} + (i - {first}) * {span} / {people} AS at, {business} AS business,
        CASE WHEN {_lot(6, 100)} >= {year.NO_EMAIL_PERCENT} THEN {_domain()} END AS domain, {_lot(7, 10_000)} AS lot
    FROM person
), judged AS MATERIALIZED (
    SELECT i, at, business, domain, {_verdict(ago)} AS verdict FROM mailed
), failed AS MATERIALIZED (
    SELECT i, at, business, domain, verdict, {failure} AS failure,
        {posted} + (1 + {_lot(8, 6)} / 3 + {_lot(8, 6)} / 5) * {_DAY} - {7 * _HOUR} AS out, {_lot(9, 1000)} AS home,
        (2 + {_lot(10, 7)}) * {_HOUR} + {_lot(11, 3600)} * 1000000 AS way, {_lot(12, 100)} AS fetched,
        (1 + {_lot(13, 6)}) * {_DAY} + {6 * _HOUR} AS later, {_lot(14, 100)} AS again
    FROM judged
), tried AS MATERIALIZED (
    SELECT failed.*, CASE WHEN home < {absent_share} THEN out + way END AS absent,
        CASE WHEN home < {absent_share} AND fetched >= 80 THEN out + way + {8 * _DAY + 3 * _HOUR} END AS back
    FROM failed
)
SELECT i, at, business, domain, verdict, failure, {settled},
    CASE WHEN business IS NULL THEN NULL WHEN business % 4 = 0 THEN 'company' || CAST(business AS TEXT) || '.example'
        ELSE {_domain()} END,
    {_lot(15, 1000)} < 2, {made}, {posted}, out, absent, absent + {5 * _HOUR}, back,
    CASE WHEN again >= 6 THEN back + {6 * _DAY} END, CASE WHEN again >= 6 THEN back + {7 * _DAY} END,
    CASE WHEN absent IS NULL THEN out + way WHEN back IS NULL THEN absent + later
        WHEN again >= 6 THEN back + {8 * _DAY} END
FROM tried
"""


def _id(moment: str, k: int = 0) -> str:
    return f"(({moment} / 1000 - {_EPOCH_MS}) * {_SHIFT} + (p.i * {_PER_PERSON} + {k}) % {_SHIFT})"


def _business(n: str) -> str:
    return f"(({n} + 1) * {_SHIFT} + 7)"


def _day(moment: str) -> str:
    return f"(SELECT day FROM bench_day WHERE number = ({moment} + {9 * _HOUR}) / {_DAY})"


# A few minutes after the registration, as the queue is.
_SENT = f"(p.at + (1 + {_lot(34, 60)} * {_lot(35, 20)}) * 1000000)"
_PERSON, _REGISTRATION, _CARD, _POSTCARD, _OWN = (_id("p.at", k) for k in range(5))


def statements(people: int, firms: int, now: dt.datetime) -> Iterator[tuple[str, str]]:
    """Yield (table, statement) in the order of their references."""
    moment = to_microseconds(now)
    yield "business", _businesses(firms, moment)
    yield "technician", _TECHNICIANS
    yield "affiliation", _affiliations()
    yield "account", _ACCOUNTS
    yield "registration", _REGISTRATIONS
    yield "message", _own_notices(moment)
    yield "message", _firm_notices(moment)
    yield "bench_postcard", _postcard_plan(moment)
    yield "postcard", _postcards(moment)
    yield "card", _cards(moment)
    yield "shipment", _shipments(moment, "p.posted", "p.back", 1)
    yield "shipment", _shipments(moment, "p.reposted", "NULL", 2)
    yield "event", _events(moment)
    yield "work_item", _work_items(people, moment)
    yield "inquiry", _inquiries(people, moment)


def _insert(table: str, columns: tuple[str, ...] | str, select: str) -> str:
    names = columns if isinstance(columns, str) else ", ".join(columns)
    return f"INSERT INTO {table} ({names}) {select}"


def _businesses(firms: int, moment: int) -> str:
    return _insert(
        "business",
        "id, business_id, name, name_kana, postal_code, address, telephone, search_key, kana_key, version, created_at,"
        " updated_at",
        f"""
        WITH RECURSIVE firm (i) AS (SELECT CAST(0 AS BIGINT) UNION ALL SELECT i + 1 FROM firm WHERE i + 1 < {firms})
        SELECT {_business("i")}, CAST(80000000000000 + i * 7919 AS TEXT), '建設' || CAST(i AS TEXT), 'ケンセツ',
            '1000013', '東京都千代田区霞が関1', '', '建設' || CAST(i AS TEXT), 'ケンセツ', 1, {moment}, {moment}
        FROM firm""",
    )


_DIGITS = "'" + "".join(f"{n:02}" for n in range(1, 29)) + "'"
_TECHNICIANS = _insert(
    "technician",
    year.TABLES["technician"],
    f"""
    SELECT {_PERSON}, CAST(60000000000000 + p.i * 7919 AS TEXT), n.name, n.kana,
        CAST(1958 + {_lot(20, 48)} AS TEXT) || '-' || substr({_DIGITS}, CAST(1 + 2 * {_lot(21, 12)} AS INTEGER), 2)
            || '-' || substr({_DIGITS}, CAST(1 + 2 * {_lot(22, 28)} AS INTEGER), 2),
        w.postal_code, w.address || CAST(1 + {_lot(23, 30)} AS TEXT), '', 'ja', {_lot(24, 2400)}, '', '',
        1 + {_lot(25, 4)}, n.name_key, n.kana_key, 1, p.at, p.at
    FROM bench_plan p
    JOIN bench_name n ON n.n = {_lot(26, len(FAMILY_NAMES) * len(GIVEN_NAMES))}
    JOIN bench_place w ON w.n = {_lot(27, len(PLACES))}""",
)
_ACCOUNTS = _insert(
    "account",
    "id, kind, login_key, display_name, role, technician_id, language, active, created_at, last_sign_in_at",
    f"""
    SELECT {_id("p.at", 5)}, 'technician', 'technician:' || CAST(60000000000000 + p.i * 7919 AS TEXT), '', '',
        {_PERSON}, 'ja', TRUE, p.at, CASE WHEN {_lot(29, 10)} < 7 THEN p.at + {5 * _DAY} END
    FROM bench_plan p WHERE {_lot(28, 10)} < 4""",
)
_REGISTRATIONS = _insert(
    "registration",
    year.TABLES["registration"],
    f"""
    SELECT {_REGISTRATION}, 'D-' || CAST(10000000 + p.i AS TEXT), {_PERSON}, {_business("p.business")}, p.at, p.at,
        'ja', TRUE, '', '', '', '{{}}', ''
    FROM bench_plan p""",
)


def _affiliations() -> str:
    # Of seven sides three are closed, two have opened 本人 alone or with two groups, two everything.
    technician, business = (f"substr('00010731'||'31', CAST(1 + 2 * ({_lot(k, 5)}) AS INTEGER), 2)" for k in (30, 31))
    columns = ("id", "technician_id", "business_id", "current", "started_at", "technician_keys",
               "technician_keys_version", "business_keys", "business_keys_version", "sort_key")  # fmt: skip
    return _insert(
        "affiliation",
        columns,
        f"""
        SELECT {_id("p.at", 6)}, {_PERSON}, {_business("p.business")}, TRUE, p.at, CAST({technician} AS INTEGER), 1,
            CAST({business} AS INTEGER), 1, n.kana_key
        FROM bench_plan p JOIN bench_name n ON n.n = {_lot(26, len(FAMILY_NAMES) * len(GIVEN_NAMES))}
        WHERE p.business IS NOT NULL""",
    )


_MESSAGE = ("id", "kind", "role", "registration_id", "technician_id", "business_id", "language", "destination", "state",
            "failure_class", "reason", "attempts", "queued_at", "due_at", "fence", "first_attempt_at", "cohort_day",
            "sent_at", "first_sent_at", "settled_at")  # fmt: skip


def _own_notices(moment: int) -> str:
    waits = f"p.at > {moment - 15 * _MINUTE}"
    done = f"p.settled <= {moment}"
    return _insert(
        "message",
        _MESSAGE,
        f"""
        SELECT {_OWN}, 'id_notice', 'technician', {_REGISTRATION}, {_PERSON}, NULL, 'ja', p.domain,
            CASE WHEN {waits} THEN 'queued' WHEN p.failure IS NULL AND {done} THEN 'delivered'
                WHEN p.failure IS NULL THEN 'sent' WHEN {done} THEN 'failed' ELSE 'waiting_retry' END,
            CASE WHEN NOT {waits} THEN p.failure END,
            CASE WHEN {waits} THEN NULL WHEN p.failure IS NULL AND {done} THEN 'presumed' ELSE p.verdict END,
            CASE WHEN {waits} THEN 0 ELSE 1 END, p.at,
            CASE WHEN {waits} THEN p.at WHEN p.failure IS NOT NULL AND NOT {done} THEN p.settled END, 0,
            CASE WHEN NOT {waits} THEN p.at END, CASE WHEN NOT {waits} THEN {_day("p.at")} END,
            CASE WHEN NOT {waits} THEN {_SENT} END, CASE WHEN NOT {waits} THEN {_SENT} END,
            CASE WHEN {done} AND NOT {waits} THEN p.settled END
        FROM bench_plan p WHERE p.domain IS NOT NULL""",
    )


def _firm_notices(moment: int) -> str:
    done = f"p.at + {3 * _DAY + _MINUTE} <= {moment}"
    return _insert(
        "message",
        _MESSAGE,
        f"""
        SELECT {_id("p.at", 7)}, 'id_notice', 'business', {_REGISTRATION}, {_PERSON}, {_business("p.business")}, 'ja',
            p.firm_domain, CASE WHEN p.firm_failed AND {done} THEN 'failed' WHEN p.firm_failed THEN 'waiting_retry'
                WHEN {done} THEN 'delivered' ELSE 'sent' END,
            CASE WHEN p.firm_failed THEN 'refused' END,
            CASE WHEN p.firm_failed THEN 'mailboxfull' WHEN {done} THEN 'presumed' END, 1, p.at,
            CASE WHEN p.firm_failed AND NOT {done} THEN p.at + {3 * _DAY + _MINUTE} END, 0, p.at, {_day("p.at")},
            {_SENT}, {_SENT}, CASE WHEN {done} THEN p.at + {3 * _DAY + _MINUTE} END
        FROM bench_plan p WHERE p.business IS NOT NULL""",
    )


def _postcard_plan(moment: int) -> str:
    queued = "CASE WHEN p.domain IS NULL THEN p.at ELSE p.settled END"
    return f"""
    INSERT INTO bench_postcard
    SELECT p.i, COALESCE(p.verdict, 'no_email'), {queued}, b.batched, b.printed, b.mailed,
        CASE WHEN {_lot(32, 1000)} < 45 THEN b.mailed + (4 + {_lot(33, 6)}) * {_DAY} END,
        CASE WHEN {_lot(32, 1000)} >= 45 THEN b.mailed + {10 * _DAY} END
    FROM bench_plan p JOIN bench_day b ON b.number = ({queued} + {9 * _HOUR}) / {_DAY}
    WHERE p.domain IS NULL OR (p.failure IN ('dead', 'refused', 'temporary') AND p.settled <= {moment})"""


_WAY_OF_POSTCARD = (
    ("queued", "queued", "postcard:fallback:queued"),
    ("batched", "batched", "postcard:worker:batched"),
    ("printed", "printed", "postcard:ops:printed"),
    ("mailed", "mailed", "postcard:ops:mailed"),
    ("returned", "returned", "postcard:ops:returned"),
    ("presumed", "presumed_delivered", "postcard:rule:presumed"),
)


def _postcards(moment: int) -> str:
    rising = [(f"c.{column} <= {moment}", f"'{state}'") for column, state, _ in _WAY_OF_POSTCARD]
    changed = [(f"c.{column} <= {moment}", f"c.{column}") for column, *_ in _WAY_OF_POSTCARD]
    return _insert(
        "postcard",
        "id, registration_id, technician_id, message_id, n, state, cause, queued_at, changed_at, version, mailed_at",
        f"""
        SELECT {_POSTCARD}, {_REGISTRATION}, {_PERSON}, CASE WHEN p.domain IS NOT NULL THEN {_OWN} END, 1,
            {_cases(rising[::-1])}, c.cause, c.queued, {_cases(changed[::-1])}, 1,
            CASE WHEN c.mailed <= {moment} THEN c.mailed END
        FROM bench_postcard c JOIN bench_plan p ON p.i = c.i""",
    )


# (column of the plan, state, what it was before)
_WAY_OF_CARD = (
    ("made", "made", "'ordered'"),
    ("posted", "posted", "'made'"),
    ("out", "out_for_delivery", "'posted'"),
    ("absent", "absent", "'out_for_delivery'"),
    ("kept", "kept", "'absent'"),
    ("back", "returned", "'kept'"),
    ("remade", "made", "'returned'"),
    ("reposted", "posted", "'made'"),
    ("delivered", "delivered", "CASE WHEN p.absent IS NULL THEN 'out_for_delivery' WHEN p.back IS NULL THEN 'kept'"
     " ELSE 'posted' END"),
)  # fmt: skip


_CARD_COLUMNS = (
    "id, registration_id, technician_id, state, ordered_at, changed_at, version, known, since_on, posted_on,"
    " kept_until, last_word_on, receiver, made_at"
)


def _cards(moment: int) -> str:
    state = _cases([(f"p.{column} <= {moment}", f"'{name}'") for column, name, _ in reversed(_WAY_OF_CARD)],
                   "'ordered'")  # fmt: skip
    since = _cases([(f"p.{column} <= {moment}", f"p.{column}") for column, *_ in reversed(_WAY_OF_CARD)], "p.at")
    posted = _cases([(f"p.reposted <= {moment}", "p.reposted"), (f"p.posted <= {moment}", "p.posted")])
    made = _cases([(f"p.remade <= {moment}", "p.remade"), (f"p.made <= {moment}", "p.made")])
    return _insert(
        "card",
        _CARD_COLUMNS,
        f"""
        SELECT {_CARD}, {_REGISTRATION}, {_PERSON}, state, p.at, since, 1, state, {_day("p.since")}, {_day("p.posted")},
            CASE WHEN state IN ('absent', 'kept') THEN {_day(f"p.absent + {7 * _DAY}")} END,
            CASE WHEN posted IS NOT NULL THEN {_day("p.since")} END, 'unknown', made
        FROM (SELECT i, at, absent, {state} AS state, {since} AS since, {posted} AS posted, {made} AS made
            FROM bench_plan p) p""",
    )


def _shipments(moment: int, posted: str, back: str, n: int) -> str:
    # The second one of a card is delivered at once; the first says the worst that happened to it.
    worst = [(f"{back} <= {moment}", "'returned'"), (f"p.kept <= {moment}", "'kept'"),
             (f"p.absent <= {moment}", "'absent'")]  # fmt: skip
    return _insert(
        "shipment",
        "id, card_id, n, number, accepted_on, created_at, prefecture, missed",
        f"""
        SELECT {_id(posted, 8 + n)}, {_CARD}, {n}, CAST({n}0000000000 + p.i AS TEXT), {_day(posted)}, {posted},
            w.prefecture, {_cases(worst, "''") if n == 1 else "''"}
        FROM bench_plan p JOIN bench_place w ON w.n = {_lot(27, len(PLACES))} WHERE {posted} <= {moment}""",
    )


def _events(moment: int) -> str:
    columns = "id, at, name, registration_id, technician_id, subject_id, data"
    parts = [
        f"SELECT {_id('p.at', 8)}, p.at, 'registration:import:completed', {_REGISTRATION}, {_PERSON},"
        " CAST(NULL AS BIGINT), CAST(NULL AS TEXT) FROM bench_plan p",
        f"SELECT {_id('p.at', 9)}, p.at, 'notice:email:sent', {_REGISTRATION}, {_PERSON}, {_OWN},"
        f""" '{dump_json({"kind": "id_notice", "role": "technician"})}' FROM bench_plan p"""
        f" WHERE p.domain IS NOT NULL AND p.at <= {moment - 15 * _MINUTE}",
        f"SELECT {_id('p.settled', 9)}, p.settled, 'notice:bounce:failed', {_REGISTRATION}, {_PERSON}, {_OWN},"
        """ '{"class":"' || p.failure || '","kind":"id_notice","reason":"' || p.verdict || '","role":"technician"}'"""
        f" FROM bench_plan p WHERE p.failure IS NOT NULL AND p.settled <= {moment}",
    ]
    for k, (column, state, before) in enumerate(_WAY_OF_CARD):
        cause = "made" if state == "made" else "tracking"
        text = f"""'{{"cause":"{cause}","from":"' || {before} || '","to":"{state}"}}'"""
        parts.append(f"SELECT {_id(f'p.{column}', k)}, p.{column}, 'card:post:moved', {_REGISTRATION}, {_PERSON},"
                     f" {_CARD}, {text} FROM bench_plan p WHERE p.{column} <= {moment}")  # fmt: skip
    for k, (column, _, name) in enumerate(_WAY_OF_POSTCARD, 10):
        parts.append(f"""SELECT {_id(f"c.{column}", k)}, c.{column}, '{name}', {_REGISTRATION}, {_PERSON},
            {_POSTCARD}, '{{"cause":"' || c.cause || '"}}'
            FROM bench_postcard c JOIN bench_plan p ON p.i = c.i WHERE c.{column} <= {moment}""")
    return f"INSERT INTO event ({columns}) {' UNION ALL '.join(parts)} ORDER BY 1"


def _work_items(people: int, moment: int) -> str:
    return _insert(
        "work_item",
        "id, kind, subject_kind, subject_id, reason, state, opened_at",
        f"""
        SELECT {_id("p.at", 1)}, 'send_postcard', 'registration', {_REGISTRATION}, 'blocked',
            CASE WHEN p.at > {moment - 20 * _DAY} THEN 'open' ELSE 'done' END, p.at
        FROM bench_plan p WHERE p.i % 150 = 1""",
    )


def _inquiries(people: int, moment: int) -> str:
    return _insert(
        "inquiry",
        "id, number, state, topic, channel, caller, identity_check, registration_id, language, opened_at, changed_at,"
        " version",
        f"""
        SELECT {_id("p.at", 1)}, 'Q-' || CAST(p.i AS TEXT),
            CASE WHEN p.at > {moment - 10 * _DAY} THEN 'open' ELSE 'closed' END, 'card', 'telephone', 'technician',
            'none', {_REGISTRATION}, 'ja', p.at, p.at, 1
        FROM bench_plan p WHERE p.i % 400 = 3""",
    )
