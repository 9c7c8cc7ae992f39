"""連絡先と言語: the e-mail address, the telephone, the language; a postal address is asked for by a correction."""

from dataclasses import dataclass, field

from flask import Blueprint, flash, request, url_for
from flask_babel import force_locale, gettext

from db.models import Technician
from webapp.domain.core.daily_limits import LimitReached
from webapp.domain.core.errors import Stale
from webapp.domain.core.language import LANGUAGES, N_
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.parsing.contact import parse_email, parse_telephone
from webapp.domain.parsing.problems import CellError
from webapp.domain.self_service import contact, email_change
from webapp.web.access import looker
from webapp.web.clock import now
from webapp.web.language import remember, say
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import invalid, render, see_other, stale
from webapp.web.secret import secret_key

blueprint = Blueprint("me_contact", __name__)

SAME = N_("いまのメールアドレスと同じです。別のアドレスを入力してください。")
TOO_MANY = N_("今日の回数を超えました。明日もう一度お試しください。")
WRONG_CODE = N_("確認コードが違います。あと%(left)s回入力できます。")
NO_CODE = N_("この確認コードは使えなくなりました。もう一度、新しいメールアドレスを入力してください。")


@dataclass(frozen=True)
class ContactPage:
    """What is registered, and what was typed."""

    email: str
    email_works: bool
    telephone: str
    postal_address: str
    language: str
    version: int
    pending: str
    typed_email: str = ""
    typed: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    changed: bool = False


@blueprint.get("/me/contact")
def show():
    return render("me/contact.html", _page())


@blueprint.post("/me/contact/language")
def language():
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        contact.set_language(looker(), chosen, now())
        with force_locale(chosen):
            flash(gettext("言語を変更しました。お知らせのメールもこの言語で届きます。"), "good")
        return remember(see_other(url_for("me_contact.show")), chosen)
    return see_other(url_for("me_contact.show"))


@blueprint.post("/me/contact/telephone")
@recent_authentication
def telephone():
    typed, version = request.form.get("telephone", "").strip()[:40], request.form.get("version", "")
    known = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else -1
    try:
        number = parse_telephone(typed) if typed else ""
        contact.set_telephone(looker(), number, known, now())
    except CellError as error:
        wrong = {"telephone": say(error.sentence, error.params)}
        return invalid("me/contact.html", _page(typed=typed, errors=wrong))
    except Stale:
        return stale("me/contact.html", _page(typed=typed, changed=True))
    flash(gettext("電話番号を変更しました。"), "good")
    return see_other(url_for("me_contact.show"))


@blueprint.post("/me/contact/email")
@recent_authentication
def email():
    typed = request.form.get("email", "").strip()[:320]
    try:
        email_change.ask(looker(), parse_email(typed), now())
    except CellError as error:
        wrong = {"email": say(error.sentence, error.params)}
        return invalid("me/contact.html", _page(typed_email=typed, errors=wrong))
    except versions.SameAddress:
        return invalid("me/contact.html", _page(typed_email=typed, errors={"email": SAME}))
    except LimitReached:
        return render("me/contact.html", _page(typed_email=typed, errors={"email": TOO_MANY}), status=429)
    flash(gettext("新しいメールアドレスに確認コードを送りました。届いたら入力してください。"), "good")
    return see_other(url_for("me_contact.show"))


@blueprint.post("/me/contact/email/confirm")
def confirm_email():
    try:
        email_change.confirm(looker(), request.form.get("code", "")[:40], secret_key(), now())
    except email_change.WrongCode as error:
        words = say(WRONG_CODE, {"left": error.left}) if error.left else NO_CODE
        return invalid("me/contact.html", _page(errors={"code" if error.left else "email": words}))
    flash(gettext("メールアドレスを変更しました。"), "good")
    return see_other(url_for("me_contact.show"))


@blueprint.post("/me/contact/email/give-up")
def give_up_email():
    email_change.give_up(looker(), now())
    flash(gettext("メールアドレスの変更を取りやめました。"), "good")
    return see_other(url_for("me_contact.show"))


def _page(**more) -> ContactPage:
    person = Technician.get_by_id(looker().technician_id)
    email = versions.current(OwnerKind.TECHNICIAN, person.id)
    code = f"〒{person.postal_code[:3]}-{person.postal_code[3:]} " if person.postal_code else ""
    return ContactPage(
        email=email.value if email else "",
        email_works=email is None or email.state != versions.AddressState.INVALID,
        telephone=person.telephone,
        postal_address=code + person.address,
        language=person.language,
        version=person.version,
        pending=email_change.pending(person.id, now()),
        **more,
    )
