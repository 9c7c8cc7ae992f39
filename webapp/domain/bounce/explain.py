"""A judgement in sentences: what was recognised, which rule decided, what follows (判定の理由)."""

from webapp.domain.bounce.model import Judgement, MailKind, ReasonClass
from webapp.domain.core.language import N_

Line = tuple[str, dict[str, str]]


def explain(judgement: Judgement) -> list[Line]:
    """The steps of a judgement and what would follow, as marked Japanese sentences with their parameters."""
    lines: list[Line] = [(step.sentence, step.params) for step in judgement.steps]
    if judgement.kind is MailKind.BOUNCE:
        for failure in judgement.failures:
            lines.append((_FOLLOWS[failure.reason_class], {"recipient": failure.recipient}))
    return lines


_FOLLOWS: dict[ReasonClass, str] = {
    ReasonClass.DEAD: N_("%(recipient)s は使われていないアドレスです。無効にし、圧着ハガキを送ります"),
    ReasonClass.REFUSED: N_("%(recipient)s は今は受け取りません。3日の間に送り直し、届かなければハガキを送ります"),
    ReasonClass.TEMPORARY: N_("%(recipient)s への一時的な失敗です。3日の間に送り直し、届かなければハガキを送ります"),
    ReasonClass.OURS: N_(
        "%(recipient)s のアドレスの問題ではありません。送信側を直して送り直します。アドレスは無効にしません"
    ),
}
