"""What stands around every page: service name, who is signed in, language, contact centre, messages."""

from dataclasses import dataclass

from flask import Flask, current_app, g, request
from flask_login import current_user

from webapp.domain.accounts.accounts import AccountKind
from webapp.pages.menu import OPERATORS, MenuItem, menu_of

# Pages with timelines, mails in full, and tabs of states.
DESK = ("/ops", "/demo/")


@dataclass(frozen=True)
class Frame:
    """What the frame shows; `user` is empty when nobody is signed in or when nothing may be looked up."""

    service_name: str
    user: str
    telephone: str
    email: str
    homepage: str
    opens: int
    closes: int
    desk: bool  # whether this is a page of operators, which has a stylesheet more
    here: str  # where the choice of a language leads back to
    menu: list[MenuItem]  # an operator's, on every page


def frame() -> Frame:
    """Return the frame of the page at hand, without touching the database on an error page."""
    settings = current_app.extensions["settings"]
    user = None if g.get("plain_frame", False) or not current_user.is_authenticated else current_user
    return Frame(
        service_name=settings.service_name,
        user=user.display_name if user else "",
        telephone=settings.contact_telephone,
        email=settings.contact_email,
        homepage=settings.contact_homepage,
        opens=settings.contact_opens,
        closes=settings.contact_closes,
        desk=request.path.startswith(DESK),
        here=request.path if request.method == "GET" and request.endpoint else "/",
        menu=menu_of(OPERATORS) if user and user.kind == AccountKind.OPERATOR else [],
    )


def init_app(app: Flask) -> None:
    """Give every template `frame`, computed once an answer."""

    @app.context_processor
    def context() -> dict:
        if "frame" not in g:
            g.frame = frame()
        return {"frame": g.frame}
