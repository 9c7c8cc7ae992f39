"""Who wrote this mail: marks of mail systems, and the evidence that a mail is a report of non-delivery at all.

A person's mail that quotes a `550` is no bounce. So the words below count only together with a sender or a subject
that a mail system uses.
"""

from dataclasses import dataclass

from webapp.domain.bounce.message import Mail, decode_words

# name: words in the system's own text, subject, sender or X-Mailer (lower case). The first that is found names it.
SYSTEMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Postfix", ("this is the mail system at host", "this is the postfix program at host", "i'm sorry to have to inform you that", "postfix smtp server: errors", "x-postfix-")),
    ("Mail.Ru", ("сервером mail.ru", "@corp.mail.ru")),
    ("GMX", ("smtp error from remote server after", "the following address\nfailed:")),
    ("Exim", ("this message was created automatically by mail delivery software", "malformed recipient address", "not yet been delivered to one or more of its\nrecipients")),
    ("MXLogic", ("a message that you have sent could not be delivered to one or more\nrecipients",)),
    ("Yahoo", ("sorry, we were unable to deliver your message to the following address",)),
    ("qmail", ("this is the qmail-send program", "this is the machine generated message from", "i wasn't able to deliver your message", "sorry, i couldn't find any host", "i'm not going to try again")),
    ("sendmail", ("----- the following addresses had", "----- transcript of session follows", "returned mail: ", "could not send message for past")),
    ("Courier", ("running the courier mail server", "undeliverable mail\n")),
    ("Microsoft 365", ("diagnostic information for administrators", "delivery has failed to these recipients", "office 365", "prod.outlook.com")),
    ("Exchange", ("your message did not reach some or all of the intended recipients", "the following recipient(s) could not be reached", "msexch:", "internet mail connector")),
    ("Microsoft SMTP", ("this is an automatically generated delivery status notification",)),
    ("Google Groups", ("google groups", "groups.google.com")),
    ("Google", ("mailer-daemon@googlemail.com", "google tried to deliver your message", "** address not found **", "delivery to the following recipient failed permanently")),
    ("Amazon SES", ("amazonses.com", "an error occurred while trying to deliver the mail to the following recipients")),
    ("au", ("postmaster@ezweb.ne.jp", "postmaster@au.com")),
    ("KDDI", ("au one net", "as their mailbox is full")),
    ("docomo", ("postmaster@docomo.ne.jp", "mailer-daemon@docomo.ne.jp")),
    ("SoftBank", ("mailer-daemon@softbank.ne.jp", "postmaster@softbank.ne.jp", "mailer-daemon@i.softbank.jp", "mailer-daemon@vodafone.ne.jp")),
    ("Domino", ("not listed in domino directory", "delivery failure: ", "was not delivered to:\n", "------- failure reasons", "failure reasons  ----")),
    ("Apache James", ("hi. this is the james mail server", "i'm afraid i wasn't able to deliver your message")),
    ("OpenSMTPD", ("this is the mailer-daemon, please do not reply to this e", "delivery status notification: ")),
    ("DragonFly Mail Agent", ("this is the dragonfly mail agent",)),
    ("MailMarshal", ("mailmarshal", "your message:\n   from:", "could not be delivered because of\n")),
    ("IMail", ("<smtp32 v", "unknown user: ", "user mailbox exceeds allowed size", "delivery failed ")),
    ("InterScan", ("interscan",)),
    ("mFILTER", ("m-filter", "mfilter", "-------server message")),
    ("Sun Messaging Server", ("this report relates to a message you sent with the following header fields",)),
    ("PowerMTA", ("i am sending you this message to inform you on the delivery status",)),
    ("amavisd", ("content-filter at", "amavisd")),
    ("Barracuda", ("bulk email filter",)),
    ("Mimecast", ("mimecast", "[postmaster] email delivery failure")),
    ("MailFoundry", ("unable to deliver message to: <", "this has been a permanent failure")),
    ("SurfControl", ("surfcontrol",)),
    ("McAfee", ("--- the following addresses had delivery problems", "mcafee")),
    ("GroupWise", ("groupwise", "novell")),
    ("MDaemon", ("mdaemon", "the attached message had permanent fatal delivery errors")),
    ("Mercury", ("mercury mail transport",)),
    ("Kerio", ("kerio",)),
    ("Communigate", ("communigate",)),
    ("Verizon", ("@vtext.com", "vzwpix.com", "error message below:")),
    ("smail", ("message log follows:", "failed addresses follow:")),
    ("BIGLOBE", ("non-delivered information",)),
    ("X6", ("we had trouble delivering your message",)),
    ("fml", ("you are not a member of this mailing list",)),
    ("Facebook", ("mailer-daemon@mx.facebook.com", "@facebook.com")),
    ("Zoho", ("zoho",)),
    ("Dovecot", ("was automatically rejected:",)),
)  # fmt: skip

# Carriers whose own reports begin with the true cause in a sentence, before the list of recipients.
SAYS_FIRST = frozenset({"au", "KDDI", "docomo", "SoftBank"})

# Systems that name the recipient in a sentence rather than in a list.
NAMES_IN_SENTENCE = frozenset({"fml", "InterScan", "DragonFly Mail Agent", "IMail", "MailFoundry"})

# A sender that is a machine for returned mail. A person may be called anything, but not these.
_DAEMONS = (
    "mailer-daemon", "mailerdaemon", "post_master", "mail deliver", "ndr administrator", "mailer_daemon", "postmaster", "poostmaster", "mail delivery", "mail administrator", "mail system", "mail daemon", "mail.delivery",
    "system administrator", "internet mail delivery", "maildelivery", "delivery subsystem", "mdaemon", "email delivery", "mail-daemon",
    "mailsystem", "mail server", "mailserver", "microsoft exchange", "returned mail", "bounce", "interscan", "content-filter",
)  # fmt: skip

_SUBJECTS = (
    "undeliver", "delivery failure", "delivery failed", "delivery failed", "failure notice", "failed delivery", "delivery failure", "failure delivery", "returned mail", "returned to sender",
    "delivery status", "delivery notification", "delivery report", "delivery has failed", "delivery error", "mail delivery", "message delivery", "non-delivery",
    "nondelivery", "non delivery", "could not be delivered", "not delivered", "mail failure", "mail failed", "message failure", "delivery problem", "mail system error", "mail could not",
    "cannot send message", "warning: could not send", "warning: message", "mail status report", "message status", "mail error", "postmaster notify", "returned email", "bounced", "error sending",
    "smtp server: errors", "delivery temporarily", "delayed mail", "message you sent", "unzustellbar", "unzustellbarkeit", "non remis", "échec", "rejected message", "mta-blocked", "are not member",
    "エラー通知", "配信エラー", "送信エラー", "配信不能", "配送エラー", "配送失敗", "送信できません", "配信できません", "届きません", "配送できません", "エラーメール", "不達", "返送", "送信失敗", "メールを送信でき",
    "メールサーバーからの", "mail returned", "unable to deliver", "user unknown", "message blocked", "email blocked", "undelivered", "delivery delayed", "delayed",
    "considered unsolicited", "banned", "virus", "rejected:", "has been rejected",
)  # fmt: skip

_DELAYED = (
    "warning message only", "this is a warning only", "has been delayed", "not yet been delivered", "delivery status notification (delay)", "still being retried", "could not send message for past",
    "will keep trying", "delivery attempts will continue", "temporary failure report", "do not need to resend", "message is delayed", "delivery delayed", "delayed mail", "will continue to try", "has not been delivered yet",
    "配信が遅延", "遅延しています",
)  # fmt: skip

_DELIVERED = (
    "was successfully delivered", "has been successfully delivered", "successfully relayed", "successfully delivered to", "relayed to the following", "return receipt", "mail-delivered", "your message was delivered",
    "successful mail delivery", "正常に配信されました",
)  # fmt: skip

_PERSONS_REPLY = ("re:", "re :", "aw:", "sv:", "自動応答", "自動返信", "auto:", "auto-reply", "autoreply", "automatic reply", "out of office", "out of the office", "vacation", "不在", "abwesenheit", "absence", "休暇", "respuesta automática", "réponse automatique")

_VACATION = (
    "out of office", "out of the office", "on vacation", "on holiday", "automatic reply", "auto-reply", "autoreply", "auto reply", "auto response", "autoresponder", "automatic response", "不在", "自動応答", "自動返信", "自動送信", "休暇",
    "away from", "abwesenheit", "absence", "on leave", "annual leave", "maternity", "出張中", "夏季休業", "年末年始", "will be back", "i am away", "currently away",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a report: the system's name, whether sender or subject are those of a machine, its tense."""

    system: str
    daemon: bool
    subject: bool
    auto_replied: bool
    person: bool
    delayed: bool
    delivered: bool
    vacation: bool

    @property
    def report(self) -> bool:
        """Whether the mail comes from a mail system that tells of a mail of ours."""
        if self.person and not self.daemon:
            return False
        return (self.daemon and (self.subject or bool(self.system))) or (self.subject and bool(self.system))


def look(mail: Mail, text: str) -> Signs:
    """Look at the head and the system's own text."""
    headers = mail.headers
    subject = decode_words(headers.get("subject", "")).lower()
    sender = decode_words(headers.get("from", "")).lower()
    haystack = f"{subject}\n{sender}\n{headers.get('x-mailer', '').lower()}\n{text[:6000].lower()}"
    auto = headers.get("auto-submitted", "").lower()
    system = next((name for name, marks in SYSTEMS if any(mark in haystack for mark in marks)), "")
    daemon = not sender.strip("<> ") or any(word in sender for word in _DAEMONS) or "x-failed-recipients" in headers
    start = haystack[: len(subject) + 1]
    return Signs(
        system=system,
        daemon=daemon,
        subject=any(word in subject for word in _SUBJECTS),
        auto_replied=auto.startswith("auto-replied"),
        person=subject.startswith(_PERSONS_REPLY),
        delayed=any(word in haystack for word in _DELAYED),
        delivered=any(word in haystack for word in _DELIVERED),
        vacation=_is_reply(headers) or any(word in start for word in _VACATION),
    )


def _is_reply(headers: dict[str, str]) -> bool:
    """Whether the head says that a person's mailbox answered by itself (RFC 3834 and what stood in its place before)."""
    if headers.get("auto-submitted", "").lower().startswith("auto-replied"):
        return True
    if headers.get("precedence", "").lower() == "auto_reply" or headers.get("x-autorespond") or headers.get("x-autoreply"):
        return True
    return headers.get("x-auto-response-suppress", "").lower() in ("all", "oof") and "in-reply-to" in headers
