"""Which language a page speaks: the visitor's choice first, then what the browser asks for, then Japanese."""

from flask import Flask, request
from flask_babel import Babel, gettext

from webapp import translations
from webapp.domain.core.language import LANGUAGES
from webapp.web import negotiation

COOKIE = "language"
YEAR = 365 * 24 * 3600


def chosen_language() -> str:
    """Return "ja" or "en" for the request at hand; a choice in the cookie needs no sign-in."""
    choice = request.cookies.get(COOKIE)
    if choice in LANGUAGES:
        return choice
    return negotiation.language(request.headers.get("Accept-Language", ""), tuple(LANGUAGES), "ja")


def say(sentence: str, parameters: dict | None = None) -> str:
    """Translate a sentence of the domain, which keeps sentence and parameters apart, and fill it in."""
    return gettext(sentence, **parameters) if parameters else gettext(sentence)


def remember(response, language: str):
    """Keep the choice in a cookie for a year and return the response."""
    response.set_cookie(
        COOKIE, language, max_age=YEAR, httponly=True, samesite="Lax", secure=request.is_secure, path="/"
    )
    return response


def init_app(app: Flask) -> None:
    """Set up Flask-Babel with one domain for each catalogue file."""
    if app.extensions["settings"].mode != "production":
        translations.compile_catalogues()
    topics = translations.topics()
    Babel(
        app,
        default_locale="ja",
        default_timezone="Asia/Tokyo",
        default_domain=";".join(topics),
        default_translation_directories=";".join([str(translations.DIRECTORY)] * len(topics)),
        locale_selector=chosen_language,
    )
    app.jinja_env.globals.update(language=chosen_language, say=say, languages=LANGUAGES)
