"""What becomes of a form that was sent when its session had ended, or its proof of identity was too old.

It is kept sealed on the server ; the session cookie holds the token. When its sender has signed in
and the page with the form is shown again, the form's macros fill in what was typed.
"""

from urllib.parse import urlsplit

from flask import Flask, current_app, flash, g, request, session
from flask_babel import gettext
from flask_login import current_user
from werkzeug.exceptions import HTTPException

from webapp.domain.accounts import accounts, saved_forms
from webapp.web.clock import now
from webapp.web.secret import secret_key


def keep(page: str | None = None) -> str | None:
    """Keep the form of the request at hand if we know whose it is; return the page on which it stands, or `page`."""
    page = page or _page()
    account_id = current_user.account.id if current_user.is_authenticated else None
    if account_id is None and session.get("_user_id"):
        account_id = accounts.account_of_ended(session["_user_id"])
    if account_id is not None and page is not None:
        token = saved_forms.keep(request.form.to_dict(flat=False), page, account_id, secret_key(), now())
        if token:
            session["kept"] = token
    return page


def _page() -> str | None:
    """Return the path of the page that sent this form, if it is one of ours that can be shown."""
    referrer = urlsplit(request.referrer or "")
    own = f"{referrer.scheme}://{referrer.netloc}" == request.host_url.rstrip("/")
    for path in ([referrer.path] if own else []) + [request.path]:
        try:
            current_app.url_map.bind("").match(path, method="GET")
        except HTTPException:
            continue
        return path
    return None


def restore() -> None:
    """Before a page is shown: take what was kept for it."""
    if request.method != "GET" or "kept" not in session or not current_user.is_authenticated:
        return
    fields = saved_forms.take(session["kept"], request.path, current_user.account.id, secret_key(), now())
    if fields is not None:
        session.pop("kept")
        g.kept = fields
        flash(
            gettext("入力した内容を戻しました。まだ送信していません。内容を確かめて、もう一度送信してください。"),
            "warn",
        )


def kept(name: str, value=""):
    """Return what was typed into a field of the kept form, else the value that the page has for it."""
    values = g.get("kept", {}).get(name)
    return values[0] if values else value


def kept_choice(name: str, value: str, checked: bool) -> bool:
    """Return whether a box was ticked in the kept form, else what the page says."""
    return value in g.kept.get(name, []) if "kept" in g else checked


def init_app(app: Flask) -> None:
    """Give the macros of forms what was kept."""
    app.jinja_env.globals.update(kept=kept, kept_choice=kept_choice)
