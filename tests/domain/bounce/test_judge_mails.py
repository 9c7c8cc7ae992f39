"""Hand-written mails of each system, carrier and protocol are judged as labelled; what is no bounce is never one."""

import pytest

from tests.domain.bounce.corpus import Written, read_mails
from webapp.domain.bounce import MailKind, is_hard, judge

BOUNCES = read_mails("bounces.txt")
OTHERS = read_mails("not_bounces.txt")


def test_there_are_enough_mails_of_both_sorts():
    assert len(OTHERS) >= 40
    assert len(BOUNCES) >= 50
    assert {mail.labels[0] for mail in OTHERS} == {"none", "vacation", "delivered", "delayed", "feedback"}


@pytest.mark.parametrize("written", BOUNCES, ids=lambda written: written.name)
def test_a_bounce_names_its_recipients_reasons_and_stages(written: Written):
    kind, recipients, reasons, stages = written.labels
    judgement = judge(written.mail)
    assert judgement.kind == kind
    assert list(judgement.recipients) == recipients.split(" ")
    assert [failure.reason.value for failure in judgement.failures] == reasons.split()
    assert [failure.stage.value for failure in judgement.failures] == stages.split()
    assert [failure.hard for failure in judgement.failures] == [is_hard(f.reason) for f in judgement.failures]


@pytest.mark.parametrize("written", OTHERS, ids=lambda written: written.name)
def test_what_is_no_bounce_is_named_and_never_hard(written: Written):
    judgement = judge(written.mail)
    assert judgement.kind == written.labels[0]
    assert not judgement.hard
    assert judgement.kind is MailKind.DELAYED or not judgement.failures


@pytest.mark.parametrize("written", BOUNCES, ids=lambda written: written.name)
@pytest.mark.parametrize("ending", [b"\r\n", b"\r"], ids=["crlf", "cr"])
def test_line_endings_do_not_change_the_judgement(written: Written, ending: bytes):
    assert judge(written.mail.replace(b"\n", ending)).failures == judge(written.mail).failures
