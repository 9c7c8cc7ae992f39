"""The judgement of a returned mail: kind, failures, and the steps that led there (docs/judgement.md).

`judge` changes nothing and knows nothing of who was mailed: the token says that. What a mail says of its recipient is
evidence.
"""

from webapp.domain.bounce import engine, words
from webapp.domain.bounce.evidence import WORDS, Evidence, gather
from webapp.domain.bounce.model import Failure, Judgement, JudgementStep, MailKind, Reason, Stage, is_hard
from webapp.domain.bounce.reports import Reported
from webapp.domain.bounce.transcript import QuotedReply, stage_in_words
from webapp.domain.core.language import N_

MAX_DIAGNOSTIC = 1000


def judge(mail: bytes) -> Judgement:
    """Judge any bytes as a returned mail. Never raises; bounded in size, depth and time."""
    try:
        return judge_unguarded(mail)
    except Exception:  # a stranger wrote the bytes: a fault of ours must not stop the queue behind this mail
        return Judgement(MailKind.NONE, steps=(JudgementStep(N_("このメールは読み取れません。担当者が見ます")),))


def judge_unguarded(mail: bytes) -> Judgement:
    """The judgement without the last guard, so that tests see faults."""
    return _judge(mail, 0)


def judge_reply(code: int | str, text: str, stage: Stage, domain: str | None = None) -> Failure:
    """Judge a server's synchronous reply by the same rules.

    `text` is the reply without or with its code, `domain` the recipient's domain if the server speaks for it. The
    failure's recipient is "". A 4yz reply is never dead.
    """
    code = str(code)
    status = engine.find_status(text)
    verdict = engine.decide(text, status, code, stage, (domain.lower(),) if domain else ())
    if code[:1] == "4":
        verdict = engine.softened(verdict)
    return _failure("", "", verdict, status, code if code[:1] in ("4", "5") else "", stage, text, "")


def _judge(mail: bytes, depth: int) -> Judgement:
    found = gather(mail)
    steps = [JudgementStep(N_("メールの形式: %(form)s"), {"form": found.form})]
    if found.signs.system:
        steps.append(JudgementStep(N_("送ってきたシステム: %(system)s"), {"system": found.signs.system}))
    bare = found.kind is MailKind.BOUNCE and not found.own_words.strip() and found.form == WORDS
    if (found.kind is MailKind.NONE or bare) and found.nested and depth < 2 and not found.signs.vacation:
        inner = _judge(found.nested, depth + 1)
        if inner.kind is MailKind.BOUNCE and inner.failures:
            steps.append(JudgementStep(N_("転送された不達の通知を中に見つけました")))
            return Judgement(inner.kind, inner.failures, inner.recipients, (*steps, *inner.steps))
    if found.kind in (MailKind.BOUNCE, MailKind.DELAYED):
        return _bounce(found, steps)
    steps.append(_KIND_STEPS[found.kind])
    return Judgement(found.kind, (), tuple(found.named), tuple(steps))


_KIND_STEPS = {
    MailKind.DELIVERED: JudgementStep(N_("届いたという通知です。何も変えません")),
    MailKind.FEEDBACK: JudgementStep(N_("受け取った人か会社からの苦情の報告です。アドレスは無効にしません")),
    MailKind.VACATION: JudgementStep(N_("自動応答です。メールは届いています")),
    MailKind.NONE: JudgementStep(N_("不達の通知ではありません")),
}


def _bounce(found: Evidence, steps: list[JudgementStep]) -> Judgement:
    blocks = {block.address.lower(): block for block in found.blocks}
    failures: list[Failure] = []
    for reported in found.reported:
        failure = _judge_recipient(found, reported, blocks)
        failures.append(failure)
        steps.append(
            JudgementStep(
                N_("宛先 %(recipient)s: 応答「%(diagnostic)s」"),
                {"recipient": failure.recipient, "diagnostic": failure.diagnostic[:300]},
            )
        )
        steps.append(
            JudgementStep(
                N_("段階 %(stage)s、状態 %(status)s、規則 %(rule)s により理由は %(reason)s"),
                {
                    "stage": failure.stage.value,
                    "status": failure.status or "-",
                    "rule": failure.rule,
                    "reason": failure.reason.value,
                },
            )
        )
    if found.kind is MailKind.DELAYED:
        steps.append(JudgementStep(N_("まだ送信中という知らせです。相手のサーバーが続けて試しています")))
    elif not failures:
        steps.append(JudgementStep(N_("不達の通知ですが、宛先が読み取れません")))
    return Judgement(found.kind, tuple(failures), tuple(failure.recipient for failure in failures), tuple(steps))


def _judge_recipient(found: Evidence, reported: Reported, blocks: dict[str, words.Block]) -> Failure:
    block = blocks.get(reported.recipient.lower()) or blocks.get(reported.original.lower())
    if block is None and len(found.blocks) == 1 and len(found.reported) == 1:
        block = found.blocks[0]
    said = _core(block.text) if block else ""
    reply = _reply_for(found.replies, reported, said)
    diagnostic = reported.diagnostic
    if reply and (not diagnostic or reply.text.startswith(diagnostic[:40])):
        diagnostic = reply.text
    if not said and not diagnostic:
        said = _core(found.own_words)
    sources = [source for source in (diagnostic, said) if source]
    if reported.remark:
        sources.insert(0, f"{diagnostic} ({reported.remark})")
    if found.overriding:
        sources.insert(0, found.overriding)
    stage = _stage(reply, diagnostic, said, found)
    status = _status(engine.find_status(diagnostic), reported.status, engine.find_status(said))
    if stage is Stage.DATA and reported.status == "5.1.1" and _came_late(reply):
        stage = Stage.RCPT
    code = engine.find_code(diagnostic) or engine.find_code(said)
    host = reported.remote_mta or words.remote_host(said)
    hosts = ((host or found.reporter).lower(), reported.recipient.rpartition("@")[2].lower())
    verdict = engine.decide(sources[0] if sources else "", status, code, stage, hosts)
    for source in sources[1:]:
        if not verdict.said:
            verdict = engine.by_words(source, stage, hosts) or verdict
    if verdict.reason is Reason.UNDEFINED and found.own_words:
        verdict = engine.by_words(found.own_words, stage, hosts) or verdict
    # some servers refuse unknown people with 450 4.1.1 for ever: in a final report an address status stands
    if found.kind is MailKind.DELAYED or ((code or status)[:1] == "4" and status[:3] != "4.1"):
        verdict = engine.softened(verdict)
    return _failure(
        reported.recipient, reported.original, verdict, status, code, stage, diagnostic or said or reported.remark, host
    )


def _failure(
    recipient: str,
    original: str,
    verdict: engine.Judged,
    status: str,
    code: str,
    stage: Stage,
    diagnostic: str,
    host: str,
) -> Failure:
    rule = f"{verdict.rule}: {verdict.phrase}" if verdict.phrase else verdict.rule
    diagnostic = " ".join(diagnostic[: MAX_DIAGNOSTIC * 2].split())[:MAX_DIAGNOSTIC]
    hard = is_hard(verdict.reason)
    return Failure(recipient, original, hard, verdict.reason, status, code, stage, diagnostic, host, rule)


def _status(*candidates: str) -> str:
    """The first enhanced code of a failure that says something, else the first at all."""
    failures = [candidate for candidate in candidates if candidate[:2] in ("4.", "5.")]
    return next((status for status in failures if not status.endswith(".0.0")), failures[0] if failures else "")


def _reply_for(replies: list[QuotedReply], reported: Reported, said: str) -> QuotedReply | None:
    """The reply of a printed dialogue that belongs to a recipient."""
    if not replies:
        return None
    if reported.diagnostic:
        for reply in replies:
            if reported.diagnostic[:60] in reply.text or reply.text[:60] in reported.diagnostic:
                return reply
    wanted = reported.recipient.lower()
    for reply in replies:
        if reply.address.lower() == wanted:
            return reply
    for reply in replies:
        if reply.text[:40] in said:
            return reply
    return None if reported.diagnostic or any(reply.address for reply in replies) else replies[-1]


def _stage(reply: QuotedReply | None, diagnostic: str, said: str, found: Evidence) -> Stage:
    stage = stage_in_words(" ".join(f"{diagnostic} {said}".lower().split()))
    if stage is not Stage.UNKNOWN:
        return stage
    if reply is not None:
        return reply.stage
    if len(found.reported) == 1 and found.own_words:
        return stage_in_words(" ".join(found.own_words.lower().split()))
    return Stage.UNKNOWN


def _came_late(reply: QuotedReply | None) -> bool:
    """Whether a reply that stands below `>>> DATA` is the refusal of RCPT: sendmail pipelines.

    The address stands in brackets in it, and no other enhanced code than 5.1.1.
    """
    return reply is not None and f"<{reply.address}>" in reply.text and engine.find_status(reply.text) in ("", "5.1.1")


_FAREWELL = "I'm not going to try again; this"  # qmail's last sentence, below any failure
_QUOTES = ("that the other server returned was:", "esponse from the remote server was:", "he response was:")


def _core(text: str) -> str:
    """The words without what a system says around every refusal (Google before it, qmail behind it)."""
    for quote in _QUOTES:
        at = text.find(quote)
        if at >= 0:
            text = text[at + len(quote) :]
            break
    at = text.find(_FAREWELL)
    return text[:at] if at > 40 else text
