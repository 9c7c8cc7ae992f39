"""The reader gives the same history whatever way it was written down."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.cards.tracking.layouts import LAYOUTS
from tests.examples import examples
from webapp.domain.cards.states import CardEvent, CardState, Receiver
from webapp.domain.cards.tracking.files import read_file
from webapp.domain.cards.tracking.labels import shipped_labels
from webapp.domain.cards.tracking.number import TrackingNumber, check_digit
from webapp.domain.cards.tracking.reader import read_rows, read_sources, read_text
from webapp.domain.core.calendar import JST

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
JAPANESE = [label for label in shipped_labels() if not label.isascii()]
OFFICES = [("新宿郵便局", "東京都"), ("上尾郵便局", "埼玉県"), ("大阪南支店", "大阪府"), ("札幌中央郵便局", "北海道")]


def number_of(ten: int) -> str:
    first = f"{ten:010d}"
    return str(TrackingNumber(f"{first}{check_digit(first)}"))


rows = st.lists(
    st.tuples(
        st.datetimes(datetime(2026, 1, 5), datetime(2026, 11, 22, 23, 59)).map(
            lambda at: at.replace(second=0, microsecond=0)
        ),
        st.sampled_from(JAPANESE),
        st.sampled_from(OFFICES),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: row[0],
).map(lambda found: [(at, label, *office) for at, label, office in sorted(found)])
# Numbers above 1000000000: below them, a bare number cannot be told from a telephone's.
parcels = st.lists(
    st.tuples(st.integers(1_000_000_000, 9_999_999_999).map(number_of), rows),
    min_size=1,
    max_size=3,
    unique_by=lambda parcel: parcel[0],
)


@pytest.mark.parametrize("layout", LAYOUTS)
@examples(25)
@given(parcels=parcels)
def test_every_layout_reads_as_the_same_history(layout, parcels):
    source = LAYOUTS[layout](parcels)
    reading = read_sources(read_file(source.encode(), "copied.csv" if layout.startswith("CSV") else "copied.txt"), NOW)
    got: dict[str, set] = {}
    for item in reading.items:
        got.setdefault(str(item.number), set()).update((e.at, e.label, e.office) for e in item.events)
    assert got == {
        number: {(at.replace(tzinfo=JST), label, office) for at, label, office, _ in rows} for number, rows in parcels
    }


def states(text: str, **kwargs) -> dict[str, str]:
    return {str(item.number): str(item.state) for item in read_text(text, NOW, **kwargs).items}


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("お届け先にお届け済み", "delivered"),
        ("お届け済み", "delivered"),
        ("「お届け済み」", "delivered"),
        ("お届け済み（転送）", "delivered"),
        ("お届け済み 新宿郵便局 東京都", "delivered"),
        ("お届け先にお届け済み　新宿　東京都", "delivered"),
        ("配達完了", "delivered"),
        ("窓口でお渡し", "delivered"),
        ("Final delivery SHINJUKU TOKYO", "delivered"),
        ("お届け済み（差出人へ返送）", "returned"),
        ("お届け済み （差出人に返送）", "returned"),
        ("お届け済み\t差出人に返送\t新宿郵便局\t東京都", "returned"),
        ("差出人に返送", "returned"),
        ("差出人に返送済み", "returned"),
        ("差出人にお届け済み", "returned"),
        ("保管（差出人に返送）", "returned"),
        ("ご不在のため持ち戻り", "absent"),
        ("ご不在のため\n持ち戻り", "absent"),
        ("ご不在のため持ち戻り 2回目 新宿郵便局", "absent"),
        ("コンビニエンスストアに引渡", "kept"),
        ("コンビニに引渡", "kept"),
        ("保管", "kept"),
        ("持ち出し中", "out_for_delivery"),
        ("転送", "posted"),
        ("到着", "posted"),
        ("配達希望受付", "posted"),
        ("調査中", "posted"),
        ("お届け済みではありません", "unknown"),
        ("お届け済み ではありません", "unknown"),
        ("お届け済みの予定", "unknown"),
        ("お届け済み（取消）", "unknown"),
        ("お届け済み（見たことのない注記）", "unknown"),
        ("お届け済み\t取消\t新宿郵便局\t東京都", "unknown"),
        ("未お届け済み", "unknown"),
        ("まだ お届け済み", "unknown"),
        ("お届け済み予定", "unknown"),
        ("お届け済み 予定", "unknown"),
        ("Not delivered", "unknown"),
        ("Delivered - cancelled", "unknown"),
        ("Delivery failed", "unknown"),
        ("宇宙へ出発 新宿郵便局", "unknown"),
    ],
)
def test_only_a_label_that_says_so_is_a_delivery(words, state):
    assert states(f"123-45-67890-3\n2026/11/20 10:00 {words}\n") == {"123-45-67890-3": state}


def test_an_unknown_label_keeps_its_text_and_can_be_mapped_by_ops():
    text = "123-45-67890-3\n2026/11/20 10:00\t宅配ロッカーに預入\t\t新宿郵便局\t東京都"
    reading = read_text(text, NOW)
    assert reading.unknown_labels == ("宅配ロッカーに預入",)
    assert reading.items[0].events[0].office == "新宿郵便局"
    assert states(text, extra={"宅配ロッカーに預入": CardEvent.KEPT}) == {"123-45-67890-3": "kept"}


def test_a_list_of_many_numbers_tells_the_newest_state_of_each():
    text = (
        "お問い合わせ番号\t商品種別\t最新年月日\t最新状態\t最新取扱局\t県名等\n"
        "123-45-67890-3\t簡易書留\t2026/11/20 10:00\t引受\t新宿郵便局\t東京都\n"
        "163-8799\n"
        "222-33-44444-6\t簡易書留\t2026/11/21\tお届け先にお届け済み\t上尾郵便局\t埼玉県\n"
        "362-8799\n"
        "333-44-55555-4\t簡易書留\t** お問い合わせ番号が見つかりません。\n"
    )
    assert states(text) == {
        "123-45-67890-3": "posted",
        "222-33-44444-6": "delivered",
        "333-44-55555-4": "unknown",
    }


def test_the_years_of_dates_without_a_year_end_today():
    reading = read_text("123-45-67890-3\n12/28 10:00 引受\n1/5 09:00 お届け済み", datetime(2027, 1, 10, tzinfo=UTC))
    assert [event.at for event in reading.items[0].events] == [
        datetime(2026, 12, 28, 10, tzinfo=JST),
        datetime(2027, 1, 5, 9, tzinfo=JST),
    ]


def test_rows_of_one_day_under_one_date():
    reading = read_text("123-45-67890-3\n11/20\n08:10 到着\n09:00 持ち出し中\n15:30 お届け済み", NOW)
    assert [f"{event.at:%m/%d %H:%M} {event.label}" for event in reading.items[0].events] == [
        "11/20 08:10 到着",
        "11/20 09:00 持ち出し中",
        "11/20 15:30 お届け済み",
    ]


def test_the_english_page_has_the_month_first():
    text = (
        "Item number\tType of item\n123-45-67890-3\tRegistered\n"
        "State occurrence date\tShipping track record\tDetails\tOffice\tPrefecture\nZIP code\n"
        "11/20/2026 13:05\tPosting/Collection\t\tSHINJUKU\tTOKYO\n163-8799\n"
        "11/21/2026 09:00\tAbsence. Attempted delivery.\t\tAGEO\tSAITAMA\n362-8799\n"
    )
    (item,) = read_text(text, NOW).items
    assert [(e.at, e.label, e.office) for e in item.events] == [
        (datetime(2026, 11, 20, 13, 5, tzinfo=JST), "Posting/Collection", "SHINJUKU"),
        (datetime(2026, 11, 21, 9, 0, tzinfo=JST), "Absence. Attempted delivery.", "AGEO"),
    ]
    assert item.state is CardState.ABSENT


@pytest.mark.parametrize(
    "line",
    [
        "検索日時：2026/11/23 12:00",
        "2026/11/23 12:00 現在",
        "お届け予定日 2026/11/25",
        "保管期限 2026/11/27",
        "電話 0570-002-042",
    ],
)
def test_dates_of_the_page_are_no_reports(line):
    (item,) = read_text(f"123-45-67890-3\n2026/11/20 10:00 引受 新宿郵便局\n{line}\n", NOW).items
    assert [event.label for event in item.events] == ["引受"]


def test_the_lines_of_another_services_number_are_not_given_to_the_card_above():
    text = "123-45-67890-3\n11/20 10:00 引受\n1234-5678-9012\n11/21 10:00 お届け済み\nEG123456789JP\n11/22 お届け済み"
    reading = read_text(text, NOW)
    assert {str(item.number): item.state for item in reading.items} == {"123-45-67890-3": CardState.POSTED}
    assert len(reading.problems) == 3


def test_a_telephone_number_is_no_tracking_number():
    assert read_text("TEL 03063863725\n携帯 090-1234-5678\n11/20 お届け済み", NOW).items == ()


def test_a_number_without_dates_still_has_its_label():
    assert states("123-45-67890-3 簡易書留 お届け済み\n222-33-44444-6\tご不在のため持ち戻り\n333-44-55555-4\n") == {
        "123-45-67890-3": "delivered",
        "222-33-44444-6": "absent",
        "333-44-55555-4": "unknown",
    }


def test_a_sheet_with_a_column_for_each_step():
    rows = [
        ["追跡番号", "引受日", "お届け済み日時", "備考"],
        [12345678903.0, date(2026, 11, 18), datetime(2026, 11, 20, 10, 5), None],
        ["222-33-44444-6", "2026/11/18", "", ""],
    ]
    reading = read_rows(rows, NOW)
    assert {str(item.number): str(item.state) for item in reading.items} == {
        "123-45-67890-3": "delivered",
        "222-33-44444-6": "posted",
    }


def test_a_number_that_a_spreadsheet_has_rounded_is_refused_with_its_text():
    reading = read_rows([["追跡番号", "状態"], ["1.23E+10", "お届け済み"]], NOW)
    assert reading.items == ()
    assert "1.23E+10" in reading.problems[0].sentence % reading.problems[0].parameters


def test_a_number_given_again_after_years_is_another_shipment():
    text = "123-45-67890-3\n2021/03/01 引受\n2021/03/02 お届け済み\n2026/11/20 引受\n"
    assert [item.state for item in read_text(text, NOW).items] == [CardState.DELIVERED, CardState.POSTED]


def test_the_same_lines_from_two_files_count_once():
    text = "123-45-67890-3\n2026/11/20 10:00 引受 新宿郵便局\n"
    (item,) = read_sources([text, text + "2026/11/20 引受\n"], NOW).items
    assert len(item.events) == 1


def test_who_took_the_card_is_known_only_where_the_label_tells():
    def receiver(label: str) -> Receiver:
        return read_text(f"123-45-67890-3\n11/20 10:00 {label}", NOW).items[0].standing.receiver

    assert receiver("お届け先にお届け済み") is Receiver.UNKNOWN
    assert receiver("お届け済み（同居人）") is Receiver.HOUSEHOLD
    assert receiver("窓口でお渡し") is Receiver.COUNTER


@examples(200)
@given(
    st.lists(
        st.sampled_from(
            [
                "123-45-67890-3",
                "2026/11/20",
                "10:00",
                "お届け済み",
                "ではない",
                "\n",
                "\t",
                " ",
                "（",
                "）",
                "引受",
                "局",
                "-",
                ":",
            ]
        )
    ).map("".join)
    | st.text()
)
def test_no_text_stops_the_reader(text):
    for item in read_text(text, NOW).items:
        assert len(item.events) == len(item.states)


@examples(200)
@given(
    st.lists(
        st.sampled_from(["お届け", "先に", "済み", "予定", "まだ", "未", "引受", "ます", "（", "）", " ", "取消", "局"])
    ).map("".join)
)
def test_a_delivery_is_never_read_from_a_word_that_is_no_label(words):
    whole = shipped_labels().meaning(words).event is CardEvent.DELIVERED
    text = f"123-45-67890-3\n2026/11/20 10:00\t{words}\n2026/11/21 10:00\t引受"
    events = [event for item in read_text(text, NOW).items for event in item.events]
    if any(event.event is CardEvent.DELIVERED for event in events):
        label = next(event.label for event in events if event.event is CardEvent.DELIVERED)
        assert whole or shipped_labels().meaning(label).event is CardEvent.DELIVERED
        assert not any(word in words for word in ("予定", "まだ", "未", "ます", "取消"))


def test_now_must_be_a_moment():
    with pytest.raises(ValueError, match="time zone"):
        read_text("", datetime(2026, 11, 23))


FIRST = ("2026-11-18T13:05:00+09:00", "引受", "新宿郵便局")
SECOND = ("2026-11-20T10:05:00+09:00", "お届け済み", "上尾郵便局")


@pytest.mark.parametrize(
    "text",
    [
        "123-45-67890-3\n引受\n2026/11/18 13:05\n新宿郵便局\nお届け済み\n2026/11/20 10:05\n上尾郵便局",
        "お問い合わせ番号\n123-45-67890-3\n状態発生日\n2026/11/18 13:05\n配送履歴\n引受\n詳細\n\n取扱局\n"
        "新宿郵便局\n県名等\n東京都\n"
        "状態発生日\n2026/11/20 10:05\n配送履歴\nお届け済み\n取扱局\n上尾郵便局",
        "番号：123-45-67890-3\n日時：2026/11/18 13:05\n状態：引受\n取扱局：新宿郵便局\n"
        "日時：2026/11/20 10:05\n状態：お届け済み\n取扱局：上尾郵便局",
        "| お問い合わせ番号 | 状態発生日 | 配送履歴 | 取扱局 |\n|---|---|---|---|\n"
        "| 123-45-67890-3 | 2026/11/18 13:05 | 引受 | 新宿郵便局 |\n"
        "| 123-45-67890-3 | 2026/11/20 10:05 | お届け済み | 上尾郵便局 |",
        "123-45-67890-3：2026/11/18 13:05 引受（新宿郵便局）、2026/11/20 10:05 お届け済み（上尾郵便局）",
        "2026/11/18 13:05\t123-45-67890-3\t引受\t新宿郵便局\n2026/11/20 10:05\t123-45-67890-3\tお届け済み\t上尾郵便局",
        "1\t引受\t123-45-67890-3\t2026/11/18\t13:05\t新宿郵便局\n2\tお届け済み\t123-45-67890-3\t2026/11/20\t10:05\t上尾郵便局",
        "123-45-67890-3\n2026/11/18 13:05 引受新宿郵便局\n2026/11/20 10:05 お届け済み 〒362-8799 上尾郵便局",
        "123-45-67890-3\n令和8年11月18日 午後1時5分 引受 新宿郵便局\nR8.11.20 10:05 お届け済み 上尾郵便局",
    ],
)
def test_other_ways_of_writing_the_same(text):
    (item,) = read_text(text, NOW).items
    told = [(e.at.isoformat() if e.at else None, e.label, e.office) for e in item.events]
    assert told == [FIRST, SECOND]


def test_the_date_of_a_wish_is_no_report():
    wish = "2026/11/20 12:00 配達希望受付\t11/22 14時-16時\t上尾郵便局\t埼玉県"
    text = f"123-45-67890-3\n{wish}\n2026/11/22 15:00 お届け済み"
    (item,) = read_text(text, NOW).items
    assert [(e.label, e.office) for e in item.events] == [("配達希望受付", "上尾郵便局"), ("お届け済み", "")]


@pytest.mark.parametrize(
    "line",
    [
        "お届け済み（11/25予定）",
        "お届け済み（11/25の予定）",
        "お届け済み 11/25 予定",
        "お届け済み（予定 11/25）",
        "お届け済み予定日 11/25",
        "お届け予定 11/25 お届け済みではない",
        "11/25 お届け済みになる予定",
        "11/20\nお届け済み\nではありません",
        "11/20 10:00\tお届け済み\t差出人\t新宿郵便局",
        "11/20 10:00|お届け済み（取消）|新宿郵便局",
        "お届け済み：11/20（差出人へ）",
        "お届け済みの見込み",
        "お届け済み 未",
    ],
)
def test_a_promise_or_a_denial_is_no_delivery(line):
    assert states(f"123-45-67890-3\n{line}\n")["123-45-67890-3"] != "delivered"


def test_bars_and_brackets_part_cells_as_tabs_do():
    text = (
        "123-45-67890-3（簡易書留）\n配達状況：ご不在のため持ち戻り（11月20日 14:02 上尾郵便局）\n"
        "・11/21 10:05｜保管｜上尾郵便局（埼玉県）"
    )
    (item,) = read_text(text, NOW).items
    assert [(e.label, e.office) for e in item.events] == [
        ("ご不在のため持ち戻り", "上尾郵便局"),
        ("保管", "上尾郵便局"),
    ]


def test_a_list_whose_rows_begin_with_a_running_number_is_read_by_its_columns():
    """The list of up to ten numbers is copied with 1 to 10 before each row and nothing above them."""
    heading = "お問い合わせ番号\t商品種別\t最新年月日\t最新状態\t最新取扱局\t県名等"
    labels = ["引受", "ご不在のため持ち戻り", "差出人に返送済み"]
    rows = [
        f"{n}\t{number_of(1_234_567_890 + n)}\t書留\t2026/11/20 10:0{n}\t{label}\t長野南郵便局\t長野県"
        for n, label in enumerate(labels, 1)
    ]
    reading = read_text("\n".join([heading, *rows]), NOW)
    assert [item.events[0].label for item in reading.items] == labels and not reading.problems
    assert [item.state for item in reading.items] == [CardState.POSTED, CardState.ABSENT, CardState.RETURNED]


@pytest.mark.parametrize("unseen", ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u200e", "\u202c"])
def test_characters_that_cannot_be_seen_change_nothing(unseen):
    plain = f"お問い合わせ番号\t{number_of(1_234_567_890)}\n2026/11/20 10:00\tご不在のため持ち戻り\t\t長野南郵便局\n"
    strewn = unseen + unseen.join(plain)
    assert read_text(strewn, NOW) == read_text(plain, NOW)
    rows = [["お問い合わせ番号", "日付", "状態"], [number_of(1_234_567_890), "2026/11/20", f"お届け{unseen}済み"]]
    assert read_rows(rows, NOW).items[0].state is CardState.DELIVERED


def test_a_date_that_no_calendar_has_is_named():
    rows = [["お問い合わせ番号", "日付", "状態"], [number_of(1_234_567_890), "2026/13/45", "引受"]]
    reading = read_rows(rows, NOW)
    assert [problem.parameters["value"] for problem in reading.problems] == ["2026/13/45"]
    assert reading.items[0].events[0].at is None
    rows[1][1] = "-"
    assert not read_rows(rows, NOW).problems, "a cell that holds no date is none"


def test_a_piece_of_a_pages_markup_is_read_as_the_page():
    piece = f"<tr><td>{number_of(1_234_567_890)}</td></tr><tr><td>2026/11/20</td><td>ご不在の<br>ため持ち戻り</td></tr>"
    (item,) = read_sources(read_file(piece.encode(), "copied.txt"), NOW).items
    assert (item.state, item.events[0].label) == (CardState.ABSENT, "ご不在のため持ち戻り")
