"""The API for the system in which registrations complete (docs/api.md)."""

import datetime as dt
import json
import re

from flask import Blueprint, Response, current_app, request

from db.ids import encode
from db.models import ApiKey
from webapp.domain.accounts import api_keys, idempotency, limits
from webapp.domain.accounts.idempotency import Refusal, Stored
from webapp.domain.accounts.limits import Budget, TooManyTries
from webapp.domain.core.language import N_
from webapp.domain.intake.api_answers import ItemAnswer, ItemFinding, ItemsAnswer
from webapp.domain.intake.api_rows import ItemResult, Said, register_items, state_of
from webapp.domain.intake.outcomes import RowOutcome
from webapp.domain.intake.registrations import MOST_ROWS
from webapp.web import openapi
from webapp.web.clock import now
from webapp.web.guards import limiter
from webapp.web.language import say
from webapp.web.problem_json import TYPE, as_bytes, problem

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
limiter.exempt(blueprint)  # a key has a limit of its own, which holds over all processes

JSON = "application/json"
MINUTE = dt.timedelta(minutes=1)
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,200}")

NO_KEY = N_("APIキーが必要です。有効なキーを Authorization: Bearer で送ってください。")
TOO_MANY = N_("このキーの1分あたりの回数の上限を超えました。%(seconds)s 秒待ってから、もう一度送ってください。")
TOO_MANY_WRONG = N_("誤ったAPIキーが続きました。%(seconds)s 秒待ってから、正しいキーで送ってください。")
NOT_JSON = N_("本文を JSON として読めません。")
WRONG_COUNT = N_("登録は1件のオブジェクトか、1件以上 %(bound)s 件までの配列で送ってください。")
BAD_KEY = N_("Idempotency-Key は、空白のない半角の200文字までです。")
OTHER_BODY = N_("この Idempotency-Key は、別の内容の送信に使われています。新しい値を使ってください。")
IN_FLIGHT = N_("同じ Idempotency-Key の送信を処理しています。少し待ってから、もう一度送ってください。")
NONE_ACCEPTED = N_("受け付けた登録はありません。項目ごとの理由を確かめてください。")
NOT_FOUND = N_("この申請番号の登録はありません。")


@blueprint.get("/openapi.json")
def document():
    return Response(as_bytes(openapi.document()), content_type=JSON)


@blueprint.get("/registrations/<path:application_number>")
def show(application_number: str):
    key = _admit()
    if isinstance(key, Response):
        return key
    # PostgreSQL has no text with a NUL in it.
    found = state_of(application_number) if application_number.isprintable() else None
    return Response(as_bytes(found), content_type=JSON) if found else problem(404, NOT_FOUND)


@blueprint.post("/registrations")
def register():
    key = _admit()
    if isinstance(key, Response):
        return key
    body = request.get_data()
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return problem(400, NOT_JSON)
    items = value if isinstance(value, list) else [value]
    if not 1 <= len(items) <= MOST_ROWS:
        bound = {"bound": f"{MOST_ROWS:,}"}
        return problem(422, WRONG_COUNT, bound, errors=[ItemFinding(pointer="", message=say(WRONG_COUNT, bound))])
    pointers = [f"/{n}" for n in range(len(items))] if isinstance(value, list) else [""]
    repeat = request.headers.get("Idempotency-Key")
    if repeat is None:
        return _answer(register_items(items, pointers, now(), key.id))
    if not _IDEMPOTENCY_KEY.fullmatch(repeat):
        return problem(400, BAD_KEY)
    return _register_once(key, repeat, body, items, pointers)


def _register_once(key: ApiKey, repeat: str, body: bytes, items: list, pointers: list[str]) -> Response:
    begun = idempotency.begin(key.id, repeat, body, now())
    if isinstance(begun, Stored):
        return Response(begun.body, begun.status, content_type=JSON if begun.status == 200 else TYPE)
    if begun is Refusal.OTHER_BODY:
        return problem(422, OTHER_BODY)
    if begun is Refusal.IN_FLIGHT:
        return problem(409, IN_FLIGHT)
    answers = []

    def store(results: list[ItemResult]) -> None:
        answer = _answer(results)
        answers.append(answer)
        idempotency.finish(begun, answer.status_code, answer.get_data(as_text=True))

    try:
        register_items(items, pointers, now(), key.id, store)
    except idempotency.Overtaken:
        return problem(409, IN_FLIGHT)
    except Exception:  # whatever it was: nothing was done, and the program may try again
        idempotency.forget(begun)
        raise
    return answers[-1]


def _admit() -> ApiKey | Response:
    """Return the key behind the request, or the answer that refuses it."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    key = api_keys.find(token.strip(), now()) if scheme.lower() == "bearer" and token.isascii() else None
    if key is None:
        return _refuse()
    a_minute = Budget("api", str(key.id), current_app.extensions["settings"].api_per_minute, MINUTE)
    return _take(a_minute, TOO_MANY) or key


def _refuse() -> Response:
    """Return the answer to a request without a good key: 401, and 429 to who goes on trying.

    A good key is looked up all the same: whoever shares its network address cannot keep it out.
    """
    wrong = Budget("api-key:address", request.remote_addr or "", api_keys.LIMIT_WRONG)
    if too_many := _take(wrong, TOO_MANY_WRONG):
        return too_many
    answer = problem(401, NO_KEY)
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _take(budget: Budget, sentence: str) -> Response | None:
    """Take a try of a budget; 429, and when there are new ones, if there is none left."""
    try:
        limits.take([budget], now())
    except TooManyTries:
        wait = limits.seconds_left(budget, now())
        answer = problem(429, sentence, {"seconds": wait})
        answer.headers["Retry-After"] = str(wait)
        return answer
    return None


def _answer(results: list[ItemResult]) -> Response:
    shown = [_item(item) for item in results]
    if all(item.result.outcome is RowOutcome.REJECTED for item in results):
        errors = [error for item in shown for error in item.errors]
        return problem(422, NONE_ACCEPTED, errors=errors, results=shown)
    return Response(as_bytes(ItemsAnswer.model_construct(results=shown)), content_type=JSON)


def _item(item: ItemResult) -> ItemAnswer:
    result = item.result
    return ItemAnswer.model_construct(
        status=result.outcome,
        application_number=result.number,
        registration=encode(result.registration_id) if result.registration_id else None,
        technician_id=result.technician_id,
        errors=[_finding(error) for error in item.errors],
        warnings=[_finding(warning) for warning in item.warnings],
    )


def _finding(sentence: Said) -> ItemFinding:
    return ItemFinding.model_construct(pointer=sentence.pointer, message=say(sentence.sentence, sentence.parameters))
