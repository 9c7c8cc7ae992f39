"""`todoke postcard`: preview, batch, list; bad input is one sentence and exit 2."""

import contextlib
import json

import pytest

from db import database as db
from db.ids import encode
from db.models import Postcard, PostcardBatch, PostcardPrint
from tests.domain.postcard import desk
from webapp import settings
from webapp.domain.postcard.office import PrintOffice


@contextlib.contextmanager
def looking(environment):
    """A connection of the test's own: each command opens and closes the database for itself."""
    db.configure(environment["TODOKE_DATABASE_URL"])
    with db.connected():
        yield
    db.database.close_all()


@pytest.fixture
def queued(todoke, environment, tmp_path, now):
    """Two postcards that wait and one that cannot be printed, in the commands' database."""
    assert todoke("migrate").exit_code == 0
    with looking(environment):
        desk.queued(now, 2)
        desk.queued(now, name="佐藤☺")


def test_a_dry_run_counts_and_changes_nothing(todoke, queued, environment):
    answer = todoke("postcard", "batch", "--dry-run", "--json")
    assert json.loads(answer.output) == {"queued": 3, "cards": 2, "yen": 240, "held": {"missing_glyph": 1}}
    with looking(environment):
        assert {card.state for card in Postcard.select()} == {"queued"}
    assert "はがき 2件、費用 240円" in todoke("postcard", "batch", "--dry-run").output


def test_a_batch_is_made_with_its_files_and_listed(todoke, queued, tmp_path, environment):
    answer = todoke("postcard", "batch", "--json")
    assert answer.exit_code == 0, answer.output
    made = json.loads(answer.output)
    assert (made["state"], made["cards"], made["held"], made["yen"]) == ("ready", 2, 1, 240)
    folder = PrintOffice.of(settings.load(environment, dotenv=None)).folder
    assert (tmp_path / folder / f"{made['number']}-001.pdf").read_bytes().startswith(b"%PDF")
    assert made["number"] in todoke("postcard", "list").output
    rows = [json.loads(line) for line in todoke("postcard", "list", "--state", "on_hold", "--json").output.splitlines()]
    assert [row["hold"] for row in rows] == ["missing_glyph"]
    assert "佐藤" not in todoke("postcard", "list", "--state", "batched").output


def test_a_batch_that_was_stopped_goes_on(todoke, queued, environment):
    made = json.loads(todoke("postcard", "batch", "--no-files", "--json").output)
    refused = todoke("postcard", "resume", made["number"])
    assert (refused.exit_code, "only one that is stopped goes on" in refused.output) == (2, True)
    with looking(environment):
        PostcardBatch.update(state="stopped").execute()
    assert "gathering" in todoke("postcard", "resume", made["number"]).output
    assert todoke("postcard", "resume", "2026-01-01-9").exit_code == 2


def test_a_card_is_drawn_by_any_of_its_names(todoke, queued, tmp_path, environment):
    todoke("postcard", "batch")
    with looking(environment):
        card = Postcard.get(Postcard.state == "batched")
        number = PostcardPrint.get(PostcardPrint.postcard == card.id).management_number
        idents = (encode(card.id), number.lower(), card.registration.application_number)
    for ident in idents:
        answer = todoke("postcard", "preview", ident, "--side", "inside", "-o", "card.png", "--ppi", "60")
        assert answer.exit_code == 0, answer.output
        assert (tmp_path / "card.png").read_bytes().startswith(b"\x89PNG")


def test_bad_input_is_one_sentence(todoke, queued, environment):
    for ident, words in (("nobody", "there is no postcard"), (encode(1), "there is no postcard")):
        answer = todoke("postcard", "preview", ident, "-o", "x.png")
        assert (answer.exit_code, "Traceback" in answer.output) == (2, False) and words in answer.output
    with looking(environment):
        held = encode(Postcard.select().order_by(Postcard.id.desc()).first().id)
    answer = todoke("postcard", "preview", held, "-o", "x.png")
    assert answer.exit_code == 2 and "印刷できない文字「☺」" in answer.output
    assert todoke("postcard", "batch", "--no-files").exit_code == 0
    answer = todoke("postcard", "batch", "--no-files")
    assert answer.exit_code == 2 and "being gathered" in answer.output
