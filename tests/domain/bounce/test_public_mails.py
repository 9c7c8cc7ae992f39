"""The public mails of real systems (../shared/bounce-corpus, no part of the repository) are judged as docs say."""

import json

import pytest

from bench.bounce import score, shared_mails
from tests import ROOT

SHARED = ROOT.parent / "shared" / "bounce-corpus"
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the public mails (../shared/bounce-corpus) are not here")


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    return score(SHARED, shared_mails(SHARED))


@pytest.mark.parametrize(
    ("figure", "least"),
    [
        ("recipient exact (lenient)", 0.99),
        ("hard/soft (strict)", 0.985),
        ("reason (lenient)", 0.96),
        ("dead-address precision", 0.995),
        ("non-bounces not called hard", 1.0),
        ("feedback/vacation/delivered named", 1.0),
    ],
)
def test_the_aims_are_met(figures, figure, least):
    assert figures[figure] >= least


def test_all_mails_of_japanese_carriers_are_right():
    files = {line.split()[0] for line in (SHARED / "ja_carrier.txt").read_text().splitlines() if line.strip()}
    assert len(files) >= 15
    expected = [json.loads(line) for line in (SHARED / "expected.jsonl").read_text().splitlines()]
    figures = score(SHARED, shared_mails(SHARED), only=files)
    assert figures["all three (lenient)"] == 1.0, [entry["file"] for entry in expected if entry["file"] in files]
