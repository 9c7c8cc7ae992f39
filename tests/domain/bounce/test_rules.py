"""The rule files are well formed, and the engine says by stage, code and carrier what docs/judgement.md says."""

import ast
import re
from pathlib import Path

import pytest

from tests.collected import Collected
from webapp.domain import bounce
from webapp.domain.bounce import Reason, ReasonClass, Stage, advice, is_hard, judge_reply
from webapp.domain.bounce.advice import allowing
from webapp.domain.bounce.engine import decide, find_code, find_status, fold
from webapp.domain.bounce.rules import CARRIERS, CODES_AFTER, CODES_BEFORE, LAST, PHRASES, SIGNS, SUBJECTS, SYSTEMS
from webapp.domain.bounce.rules.row import read_phrases

ROWS = [*PHRASES, *LAST, *(row for carrier in CARRIERS for row in carrier.rows)]
DEAD = {"userunknown", "hostunknown", "hasmoved", "notaccept"}
REFUSED = {"mailboxfull", "filtered", "suspend"}


def test_every_reason_has_one_class_and_hard_means_dead():
    assert {reason.value for reason in Reason if is_hard(reason)} == DEAD
    assert {reason.value for reason in Reason if reason.reason_class is ReasonClass.REFUSED} == REFUSED
    assert Reason.UNDEFINED.reason_class is ReasonClass.TEMPORARY
    assert Reason.BLOCKED.reason_class is ReasonClass.OURS


def test_a_phrase_is_written_as_replies_are_folded():
    assert len(ROWS) > 2_500
    with Collected() as phrases:
        for row in ROWS:
            with phrases.case(f"{row.name} {row.phrase}"):
                assert row.phrase == " ".join(row.phrase.lower().split())
                assert row.pieces and all(row.pieces)
                assert not re.search(r"[^\s<@]@[^\s>]", row.phrase), "a rule must not name an address"


def test_a_common_phrase_is_long_enough_to_mean_something():
    with Collected() as phrases:
        for row in PHRASES:
            with phrases.case(f"{row.name} {row.phrase}"):
                assert max(map(len, row.pieces)) >= 4


def test_codes_carriers_and_signs_are_read():
    assert CODES_BEFORE["5.1.6"] is Reason.HASMOVED
    assert CODES_AFTER["4.4.7"] is Reason.EXPIRED
    assert {"docomo", "au", "SoftBank", "Google", "Microsoft"} <= {carrier.name for carrier in CARRIERS}
    assert "mailer-daemon" in SIGNS["daemon"]
    assert dict(SYSTEMS)["Postfix"]


def test_a_phrase_before_the_first_reason_is_an_error_with_its_line(tmp_path, monkeypatch):
    (tmp_path / "broken.txt").write_text("# words\nuser unknown\n[userunknown]\n", encoding="utf-8")
    monkeypatch.setattr("webapp.domain.bounce.rules.row.resources.files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"broken\.txt:2"):
        read_phrases("broken.txt")


@pytest.mark.parametrize(
    ("code", "text", "stage", "domain", "reason"),
    [
        # the same words at two stages
        (550, "Unknown user jiro@docomo.ne.jp", Stage.RCPT, "docomo.ne.jp", "userunknown"),
        (550, "Unknown user jiro@docomo.ne.jp", Stage.END_OF_DATA, "docomo.ne.jp", "filtered"),
        (550, "<h@au.com>: User unknown", Stage.RCPT, "au.com", "userunknown"),
        (550, ": User unknown", Stage.END_OF_DATA, "au.com", "filtered"),
        (550, "Invalid recipient", Stage.RCPT, "softbank.ne.jp", "userunknown"),
        (550, "Invalid recipient", Stage.END_OF_DATA, "i.softbank.jp", "filtered"),
        (550, "No such user here", Stage.RCPT, None, "userunknown"),
        (550, "No such user here", Stage.END_OF_DATA, None, "filtered"),
        (550, "Access denied", Stage.CONNECT, None, "blocked"),
        (550, "sender domain does not exist", Stage.MAIL, None, "rejected"),
        # codes that say more than words, and codes where words say nothing
        (550, "5.7.26 not good", Stage.END_OF_DATA, None, "authfailure"),
        (551, "5.1.6 sorry", Stage.RCPT, None, "hasmoved"),
        (550, "5.1.1 sorry", Stage.RCPT, None, "userunknown"),
        (552, "sorry", Stage.RCPT, None, "mailboxfull"),
        (556, "sorry", Stage.RCPT, None, "notaccept"),
        (421, "4.4.2 sorry", Stage.CONNECT, None, "expired"),
        (550, "sorry", Stage.UNKNOWN, None, "undefined"),
        # Microsoft's edge refuses unknown recipients with "Access denied"
        (
            550,
            "5.4.1 Recipient address rejected: Access denied",
            Stage.RCPT,
            "x.mail.protection.outlook.com",
            "userunknown",
        ),
        (452, "4.2.2 The recipient's inbox is out of storage space", Stage.RCPT, "gmail.com", "mailboxfull"),
        # several lines in one reply
        (
            550,
            "550-5.1.1 The email account that you tried to reach does not 550-5.1.1 exist.",
            Stage.RCPT,
            None,
            "userunknown",
        ),
    ],
)
def test_a_reply_means_this_at_this_stage(code, text, stage, domain, reason):
    failure = judge_reply(code, text, stage, domain)
    assert failure.reason == reason
    assert failure.hard is (reason in DEAD)
    assert failure.reply_code == str(code)


@pytest.mark.parametrize("name", ["mailboxfull", "spam", "virus", "user.unknown", "over-quota", "dmarc"])
def test_what_stands_before_the_at_decides_nothing(name):
    plain = judge_reply(550, "<taro@example.jp>: sorry", Stage.UNKNOWN)
    named = judge_reply(550, f"<{name}@example.jp>: sorry {name}@x.example", Stage.UNKNOWN)
    assert named.reason is plain.reason is Reason.UNDEFINED


def test_unknown_stage_is_not_enough_for_a_dead_address_without_an_address_status():
    assert decide("user unknown", "", "550", Stage.UNKNOWN).reason is Reason.FILTERED
    assert decide("user unknown", "5.1.1", "550", Stage.UNKNOWN).reason is Reason.USERUNKNOWN


@pytest.mark.parametrize(
    "words",
    [
        "sender address rejected: domain not found",
        "sender verify failed",
        "invalid HELO, domain does not exist",
        "recipient address rejected: policy rejection, see our page",
        "recipient address rejected: your mail appeared to be spam or forged",
        "5.7.1 recipient address rejected: please use SMTP AUTH, relay access denied",
        "your host name could not be found in DNS, no reverse lookup",
        "mailbox unavailable, your IP address is blacklisted",
        "client host rejected: cannot find your hostname",
        "5.1.8 domain of sender address does not exist",
        "this message contains a virus unknown to us",
        "501 5.1.3 Bad recipient address syntax",
        "relaying denied: user unknown to this relay",
        "spf check failed, user unknown",
        "the sender's domain does not exist",
    ],
)
def test_what_is_said_of_us_or_of_the_form_is_never_dead(words):
    for stage in Stage:
        assert not judge_reply(550, words, stage, "example.jp").hard, stage


@pytest.mark.parametrize("stage", [Stage.DATA, Stage.END_OF_DATA])
@pytest.mark.parametrize(
    "words",
    [
        "user unknown",
        "no such user",
        "mailbox unavailable",
        "domain not found",
        "host unknown",
        "example.jp does not exist",
    ],
)
def test_after_the_recipient_was_accepted_nothing_common_is_dead(words, stage):
    assert not judge_reply(550, words, stage).hard


@pytest.mark.parametrize("stage", list(Stage))
def test_a_transient_reply_is_never_dead_whatever_it_says(stage):
    for words in (
        "4.1.1 user unknown",
        "no such domain",
        "recipient address rejected: greylisted",
        "mailbox unavailable",
    ):
        assert not judge_reply(450, words, stage).hard


def test_folding_takes_addresses_and_continuations_away():
    assert fold('<"a..b"@x.jp> 550-5.2.2 Box 550 5.2.2 full') == "<@> box full"
    assert fold("<a..b@docomo.ne.jp>: NO") == "<@>: no"
    assert fold("550-5.1.1 does not\n550 5.1.1 exist") == "550-5.1.1 does not exist"


def test_codes_are_found_where_they_are_codes_only():
    assert find_code("host mx[192.0.2.550] said: 550 5.1.1 no") == "550"
    assert find_code("port 25, see RFC-5321, 2026-11-05") == ""
    assert find_status("mail from 5.1.1.7 said 550 5.2.2 full") == "5.2.2"
    assert find_status("5.0.0 then 5.1.1") == "5.1.1"


@pytest.mark.parametrize(
    ("domain", "word"),
    [
        ("docomo.ne.jp", "docomo"),
        ("ezweb.ne.jp", "au"),
        ("au.com", "au"),
        ("softbank.ne.jp", "ソフトバンク"),
        ("i.softbank.jp", "ソフトバンク"),
        ("ymobile.ne.jp", "ワイモバイル"),
        ("rakuten.jp", "楽メール"),
        ("gmail.com", "Gmail"),
        ("icloud.com", "iCloud"),
        ("outlook.jp", "Outlook"),
        ("yahoo.co.jp", "Yahoo"),
        ("notdocomo.ne.jp", "受け取る設定"),
        ("example.co.jp", "受け取る設定"),
    ],
)
def test_advice_names_the_setting_of_the_provider(domain, word):
    (sentence, params), _ = advice(Reason.FILTERED, domain, "smail.example")
    assert word in sentence
    assert "smail.example" in sentence % params
    assert sentence == allowing(domain)


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_advice_for_both(reason):
    for sentence, params in advice(reason, "example.jp", "smail.example"):
        assert (sentence % params).endswith("。")


def test_every_sentence_stands_in_the_english_catalogue():
    catalogue = Path("webapp/translations/en/LC_MESSAGES/judgement.po").read_text(encoding="utf-8")
    known = dict(re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', catalogue, re.M))
    sentences = set()
    for file in Path(bounce.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "N_":
                sentences.add(node.args[0].value)
    assert len(sentences) > 30
    for sentence in sentences:
        assert sentence.replace('"', '\\"') in known
        names = re.findall(r"%\((\w+)\)s", sentence)
        assert sorted(names) == sorted(re.findall(r"%\((\w+)\)s", known[sentence])), sentence


def _dead_phrases() -> list[str]:
    """Every phrase of the rules that would make an address dead, as a reply might say it."""
    rows = [*PHRASES, *LAST, *(row for carrier in CARRIERS for row in carrier.rows)]
    return [row.phrase.replace(" * ", " ").replace(" $", "") for row in rows if is_hard(row.reason)]


@pytest.mark.parametrize("subject", [subject for subjects in SUBJECTS.values() for subject in subjects])
def test_no_word_behind_a_sentence_about_us_makes_an_address_dead(subject):
    """Of whom it is said decides, whatever word follows: the sender, our session, our name."""
    for phrase in _dead_phrases():
        found = judge_reply("550", f"550 5.7.1 {subject.replace(' * ', ' ')} {phrase}", Stage.RCPT, "mail.example")
        assert not found.hard, (subject, phrase, found.rule)


@pytest.mark.parametrize("status", [code for code, reason in (CODES_BEFORE | CODES_AFTER).items() if is_hard(reason)])
def test_no_code_before_a_sentence_about_us_makes_an_address_dead(status):
    for subject in (subject for subjects in SUBJECTS.values() for subject in subjects):
        words = f"550 {status} {subject.replace(' * ', ' ')} odd trouble"
        found = judge_reply("550", words, Stage.RCPT, "mail.example")
        assert not found.hard, (subject, found.rule)


@pytest.mark.parametrize(
    "words",
    [
        "Sender address rejected: User unknown in local recipient table",
        "Verification failed for <us@todoke.example>\n550-The mail server could not deliver mail to us@todoke.example."
        "  The account or domain may not exist, they may be blacklisted, or missing the proper dns entries.",
        "The HELO name does not exist",
        "Could not verify the sender: no such mailbox here",
        "Too many unknown users from your address",
        "送信者のアドレスが存在しません",
        "Mailbox unavailable or access denied",
        "User unknown or mailbox full",
        "Usuario desconocido o mailbox lleno",
    ],
)
def test_what_is_said_of_us_or_of_two_causes_is_never_dead(words):
    assert not judge_reply("550", f"550 {words}", Stage.RCPT, "mail.example").hard


@pytest.mark.parametrize(
    "words",
    [
        "5.1.1 <a@mail.example>: Recipient address rejected: User unknown in local recipient table",
        "The mail server could not deliver mail to a@mail.example.  The account or domain may not exist",
        "User unknown; please verify the sender's spelling",
    ],
)
def test_what_is_said_of_the_recipient_first_stays_dead(words):
    assert judge_reply("550", f"550 {words}", Stage.RCPT, "mail.example").hard
