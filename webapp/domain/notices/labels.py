"""Messages and postcards in words for operators: states, reasons, stages; a chip's kind gives each state its shape."""

from webapp.domain.bounce.model import Reason, ReasonClass, Stage
from webapp.domain.core.language import N_
from webapp.domain.notices.messages import MessageKind, MessageState, Role
from webapp.domain.postcard.fallback import NO_EMAIL, REQUESTED, HoldReason, PostcardState

# state: (words, kind of the chip)
STATES: dict[str, tuple[str, str]] = {
    MessageState.QUEUED: (N_("送信待ち"), "wait"),
    MessageState.SENDING: (N_("送信中"), "busy"),
    MessageState.SENT: (N_("送信済み"), "busy"),
    MessageState.DELIVERED: (N_("到着・到着とみなす"), "good"),
    MessageState.WAITING_RETRY: (N_("再送待ち"), "wait"),
    MessageState.FAILED: (N_("不達"), "bad"),
    MessageState.CANCELLED: (N_("取り消し"), "off"),
    MessageState.RECONCILIATION: (N_("送信したか確認待ち"), "wait"),
}
CONFIRMED = (N_("到着"), "good")
PRESUMED = (N_("送信済み（不達の通知はありません）"), "good")

KINDS: dict[str, str] = {
    MessageKind.ID_NOTICE: N_("技能者IDのお知らせ"),
    MessageKind.INVITATION: N_("利用開始の案内"),
    MessageKind.SIGN_IN: N_("サインインのメール"),
    MessageKind.CONFIRM: N_("変更の確認とお知らせ"),
    MessageKind.CARD_REMINDER: N_("カードの案内"),
    MessageKind.INQUIRY: N_("問い合わせへの返信"),
    MessageKind.OPS_ALARM: N_("運営への警報"),
}

ROLES: dict[str, str] = {
    Role.TECHNICIAN: N_("本人"),
    Role.BUSINESS: N_("所属事業者"),
    Role.PROXY: N_("代行申請事業者"),
    Role.OPERATOR: N_("運営"),
}

CLASSES: dict[str, str] = {
    ReasonClass.DEAD: N_("アドレスが無効"),
    ReasonClass.REFUSED: N_("受け取ってもらえない"),
    ReasonClass.TEMPORARY: N_("一時的な問題"),
    ReasonClass.OURS: N_("送信側の問題"),
}

REASONS: dict[str, str] = {
    Reason.USERUNKNOWN: N_("アドレスが存在しません"),
    Reason.HOSTUNKNOWN: N_("ドメインが存在しません"),
    Reason.HASMOVED: N_("アドレスが変わっています"),
    Reason.NOTACCEPT: N_("メールを受け取らないアドレスです"),
    Reason.MAILBOXFULL: N_("メールボックスがいっぱいです"),
    Reason.FILTERED: N_("受信拒否の設定の可能性があります"),
    Reason.SUSPEND: N_("アドレスが停止されています"),
    Reason.BLOCKED: N_("送信元のIPアドレスが拒否されました"),
    Reason.REJECTED: N_("送信元のアドレスが拒否されました"),
    Reason.BADREPUTATION: N_("送信元の評価が低いとされました"),
    Reason.AUTHFAILURE: N_("送信元の認証（SPF・DKIM・DMARC）に失敗しました"),
    Reason.REQUIREPTR: N_("送信元の逆引きが求められました"),
    Reason.POLICYVIOLATION: N_("受信側の規則に反するとされました"),
    Reason.NORELAYING: N_("中継が許可されませんでした"),
    Reason.SPAMDETECTED: N_("迷惑メールと判定されました"),
    Reason.SECURITYERROR: N_("安全上の理由で拒否されました"),
    Reason.VIRUSDETECTED: N_("ウイルスと判定されました"),
    Reason.CONTENTERROR: N_("メールの内容に問題があるとされました"),
    Reason.SPEEDING: N_("送信が速すぎるとされました"),
    Reason.TOOMANYCONN: N_("接続が多すぎるとされました"),
    Reason.NOTCOMPLIANTRFC: N_("メールの書式が規格に合わないとされました"),
    Reason.FAILEDSTARTTLS: N_("暗号化した接続ができませんでした"),
    Reason.EXCEEDLIMIT: N_("メールの大きさの上限を超えました"),
    Reason.MESGTOOBIG: N_("メールが大きすぎるとされました"),
    Reason.RATELIMITED: N_("送信量の上限を超えたとされました"),
    Reason.EXPIRED: N_("配送の期限が切れました"),
    Reason.NETWORKERROR: N_("相手のサーバーに接続できませんでした"),
    Reason.SYSTEMERROR: N_("相手のサーバーに問題がありました"),
    Reason.SYSTEMFULL: N_("相手のサーバーの容量が足りませんでした"),
    Reason.MAILERERROR: N_("相手のメールプログラムに問題がありました"),
    Reason.SYNTAXERROR: N_("相手のサーバーが命令を受け付けませんでした"),
    Reason.ONHOLD: N_("相手のサーバーが受け取りを保留しました"),
    Reason.UNDEFINED: N_("理由が読み取れません"),
}

STAGES: dict[str, str] = {
    Stage.CONNECT: N_("接続の応答"),
    Stage.HELO: N_("あいさつ（HELO）の応答"),
    Stage.STARTTLS: N_("暗号化（STARTTLS）の応答"),
    Stage.AUTH: N_("認証（AUTH）の応答"),
    Stage.MAIL: N_("送信元（MAIL）の応答"),
    Stage.RCPT: N_("宛先（RCPT）の応答"),
    Stage.DATA: N_("本文の開始（DATA）の応答"),
    Stage.END_OF_DATA: N_("本文を送った後の応答"),
}

# Only the first states are the fallback's; the batch knows the others by the same words.
POSTCARD_STATES: dict[str, tuple[str, str]] = {
    PostcardState.QUEUED: (N_("作成待ち"), "wait"),
    PostcardState.ON_HOLD: (N_("保留"), "bad"),
    PostcardState.CANCELLED: (N_("取り消し"), "off"),
    "batched": (N_("発送ロット済み"), "busy"),
    "printed": (N_("印刷済み"), "busy"),
    "mailed": (N_("差出済み"), "busy"),
    "presumed_delivered": (N_("到着とみなす"), "good"),
    "returned": (N_("返送"), "bad"),
}

CAUSES: dict[str, str] = REASONS | {
    NO_EMAIL: N_("メールアドレスの届けがありません"),
    REQUESTED: N_("本人が確認コードを求めました"),
    "ops": N_("運営の判断"),
}

HOLDS: dict[str, str] = {
    HoldReason.NO_USABLE_ADDRESS: N_("郵便番号か住所がありません"),
    HoldReason.SAME_ADDRESS: N_("同じメールアドレスの技能者が多数います"),
    HoldReason.CODE_ADDRESS_DISAGREE: N_("郵便番号と住所が一致しない"),
    HoldReason.RESTORED: N_("復元後の確認待ち"),
    HoldReason.NO_NAME: N_("氏名がない"),
    HoldReason.MISSING_GLYPH: N_("印刷できない文字がある"),
    HoldReason.TEXT_OVERFLOW: N_("文字が入りきらない"),
}


def state_of(state: str, reason: str | None) -> tuple[str, str]:
    """Return words and chip of a message's state; "arrived" is said only when a success report says so."""
    if state == MessageState.DELIVERED:
        return CONFIRMED if reason == "confirmed" else PRESUMED
    return STATES[state]
