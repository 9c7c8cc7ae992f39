"""Wordings of many servers, each a line or a short mail: the reason of a reply, the recipients of a report."""

import pytest

from tests.domain.bounce.corpus import HERE, Written, read_mails
from webapp.domain.bounce import Stage, judge, judge_reply

WORDINGS = read_mails("wordings.txt")
REPLIES = [line.split("\t") for line in (HERE / "mails" / "replies.tsv").read_text(encoding="utf-8").splitlines()]


def test_there_are_many():
    assert len(WORDINGS) > 70
    assert len(REPLIES) > 150


@pytest.mark.parametrize("written", WORDINGS, ids=lambda written: written.name)
def test_the_recipients_of_a_report_are_found(written: Written):
    kind, recipients = written.labels
    judgement = judge(written.mail)
    assert judgement.kind == kind
    assert sorted(address.lower() for address in judgement.recipients) == sorted(recipients.split())


@pytest.mark.parametrize(("reason", "stage", "domain", "code", "words"), REPLIES, ids=[row[4][:50] for row in REPLIES])
def test_a_reply_has_this_reason(reason: str, stage: str, domain: str, code: str, words: str):
    failure = judge_reply(code.strip("-"), words, Stage(stage), domain if domain != "-" else None)
    assert failure.reason == reason, failure.rule
