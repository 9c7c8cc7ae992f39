"""Files as offices would send them, made for one test."""

import csv
import io

import xlsxwriter

GOOD = {
    "申請番号": "A-2026-0001",
    "登録完了日時": "2026/11/18 10:02",
    "技能者ID": "",
    "氏名": "山田 太郎",
    "氏名カナ": "ヤマダ タロウ",
    "生年月日": "1980/4/1",
    "郵便番号": "100-0001",
    "住所": "東京都千代田区千代田1-1",
    "メールアドレス": "taro@example.jp",
}


def as_csv(rows, headings=None, encoding="utf-8", delimiter=",", line_end="\r\n") -> io.BytesIO:
    headings = headings or list(rows[0])
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(headings)
    writer.writerows([row.get(heading, "") for heading in headings] for row in rows)
    return io.BytesIO(text.getvalue().encode(encoding))


def as_xlsx(table, top=0, left=0, date_format="yyyy/m/d") -> io.BytesIO:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"default_date_format": date_format, "strings_to_numbers": False})
    sheet = book.add_worksheet()
    for row, values in enumerate(table, start=top):
        sheet.write_row(row, left, values)
    book.close()
    stream.seek(0)
    return stream
