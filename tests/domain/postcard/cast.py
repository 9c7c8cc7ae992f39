"""The invented people and sender of the postcard tests."""

from dataclasses import replace

from webapp.domain.postcard.sheet import PrintedCard, PrintedSender

SENDER = PrintedSender(
    name="一般財団法人とどけ登録機構",
    postal_code="105-0001",
    address="東京都港区虎ノ門9-9-9　とどけビル8階",
    telephone="03-0000-0000",
    post_office="銀座郵便局",
    contact=(
        "お問い合わせセンター",
        "電話 03-0000-0000（9時から17時）",
        "メール inquiry@todoke.example",
        "土曜・日曜・祝日・年末年始は休みです",
        "ホームページ https://todoke.example/",
    ),
)
CARD = PrintedCard(
    management_number="7K3Q9-X2M4T",
    print_number=1,
    name="佐藤　健一",
    postal_code="263-0023",
    address="千葉県千葉市稲毛区緑町1丁目99-8　みどりハイツ403号",
    language="ja",
    technician_id="12345678901234",
    activation_code="7QK2M9XW4T",
    sign_in_url="https://todoke.example/sign-in",
    code_days=60,
)


def card(**changes) -> PrintedCard:
    return replace(CARD, **changes)
