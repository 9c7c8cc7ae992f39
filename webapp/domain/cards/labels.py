"""A card's state in words: what happened, what it means, what to do - for each who may know.

The answer to somebody who is not signed in tells the state and what to do, and neither name, address, post office,
tracking number nor whether mail arrives. Parameters: `until` (last day of keeping), `contact` (the contact centre).
"""

from dataclasses import dataclass
from enum import StrEnum

from webapp.domain.cards.states import CardState, CardStatus
from webapp.domain.core.language import N_


class Audience(StrEnum):
    """Who reads: the person, the employer, or somebody asking without having signed in."""

    TECHNICIAN = "technician"
    BUSINESS = "business"
    CONTACT = "contact"


class Shape(StrEnum):
    """The sign of a chip, so that colour is never the only one."""

    WAITING = "○"
    MOVING = "◐"
    KEPT = "◆"
    ARRIVED = "●"
    BACK = "✕"
    ASKING = "？"


@dataclass(frozen=True)
class CardWords:
    """Three Japanese sentences for the catalogue; `do` may be empty when there is nothing to do."""

    happened: str
    means: str
    do: str


CHIPS: dict[CardState, tuple[Shape, str]] = {
    CardState.ORDERED: (Shape.WAITING, N_("作成待ち")),
    CardState.MADE: (Shape.WAITING, N_("発送待ち")),
    CardState.POSTED: (Shape.MOVING, N_("発送済み")),
    CardState.OUT_FOR_DELIVERY: (Shape.MOVING, N_("配達中")),
    CardState.ABSENT: (Shape.KEPT, N_("不在")),
    CardState.KEPT: (Shape.KEPT, N_("保管中")),
    CardState.DELIVERED: (Shape.ARRIVED, N_("配達済み")),
    CardState.RETURNED: (Shape.BACK, N_("返送")),
    CardState.LOST: (Shape.BACK, N_("紛失")),
    CardState.UNKNOWN: (Shape.ASKING, N_("確認中")),
}

_HAPPENED = {
    CardState.ORDERED: N_("カードはまだ作られていません。"),
    CardState.MADE: N_("カードができました。まだ発送していません。"),
    CardState.POSTED: N_("カードを簡易書留で発送しました。"),
    CardState.OUT_FOR_DELIVERY: N_("郵便局がカードの配達に出ています。"),
    CardState.ABSENT: N_("郵便局が配達に伺いましたが、ご不在でした。"),
    CardState.KEPT: N_("カードは郵便局で保管されています。"),
    CardState.DELIVERED: N_("カードは配達されました。"),
    CardState.RETURNED: N_("カードは届かず、差出人に返送されました。"),
    CardState.LOST: N_("カードの行方が分からなくなりました。"),
    CardState.UNKNOWN: N_("カードは郵便局にありますが、いまの状態を確認しています。"),
}
_MEANS = {
    CardState.ORDERED: N_("登録は完了しています。カードができるまでお待ちください。"),
    CardState.MADE: N_("数日のうちに簡易書留で発送します。"),
    CardState.POSTED: N_("簡易書留は、配達されるまで途中の記録が付かないことがあります。"),
    CardState.OUT_FOR_DELIVERY: N_("本人でなくても、届け先にいる方が受け取れます。"),
    CardState.ABSENT: N_("カードは%(until)sまで郵便局で保管され、そのあと差出人に返送されます。"),
    CardState.KEPT: N_("カードは%(until)sまで保管され、そのあと差出人に返送されます。"),
    CardState.DELIVERED: N_("同居人や勤務先の方など、本人以外の方が受け取っていることがあります。"),
    CardState.RETURNED: N_("届け先の住所が違うか、保管の期限が過ぎた可能性があります。"),
    CardState.LOST: N_("郵便局に調査を依頼し、カードを作り直す手続きをします。"),
    CardState.UNKNOWN: N_("配達が済んだかどうかは、まだ分かりません。"),
}
# When the first attempt's day is not known, no date can be given.
_KEPT_WITHOUT_DATE = N_("保管の期限は最初の配達の翌日から7日間です。そのあと差出人に返送されます。")

_DO: dict[Audience, dict[CardState, str]] = {
    Audience.TECHNICIAN: {
        CardState.ORDERED: "",
        CardState.MADE: N_("届け先の住所が正しいか、登録の内容を確かめてください。"),
        CardState.POSTED: N_("届いたら受領印か署名をして受け取ってください。"),
        CardState.OUT_FOR_DELIVERY: N_("届いたら受領印か署名をして受け取ってください。"),
        CardState.ABSENT: N_("ご不在連絡票の案内に従って、郵便局に再配達を頼むか、窓口で受け取ってください。"),
        CardState.KEPT: N_("ご不在連絡票の案内に従って、郵便局に再配達を頼むか、窓口で受け取ってください。"),
        CardState.DELIVERED: N_("手元にないときは、家族や勤務先の方に確かめてから、お問い合わせください。"),
        CardState.RETURNED: N_("正しい住所を知らせてください。確かめてから、もう一度お送りします。"),
        CardState.LOST: N_("住所に変わりがないか確かめて、次のお知らせをお待ちください。"),
        CardState.UNKNOWN: N_("確認が済むまでお待ちください。"),
    },
    Audience.BUSINESS: {
        CardState.ORDERED: "",
        CardState.MADE: N_("届け先の住所が正しいか、本人に確かめてください。"),
        CardState.POSTED: N_("勤務先に届くときは、受け取れる方がいるようにしてください。"),
        CardState.OUT_FOR_DELIVERY: N_("勤務先に届くときは、受け取れる方がいるようにしてください。"),
        CardState.ABSENT: N_("本人に、ご不在連絡票で再配達を頼むか、郵便局の窓口で受け取るよう伝えてください。"),
        CardState.KEPT: N_("本人に、ご不在連絡票で再配達を頼むか、郵便局の窓口で受け取るよう伝えてください。"),
        CardState.DELIVERED: N_("本人の手元にないときは、勤務先で受け取っていないか確かめてください。"),
        CardState.RETURNED: N_("本人に正しい住所を確かめて、知らせてください。"),
        CardState.LOST: N_("本人の住所に変わりがないか確かめて、次のお知らせをお待ちください。"),
        CardState.UNKNOWN: N_("確認が済むまでお待ちください。"),
    },
    Audience.CONTACT: {
        CardState.ORDERED: N_("しばらくしても発送されないときは、お問い合わせください。"),
        CardState.MADE: N_("発送までしばらくお待ちください。"),
        CardState.POSTED: N_("発送から1週間を過ぎても届かないときは、申請番号をお手元に用意してお問い合わせください。"),
        CardState.OUT_FOR_DELIVERY: N_("届いたら受領印か署名をして受け取ってください。"),
        CardState.ABSENT: N_("郵便受けにご不在連絡票がないか確かめて、再配達を頼むか、窓口で受け取ってください。"),
        CardState.KEPT: N_("郵便受けにご不在連絡票がないか確かめて、再配達を頼むか、窓口で受け取ってください。"),
        CardState.DELIVERED: N_(
            "家族や勤務先の方が受け取っていないか確かめてください。見つからないときはお問い合わせください。"
        ),
        CardState.RETURNED: N_(
            "申請番号をお手元に用意して、お問い合わせください。住所を確かめて、もう一度お送りします。"
        ),
        CardState.LOST: N_("申請番号をお手元に用意して、お問い合わせください。"),
        CardState.UNKNOWN: N_("確認が済むまでお待ちください。お急ぎのときはお問い合わせください。"),
    },
}


def words_for(standing: CardStatus, audience: Audience) -> tuple[CardWords, dict[str, object]]:
    """The words for a card's standing and their parameters (`until`: date, when the sentence names it)."""
    state = standing.state
    means, parameters = _MEANS[state], {}
    if state in (CardState.ABSENT, CardState.KEPT):
        if standing.kept_until is None:
            means = _KEPT_WITHOUT_DATE
        else:
            parameters = {"until": standing.kept_until}
    return CardWords(_HAPPENED[state], means, _DO[audience][state]), parameters


class StepState(StrEnum):
    """How a step of the line stands: behind us, here, ahead, or here with something wrong."""

    DONE = "done"
    HERE = "here"
    TROUBLE = "trouble"
    AHEAD = "ahead"


STEP_WORDS = {
    StepState.DONE: N_("済み"),
    StepState.HERE: N_("いまここ"),
    StepState.TROUBLE: N_("止まっています"),
    StepState.AHEAD: N_("これから"),
}
_LINE = (N_("作成"), N_("発送"), N_("配達"), N_("受け取り"))
# How many steps lie behind, and whether the card is stuck where it stands.
_REACHED: dict[CardState, tuple[int, bool]] = {
    CardState.ORDERED: (0, False),
    CardState.MADE: (1, False),
    CardState.POSTED: (2, False),
    CardState.OUT_FOR_DELIVERY: (2, False),
    CardState.ABSENT: (2, True),
    CardState.KEPT: (2, True),
    CardState.RETURNED: (2, True),
    CardState.LOST: (2, True),
    CardState.DELIVERED: (4, False),
}


def steps_of(standing: CardStatus) -> list[tuple[str, StepState]]:
    """The small line of steps: each step's word and how it stands; at most one is "here".

    A card whose newest word is unknown stands where it was last understood, and is shown as stuck.
    """
    done, stuck = _REACHED[standing.known]
    stuck = stuck or (standing.state is CardState.UNKNOWN and done < len(_LINE))
    reached = StepState.TROUBLE if stuck else StepState.HERE
    return [
        (word, StepState.DONE if index < done else reached if index == done else StepState.AHEAD)
        for index, word in enumerate(_LINE)
    ]
