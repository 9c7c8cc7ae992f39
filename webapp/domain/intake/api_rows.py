"""Registrations as programs send them: JSON items → the same cleaned rows and the same decisions as those of files."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from peewee import IntegrityError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from db.database import exclusive
from db.ids import encode
from db.locks import Lock
from db.models import Card, Message, Postcard, Registration
from webapp.domain.core.language import N_
from webapp.domain.intake.api_answers import CardAnswer, NoticeAnswer, PostcardAnswer, RegistrationAnswer
from webapp.domain.intake.decisions import FIELDS
from webapp.domain.intake.outcomes import RowOrigin, RowOutcome, RowResult
from webapp.domain.intake.registrations import MOST_ROWS, register
from webapp.domain.intake.rows import clean_registration
from webapp.domain.parsing.problems import Problem, Severity

_TRIES = 3

MISSING = N_("この項目が必要です。")
UNKNOWN_FIELD = N_("この項目はありません。項目の名前を確かめてください。")
NOT_TEXT = N_("文字列で書いてください。")
NOT_NUMBER = N_("整数で書いてください。")
NOT_LIST = N_("文字列の配列で書いてください。")
NOT_TRUTH = N_("true か false で書いてください。")
NOT_OBJECT = N_("登録を1つのオブジェクトで書いてください。")
TOO_LONG = N_("長すぎます（上限は %(bound)s）。")
SEMICOLON = N_("値の中に「;」は使えません。")

Text = Annotated[str, Field(max_length=1000)]
# Said by the schema only: what an empty cell lacks is said in the words of the files.
Required = Annotated[Text, Field(json_schema_extra={"minLength": 1})]
Texts = Annotated[list[Text], Field(max_length=100)]


class RegistrationIn(BaseModel):
    """A completed registration application. An empty or missing value says nothing."""

    model_config = ConfigDict(extra="forbid", strict=True, title="Registration")

    application_number: Required = Field(description="申請番号")
    completed_at: Required = Field(description="登録完了日時: ISO 8601; Japanese time if it names no zone")
    technician_id: Text | None = Field(None, description="技能者ID: 14 digits; one is issued when it is missing")
    name: Required = Field(description="氏名, kept as it is")
    kana: Required = Field(description="氏名カナ")
    birth_date: Required = Field(description="生年月日: YYYY-MM-DD")
    postal_code: Text | None = Field(None, description="郵便番号: 7 digits")
    address: Text | None = Field(None, description="住所")
    telephone: Text | None = Field(None, description="電話番号")
    email: Text | None = Field(None, description="メールアドレス")
    delivery_postal_code: Text | None = Field(None, description="送付先郵便番号")
    delivery_address: Text | None = Field(None, description="送付先住所")
    delivery_name: Text | None = Field(None, description="送付先宛名")
    affiliated_business_id: Text | None = Field(None, description="所属事業者ID")
    proxy_business_id: Text | None = Field(None, description="代行申請事業者ID")
    language: Text | None = Field(None, description="言語: ja or en")
    occupations: Texts = Field(default_factory=list, description="職種")
    qualifications: Texts = Field(default_factory=list, description="資格")
    days_worked: int | None = Field(None, description="就業日数", ge=0)
    social_insurance: Text | None = Field(None, description="社会保険")
    kentaikyo: Text | None = Field(None, description="建退共")
    level: int | None = Field(None, description="レベル: 1 to 4", ge=1, le=4)
    second_card: bool = Field(False, description="カード: a second card for a known person")


_COLUMNS = {column: name for name, column in FIELDS.items()}
_SENTENCES = {
    "missing": MISSING,
    "extra_forbidden": UNKNOWN_FIELD,
    "string_type": NOT_TEXT,
    "int_type": NOT_NUMBER,
    "list_type": NOT_LIST,
    "bool_type": NOT_TRUTH,
    "model_type": NOT_OBJECT,
    "string_unicode": N_("読めない文字が入っています。"),
}
_OUT_OF_RANGE = N_("値の範囲が正しくありません。")


@dataclass(frozen=True)
class Said:
    """Something about one part of the body: `pointer` as RFC 6901 has it."""

    pointer: str
    sentence: str
    parameters: dict[str, object]


@dataclass(frozen=True)
class ItemResult:
    """What became of one item."""

    result: RowResult
    errors: tuple[Said, ...]
    warnings: tuple[Said, ...]


def register_items(
    items: list[object], pointers: list[str], now: dt.datetime, api_key_id: int | None, then=lambda results: None
) -> list[ItemResult]:
    """Register up to 1,000 items; a result per item, in order. `then` runs in the same transaction.

    `pointers` say where each item stands in the body. ValueError for more items.
    """
    if len(items) > MOST_ROWS:
        raise ValueError(f"at most {MOST_ROWS} items")
    cleaned = [_clean(n, item, pointer, now) for n, (item, pointer) in enumerate(zip(items, pointers, strict=True))]
    good = [row for row in cleaned if not isinstance(row, ItemResult)]
    for left in reversed(range(_TRIES)):
        try:
            with exclusive(Lock.INTAKE):
                decided = iter(register(good, now, RowOrigin(api_key_id=api_key_id)))
                results = [
                    row if isinstance(row, ItemResult) else _said(next(decided), pointer)
                    for row, pointer in zip(cleaned, pointers, strict=True)
                ]
                then(results)
            return results
        except IntegrityError:  # another writer's row at the same moment: decide again
            if not left:
                raise
    raise AssertionError("unreachable")


def _clean(n: int, item: object, pointer: str, now: dt.datetime):
    try:
        model = RegistrationIn.model_validate(item)
    except ValidationError as error:
        said = tuple(_from_pydantic(e, pointer) for e in error.errors(include_url=False, include_input=False))
        return ItemResult(RowResult(n, _number(item), RowOutcome.REJECTED), said, ())
    cells = {}
    for name, column in FIELDS.items():
        value = getattr(model, name)
        if isinstance(value, list):
            bad = next((at for at, text in enumerate(value) if ";" in text or "；" in text), None)
            if bad is not None:
                said = Said(f"{pointer}/{name}/{bad}", SEMICOLON, {})
                return ItemResult(RowResult(n, _number(item), RowOutcome.REJECTED), (said,), ())
            value = "".join(f"{item};" for item in value)  # with one, other marks within an item separate nothing
        elif isinstance(value, bool):
            value = "1" if value else ""
        cells[column] = "" if value is None else str(value)
    row = clean_registration(n, cells, now)
    if isinstance(row, list):
        return _said(RowResult(n, _number(item), RowOutcome.REJECTED, tuple(row)), pointer)
    return row


def _number(item: object) -> str:
    number = item.get("application_number") if isinstance(item, dict) else None
    return number[:64].encode("utf-8", "replace").decode() if isinstance(number, str) else ""


def _from_pydantic(error: dict, pointer: str) -> Said:
    parts = [str(part).replace("~", "~0").replace("/", "~1") for part in error["loc"]]
    where = "".join(f"/{part}" for part in parts)
    bound = error.get("ctx", {}).get("max_length")
    if bound is not None:
        return Said(pointer + where, TOO_LONG, {"bound": bound})
    return Said(pointer + where, _SENTENCES.get(error["type"], _OUT_OF_RANGE), {})


def _said(result: RowResult, pointer: str) -> ItemResult:
    def say(problem: Problem) -> Said:
        name = _COLUMNS.get(problem.column)
        return Said(f"{pointer}/{name}" if name else pointer, problem.sentence, dict(problem.params))

    errors = tuple(say(p) for p in result.problems if p.severity is Severity.error)
    warnings = tuple(say(p) for p in result.problems if p.severity is Severity.warning)
    return ItemResult(result, errors, warnings)


def state_of(application_number: str) -> RegistrationAnswer | None:
    """Return how far a registration's notices, postcards and cards are, None for an unknown number."""
    found = Registration.get_or_none(Registration.application_number == application_number)
    if found is None:
        return None
    messages = Message.select().where((Message.registration == found) & (Message.kind == "id_notice"))
    postcards = Postcard.select().where(Postcard.registration == found).order_by(Postcard.n)
    cards = Card.select().where(Card.registration == found).order_by(Card.id)
    return RegistrationAnswer(
        registration=encode(found.id),
        application_number=found.application_number,
        technician_id=found.technician.technician_id,
        completed_at=found.completed_at.isoformat(),
        first=found.first,
        notices=[NoticeAnswer(role=m.role, state=m.state, reason=m.reason) for m in messages.order_by(Message.id)],
        postcards=[PostcardAnswer(state=p.state, cause=p.cause) for p in postcards],
        cards=[CardAnswer(state=card.state) for card in cards],
    )
