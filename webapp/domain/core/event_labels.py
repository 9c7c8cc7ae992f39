"""What happened, in words and with a chip's kind, for the timeline of a registration."""

from webapp.domain.core.events import EventName
from webapp.domain.core.language import N_

# A name that a topic adds later and that does not stand here is shown under its topic's word.
EVENTS: dict[str, tuple[str, str]] = {
    EventName.ADDRESS_BOUNCE_INVALID: (N_("アドレスを無効にしました"), "bad"),
    EventName.ADDRESS_BOUNCE_SUSPECT: (N_("同じアドレスがほかの人で無効になりました"), "wait"),
    EventName.ADDRESS_IMPORT_GIVEN: (N_("メールアドレスの届け"), "off"),
    EventName.ADDRESS_OPS_CORRECTED: (N_("メールアドレスを訂正"), "busy"),
    EventName.ADDRESS_OPS_RESTORED: (N_("メールアドレスを有効に戻しました"), "busy"),
    EventName.ADDRESS_TECHNICIAN_ASKED: (N_("本人がメールアドレスの変更を申し込み"), "off"),
    EventName.ADDRESS_TECHNICIAN_CONFIRMED: (N_("本人がメールアドレスを変更"), "busy"),
    EventName.ADDRESS_TECHNICIAN_OBJECTED: (N_("本人が「心当たりがない」と連絡先の変更を止めました"), "bad"),
    EventName.AFFILIATION_BUSINESS_ENDED: (N_("所属事業者が所属を終えました"), "off"),
    EventName.AFFILIATION_BUSINESS_INVITED: (N_("所属への招待"), "off"),
    EventName.AFFILIATION_IMPORT_BEGAN: (N_("所属の開始"), "off"),
    EventName.AFFILIATION_OPS_ANNULLED: (N_("申し立てによる所属の取り消し"), "busy"),
    EventName.AFFILIATION_TECHNICIAN_ACCEPTED: (N_("本人が招待を承諾し、所属を開始"), "off"),
    EventName.AFFILIATION_TECHNICIAN_DECLINED: (N_("本人が招待を断りました"), "off"),
    EventName.AFFILIATION_TECHNICIAN_DISPUTED: (N_("本人から所属の申し立て"), "wait"),
    EventName.AFFILIATION_TECHNICIAN_LEFT: (N_("本人が所属を終えました"), "off"),
    EventName.CARD_IMPORT_ORDERED: (N_("カード作成待ち"), "off"),
    EventName.NOTICE_BOUNCE_FAILED: (N_("不達"), "bad"),
    EventName.NOTICE_BOUNCE_LATE: (N_("後から不達の通知"), "bad"),
    EventName.NOTICE_BOUNCE_RETRY: (N_("届かず、再送待ち"), "wait"),
    EventName.NOTICE_EMAIL_CANCELLED: (N_("メールの取り消し"), "off"),
    EventName.NOTICE_EMAIL_CONFIRMED: (N_("到着の通知"), "good"),
    EventName.NOTICE_EMAIL_PRESUMED: (N_("送信済み（不達の通知はありません）"), "good"),
    EventName.NOTICE_EMAIL_QUEUED: (N_("メール送信待ち"), "off"),
    EventName.NOTICE_EMAIL_REFUSED: (N_("受け取りを拒否されました"), "bad"),
    EventName.NOTICE_EMAIL_RETRY: (N_("送信できず、再送待ち"), "wait"),
    EventName.NOTICE_EMAIL_SENT: (N_("メール送信"), "busy"),
    EventName.NOTICE_OPS_RECONCILED: (N_("送信済みと確認"), "busy"),
    EventName.NOTICE_OPS_REQUEUED: (N_("再送の手配"), "busy"),
    EventName.NOTICE_RESTORE_HELD: (N_("復元後の確認待ち"), "wait"),
    EventName.POSTCARD_FALLBACK_HELD: (N_("はがき保留"), "bad"),
    EventName.POSTCARD_FALLBACK_QUEUED: (N_("はがき作成待ち"), "wait"),
    EventName.POSTCARD_OPS_ASKED: (N_("所属事業者に宛先の確認を依頼"), "busy"),
    EventName.POSTCARD_OPS_CANCELLED: (N_("はがきの取り消し"), "off"),
    EventName.POSTCARD_OPS_MAILED: (N_("はがき差出"), "busy"),
    EventName.POSTCARD_OPS_MENDED: (N_("はがきの宛先を訂正"), "busy"),
    EventName.POSTCARD_OPS_PRINTED: (N_("はがき印刷"), "busy"),
    EventName.POSTCARD_OPS_RELEASED: (N_("はがきの保留を解除"), "busy"),
    EventName.POSTCARD_OPS_REPRINTED: (N_("はがきの再印刷の手配"), "busy"),
    EventName.POSTCARD_OPS_RETURN_UNDONE: (N_("はがき返送の取り消し"), "busy"),
    EventName.POSTCARD_OPS_RETURNED: (N_("はがき返送"), "bad"),
    EventName.POSTCARD_RULE_CANCELLED: (N_("はがきの取り消し"), "off"),
    EventName.POSTCARD_RULE_PRESUMED: (N_("はがき到着とみなす"), "good"),
    EventName.POSTCARD_WORKER_BATCHED: (N_("はがき発送ロット入り"), "busy"),
    EventName.POSTCARD_OVERRULED_CANCELLED: (N_("判定の変更によるはがきの取り消し"), "off"),
    EventName.RECORD_TECHNICIAN_ASKED: (N_("本人から訂正の申し出"), "wait"),
    EventName.RECORD_TECHNICIAN_CHANGED: (N_("本人による変更"), "off"),
    EventName.REGISTRATION_IMPORT_COMPLETED: (N_("登録完了"), "good"),
    EventName.RETURNED_MAIL_OPS_OVERRULED: (N_("判定の変更"), "busy"),
    EventName.TECHNICIAN_IMPORT_CHANGED: (N_("登録情報の変更"), "off"),
    EventName.TECHNICIAN_OPS_CHANGED: (N_("登録情報の変更"), "off"),
    EventName.WORK_ITEM_OPS_CLOSED: (N_("対応の完了"), "good"),
    EventName.WORK_ITEM_RULE_OPENED: (N_("対応が必要"), "wait"),
}
TOPICS: dict[str, str] = {
    "address": N_("メールアドレスの記録"),
    "affiliation": N_("所属の記録"),
    "card": N_("カードの記録"),
    "inquiry": N_("問い合わせの記録"),
    "notice": N_("お知らせの記録"),
    "postcard": N_("はがきの記録"),
}
OTHER = N_("そのほかの記録")
# The way through the product's own words that are no part of anybody's history.
NOT_SHOWN = frozenset({EventName.RECORD_OPS_SEARCHED, EventName.RECORD_OPS_VIEWED})


def event_words(name: str) -> tuple[str, str]:
    """Return words and chip of an event."""
    return EVENTS.get(name) or (TOPICS.get(name.partition(":")[0], OTHER), "off")
