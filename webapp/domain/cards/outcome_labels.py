"""The words for how far a registration has come, and for what kept a card from its receiver."""

from webapp.domain.cards.outcomes import Missed
from webapp.domain.core.language import N_
from webapp.domain.core.progress import Reached

REACHED = {
    Reached.REGISTERED: N_("登録が完了"),
    Reached.BY_MAIL: N_("メールで通知"),
    Reached.BY_POSTCARD: N_("はがきで通知"),
    Reached.CARD_POSTED: N_("カードを発送"),
    Reached.CARD_DELIVERED: N_("カードを配達"),
}
MISSED = {
    Missed.NOTHING: N_("不在なし"),
    Missed.ABSENT: N_("不在（保管なし）"),
    Missed.KEPT: N_("郵便局で保管"),
    Missed.RETURNED: N_("返送"),
}
