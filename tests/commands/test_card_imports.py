"""`todoke import dispatches` and `todoke import tracking`, called as a person calls them."""

import datetime as dt

from db import database as db
from db.models import Card
from tests import cast

NOW = dt.datetime(2026, 11, 18, 1, tzinfo=dt.UTC)


def test_what_was_posted_and_reported_is_imported_and_taken_back(todoke, environment, tmp_path):
    assert todoke("migrate").exit_code == 0
    db.configure(environment["TODOKE_DATABASE_URL"])
    with db.connected():
        person = cast.technician(NOW)
        card = Card.create(
            registration=cast.registration(person, NOW),
            technician=person,
            state="ordered",
            ordered_at=NOW,
            changed_at=NOW,
        )
    db.database.close_all()
    posted, tracked = tmp_path / "posted.csv", tmp_path / "tracking.txt"
    posted.write_text(f"技能者ID,お問い合わせ番号,引受日\n{person.technician_id},123-45-67890-4,2026/11/18\n1,1,1\n")
    tracked.write_text("123-45-67890-4\n2026/11/20 10:05\tお届け先にお届け済み\t新宿郵便局\n")
    first = todoke("import", "dispatches", str(posted))
    assert first.exit_code == 1, "one row was refused"
    assert "1 new" in first.stdout and "最後の数字" in first.stderr and "3行目" in first.stderr
    second = todoke("import", "tracking", str(tracked))
    assert second.exit_code == 0 and "1 cards changed" in second.stdout
    number = second.stdout.split(":")[0]
    assert todoke("import", "undo", number).exit_code == 0
    again = todoke("import", "undo", number)
    assert again.exit_code == 2 and "undone" in again.stderr
    db.configure(environment["TODOKE_DATABASE_URL"])
    with db.connected():
        assert Card.get_by_id(card.id).state == "posted"
    db.database.close_all()


def test_bad_input_ends_in_one_sentence(todoke, tmp_path):
    todoke("migrate")
    (tmp_path / "nothing.txt").write_text("こんにちは")
    for arguments in (("tracking", "nothing.txt"), ("dispatches", "absent.csv"), ("undo", "0000000000000")):
        answer = todoke("import", *arguments)
        assert answer.exit_code == 2 and len(answer.stderr.strip().splitlines()) == 1, answer.output
