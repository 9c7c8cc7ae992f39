"""A row of an office's table → cleaned values, or everything that is wrong with it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

from webapp.domain.core.calendar import JST
from webapp.domain.core.language import N_
from webapp.domain.intake.columns import BUSINESSES, REGISTRATIONS, SHAPE
from webapp.domain.parsing.cells import (
    DAMAGED,
    FORMULA_ERROR,
    FORMULA_ERRORS,
    LANGUAGE,
    UNWANTED,
    check_text,
    parse_application_number,
    parse_business_id,
    parse_card,
    parse_days_worked,
    parse_language,
    parse_level,
    parse_list,
    parse_postal_code,
    parse_technician_id,
)
from webapp.domain.parsing.contact import parse_email, parse_telephone
from webapp.domain.parsing.dates import parse_date, parse_moment
from webapp.domain.parsing.problems import CellError, Problem, Severity

T = TypeVar("T")

MOST_NAME = 100
MOST_ADDRESS = 300
MOST_TEXT = 200
_AS_TEXT = re.compile(r'="([^"]*)"\Z')
YOUNGEST, OLDEST = 15, 100  # years; anybody beyond is let in, with a warning
EARLIEST_BIRTH = date(1900, 1, 1)
CLOCKS_MAY_DIFFER = timedelta(days=1)

EMPTY = N_("%(column)sが空です。必ず書いてください。")
NO_COLUMN = N_("%(column)sの列がありません。列を加えて、値を書いてください。")
BROKEN_QUOTES = N_('引用符（"）が正しく閉じていません。この行の引用符を直してください。')
WRONG_SHAPE = N_(
    "この行の値の数（%(found)s）が見出しの数（%(expected)s）と違います。余分なカンマや改行がないか確かめてください。"
)
BIRTH_IN_FUTURE = N_("生年月日が未来の日付です。年を確かめてください。")
BIRTH_TOO_EARLY = N_("生年月日が1900年より前です。年を確かめてください。")
UNUSUAL_AGE = N_("生年月日では%(age)s歳です。年を確かめてください。")
COMPLETED_IN_FUTURE = N_("登録完了日時が未来です。日時を確かめてください。")
DELIVERY_HALF = N_("送付先は郵便番号と住所の両方を書いてください。現住所に送るときは、送付先をすべて空にしてください。")
NO_ADDRESS = N_("郵便番号と住所がそろっていません。このままではハガキもカードも送れず、保留になります。")


@dataclass(frozen=True, slots=True)
class RegistrationRow:
    """One completed application as the file gives it; None where the file says nothing.

    Names and addresses stand as they came, without the blanks around them. `completed_at` is aware UTC. Two rows of
    the same application with the same `content_digest` (hex SHA-256 of every value) say the same; `line` and
    `warnings` do not count.
    """

    line: int
    application_number: str
    completed_at: datetime
    technician_id: str | None
    name: str
    kana: str
    birth_date: date
    postal_code: str | None
    address: str | None
    telephone: str | None
    email: str | None
    delivery_postal_code: str | None
    delivery_address: str | None
    delivery_name: str | None
    affiliated_business_id: str | None
    proxy_business_id: str | None
    language: str
    occupations: tuple[str, ...]
    qualifications: tuple[str, ...]
    days_worked: int | None
    social_insurance: str | None
    kentaikyo: str | None
    level: int | None
    second_card: bool
    content_digest: str
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class BusinessRow:
    """One business as the file gives it; None where the file says nothing. `content_digest` as for registrations."""

    line: int
    business_id: str
    name: str
    kana: str | None
    email: str | None
    postal_code: str | None
    address: str | None
    telephone: str | None
    content_digest: str
    warnings: tuple[Problem, ...] = ()


class _Row:
    """The cells of one row while they are read; collects what is wrong instead of stopping at the first."""

    __slots__ = ("cells", "failed", "line", "problems")

    def __init__(self, line: int, cells: Mapping[str, str]) -> None:
        self.line = line
        self.cells = cells
        self.problems: list[Problem] = []
        self.failed = False

    def refuse(self, column: str, sentence: str, /, **params: object) -> None:
        self.failed = True
        self.problems.append(Problem(self.line, column, self.cells.get(column, ""), sentence, params))

    def warn(self, column: str, sentence: str, /, **params: object) -> None:
        value = self.cells.get(column, "")
        self.problems.append(Problem(self.line, column, value, sentence, params, Severity.warning))

    def text(self, column: str, most: int, one_line: bool = True) -> str | None:
        """An optional text as it came, None when empty."""
        text = self.cells.get(column, "").strip()
        if not text:
            return None
        try:
            return check_text(text, most, one_line=one_line)
        except CellError as error:
            self.refuse(column, error.sentence, **error.params)
            return None

    def value(self, column: str, parse: Callable[[str], T]) -> T | None:
        """An optional value, None when empty or refused."""
        text = self.cells.get(column, "").strip()
        if not text:
            return None
        try:
            return parse(text)
        except CellError as error:
            self.refuse(column, error.sentence, **error.params)
            return None

    def required(self, column: str, parse: Callable[[str], T]) -> T | None:
        """A value that must be there; None when it was refused."""
        text = self.cells.get(column)
        if text is None:
            self.refuse(column, NO_COLUMN, column=column)
            return None
        text = text.strip()
        if not text:
            self.refuse(column, EMPTY, column=column)
            return None
        try:
            return parse(text)
        except CellError as error:
            self.refuse(column, error.sentence, **error.params)
            return None

    def items(self, column: str) -> tuple[str, ...]:
        """Values between semicolons."""
        text = self.cells.get(column)
        if not text:
            return ()
        try:
            return parse_list(text, MOST_TEXT)
        except CellError as error:
            self.refuse(column, error.sentence, **error.params)
            return ()

    def check_whole(self, columns: tuple[str, ...]) -> None:
        """Refuse what the reader marked as broken, and characters that no cell may hold."""
        shape = self.cells.get(SHAPE)
        if shape is not None:
            found, slash, expected = shape.partition("/")
            if slash:
                self.refuse("", WRONG_SHAPE, found=found, expected=expected)
            else:
                self.refuse("", BROKEN_QUOTES)
            return
        whole = "".join(self.cells.values())
        if UNWANTED.search(whole):
            for column in columns:
                if UNWANTED.search(self.cells.get(column, "")):
                    self.refuse(column, DAMAGED)
        if '="' in whole:  # ="0430": what people write so that Excel keeps a zero
            self.cells = {
                name: match[1] if (match := _AS_TEXT.match(text)) else text for name, text in self.cells.items()
            }
        if "#" in whole:
            for column in columns:
                if (value := self.cells.get(column, "").strip()) in FORMULA_ERRORS:
                    self.refuse(column, FORMULA_ERROR, value=value)


def _age(birth: date, now: datetime) -> int:
    return now.year - birth.year - ((now.month, now.day) < (birth.month, birth.day))


def _name(text: str) -> str:
    return check_text(text, MOST_NAME, one_line=True)


def _digest(kind: str, *values: object) -> str:
    # The unit separator is among the characters that no cell may hold, so the joined text is unambiguous.
    return sha256("\x1f".join([kind, *("" if value is None else str(value) for value in values)]).encode()).hexdigest()


def clean_registration(line: int, cells: Mapping[str, str], now: datetime) -> RegistrationRow | list[Problem]:
    """Clean one row of a registrations file.

    `cells` are texts by column name as `files.open_source` yields them, `now` is aware UTC. Answers the row, with
    its warnings, or every problem of the row, of which at least one is an error. Never raises for bad content.
    """
    row = _Row(line, cells)
    row.check_whole(REGISTRATIONS.columns)
    if row.failed:
        return row.problems
    required, value, text = row.required, row.value, row.text
    number = required("申請番号", parse_application_number)
    completed_at = required("登録完了日時", parse_moment)
    if completed_at is not None and completed_at > now + CLOCKS_MAY_DIFFER:
        row.refuse("登録完了日時", COMPLETED_IN_FUTURE)
    technician_id = value("技能者ID", parse_technician_id)
    name = required("氏名", _name)
    kana = required("氏名カナ", _name)
    birth_date = required("生年月日", parse_date)
    if birth_date is not None:
        if birth_date >= now.date() and birth_date > now.astimezone(JST).date():
            row.refuse("生年月日", BIRTH_IN_FUTURE)
        elif birth_date < EARLIEST_BIRTH:
            row.refuse("生年月日", BIRTH_TOO_EARLY)
        elif not YOUNGEST <= (age := _age(birth_date, now)) <= OLDEST:
            row.warn("生年月日", UNUSUAL_AGE, age=age)
    postal_code = value("郵便番号", parse_postal_code)
    address = text("住所", MOST_ADDRESS, False)
    telephone = value("電話番号", parse_telephone)
    email = value("メールアドレス", parse_email)
    delivery_postal_code = value("送付先郵便番号", parse_postal_code)
    delivery_address = text("送付先住所", MOST_ADDRESS, False)
    delivery_name = text("送付先宛名", MOST_NAME)
    affiliated = value("所属事業者ID", parse_business_id)
    proxy = value("代行申請事業者ID", parse_business_id)
    language = parse_language(cells.get("言語", "").strip())
    occupations = row.items("職種")
    qualifications = row.items("資格")
    days_worked = value("就業日数", parse_days_worked)
    social_insurance = text("社会保険", MOST_TEXT)
    kentaikyo = text("建退共", MOST_TEXT)
    level = value("レベル", parse_level)
    second_card = value("カード", parse_card) or False

    _check_delivery(row)
    if language is None:
        row.warn("言語", LANGUAGE, value=cells["言語"].strip()[:40])
        language = "ja"
    if (postal_code is None or address is None) and not row.failed:
        row.warn("郵便番号" if postal_code is None else "住所", NO_ADDRESS)
    if row.failed or number is None or completed_at is None or name is None or kana is None or birth_date is None:
        return row.problems
    digest = _digest(
        "registration 1",
        number,
        completed_at.isoformat(),
        technician_id,
        name,
        kana,
        birth_date.isoformat(),
        postal_code,
        address,
        telephone,
        email,
        delivery_postal_code,
        delivery_address,
        delivery_name,
        affiliated,
        proxy,
        language,
        ";".join(occupations),
        ";".join(qualifications),
        days_worked,
        social_insurance,
        kentaikyo,
        level,
        second_card,
    )
    return RegistrationRow(
        line,
        number,
        completed_at,
        technician_id,
        name,
        kana,
        birth_date,
        postal_code,
        address,
        telephone,
        email,
        delivery_postal_code,
        delivery_address,
        delivery_name,
        affiliated,
        proxy,
        language,
        occupations,
        qualifications,
        days_worked,
        social_insurance,
        kentaikyo,
        level,
        second_card,
        digest,
        tuple(row.problems),
    )


def _check_delivery(row: _Row) -> None:
    """送付先 is whole or absent: a postal code and an address, with or without an addressee."""
    get = row.cells.get
    code, address, name = (get(c, "").strip() for c in ("送付先郵便番号", "送付先住所", "送付先宛名"))
    if (code or address or name) and not (code and address):
        row.refuse("送付先郵便番号" if not code else "送付先住所", DELIVERY_HALF)


def clean_business(line: int, cells: Mapping[str, str]) -> BusinessRow | list[Problem]:
    """Clean one row of a businesses file; answers as `clean_registration` does."""
    row = _Row(line, cells)
    row.check_whole(BUSINESSES.columns)
    if row.failed:
        return row.problems
    business_id = row.required("事業者ID", parse_business_id)
    name = row.required("名称", _name)
    kana = row.text("名称カナ", MOST_NAME)
    email = row.value("メールアドレス", parse_email)
    postal_code = row.value("郵便番号", parse_postal_code)
    address = row.text("住所", MOST_ADDRESS, False)
    telephone = row.value("電話番号", parse_telephone)
    if row.failed or business_id is None or name is None:
        return row.problems
    digest = _digest("business 1", business_id, name, kana, email, postal_code, address, telephone)
    warnings = tuple(row.problems)
    return BusinessRow(line, business_id, name, kana, email, postal_code, address, telephone, digest, warnings)
