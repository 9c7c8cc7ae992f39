"""One error page for everything that goes wrong: what happened, what to do, and no detail of ours."""

import logging
from dataclasses import dataclass

from flask import Flask, Response, g, make_response, render_template, request
from peewee import InterfaceError, InternalError, OperationalError
from werkzeug.exceptions import HTTPException

from webapp.domain.accounts import saved_forms
from webapp.domain.core.language import N_
from webapp.web import csrf, problem_json
from webapp.web.rendering import wants_partial

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ErrorPage:
    """What a person is told: a heading, what it means, what to do next."""

    status: int
    heading: str
    meaning: str
    advice: str
    request_id: str
    fragment: bool  # shown within another page, which has its own heading
    again: str = ""  # where the form of this request is sent again, with `fields`; empty if there is none to send
    fields: tuple[tuple[str, str], ...] = ()


# status: (what happened, what it means, what to do)
SENTENCES = {
    400: (
        N_("送信内容を受け付けられませんでした"),
        N_("画面を開いてから時間がたったか、別の画面で操作が行われた可能性があります。"),
        N_("前の画面に戻り、再読み込みしてから、もう一度操作してください。"),
    ),
    401: (
        N_("サインインが必要です"),
        N_("この画面を見るには、サインインしてください。"),
        N_("サインインしてから、もう一度開いてください。"),
    ),
    403: (
        N_("この操作の権限がありません"),
        N_("この画面は閲覧できますが、操作には別の権限が必要です。"),
        N_("操作が必要なときは、貴社または運営主体の管理者に依頼してください。"),
    ),
    404: (
        N_("ページが見つかりません"),
        N_("アドレスが間違っているか、ページがなくなったか、閲覧できる設定になっていません。"),
        N_("アドレスを確かめるか、最初の画面からたどってください。"),
    ),
    405: (
        N_("この操作はできません"),
        N_("このページは、その操作を受け付けていません。"),
        N_("前の画面に戻り、画面のボタンから操作してください。"),
    ),
    409: (
        N_("画面を開いたあとに変わっています"),
        N_("別の画面か、ほかの人の操作で内容が変わったため、今回の変更は保存していません。"),
        N_("前の画面を再読み込みし、新しい内容を確かめてから、もう一度操作してください。"),
    ),
    411: (
        N_("送信されたデータに長さ（Content-Length）がありません"),
        N_("途中で切れても分からないため、長さのないデータは受け付けていません。何も保存していません。"),
        N_("長さを付けて、もう一度送信してください。"),
    ),
    413: (
        N_("送信されたデータが大きすぎます"),
        N_("1回に送信できる大きさを超えたため、何も保存していません。"),
        N_("ファイルを分けて、もう一度送信してください。"),
    ),
    429: (
        N_("操作の回数が上限を超えました"),
        N_("短い時間に多くの操作があったため、一時的に受付を止めています。"),
        N_("しばらく待ってから、もう一度操作してください。"),
    ),
    500: (
        N_("システムに問題が起きました"),
        N_("原因を記録しました。今回の操作は完了していない可能性があります。"),
        N_("時間をおいて、もう一度操作してください。続くときは、お問い合わせ先に受付番号を伝えてください。"),
    ),
    503: (
        N_("ただいま利用できません"),
        N_("データベースに接続できないか、作業中です。登録された情報は失われていません。"),
        N_("数分待ってから、もう一度開いてください。急ぐときは、お問い合わせ先に電話してください。"),
    ),
}


def error_page(status: int) -> Response:
    """Return the page (or, for htmx, the notice at the top of the page at hand) for a status."""
    known = status if status in SENTENCES else (400 if status < 500 else 500)
    heading, meaning, advice = SENTENCES[known]
    if problem_json.is_api():
        return _to_come_again(problem_json.problem(status, heading))
    again, fields = _form() if status == 503 and not wants_partial() else ("", ())
    page = ErrorPage(status, heading, meaning, advice, g.get("request_id", "-"), wants_partial(), again, fields)
    # Whatever failed may fail again: the frame of this page asks neither the database nor the session who is there.
    g.plain_frame = True
    if wants_partial():
        response = make_response(render_template("_error.html", page=page), status)
        response.headers["HX-Retarget"] = "#notice"
        response.headers["HX-Reswap"] = "innerHTML"
    else:
        response = make_response(render_template("error.html", page=page), status)
    response.vary.add("HX-Request")
    return _to_come_again(response)


def _to_come_again(response: Response) -> Response:
    if response.status_code in (429, 503):
        response.headers["Retry-After"] = "60"  # limits of this process are counted by the minute
    return response


def _form() -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return address and fields of the form that was sent, so that its sender can send it again from the error page.

    A page is never stored, so that a browser that goes back shows an empty form. What has a password or a file in it is
    not written into a page: there is nothing to send again.
    """
    if request.method != "POST" or request.files:
        return "", ()
    fields = tuple((name, value) for name, values in request.form.lists() for value in values)
    typed = [name for name, _ in fields if name != csrf.FIELD]
    if not typed or any(saved_forms.is_secret(name) for name in typed):
        return "", ()
    return request.full_path.rstrip("?"), fields


def for_http(error: HTTPException) -> Response:
    """Answer what Werkzeug or a view refuses, and faults of ours, which Flask logs and hands on as 500."""
    if error.response is not None:
        return error.response
    status = error.code or 500
    if 300 <= status < 400:
        return error.get_response()
    response = error_page(status)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def for_database(error: Exception) -> Response:
    """Answer 503 when the database cannot be reached; the reason goes to the log only."""
    log.error("database not usable", extra={"route": request.endpoint}, exc_info=error)
    return error_page(503)


# SQLSTATE of a server that takes no writing: a replica that is not promoted yet, a primary that is one no longer.
_READ_ONLY = "25006"


def for_internal(error: InternalError) -> Response:
    """Answer 503 when the database may only be read for now; any other fault of it is raised, and is ours."""
    if getattr(error.__cause__ or error.__context__, "sqlstate", None) != _READ_ONLY:
        raise error
    return for_database(error)


def init_app(app: Flask) -> None:
    """Register the one error page. In test mode an unforeseen exception is raised, so that no test misses it."""
    app.register_error_handler(HTTPException, for_http)
    app.register_error_handler(OperationalError, for_database)
    app.register_error_handler(InterfaceError, for_database)
    app.register_error_handler(InternalError, for_internal)
