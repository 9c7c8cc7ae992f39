"""Where a registration stands now, in sentences: the notice, the postcard, the card."""

from db.models import Card, Message, Postcard
from webapp.domain.cards.labels import CHIPS
from webapp.domain.cards.states import CardState
from webapp.domain.core.language import N_
from webapp.domain.core.sentences import Line
from webapp.domain.notices import labels
from webapp.domain.notices.messages import MessageState

_NOTICE: dict[str, str] = {
    MessageState.QUEUED: N_("メールは送信待ちです。"),
    MessageState.SENDING: N_("メールを送っているところです。"),
    MessageState.SENT: N_("メールを%(at)sに送りました。不達の通知はまだありません。"),
    MessageState.DELIVERED: N_("メールは送信済みです（不達の通知はありません）。"),
    MessageState.WAITING_RETRY: N_("メールはまだ届いていません（%(reason)s）。%(due)sにもう一度送ります。"),
    MessageState.FAILED: N_("メールは届きませんでした（%(reason)s）。"),
    MessageState.CANCELLED: N_("メールは取り消されました。"),
    MessageState.RECONCILIATION: N_("メールを送ったかどうか、人の確認を待っています。"),
}
_ARRIVED = N_("メールは届きました。")
_NO_NOTICE = N_("メールアドレスの届けがないため、メールは送っていません。")
_POSTCARD: dict[str, str] = {
    "queued": N_("はがきは作成待ちです。"),
    "on_hold": N_("はがきは保留中です（%(hold)s）。"),
    "cancelled": N_("はがきは取り消されました。"),
    "batched": N_("はがきは発送ロットに入りました。"),
    "printed": N_("はがきは印刷済みです。"),
    "mailed": N_("はがきを%(at)sに差し出しました。"),
    "presumed_delivered": N_("はがきは差出済みです（返送されていません）。"),
    "returned": N_("はがきは返送されました。"),
}
_CARD = N_("カードは「%(state)s」です。")


def standing(notice: Message | None, postcard: Postcard | None, card: Card | None) -> tuple[Line, ...]:
    """Return the sentences for the person's notice and the newest postcard and card, as far as there are any."""
    lines = [_of_notice(notice)]
    if postcard is not None and postcard.state in _POSTCARD:
        params = {"hold": Line(labels.HOLDS.get(postcard.hold_reason or "", "")), "at": postcard.changed_at}
        lines.append(Line(_POSTCARD[postcard.state], params))
    if card is not None:
        shown = CHIPS.get(CardState(card.state)) if card.state in set(CardState) else None
        lines.append(Line(_CARD, {"state": Line(shown[1] if shown else card.state)}))
    return tuple(lines)


def _of_notice(notice: Message | None) -> Line:
    if notice is None:
        return Line(_NO_NOTICE)
    if notice.state == MessageState.DELIVERED and notice.reason == "confirmed":
        return Line(_ARRIVED)
    reason = labels.REASONS.get(notice.reason or "", labels.REASONS["undefined"])
    return Line(_NOTICE[notice.state], {"at": notice.sent_at, "due": notice.due_at, "reason": Line(reason)})
