"""The same history written in the ways in which people copy, save and type it."""

from collections.abc import Callable
from datetime import datetime

Row = tuple[datetime, str, str, str]  # when (JST), label, office, prefecture
Parcel = tuple[str, list[Row]]  # number NNN-NN-NNNNN-C, rows oldest first
NOW_DAY = "2026-11-23"

WIDE = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})


def detail_page(parcels: list[Parcel], newest_first: bool = False, year: bool = True, wrap: bool = True) -> str:
    """The page of a single item, one after the other, as a browser copies it."""
    out = []
    for number, rows in parcels:
        out += ["検索結果詳細", "お問い合わせ番号\t商品種別\t付加サービス", f"{number}\t書留\t簡易書留", "履歴情報"]
        out += ["状態発生日", "(海外で発生した場合は現地時間)\t配送履歴\t詳細\t取扱局\t県名等", "郵便番号"]
        for at, label, office, prefecture in reversed(rows) if newest_first else rows:
            when = f"{at:%Y/%m/%d %H:%M}" if year else f"{at:%m/%d %H:%M}"
            out.append(f"{when}\t{label}\t\t{office}\t{prefecture}")
            if wrap:
                out.append("163-8799")
        out += ["お問い合わせ窓口局", f"引受局\t{rows[0][2]}\t電話番号 0570-002-042", "ページの先頭へ戻る", ""]
    return "\n".join(out)


def one_line_heading(parcels: list[Parcel]) -> str:
    """Heading and rows in one line each; the number above."""
    out = []
    for number, rows in parcels:
        out += [f"お問い合わせ番号：{number}", "状態発生日\t配送履歴\t詳細\t取扱局\t県名等"]
        out += [f"{at:%Y/%m/%d %H:%M}\t{label}\t\t{office}\t{place}" for at, label, office, place in rows]
    return "\n".join(out)


def words(parcels: list[Parcel]) -> str:
    """Typed with single blanks."""
    return "\n".join(
        line
        for number, rows in parcels
        for line in [number, *(f"{at:%Y/%m/%d %H:%M} {label} {office} {place}" for at, label, office, place in rows)]
    )


def full_width(parcels: list[Parcel]) -> str:
    """Everything full-width, blanks too."""
    return words(parcels).translate(WIDE).replace(" ", "\u3000")


def every_cell_a_line(parcels: list[Parcel]) -> str:
    """Each cell in a line of its own, as telephones copy it."""
    out = []
    for number, rows in parcels:
        out += ["お問い合わせ番号", number]
        for at, label, office, place in rows:
            out += [f"{at:%Y/%m/%d}", f"{at:%H:%M}", label, office, place, "163-8799"]
    return "\n".join(out)


def japanese_dates(parcels: list[Parcel]) -> str:
    """2026年11月20日(金) 13時05分."""
    out = []
    for number, rows in parcels:
        out.append(f"追跡番号 {number.replace('-', '')}")
        for at, label, office, place in rows:
            day = f"{at.year}年{at.month}月{at.day}日({'月火水木金土日'[at.weekday()]})"
            out.append(f"{day} {at:%H}時{at:%M}分　{label}　{office}　{place}")
    return "\n".join(out)


def label_first(parcels: list[Parcel]) -> str:
    """The label before the date."""
    out = []
    for number, rows in parcels:
        out.append(f"番号 {number}")
        out += [f"・{label}：{at:%m/%d %H:%M}（{office}）" for at, label, office, _ in rows]
    return "\n".join(out)


def broken_labels(parcels: list[Parcel]) -> str:
    """The label broken in the middle by a narrow window."""
    out = []
    for number, rows in parcels:
        out.append(number)
        for at, label, office, place in rows:
            cut = max(2, len(label) // 2)
            out.append(f"{at:%Y/%m/%d %H:%M}\t{label[:cut]}\n{label[cut:]}\t\t{office}\t{place}")
    return "\n".join(out)


def csv_text(parcels: list[Parcel]) -> str:
    """Rows with headings, the number in each."""
    out = ["お問い合わせ番号,状態発生日,配送履歴,詳細,取扱局,県名等"]
    for number, rows in parcels:
        out += [f"{number},{at:%Y/%m/%d %H:%M},{label},,{office},{place}" for at, label, office, place in rows]
    return "\n".join(out)


def csv_merged(parcels: list[Parcel]) -> str:
    """Rows with headings in another order, the number only in the first row, day and time apart, line ends CRLF."""
    out = ["日付,時刻,取扱局名,ステータス,追跡番号"]
    for number, rows in parcels:
        for index, (at, label, office, _) in enumerate(rows):
            out.append(f"{at:%Y-%m-%d},{at:%H:%M},{office},{label},{number.replace('-', '') if not index else ''}")
    return "\r\n".join(out)


def csv_without_heading(parcels: list[Parcel]) -> str:
    """Rows without headings."""
    out = []
    for number, rows in parcels:
        out += [f"{number},{at:%Y/%m/%d %H:%M},{label},{office},{place}" for at, label, office, place in rows]
    return "\n".join(out)


def saved_page(parcels: list[Parcel]) -> str:
    """The page saved as HTML."""
    out = ["<html><head><style>td {x: 2026/01/01}</style></head><body>"]
    for number, rows in parcels:
        out.append(f"<table><tr><th>お問い合わせ番号</th></tr><tr><td>{number}</td><td>書留</td></tr></table><table>")
        out.append("<tr><th rowspan=2>状態発生日<br>(現地時間)</th><th>配送履歴</th><th>詳細</th><th>取扱局</th></tr>")
        for at, label, office, place in rows:
            out.append(f"<tr><td rowspan=2>{at:%Y/%m/%d %H:%M}</td><td>{label}</td><td></td>")
            out.append(f"<td>{office}</td><td>{place}</td></tr><tr><td>163-8799</td></tr>")
        out.append("</table>")
    return "".join([*out, "</body></html>"])


LAYOUTS: dict[str, Callable[[list[Parcel]], str]] = {
    "detail page": detail_page,
    "detail page, newest first": lambda p: detail_page(p, newest_first=True),
    "detail page without years": lambda p: detail_page(p, year=False),
    "detail page without postal codes": lambda p: detail_page(p, wrap=False),
    "one-line heading": one_line_heading,
    "single blanks": words,
    "full width": full_width,
    "every cell a line": every_cell_a_line,
    "Japanese dates": japanese_dates,
    "label first": label_first,
    "broken labels": broken_labels,
    "CSV": csv_text,
    "CSV merged": csv_merged,
    "CSV without heading": csv_without_heading,
    "saved page": saved_page,
}
