"""Operators' e-mail addresses for alarms: an administrator gives them, each operator confirms the own one."""

from dataclasses import dataclass, field

from flask import Blueprint, Response, current_app, flash, request, url_for
from flask_babel import gettext
from flask_login import current_user

from db.models import Account, EmailAddress
from webapp.domain.accounts.accounts import AccountKind, OperatorRole
from webapp.domain.core.language import N_
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind, SameAddress
from webapp.domain.parsing.contact import parse_email
from webapp.domain.parsing.problems import CellError
from webapp.domain.self_service import operator_email
from webapp.domain.self_service.operator_email import LimitReached, WrongCode
from webapp.pages.lists import Chip
from webapp.web.access import get_operator_for, viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import invalid, render, see_other
from webapp.web.secret import secret_key

blueprint = Blueprint("ops_operators", __name__)

ROLES = {
    OperatorRole.VIEWER: N_("閲覧のみ"),
    OperatorRole.OPERATOR: N_("担当者"),
    OperatorRole.ADMINISTRATOR: N_("管理者"),
}

TOO_MANY = N_("確認コードは、1日に5回まで送れます。今日はもう送れません。明日、もう一度お試しください。")


@dataclass(frozen=True)
class Row:
    """An operator with the address for alarms."""

    id: int
    login: str
    name: str
    role: str
    email: str
    chip: Chip
    action: str


@dataclass(frozen=True)
class OperatorsPage:
    """All operators; `wrong` is whose form has errors."""

    rows: list[Row]
    wrong: int = 0
    typed: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AlarmMailPage:
    """The own address, and whether alarms go there."""

    email: str
    chip: Chip
    waits: bool
    mailbox: bool
    administers: bool
    typed: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/operators")
def index():
    return render("ops/operators.html", OperatorsPage(_rows()))


@blueprint.post("/ops/operators/<oid:account>/email")
@recent_authentication(back="/ops/operators")
def set_email(account: int):
    row, typed = get_operator_for(viewer(), account), request.form.get("email", "").strip()[:320]
    try:
        if typed:
            operator_email.give(row, parse_email(typed), now(), viewer().account_id)
            flash(gettext("アドレスを登録し、確認コードを送りました。本人が入力すると、警報が届きます。"), "good")
        elif operator_email.remove(row, now(), viewer().account_id):
            flash(gettext("アドレスを削除しました。この方に警報は送られません。"), "good")
    except CellError as error:
        return _wrong(row, typed, say(error.sentence, error.params))
    except LimitReached:
        return _wrong(row, typed, say(TOO_MANY))
    except SameAddress:
        flash(gettext("同じアドレスが登録されています。"), "warn")
    return see_other(url_for("ops_operators.index"))


@blueprint.get("/ops/alarm-mail")
def own():
    return render("ops/alarm_mail.html", _own())


@blueprint.post("/ops/alarm-mail")
def confirm():
    secret, typed = secret_key(), request.form.get("code", "")[:40]
    try:
        operator_email.confirm(current_user.account, typed, secret, now())
    except (WrongCode, LimitReached) as error:
        wrong = N_("確認コードが正しくないか、期限が過ぎています。")
        if isinstance(error, LimitReached):
            wrong = N_("間違いが続いたため、今日はもう入力できません。明日、もう一度入力してください。")
        return invalid("ops/alarm_mail.html", _own({"code": wrong}, typed))
    flash(gettext("アドレスを確認しました。警報が出ると、このアドレスに届きます。"), "good")
    return see_other(url_for("ops_operators.own"))


@blueprint.post("/ops/alarm-mail/again")
def again():
    try:
        if operator_email.mail_again(current_user.account, now()):
            flash(gettext("確認コードをもう一度送りました。"), "good")
    except LimitReached:
        return invalid("ops/alarm_mail.html", _own({"again": TOO_MANY}))
    return see_other(url_for("ops_operators.own"))


def _wrong(row: Account, typed: str, sentence: str) -> Response:
    wrong = {f"email-{row.login_key.partition(':')[2]}": sentence}
    return invalid("ops/operators.html", OperatorsPage(_rows(), row.id, typed, wrong))


def _own(errors: dict[str, str] | None = None, typed: str = "") -> AlarmMailPage:
    address = versions.current(OwnerKind.ACCOUNT, viewer().account_id)
    return AlarmMailPage(
        email=address.value if address else "",
        chip=_chip(address),
        waits=operator_email.waits(address),
        mailbox=bool(current_app.extensions["settings"].ops_mailbox),
        administers=viewer().may_administer,
        typed=typed,
        errors=errors or {},
    )


def _rows() -> list[Row]:
    query = Account.select().where((Account.kind == AccountKind.OPERATOR) & Account.active)
    accounts = list(query.order_by(Account.login_key))
    mine = (EmailAddress.owner_kind == OwnerKind.ACCOUNT) & EmailAddress.valid_to.is_null()
    found = EmailAddress.select().where(mine & EmailAddress.owner_id.in_([row.id for row in accounts]))
    held = {row.owner_id: row for row in found}
    return [_row(row, held.get(row.id)) for row in accounts]


def _row(row: Account, address: EmailAddress | None) -> Row:
    return Row(
        id=row.id,
        login=row.login_key.partition(":")[2],
        name=row.display_name,
        role=ROLES[OperatorRole(row.role)],
        email=address.value if address else "",
        chip=_chip(address),
        action=url_for("ops_operators.set_email", account=row.id),
    )


def _chip(address: EmailAddress | None) -> Chip:
    if address is None:
        return Chip(N_("アドレスなし"), "off")
    if address.state == AddressState.INVALID:
        return Chip(N_("届きません"), "bad")
    return Chip(N_("警報が届きます"), "good") if operator_email.usable(address) else Chip(N_("確認待ち"), "wait")
