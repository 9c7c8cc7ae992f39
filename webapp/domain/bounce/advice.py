"""What the person and their business can do after a failure: a sentence for each, by reason and by mail provider.

The menus are those that the providers describe on their help pages; they are named as a person sees them.
"""

from webapp.domain.bounce.model import Reason, ReasonClass
from webapp.domain.core.language import N_

Advice = tuple[str, dict[str, str]]

_ALLOW_DOCOMO = N_(
    "ドコモメールの「受信リスト設定」に %(domain)s を登録してください。My docomo の「メール設定」から設定できます。"
)
_ALLOW_AU = N_(
    "auメールの「迷惑メールフィルター」の「受信リスト」に %(domain)s を登録してください。"
    "auメールアプリの「アドレス変更・迷惑メール設定」から設定できます。"
)
_ALLOW_SOFTBANK = N_(
    "ソフトバンクの「受信許可リスト」に %(domain)s を登録してください。"
    "My SoftBank の「メール管理」の「迷惑メール対策」から設定できます。"
)
_ALLOW_YMOBILE = N_(
    "ワイモバイルの「受信許可リスト」に %(domain)s を登録してください。"
    "My Y!mobile の「メール設定」の「迷惑メールフィルター」から設定できます。"
)
_ALLOW_RAKUTEN = N_("楽メールの「迷惑メール設定」で %(domain)s からのメールを許可してください。")
_ALLOW_GMAIL = N_(
    "Gmail の「迷惑メール」フォルダを見てください。"
    "%(domain)s からのメールがあれば「迷惑メールではない」を押してください。"
)
_ALLOW_ICLOUD = N_(
    "iCloud メールの「迷惑メール」フォルダを見てください。%(domain)s からのメールがあれば「受信」に移してください。"
)
_ALLOW_OUTLOOK = N_(
    "Outlook の「差出人セーフリスト」に %(domain)s を登録してください。「迷惑メール」フォルダも見てください。"
)
_ALLOW_YAHOO = N_(
    "Yahoo!メールの「受信拒否設定」に %(domain)s がないか見てください。「迷惑メール」フォルダも見てください。"
)
_ALLOW = N_("%(domain)s からのメールを受け取る設定にしてください。「迷惑メール」フォルダも見てください。")

# Endings of a recipient's domain and the sentence that names the provider's menu.
_PROVIDERS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("docomo.ne.jp", "docomo.co.jp"), _ALLOW_DOCOMO),
    (("ezweb.ne.jp", "au.com", "uqmobile.jp"), _ALLOW_AU),
    (("ymobile.ne.jp", "yahoo.ne.jp", "emnet.ne.jp", "willcom.com", "pdx.ne.jp", "y-mobile.ne.jp"), _ALLOW_YMOBILE),
    (("softbank.ne.jp", "softbank.jp", "vodafone.ne.jp", "disney.ne.jp"), _ALLOW_SOFTBANK),
    (("rakuten.jp", "rakumail.jp"), _ALLOW_RAKUTEN),
    (("gmail.com", "googlemail.com"), _ALLOW_GMAIL),
    (("icloud.com", "me.com", "mac.com"), _ALLOW_ICLOUD),
    (("outlook.com", "outlook.jp", "hotmail.com", "hotmail.co.jp", "live.jp", "live.com", "msn.com"), _ALLOW_OUTLOOK),
    (("yahoo.co.jp", "ybb.ne.jp"), _ALLOW_YAHOO),
)

_PERSON: dict[Reason, str] = {
    Reason.USERUNKNOWN: N_("このメールアドレスは使われていません。今使っているアドレスを届けてください。"),
    Reason.HOSTUNKNOWN: N_(
        "メールアドレスの @ の右側が見つかりません。つづりを確かめ、正しいアドレスを届けてください。"
    ),
    Reason.HASMOVED: N_("このメールアドレスは変わっています。新しいアドレスを届けてください。"),
    Reason.NOTACCEPT: N_("このメールアドレスはメールを受け取れません。別のアドレスを届けてください。"),
    Reason.MAILBOXFULL: N_("メールボックスがいっぱいです。いらないメールを消すと届くようになります。"),
    Reason.SUSPEND: N_("このメールアドレスは止められています。契約先に問い合わせるか、別のアドレスを届けてください。"),
}
_PERSON_WAIT = N_(
    "相手のメールサーバーが一時的に受け取れませんでした。もう一度送りますので、何もする必要はありません。"
)
_PERSON_OURS = N_("送り手の側の問題で届きませんでした。メールアドレスはそのままで大丈夫です。もう一度送ります。")

_BUSINESS: dict[ReasonClass, str] = {
    ReasonClass.DEAD: N_(
        "技能者のメールアドレスが使われていません。本人に確かめ、正しいアドレスを届けるよう伝えてください。"
    ),
    ReasonClass.REFUSED: N_(
        "技能者のメールが受け取られていません。%(domain)s からのメールを受け取る設定にするよう本人に伝えてください。"
    ),
    ReasonClass.TEMPORARY: N_("技能者へのメールが一時的に届いていません。もう一度送ります。"),
    ReasonClass.OURS: N_("送り手の側の問題でメールが届いていません。もう一度送ります。手続きは要りません。"),
}
_BUSINESS_FULL = N_("技能者のメールボックスがいっぱいです。いらないメールを消すよう本人に伝えてください。")


def advice(reason: Reason, recipient_domain: str, sender_domain: str) -> tuple[Advice, Advice]:
    """Advice for the person and for their business: a marked Japanese sentence and its parameters each.

    `recipient_domain` is the domain of the person's address, `sender_domain` the one that must be allowed.
    """
    params = {"domain": sender_domain}
    person = _PERSON.get(reason)
    if person is None:
        if reason is Reason.FILTERED:
            person = allowing(recipient_domain)
        else:
            person = _PERSON_OURS if reason.reason_class is ReasonClass.OURS else _PERSON_WAIT
    business = _BUSINESS_FULL if reason is Reason.MAILBOXFULL else _BUSINESS[reason.reason_class]
    return (person, params), (business, params)


def allowing(recipient_domain: str) -> str:
    """The sentence that says which setting of the recipient's provider admits a sender; its parameter is `domain`."""
    domain = recipient_domain.lower().rstrip(".")
    for endings, sentence in _PROVIDERS:
        if domain.endswith(endings) and any(domain == ending or domain.endswith(f".{ending}") for ending in endings):
            return sentence
    return _ALLOW
