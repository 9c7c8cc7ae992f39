"""Hand-written mails of each system, carrier and protocol are judged as labelled; what is no bounce is never one."""

from tests.collected import Collected
from tests.domain.bounce.corpus import read_mails
from webapp.domain.bounce import MailKind, is_hard, judge

BOUNCES = read_mails("bounces.txt")
OTHERS = read_mails("not_bounces.txt")


def test_there_are_enough_mails_of_both_sorts():
    assert len(OTHERS) >= 40
    assert len(BOUNCES) >= 50
    assert {mail.labels[0] for mail in OTHERS} == {"none", "vacation", "delivered", "delayed", "feedback"}


def test_a_bounce_names_its_recipients_reasons_and_stages():
    with Collected() as mails:
        for written in BOUNCES:
            with mails.case(written.name):
                kind, recipients, reasons, stages = written.labels
                judgement = judge(written.mail)
                assert judgement.kind == kind
                assert list(judgement.recipients) == recipients.split(" ")
                assert [failure.reason.value for failure in judgement.failures] == reasons.split()
                assert [failure.stage.value for failure in judgement.failures] == stages.split()
                assert [failure.hard for failure in judgement.failures] == [
                    is_hard(f.reason) for f in judgement.failures
                ]


def test_what_is_no_bounce_is_named_and_never_hard():
    with Collected() as mails:
        for written in OTHERS:
            with mails.case(written.name):
                judgement = judge(written.mail)
                assert judgement.kind == written.labels[0]
                assert not judgement.hard
                assert judgement.kind is MailKind.DELAYED or not judgement.failures


def test_line_endings_do_not_change_the_judgement():
    with Collected() as mails:
        for written in BOUNCES:
            for name, ending in {"crlf": b"\r\n", "cr": b"\r"}.items():
                with mails.case(f"{written.name} {name}"):
                    assert judge(written.mail.replace(b"\n", ending)).failures == judge(written.mail).failures
