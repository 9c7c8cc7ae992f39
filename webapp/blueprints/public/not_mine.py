"""「心当たりがない」: the person stops a change of an address by the link in the mail that told of it."""

from dataclasses import dataclass

from flask import Blueprint, request, url_for

from webapp.domain.accounts import objections
from webapp.domain.core.language import N_
from webapp.domain.notices import address_changes
from webapp.web.clock import now
from webapp.web.rendering import render, see_other
from webapp.web.secret import secret_key

blueprint = Blueprint("not_mine", __name__)

SENTENCES = {
    address_changes.CHANGED_BY_PERSON: N_("登録のメールアドレスが、別のアドレスに変わりました。"),
    address_changes.GIVEN_BY_APPLICATION: N_("新しい登録申請によって、お知らせの届くメールアドレスが変わりました。"),
    address_changes.CORRECTED_BY_OPERATOR: N_("運営が、お知らせの届くメールアドレスを直しました。"),
    address_changes.POSTAL_ADDRESS: N_("新しい登録申請によって、登録の住所が変わりました。"),
    address_changes.POSTCARD_ASKED: N_("確認コードのはがきを登録の住所へ送る申し込みがありました。"),
}


@dataclass(frozen=True)
class NotMinePage:
    """What can be stopped: sentences, when it was told, the token; no sentences when the link is over."""

    link: str
    sentences: tuple[str, ...] = ()
    told_at: object = None


@blueprint.get("/not-mine")
def form():
    token = request.args.get("link", "")
    change = objections.find(token, secret_key(), now())
    if change is None:
        return render("public/not_mine/form.html", NotMinePage(token), status=404)
    sentences = tuple(SENTENCES[section] for section in change.sections)
    return render("public/not_mine/form.html", NotMinePage(token, sentences, change.told_at))


@blueprint.post("/not-mine")
def stop():
    token = request.form.get("link", "")
    change = objections.find(token, secret_key(), now())
    if change is None or not objections.object_to(change, now()):
        return render("public/not_mine/form.html", NotMinePage(token), status=404)
    return see_other(url_for("not_mine.stopped"))


@blueprint.get("/not-mine/stopped")
def stopped():
    return render("public/not_mine/stopped.html", None)
