"""Batches, prints, files and returned cards in words for the operators' pages."""

from webapp.domain.core.language import N_
from webapp.domain.postcard.delivery import ReprintReason
from webapp.domain.postcard.production import FileKind
from webapp.domain.postcard.returns import ReturnOutcome
from webapp.domain.postcard.states import BatchState, HoldReason

BATCH_STATES: dict[str, tuple[str, str]] = {
    BatchState.GATHERING: (N_("はがきを集めています"), "busy"),
    BatchState.MAKING: (N_("ファイルを作っています"), "busy"),
    BatchState.READY: (N_("印刷できます"), "wait"),
    BatchState.PRINTED: (N_("印刷済み"), "busy"),
    BatchState.MAILED: (N_("差出済み"), "good"),
    BatchState.EMPTY: (N_("はがきなし"), "off"),
    BatchState.STOPPED: (N_("作成を中止しています"), "bad"),
}

HOLDS: dict[str, str] = {
    HoldReason.NO_USABLE_ADDRESS: N_("郵送できる住所がない"),
    HoldReason.CODE_ADDRESS_DISAGREE: N_("郵便番号と住所が一致しない"),
    HoldReason.NO_NAME: N_("氏名がない"),
    HoldReason.MISSING_GLYPH: N_("印刷できない文字がある"),
    HoldReason.TEXT_OVERFLOW: N_("文字が入りきらない"),
    HoldReason.RESTORED: N_("復元後の確認待ち"),
    HoldReason.SAME_ADDRESS: N_("同じメールアドレスの技能者が多数"),
}

REPRINTS: dict[str, str] = {
    ReprintReason.DAMAGED: N_("印刷や輸送で傷んだ"),
    ReprintReason.LOST: N_("紛失した"),
    ReprintReason.RETURNED: N_("返送され、住所を直した"),
    ReprintReason.NOT_ARRIVED: N_("本人から届かないと連絡があった"),
    ReprintReason.CODE_SPENT: N_("確認コードが使えなくなった"),
}
# A returned card is sent again from its own form, after its address was looked at.
CHOSEN_REPRINTS = tuple(reason for reason in ReprintReason if reason is not ReprintReason.RETURNED)

OUTCOMES: dict[str, tuple[str, str]] = {
    ReturnOutcome.RETURNED: (N_("返送にしました"), "good"),
    ReturnOutcome.REPEATED: (N_("すでに返送になっています"), "off"),
    ReturnOutcome.OLD_PRINT: (N_("印刷し直した前のはがきです。何も変えていません"), "off"),
    ReturnOutcome.NOT_MAILED: (N_("差出の記録がありません。発送ロットを確かめてください"), "wait"),
    ReturnOutcome.UNKNOWN: (N_("この管理番号のはがきはありません"), "bad"),
}

FILES: dict[str, str] = {
    FileKind.PART: N_("印刷用PDF"),
    FileKind.MANIFEST_XLSX: N_("一覧表（Excel）"),
    FileKind.MANIFEST_CSV: N_("一覧表（CSV）"),
    FileKind.COVER: N_("表紙"),
}
