"""docs/states.md says of messages and attempts what the code does."""

import itertools

from tests import ROOT
from webapp.domain.mail.outbox import AttemptState
from webapp.domain.notices.messages import STEPS, MessageState
from webapp.domain.postcard import states

PAGE = (ROOT / "docs" / "states.md").read_text("utf-8")


def table(head: str) -> list[tuple[str, ...]]:
    """The rows of the table with this heading line."""
    lines = PAGE.split(head + "\n", 1)[1].splitlines()[1:]
    rows = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [tuple(cell.strip() for cell in row.split("|")[1:-1]) for row in rows]


def test_the_steps_of_the_page_are_those_of_the_code():
    assert table("| from | step | to |") == [(str(a), str(step), str(b)) for (a, step), b in STEPS.items()]


def test_every_state_is_explained():
    assert [row[0] for row in table("| state | on the pages | in the outbox (`due_at`) |")] == list(MessageState)
    assert [row[0] for row in table("| state | meaning |")] == list(AttemptState)


def test_the_states_of_postcards_and_batches_are_those_of_the_code():
    for head, steps in (("postcard", states.STEPS), ("batch", states.BATCH_STEPS)):
        assert table(f"| {head} from | step | to |") == [(str(a), str(step), str(b)) for (a, step), b in steps.items()]
    assert [row[0] for row in table("| postcard | meaning |")] == list(states.PostcardState)
    assert [row[0] for row in table("| batch | meaning |")] == list(states.BatchState)
