"""What is to happen with a cleaned registration row: the table of docs/import.md, and nothing is written here."""

from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from webapp.domain.core.calendar import JST
from webapp.domain.core.language import N_
from webapp.domain.core.search_key import fold_kana_of_person, fold_search_key
from webapp.domain.intake.known import Known, KnownApplication, KnownEmployer, KnownPerson
from webapp.domain.intake.outcomes import RowOutcome
from webapp.domain.intake.rows import RegistrationRow
from webapp.domain.parsing.cells import parse_list
from webapp.domain.parsing.problems import Problem

CONFLICT = N_(
    "申請番号 %(number)s はすでに登録されていて、%(column)sが違います"
    "（登録済み: %(stored)s、このファイル: %(given)s）。どちらが正しいか確かめてください。"
)
OTHER_PERSON = N_(
    "技能者ID %(technician_id)s の人はすでに登録されていて、%(column)sが違います。別の人でないか確かめてください。"
)
UNKNOWN_BUSINESS = N_("%(column)s %(value)s の事業者が登録されていません。先に事業者のファイルを取り込んでください。")
AFFILIATED_ELSEWHERE = N_(
    "この人は別の事業者に所属しています。所属は取り込みでは変えられません。先に前の所属を終えてください。"
)

# The fields of a row that make up the application, and their columns in the file.
FIELDS = {
    "application_number": "申請番号",
    "completed_at": "登録完了日時",
    "technician_id": "技能者ID",
    "name": "氏名",
    "kana": "氏名カナ",
    "birth_date": "生年月日",
    "postal_code": "郵便番号",
    "address": "住所",
    "telephone": "電話番号",
    "email": "メールアドレス",
    "delivery_postal_code": "送付先郵便番号",
    "delivery_address": "送付先住所",
    "delivery_name": "送付先宛名",
    "affiliated_business_id": "所属事業者ID",
    "proxy_business_id": "代行申請事業者ID",
    "language": "言語",
    "occupations": "職種",
    "qualifications": "資格",
    "days_worked": "就業日数",
    "social_insurance": "社会保険",
    "kentaikyo": "建退共",
    "level": "レベル",
    "second_card": "カード",
}


_values = attrgetter(*FIELDS)


class RowDecision(NamedTuple):
    """What is to happen with a row; `person` is None for one who is not known yet, `application` is what is in."""

    outcome: RowOutcome
    problems: tuple[Problem, ...] = ()
    application: KnownApplication | None = None
    person: KnownPerson | None = None
    affiliated: KnownEmployer | None = None
    proxy: KnownEmployer | None = None


def content_of(row: RegistrationRow) -> dict[str, object]:
    """Return what a row says as a JSON value, without what it leaves empty; dates in ISO form."""
    content = {name: value for name, value in zip(FIELDS, _values(row), strict=True) if value}
    content["completed_at"] = row.completed_at.isoformat()
    content["birth_date"] = row.birth_date.isoformat()
    if row.days_worked == 0:
        content["days_worked"] = 0
    return content


def decide(row: RegistrationRow, known: Known) -> RowDecision:
    """Decide a row by what is known now; `known` has been loaded for it."""
    if application := known.applications.get(row.application_number):
        if application.digest == row.content_digest or not (problems := _conflicts(row, application)):
            return RowDecision(RowOutcome.UNCHANGED, row.warnings, application)
        return RowDecision(RowOutcome.REJECTED, (*problems, *row.warnings))
    problems = []
    employers = []
    for name in ("affiliated_business_id", "proxy_business_id"):
        business_id = getattr(row, name)
        employer = known.employers.get(business_id) if business_id else None
        employers.append(employer)
        if business_id and employer is None:
            column = FIELDS[name]
            params = {"column": column, "value": business_id}
            problems.append(Problem(row.line, column, business_id, UNKNOWN_BUSINESS, params))
    affiliated, proxy = employers
    person = known.people.get(row.technician_id) if row.technician_id else None
    if person is not None:
        problems += _mismatches(row, person)
        if not problems and row.affiliated_business_id and person.business not in (None, affiliated.id):
            value = row.affiliated_business_id
            problems.append(Problem(row.line, FIELDS["affiliated_business_id"], value, AFFILIATED_ELSEWHERE))
    if problems:
        return RowDecision(RowOutcome.REJECTED, (*problems, *row.warnings))
    outcome = RowOutcome.ACCEPTED if person is None else RowOutcome.UPDATED
    return RowDecision(outcome, row.warnings, None, person, affiliated, proxy)


def _conflicts(row: RegistrationRow, application: KnownApplication) -> list[Problem]:
    """What differs from the application that is in; nothing if only the ID that it was issued has been filled in."""
    problems = []
    given, stored = content_of(row), application.content
    stored = content_of(stored) if isinstance(stored, RegistrationRow) else stored
    for name, column in FIELDS.items():
        before, after = stored.get(name), given.get(name)
        if name == "technician_id" and before is None and after == application.technician_id:
            continue
        if _comparable(before) != _comparable(after):
            params = {
                "number": row.application_number,
                "column": column,
                "stored": _shown(name, before),
                "given": _shown(name, after),
            }
            problems.append(Problem(row.line, column, _shown(name, after), CONFLICT, params))
    return problems


# The same sign as CP932 and UTF-8 give it back: 〜/～, −/－, ‖/∥, —/―, ¢£¬.
_SAME_SIGNS = str.maketrans("〜−‖—¢£¬", "～－∥―￠￡￢")


def _comparable(value: object) -> object:
    """A value without what the encoding or the separators of a list make of it."""
    if isinstance(value, str):
        return value.translate(_SAME_SIGNS)
    if isinstance(value, list | tuple):
        return [part for text in value for part in parse_list(str(text).translate(_SAME_SIGNS), len(text))]
    return value


def _shown(name: str, value: object) -> str:
    if value is None:
        return "—"
    if value is True:
        return "1"
    if isinstance(value, list | tuple):
        return ";".join(value)
    if name == "completed_at":
        return datetime.fromisoformat(str(value)).astimezone(JST).strftime("%Y-%m-%d %H:%M:%S")
    return str(value)


def _mismatches(row: RegistrationRow, person: KnownPerson) -> list[Problem]:
    # What is registered is not shown here: the birth date is what a person proves who he is with.
    columns = []
    if person.data["birth_date"] != row.birth_date.isoformat():
        columns.append(("生年月日", row.birth_date.isoformat()))
    kana = fold_search_key(row.kana)
    if person.kana_key != kana and fold_kana_of_person(person.kana_key) != fold_kana_of_person(kana):
        columns.append(("氏名カナ", row.kana))
    return [
        Problem(row.line, column, value, OTHER_PERSON, {"technician_id": person.technician_id, "column": column})
        for column, value in columns
    ]
