"""The states of a postcard and of a batch (発送ロット), as tables: a step that is not there cannot be made.

docs/states.md shows the same tables.
"""

from enum import StrEnum

from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.language import N_


class PostcardState(StrEnum):
    """Where a postcard stands."""

    QUEUED = "queued"
    ON_HOLD = "on_hold"
    CANCELLED = "cancelled"
    BATCHED = "batched"
    PRINTED = "printed"
    MAILED = "mailed"
    PRESUMED_DELIVERED = "presumed_delivered"
    RETURNED = "returned"


class PostcardStep(StrEnum):
    """What may happen to a postcard."""

    HOLD = "hold"
    RELEASE = "release"
    CANCEL = "cancel"  # the person has signed in or confirmed an address, or ops decided
    BATCH = "batch"
    PRINT = "print"
    MAIL = "mail"
    PRESUME = "presume"
    RETURN = "return"
    UNDO_RETURN = "undo_return"  # the wrong card was scanned
    REPRINT = "reprint"  # with a reason: it waits for another batch, its code is dead


class HoldReason(StrEnum):
    """Why a postcard waits for a person (保留)."""

    NO_USABLE_ADDRESS = "no_usable_address"
    CODE_ADDRESS_DISAGREE = "code_address_disagree"
    NO_NAME = "no_name"
    MISSING_GLYPH = "missing_glyph"
    TEXT_OVERFLOW = "text_overflow"
    RESTORED = "restored"  # a backup was restored: it may have been mailed since
    SAME_ADDRESS = "same_address"  # many people on one dead e-mail address: a mistake of somebody else?


HOLD_SENTENCES = {
    HoldReason.NO_USABLE_ADDRESS: N_("郵送できる住所がありません。郵便番号と住所を確かめて直してください。"),
    HoldReason.CODE_ADDRESS_DISAGREE: N_("郵便番号と住所が別の場所を指しています。正しいほうに直してください。"),
    HoldReason.NO_NAME: N_("氏名がありません。氏名を入れてください。"),
    HoldReason.MISSING_GLYPH: N_("印刷できない文字「%(signs)s」があります。別の字体に直してください。"),
    HoldReason.TEXT_OVERFLOW: N_("文字が多く、はがきに入りません。短く直してください。"),
    HoldReason.RESTORED: N_(
        "データベースを前の時点に戻したため、差し出したあとかもしれません。差し出したものを取り消してから、残りを作成に回してください。"
    ),
    HoldReason.SAME_ADDRESS: N_(
        "同じメールアドレスの技能者が多数います。登録の誤りでないか確かめて、まとめて作成に回してください。"
    ),
}

_S, _P = PostcardState, PostcardStep
STEPS: dict[tuple[PostcardState, PostcardStep], PostcardState] = {
    (_S.QUEUED, _P.HOLD): _S.ON_HOLD,
    (_S.QUEUED, _P.CANCEL): _S.CANCELLED,
    (_S.QUEUED, _P.BATCH): _S.BATCHED,
    (_S.ON_HOLD, _P.RELEASE): _S.QUEUED,
    (_S.ON_HOLD, _P.CANCEL): _S.CANCELLED,
    (_S.BATCHED, _P.PRINT): _S.PRINTED,
    (_S.BATCHED, _P.REPRINT): _S.QUEUED,
    (_S.PRINTED, _P.MAIL): _S.MAILED,
    (_S.PRINTED, _P.REPRINT): _S.QUEUED,
    (_S.MAILED, _P.PRESUME): _S.PRESUMED_DELIVERED,
    (_S.MAILED, _P.RETURN): _S.RETURNED,
    (_S.MAILED, _P.REPRINT): _S.QUEUED,
    (_S.PRESUMED_DELIVERED, _P.RETURN): _S.RETURNED,
    (_S.PRESUMED_DELIVERED, _P.REPRINT): _S.QUEUED,
    (_S.RETURNED, _P.REPRINT): _S.QUEUED,
    (_S.RETURNED, _P.UNDO_RETURN): _S.MAILED,
}


class BatchState(StrEnum):
    """Where a batch stands."""

    GATHERING = "gathering"  # the worker checks and takes in what is queued
    MAKING = "making"  # closed: nothing comes in or goes out; its files are being made
    READY = "ready"  # all files are there
    PRINTED = "printed"
    MAILED = "mailed"
    EMPTY = "empty"  # nothing could be printed
    STOPPED = "stopped"  # every worker failed on it: a person mends the cause and lets it go on


class BatchStep(StrEnum):
    """What may happen to a batch."""

    CLOSE = "close"
    CLOSE_EMPTY = "close_empty"
    FINISH = "finish"
    PRINT = "print"
    MAIL = "mail"
    STOP = "stop"
    GATHER_ON = "gather_on"
    MAKE_ON = "make_on"


_B, _T = BatchState, BatchStep
BATCH_STEPS: dict[tuple[BatchState, BatchStep], BatchState] = {
    (_B.GATHERING, _T.CLOSE): _B.MAKING,
    (_B.GATHERING, _T.CLOSE_EMPTY): _B.EMPTY,
    (_B.GATHERING, _T.STOP): _B.STOPPED,
    (_B.MAKING, _T.FINISH): _B.READY,
    (_B.MAKING, _T.STOP): _B.STOPPED,
    (_B.STOPPED, _T.GATHER_ON): _B.GATHERING,
    (_B.STOPPED, _T.MAKE_ON): _B.MAKING,
    (_B.READY, _T.PRINT): _B.PRINTED,
    (_B.PRINTED, _T.MAIL): _B.MAILED,
}


def next_state(state: str, step: PostcardStep) -> PostcardState:
    """Return the state after a step of a postcard; StepNotAllowed if the table has none."""
    try:
        return STEPS[PostcardState(state), step]
    except KeyError:
        raise StepNotAllowed(f"a postcard that is {state} cannot {step}") from None


def next_batch_state(state: str, step: BatchStep) -> BatchState:
    """Return the state after a step of a batch; StepNotAllowed if the table has none."""
    try:
        return BATCH_STEPS[BatchState(state), step]
    except KeyError:
        raise StepNotAllowed(f"a batch that is {state} cannot {step}") from None
