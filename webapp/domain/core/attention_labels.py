"""Work items and alarms in words: what it is, what it means, what to do."""

from dataclasses import dataclass

from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.language import N_
from webapp.domain.core.work_items import WorkItemKind, WorkItemState


@dataclass(frozen=True)
class Words:
    """A title, and what to do; both Japanese sentences for the catalogue."""

    title: str
    to_do: str


ITEMS: dict[str, Words] = {
    WorkItemKind.BUSINESS_ADDRESS: Words(
        N_("事業者のメールアドレスの訂正"),
        N_("事業者に正しいアドレスを確かめ、訂正して再送してください。事業者にはがきは送りません。"),
    ),
    WorkItemKind.SAME_ADDRESS: Words(
        N_("同じアドレスの技能者が多数"),
        N_("登録の誤りでないか確かめてください。誤りでなければ、保留中のはがきをまとめて作成に回せます。"),
    ),
    WorkItemKind.SEND_POSTCARD: Words(
        N_("はがきを送るかの判断"),
        N_("送信側の問題で届いていません。原因を直して再送するか、はがきを送ってください。"),
    ),
    WorkItemKind.CONFLICTING_REPORT: Words(
        N_("宛先の違う不達の通知"),
        N_("転送先の不達かもしれません。不達の通知を読み、アドレスが無効かどうかを判断してください。"),
    ),
    WorkItemKind.RECONCILIATION: Words(
        N_("復元後の確認"),
        N_("送信の途中だったメールを一つずつ、またはまとめて「送信済み」か「再送」に決めてください。"),
    ),
    WorkItemKind.POSTCARD_RETURNED: Words(
        N_("返送されたはがき"),
        N_(
            "登録申請の「はがきを表示」から、住所を直してもう一度送るか、所属事業者に確かめるか、終わりにしてください。"
        ),
    ),
    WorkItemKind.POSTCARD_ON_HOLD: Words(
        N_("はがきの保留"),
        N_("このままでは、はがきを作れません。住所を確かめて直してください。"),
    ),
    WorkItemKind.RECORD_CORRECTION: Words(
        N_("登録情報の訂正の申し出"),
        N_("本人の申し出を読み、登録情報を確かめてください。訂正したら、本人に知らせて閉じてください。"),
    ),
    WorkItemKind.AFFILIATION_DISPUTED: Words(
        N_("所属の申し立て"),
        N_("本人は、この事業者に所属していないと申し立てています。事業者に確かめて、所属を直してください。"),
    ),
    WorkItemKind.CHANGE_OBJECTED: Words(
        N_("心当たりのない連絡先の変更"),
        N_("本人が変更を止め、前のメールアドレスに戻しました。だれが変更したかを確かめ、住所も確かめてください。"),
    ),
    WorkItemKind.CARD_RETURNED: Words(
        N_("返送されたカード"),
        N_("届け先を確かめ、所属事業者にも問い合わせて、もう一度発送してください。"),
    ),
    WorkItemKind.CARD_UNREACHABLE: Words(
        N_("カードの知らせが届かない方"),
        N_("カードが郵便局で待っていますが、本人にメールで知らせられません。所属事業者か電話で知らせてください。"),
    ),
}

ITEM_STATES: dict[str, tuple[str, str]] = {
    WorkItemState.OPEN: (N_("未対応"), "wait"),
    WorkItemState.DONE: (N_("対応済み"), "good"),
    WorkItemState.DISMISSED: (N_("対応不要"), "off"),
}

ALARMS: dict[str, Words] = {
    AlarmKind.OUR_FAILURE: Words(
        N_("受信側から拒否されています"),
        N_("この宛先のドメインが当方のメールを拒否しています。応答を読み、送信元の設定や評価を確かめてください。"),
    ),
    AlarmKind.RELAY_DOWN: Words(
        N_("中継サーバーが応答しません"),
        N_("メールは待機しています。失われてはいません。中継サーバーを確かめてください。"),
    ),
    AlarmKind.WORKER_FAILED: Words(
        N_("処理の一部が止まりました"),
        N_("サーバーの記録（ログ）で原因を確かめ、処理を起動し直してください。"),
    ),
    AlarmKind.WORK_GIVEN_UP: Words(
        N_("中止した作業があります"),
        N_(
            "何度試しても止まりました。原因を直し、取り込みと書き出しはやり直してください。発送ロットは続きから作れます。"
        ),
    ),
    AlarmKind.RESTORED: Words(
        N_("古いデータベースに戻りました"),
        N_("途中だったメールを止めています。送信済みかどうかを確かめて決めてください。"),
    ),
    AlarmKind.SENDING_STOPPED: Words(
        N_("送信を止めています"),
        N_("人の操作で送信を止めています。原因がなくなったら再開してください。"),
    ),
    AlarmKind.BOUNCE_RATE: Words(
        N_("不達率が高くなっています"),
        N_(
            "直近の送信で、無効なアドレスが基準を超えました。ダッシュボードで、いつから、どの宛先かを確かめてください。"
        ),
    ),
    AlarmKind.DESTINATION_FAILING: Words(
        N_("特定の宛先に届きません"),
        N_("このドメインへの送信の多くが届いていません。応答を読み、続くようなら送信を止めて原因を確かめてください。"),
    ),
    AlarmKind.QUEUE_AGE: Words(
        N_("送信が滞っています"),
        N_("予定の時刻を過ぎても送られていないお知らせがあります。処理（worker）と中継サーバーを確かめてください。"),
    ),
    AlarmKind.WORKER_SILENT: Words(
        N_("処理（worker）の応答がありません"),
        N_("終了の記録がないまま応答が途絶えました。サーバーを確かめ、必要なら起動し直してください。"),
    ),
    AlarmKind.COUNTER_DIFFERENCE: Words(
        N_("集計が記録と合いません"),
        N_("元の記録は無事です。todoke metrics check で違いを確かめ、todoke metrics rebuild で直してください。"),
    ),
    AlarmKind.UNMATCHED_MAIL: Words(
        N_("照合できない戻りメールの上限"),
        N_("保存できる量に達しました。新しいものは保存されません。内容を確かめてください。"),
    ),
    AlarmKind.UNMATCHED_RISING: Words(
        N_("照合できない戻りメールが増えています"),
        N_("返送先のドメインの設定と、迷惑メールの流入を確かめてください。メールの内容は一覧から読めます。"),
    ),
    AlarmKind.POSTCARDS_NOT_MAILED: Words(
        N_("はがきが差し出されていません"),
        N_("差し出しを待つはがきがあります。発送ロットを作り、差し出したら「差出済み」にしてください。"),
    ),
    AlarmKind.CARD_RETURN_RATE: Words(
        N_("カードの返送が増えています"),
        N_("返送されたカードの地域と届け先を確かめ、所属事業者や郵便局に問い合わせてください。"),
    ),
    AlarmKind.SEAL_BROKEN: Words(
        N_("記録の封印が合いません"),
        N_("記録が書き換えられたおそれがあります。todoke verify-log で場所を確かめ、控えを保全してください。"),
    ),
    AlarmKind.ALARM_MAIL_FAILED: Words(
        N_("警報のメールが届いていません"),
        N_("運営の担当者のメールアドレスを確かめて直してください。警報は、この画面でいつでも見られます。"),
    ),
    AlarmKind.LOOK_UP_LIMIT: Words(
        N_("閲覧の上限に達した事業者"),
        N_(
            "一日の上限まで技能者を閲覧しました。業務に見合うか、事業者に確かめてください。運営の画面に閲覧の一覧はありません。"
        ),
    ),
    AlarmKind.CARD_NOT_POSTED: Words(
        N_("発送されていないカードがあります"),
        N_("登録から日数がたっています。製造の状況を確かめてください。"),
    ),
    AlarmKind.CARD_SILENT: Words(
        N_("追跡が止まっているカードがあります"),
        N_("発送したあと、追跡が更新されていません。郵便局に調査を依頼してください。"),
    ),
    AlarmKind.CARD_KEPT_NEAR_END: Words(
        N_("保管の期限が近いカードがあります"),
        N_("まもなく差出人に返送されます。本人か所属事業者に、受け取りを急ぐよう知らせてください。"),
    ),
    AlarmKind.CARD_KEPT_OVER: Words(
        N_("保管の期限を過ぎたカードがあります"),
        N_("返送の記録がまだありません。追跡を取り込み、郵便局に確かめてください。"),
    ),
    AlarmKind.CARD_RETURNED: Words(
        N_("返送されたカードがあります"),
        N_("届け先を確かめて、もう一度発送してください。"),
    ),
    AlarmKind.CARD_UNKNOWN_LABEL: Words(
        N_("対応表にない追跡の言葉があります"),
        N_("意味を確かめて、対応表に加えてください。それまで「配達済み」とはみなしません。"),
    ),
    AlarmKind.CARD_CONTRADICTORY: Words(
        N_("追跡の記録が食い違うカードがあります"),
        N_("どちらが正しいか、郵便局に確かめてください。"),
    ),
    AlarmKind.CONTACT_GUESSING: Words(
        N_("カードの照会で誤りが続いています"),
        N_("番号を当てようとしているおそれがあります。照会への答えは、登録された連絡先だけに送っています。"),
    ),
}
# What an alarm is about, where that is no name of a domain, a relay or a host.
SUBJECTS: dict[str, str] = {
    "notices": N_("お知らせ"),
    "postcards": N_("はがき"),
    "cards": N_("カード"),
    "imports": N_("登録の取り込み"),
    "tracking": N_("発送と追跡の取り込み"),
    "exports": N_("書き出し"),
    "returned_mail": N_("戻りメール"),
    "database": N_("データベース"),
    "contact": N_("カードの照会"),
    "audit_row": N_("監査の記録"),
    "access_row": N_("閲覧の記録"),
    "file": N_("封印の控え"),
}
# Kinds that topics add later speak for themselves in their own lists; here they have a plain word.
OTHER = Words(N_("確認が必要です"), N_("内容を確かめて対応してください。"))


def item_words(kind: str) -> Words:
    """Return the words of a kind of work."""
    return ITEMS.get(kind, OTHER)


def subject_words(subject: str) -> str:
    """Return the subject of an alarm as a sentence of ours, or as it is when it is a name."""
    return SUBJECTS.get(subject, subject)


def alarm_words(kind: str) -> Words:
    """Return the words of a kind of alarm."""
    return ALARMS.get(kind, OTHER)
