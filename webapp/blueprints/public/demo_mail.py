"""What the demo's mail catcher took: the mailboxes of invented people. The page exists in demo and test mode only."""

from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, abort, current_app

from webapp.demo.catcher_replies import behaviour_of_domain
from webapp.demo.mail_catcher import Caught, caught
from webapp.web.rendering import render

blueprint = Blueprint("demo_mail", __name__)

_SHOWN = 50


@dataclass(frozen=True)
class CaughtMail:
    """A mail, who it was for, what the receiving server said, and how that domain behaves."""

    mail: Caught
    behaviour: str


@dataclass(frozen=True)
class Mailbox:
    """The newest mails first."""

    mails: list[CaughtMail]


@blueprint.get("/demo/mail")
def index():
    settings = current_app.extensions["settings"]
    if settings.mode == "production":
        abort(404)
    mails = [
        CaughtMail(mail, behaviour_of_domain(mail.recipient.rpartition("@")[2]).label)
        for mail in caught(Path(settings.state_dir) / "demo-mail", _SHOWN)
    ]
    return render("public/demo/mail.html", Mailbox(mails))
