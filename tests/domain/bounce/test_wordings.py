"""Wordings of many servers, each a line or a short mail: the reason of a reply, the recipients of a report."""

from tests.collected import Collected
from tests.domain.bounce.corpus import HERE, read_mails
from webapp.domain.bounce import Stage, judge, judge_reply

WORDINGS = read_mails("wordings.txt")
REPLIES = [line.split("\t") for line in (HERE / "mails" / "replies.tsv").read_text(encoding="utf-8").splitlines()]


def test_there_are_many():
    assert len(WORDINGS) > 70
    assert len(REPLIES) > 150


def test_the_recipients_of_a_report_are_found():
    with Collected() as wordings:
        for written in WORDINGS:
            with wordings.case(written.name):
                kind, recipients = written.labels
                judgement = judge(written.mail)
                assert judgement.kind == kind
                assert sorted(address.lower() for address in judgement.recipients) == sorted(recipients.split())


def test_a_reply_has_this_reason():
    with Collected() as replies:
        for reason, stage, domain, code, words in REPLIES:
            with replies.case(words):
                failure = judge_reply(code.strip("-"), words, Stage(stage), domain if domain != "-" else None)
                assert failure.reason == reason, failure.rule
