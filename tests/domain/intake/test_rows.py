from datetime import UTC, date, datetime

import pytest

from tests.domain.intake.sheets import GOOD
from webapp.domain.intake import rows
from webapp.domain.intake.rows import BusinessRow, RegistrationRow, clean_business, clean_registration
from webapp.domain.parsing import cells
from webapp.domain.parsing.problems import Severity

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def clean(**changes):
    return clean_registration(7, GOOD | changes, NOW)


def only(result) -> tuple[str, str]:
    assert len(result) == 1
    assert (result[0].line, result[0].severity) == (7, Severity.error)
    return result[0].column, result[0].sentence


def test_a_good_row_becomes_values():
    row = clean(言語="en", 職種="とび；型枠", 就業日数="120", レベル="2", カード="1", 所属事業者ID="00012345678901")
    assert isinstance(row, RegistrationRow)
    assert row.completed_at == datetime(2026, 11, 18, 1, 2, tzinfo=UTC)
    assert (row.birth_date, row.postal_code, row.language) == (date(1980, 4, 1), "1000001", "en")
    assert (row.occupations, row.days_worked, row.level, row.second_card) == (("とび", "型枠"), 120, 2, True)
    assert (row.affiliated_business_id, row.technician_id, row.proxy_business_id) == ("00012345678901", None, None)
    assert row.warnings == ()


@pytest.mark.parametrize(
    "name", ["\ufa19\ufa10 \ufa1b太郎", "ｱﾍﾞ", "か\u3099", "葛\U000e0100城", "Nguyễn Văn An", "𠮷田"]
)
def test_names_and_addresses_lose_nothing_but_the_blanks_around_them(name):
    row = clean(
        氏名=f" \u3000{name}\u3000", 住所=f"{name}1-1 ", 送付先郵便番号="1000001", 送付先住所=name, 送付先宛名=name
    )
    assert (row.name, row.address, row.delivery_address, row.delivery_name) == (name, f"{name}1-1", name, name)


@pytest.mark.parametrize("column", ["申請番号", "登録完了日時", "氏名", "氏名カナ", "生年月日"])
def test_an_empty_required_cell_and_a_missing_column_are_different_sentences(column):
    assert only(clean(**{column: "　"})) == (column, rows.EMPTY)
    assert only(clean_registration(7, {k: v for k, v in GOOD.items() if k != column}, NOW)) == (column, rows.NO_COLUMN)


@pytest.mark.parametrize(
    ("changes", "column", "sentence"),
    [
        ({"生年月日": "2026/11/24"}, "生年月日", rows.BIRTH_IN_FUTURE),
        ({"生年月日": "1899/12/31"}, "生年月日", rows.BIRTH_TOO_EARLY),
        ({"登録完了日時": "2026/11/25 10:00"}, "登録完了日時", rows.COMPLETED_IN_FUTURE),
        ({"送付先郵便番号": "1000001"}, "送付先住所", rows.DELIVERY_HALF),
        ({"送付先住所": "東京都"}, "送付先郵便番号", rows.DELIVERY_HALF),
        ({"送付先宛名": "山田"}, "送付先郵便番号", rows.DELIVERY_HALF),
        ({"技能者ID": "1.23457E+13"}, "技能者ID", cells.E_NOTATION),
        ({"技能者ID": "1234567890123"}, "技能者ID", cells.ID_ZERO_LOST),
        ({"郵便番号": "600001"}, "郵便番号", cells.POSTAL_ZERO_LOST),
        ({"氏名": "山田\n太郎"}, "氏名", cells.LINE_FEED),
        ({"氏名": "山田\x00太郎"}, "氏名", cells.DAMAGED),
        ({"氏名": "山田\ufffd太郎"}, "氏名", cells.DAMAGED),
        ({"氏名": "山田\ud800"}, "氏名", cells.DAMAGED),
        ({"氏名": "山田\u202e太郎"}, "氏名", cells.DAMAGED),
        ({"氏名": "山" * 101}, "氏名", cells.TOO_LONG),
        ({"レベル": "5"}, "レベル", cells.LEVEL),
    ],
)
def test_a_bad_cell_is_refused_with_its_column_and_sentence(changes, column, sentence):
    result = clean(**changes)
    assert only(result) == (column, sentence)
    assert result[0].value == (GOOD | changes).get(column, "")
    assert result[0].in_japanese()


def test_today_in_japan_is_no_future_birth_though_it_is_still_yesterday_in_utc():
    late = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
    assert isinstance(clean_registration(7, GOOD | {"生年月日": "2026/11/24"}, late), RegistrationRow)


def test_every_problem_of_a_row_is_told_at_once():
    result = clean(氏名="", 生年月日="x", 郵便番号="1", レベル="9", 言語="vi")
    assert [problem.column for problem in result] == ["氏名", "生年月日", "郵便番号", "レベル", "言語"]


def test_another_language_and_a_missing_address_are_warnings():
    row = clean(言語="vi", 住所="", 郵便番号="")
    assert row.language == "ja"
    assert [(w.column, w.severity) for w in row.warnings] == [("言語", "warning"), ("郵便番号", "warning")]
    assert clean(住所="").warnings[0].column == "住所"


def test_the_digest_says_whether_two_rows_say_the_same():
    one = clean()
    same = clean_registration(
        99, GOOD | {"生年月日": "昭和55年4月1日", "郵便番号": "1000001", "言語": "ja", "備考": "x"}, NOW
    )
    assert one.content_digest == same.content_digest
    assert len(one.content_digest) == 64
    others = [clean(**{column: value}) for column, value in OTHER.items()]
    digests = {one.content_digest, *(row.content_digest for row in others)}
    assert len(digests) == len(OTHER) + 1


OTHER = {
    "申請番号": "A-2",
    "登録完了日時": "2026/11/18 10:03",
    "技能者ID": "12345678901234",
    "氏名": "山田 太朗",
    "氏名カナ": "ヤマダ",
    "生年月日": "1980/4/2",
    "郵便番号": "1000002",
    "住所": "別",
    "電話番号": "03-1234-5678",
    "メールアドレス": "",
    "所属事業者ID": "1",
    "代行申請事業者ID": "1",
    "言語": "en",
    "職種": "とび",
    "資格": "とび",
    "就業日数": "0",
    "社会保険": "とび",
    "建退共": "とび",
    "レベル": "1",
    "カード": "1",
}


def test_a_business_needs_its_id_and_name_only():
    row = clean_business(3, {"事業者ID": "12345678901234", "名称": "\ufa19建設 "})
    assert row == BusinessRow(3, "12345678901234", "\ufa19建設", None, None, None, None, None, row.content_digest)
    problems = clean_business(3, {"事業者ID": "1.2E+13", "名称": "", "メールアドレス": "x"})
    assert [problem.column for problem in problems] == ["事業者ID", "名称", "メールアドレス"]
