"""However the rows are cut into batches, and wherever the process dies between them, the database ends up the same."""

import datetime as dt
import itertools

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from db.database import database as engine
from db.database import transaction
from tests import cast
from tests.examples import examples
from webapp.domain.email_addresses import versions
from webapp.domain.intake.known import Known
from webapp.domain.intake.registrations import register
from webapp.domain.intake.rows import clean_registration

NOW = dt.datetime(2026, 11, 18, 1, 2, 3, tzinfo=dt.UTC)
TABLES = (
    *("business", "technician", "registration", "email_address", "affiliation", "message", "postcard", "card"),
    *("work_item", "event", "record_item", "record_version", "counter"),
)

cells = st.fixed_dictionaries(
    {
        "申請番号": st.sampled_from(["A-1", "A-2", "A-3", "A-4", "A-5", "A-6", "A-7"]),
        "登録完了日時": st.just("2026/11/17 10:02"),
        "技能者ID": st.sampled_from(["", "20000000000001", "20000000000002", "30000000000001", "30000000000002"]),
        "氏名": st.sampled_from(["山田 太郎", "\ufa19田 太郎"]),
        "氏名カナ": st.sampled_from(["ヤマダ タロウ"] * 5 + ["ﾔﾏﾀﾞﾀﾛｳ", "スズキ"]),
        "生年月日": st.sampled_from(["1980/4/1"] * 6 + ["1990/1/1"]),
        "郵便番号": st.sampled_from(["100-0001", ""]),
        "住所": st.sampled_from(["東京都千代田区千代田1-1", "大阪府大阪市北区梅田1-1"]),
        "電話番号": st.sampled_from(["", "03-1111-2222"]),
        "メールアドレス": st.sampled_from(
            ["", "a@example.jp", "A@example.jp", "b@example.jp", "dead@example.jp", "own@example.jp"]
        ),
        "所属事業者ID": st.sampled_from(["", "1", "1", "2", "3", "404"]),
        "代行申請事業者ID": st.sampled_from(["", "1", "2", "3"]),
        "職種": st.sampled_from(["", "とび", "とび;型枠"]),
        "資格": st.sampled_from(["", "玉掛け"]),
        "カード": st.sampled_from(["", "1"]),
    }
)


def set_the_scene():
    """Three businesses (one without an address, one with a dead one) and two people, one on a dead address."""
    for table in reversed(TABLES):
        engine.execute_sql(f"DELETE FROM {table}")
    with transaction():
        good, _, dead = (cast.business(NOW, business_id=number) for number in "123")
        cast.email(good, "office@yamada.example", NOW)
        versions.mark_invalid(cast.email(dead, "dead@example.jp", NOW), "hostunknown", NOW)
        known = {"name_kana": "ヤマダ タロウ", "birth_date": dt.date(1980, 4, 1)}
        cast.technician(NOW, technician_id="30000000000001", **known)
        person = cast.technician(NOW, technician_id="30000000000002", **known)
        versions.mark_invalid(cast.email(person, "own@example.jp", NOW), "userunknown", NOW)
        cast.affiliate(person, good, NOW)


# No row names these by id; in which order a batch writes them says nothing.
UNORDERED = ("event", "record_item", "record_version")

# A batch writes the mails of one kind for all its rows, then those of the next.
ORDERS = {"counter": "figure, day, a, b, c", "message": "kind, id"}


def contents():
    """Every table with its ids replaced by the order in which the rows came, and issued technician IDs likewise."""
    names, issued = {}, {}
    tables = {}
    for table in TABLES:
        order = ORDERS.get(table, "id")
        cursor = engine.execute_sql(f"SELECT * FROM {table} ORDER BY {order}")
        columns = [column[0] for column in cursor.description]
        tables[table] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        for n, row in enumerate(tables[table]):
            if table == "technician" and not row["technician_id"].startswith(("200000000000", "300000000000")):
                issued[row["technician_id"]] = row["technician_id"] = f"issued {n}"
            names[row.get("id")] = f"{table} {n}" if table not in UNORDERED else "-"

    def plain(column, value):
        if column == "cause" and isinstance(value, str) and value.startswith("registration:"):
            return names[int(value.partition(":")[2])]
        return names.get(value, value) if column.endswith("id") else value

    return {
        table: sorted(str({column: plain(column, value) for column, value in row.items()}) for row in rows)
        for table, rows in tables.items()
    }


def cut(rows, sizes):
    left = iter(rows)
    for size in itertools.chain(sizes, itertools.repeat(3)):
        if not (batch := list(itertools.islice(left, size))):
            return
        yield batch


def take(batches, **more):
    results = []
    for batch in batches:
        with transaction():
            results += register(batch, NOW, **more)
    return [(r.line, r.outcome, [(p.column, p.sentence) for p in r.problems]) for r in results]


def plain(**changes) -> dict[str, str]:
    """A row with the first choice of each cell, but for `changes`."""
    first = {
        "登録完了日時": "2026/11/17 10:02",
        "氏名": "山田 太郎",
        "氏名カナ": "ヤマダ タロウ",
        "生年月日": "1980/4/1",
    }
    return first | {"郵便番号": "100-0001", "住所": "東京都千代田区千代田1-1"} | changes


# Who held the dead address moves on: for the next row of the same batch it is dead for nobody.
MOVED_ON = [
    plain(申請番号="A-1", 技能者ID="30000000000002", メールアドレス="a@example.jp"),
    plain(申請番号="A-2", メールアドレス="own@example.jp"),
]


@example(MOVED_ON, [], 0)
@given(st.lists(cells, min_size=1, max_size=14), st.lists(st.integers(1, 14), max_size=5), st.integers(0, 6))
@examples(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def check_any_batching(database, some, sizes, dies_after):
    rows = [clean_registration(line, given, NOW) for line, given in enumerate(some, start=2)]
    set_the_scene()
    checked = take(cut(rows, sizes), known=Known(), check=True)
    untouched = contents()
    set_the_scene()
    assert contents() == untouched
    one_by_one = take([row] for row in rows)
    expected = contents()
    assert checked == one_by_one

    set_the_scene()
    assert take(cut(rows, sizes)) == one_by_one
    assert contents() == expected

    # Killed in the batch after `dies_after`, then started again from the beginning.
    set_the_scene()
    with pytest.raises(KeyboardInterrupt):
        for n, batch in enumerate([*cut(rows, sizes), None]):
            with transaction():
                if batch:
                    register(batch, NOW)
                if n == dies_after or batch is None:
                    raise KeyboardInterrupt
    take(cut(rows, sizes))
    assert contents()["registration"] == expected["registration"]
    assert contents() == expected


def test_any_batching_and_a_kill_between_end_in_the_same_database(database):
    check_any_batching(database)
