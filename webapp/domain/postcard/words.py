"""The fixed words of the sealed postcard, in Japanese and in English.

These stand on paper, both languages side by side, so that they are content of the sheet and not of the catalogue.
Nothing here names a purpose on the outside: only what the post asks for and how to open the card.
"""

OUTSIDE = {
    "card": "郵便はがき",
    "postage": ("料金後納", "郵便"),
    "to": "様",
    "telephone": "電話",
    "open": "ここから、ゆっくりはがしてください",
    "open_en": "Peel open slowly from here",
    "back_to": "宛先に届かないときは、差出人にお戻しください",
}

INSIDE = {
    "ja": {
        "title": "技能者情報新規登録完了\n「技能者ID」のお知らせ",
        "done": (
            "建設キャリアアップシステムの技能者登録が完了しました。\n"
            "メールでお知らせできなかったため、はがきでお届けします。"
        ),
        "id": "技能者ID（14桁）",
        "code": "確認コード（10文字）",
        "code_until": "確認コードは、このはがきの差出日から{days}日間、\n1回だけ使えます。",
        "keep": "技能者IDは、これからも使う番号です。\nこのはがきを大切に保管してください。",
        "steps_title": "サインインのしかた",
        "steps": (
            "右の二次元コードを読み取るか、\n下のアドレスを開きます。",
            "技能者ID、確認コード、\n生年月日を入れます。",
            "メールアドレスを新しくすると、\n次からはメールでお知らせします。",
        ),
        "warning": "確認コードを、ほかの人に教えないでください。\n電話やメールで聞くことはありません。",
        "contact_title": "お問い合わせ",
        "contact_hint": "技能者ID、または申請番号をご用意ください。",
        "to": "様",
    },
    "en": {
        "title": "Your registration is complete: notice of your technician ID",
        "done": (
            "Your technician registration in the Construction Career Up System (CCUS) is complete. "
            "We could not tell you by e-mail, so we send you this card."
        ),
        "id": "Technician ID (14 digits)",
        "code": "Activation code (10 characters)",
        "code_until": "You can use the code once, within {days} days from the day this card was posted.",
        "keep": "You will keep using your technician ID. Please keep this card in a safe place.",
        "steps_title": "How to sign in",
        "steps": (
            "Scan the QR code, or open the address below.",
            "Enter your technician ID, the activation code and your date of birth.",
            "Enter a new e-mail address: we will then write to you by e-mail.",
        ),
        "warning": "Never tell anyone the activation code. We never ask for it by telephone or e-mail.",
        "contact_title": "Contact",
        "contact_hint": "Please have your technician ID or application number ready.",
    },
}
