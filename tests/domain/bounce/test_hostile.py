"""Any bytes end in a judgement, in bounded time: broken, huge, deep and made to make regular expressions run away."""

import random
import time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.domain.bounce.corpus import read_mails
from tests.examples import examples
from webapp.domain.bounce import MailKind, Reason, Stage, explain, judge, judge_reply
from webapp.domain.bounce.judge import judge_unguarded
from webapp.domain.bounce.message import MAX_PARTS, read

WRITTEN = [written.mail for written in (*read_mails("bounces.txt"), *read_mails("not_bounces.txt"))]
MEGABYTE = 1024 * 1024
HEAD = b"From: MAILER-DAEMON@example.net\nSubject: Undelivered Mail Returned to Sender\nTo: n@todoke.example\n"
REPORT = HEAD + b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'

PATHOLOGICAL = {
    "one letter": HEAD + b"\n" + b"a" * MEGABYTE,
    "only ats": HEAD + b"\n" + b"@" * MEGABYTE,
    "letters and ats": HEAD + b"\n" + b"a@" * (MEGABYTE // 2),
    "long local parts": HEAD + b"\n" + (b"a" * 900 + b"@\n") * 1000,
    "addresses": HEAD + b"\n" + b"<a@b.example>: 550 no\n" * 40000,
    "one line of addresses": HEAD + b"\n" + b"to a@b.example, " * 60000,
    "spaces": HEAD + b"\n" + b" " * MEGABYTE,
    "blank lines": HEAD + b"\n" + b"\n" * MEGABYTE,
    "quotes": HEAD + b"\n" + b'"' * MEGABYTE + b"@example.org",
    "quoted ats": HEAD + b"\n" + b'"a"@' * (MEGABYTE // 4),
    "open tags": HEAD + b"Content-Type: text/html\n\n" + b"<" * MEGABYTE,
    "open styles": HEAD + b"Content-Type: text/html\n\n" + b"<style " * (MEGABYTE // 7),
    "entities": HEAD + b"Content-Type: text/html\n\n" + b"&amp;" * (MEGABYTE // 5),
    "codes": HEAD + b"\n" + b"550-5.1.1 550-5.1.1 " * (MEGABYTE // 20),
    "statuses": HEAD + b"\n<a@b.example>: " + b"5.1." * (MEGABYTE // 4),
    "dialogue": HEAD + b"\n" + b">>> RCPT TO:<a@b.example>\n<<< 550 <a@b.example> no\n" * 20000,
    "encoded words": b"Subject: " + b"=?utf-8?b?" * 100000 + b"\n\n",
    "folded header": b"Subject: a" + b"\n b" * 500000 + b"\n\n",
    "many headers": b"".join(b"X-%d: y\n" % n for n in range(100000)) + b"\n",
    "header without end": b"X" * MEGABYTE,
    "boundaries": REPORT + b"--b\n" * 250000,
    "empty parts": REPORT + b"--b\n\n\n" * 150000,
    "long boundary": b"Content-Type: multipart/report; boundary=" + b"b" * MEGABYTE + b"\n\n",
    "blanks in a parameter": b"Content-Type: multipart/report; boundary" + b" " * MEGABYTE + b"\n\n",
    "fields": REPORT
    + b"--b\nContent-Type: message/delivery-status\n\n"
    + b"Final-Recipient: rfc822;a@b.example\n" * 30000,
    "folded field": REPORT
    + b"--b\nContent-Type: message/delivery-status\n\nDiagnostic-Code: smtp; x"
    + b"\n y" * 300000,
    "json": HEAD + b'\n{"notificationType":' + b"[" * MEGABYTE,
    "escape sequences": HEAD + b"\n" + b"\x1b$B" * (MEGABYTE // 3),
    "nul": b"\0" * MEGABYTE,
    "base64": HEAD + b"Content-Transfer-Encoding: base64\n\n" + b"QUFB" * (MEGABYTE // 4),
    "quoted-printable": HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=" * MEGABYTE,
}


def _nested(depth: int) -> bytes:
    mail = b"Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n"
    for number in range(depth):
        boundary = b"n%d" % number
        mail = b"Content-Type: multipart/mixed; boundary=%s\n\n--%s\n%s\n--%s--\n" % (
            boundary,
            boundary,
            mail,
            boundary,
        )
    return HEAD + mail


def _forwarded(depth: int) -> bytes:
    mail = (
        REPORT
        + b"--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822;a@b.jp\nAction: failed\n--b--\n"
    )
    for number in range(depth):
        mail = (
            b"Content-Type: multipart/mixed; boundary=f%d\n\n--f%d\nContent-Type: message/rfc822\n\n%s\n--f%d--\n"
            % ((number, number, mail, number))
        )
    return mail


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_a_megabyte_of_malice_is_judged_within_a_second(name: str):
    start = time.process_time()
    judge_unguarded(PATHOLOGICAL[name])
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize("depth", [2, 20, 500])
def test_nesting_ends_at_a_bound(depth: int):
    judge_unguarded(_nested(depth))
    judge_unguarded(_forwarded(depth))


def test_a_forwarded_report_is_found_but_not_at_any_depth():
    assert judge(_forwarded(1)).kind is MailKind.BOUNCE
    assert judge(_forwarded(9)).kind is MailKind.NONE


def test_the_number_of_parts_is_bounded():
    assert len(read(REPORT + b"--b\n\nx\n" * 5000).parts) <= MAX_PARTS


def test_any_character_set_name_is_survived():
    for name in (
        b"utf-16",
        b"base64",
        b"hex",
        b"rot13",
        b"undefined",
        b"idna",
        b"punycode",
        b"unicode_escape",
        b"\xff",
    ):
        judge_unguarded(
            HEAD + b"Content-Type: text/plain; charset=" + name + b"\n\n<a@b.example>: 550 \xff\xfe\x80 no\n"
        )


def test_a_character_outside_unicode_in_an_address_is_replaced():
    mail = REPORT + b"--b\nContent-Type: message/global-delivery-status\n\nFinal-Recipient: utf-8; "
    judgement = judge(mail + rb"\x{D800}\x{110000}x@b.example" + b"\nAction: failed\nStatus: 5.1.1\n--b--\n")
    assert judgement.recipients == ("\ufffd\ufffdx@b.example",)
    "".join(judgement.recipients).encode("utf-8")


@given(st.binary(max_size=3000))
@examples(150)
def test_any_bytes_end_in_a_judgement(mail: bytes):
    judgement = judge_unguarded(mail)
    assert judgement.kind in MailKind
    for sentence, params in explain(judgement):
        assert sentence % params


@st.composite
def mutated(draw) -> bytes:
    """A written mail with pieces cut, doubled, moved, and bytes changed."""
    mail = bytearray(draw(st.sampled_from(WRITTEN)))
    for _ in range(draw(st.integers(1, 6))):
        begin = draw(st.integers(0, len(mail)))
        end = min(len(mail), begin + draw(st.integers(0, 80)))
        piece = bytes(mail[begin:end])
        action = draw(st.sampled_from(["cut", "double", "noise", "other", "break"]))
        if action == "cut":
            del mail[begin:end]
        elif action == "double":
            mail[begin:begin] = piece * 3
        elif action == "noise":
            mail[begin:end] = draw(st.binary(max_size=20))
        elif action == "break":
            mail[begin:begin] = b"\n\n"
        else:
            mail[begin:begin] = draw(st.sampled_from(WRITTEN))[:400]
    return bytes(mail)


@given(mutated())
@examples(300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_mutated_mails_end_in_a_judgement_whose_parts_agree(mail: bytes):
    judgement = judge_unguarded(mail)
    assert judgement.recipients == tuple(f.recipient for f in judgement.failures) or not judgement.failures
    for failure in judgement.failures:
        assert failure.hard == (failure.reason_class == "dead")
        assert len(failure.diagnostic) <= 1000
    if judgement.kind is not MailKind.BOUNCE:
        assert not judgement.hard
    for sentence, params in explain(judgement):
        assert sentence % params


def test_mutated_mails_end_in_a_judgement():
    chance = random.Random(7)
    assert len(WRITTEN) > 90
    for written in WRITTEN:
        mail = bytearray(written)
        for _ in range(10):
            at = chance.randrange(len(mail))
            mail[at : at + chance.randrange(60)] = bytes(chance.randrange(256) for _ in range(chance.randrange(8)))
            judge_unguarded(bytes(mail))


@given(st.text(max_size=300), st.sampled_from(list(Stage)), st.integers(200, 599))
@examples(150)
def test_any_reply_ends_in_a_reason(text: str, stage: Stage, code: int):
    assert judge_reply(code, text, stage, "example.jp").reason in Reason
