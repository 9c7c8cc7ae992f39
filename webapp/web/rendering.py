"""How a route answers: a page or a partial from the same context, and how dates, ids and counts are written."""

from dataclasses import dataclass, is_dataclass
from datetime import UTC, date, datetime
from typing import Any

from flask import Flask, Response, make_response, redirect, render_template, request
from flask_babel import get_locale
from markupsafe import Markup, escape

from webapp.domain.core.calendar import JST

WEEKDAYS = "月火水木金土日"
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class NoContext:
    """The context of a page that needs none."""


def wants_partial() -> bool:
    """Return whether htmx asks: the HX-Request header alone decides (docs/pages.md)."""
    return request.headers.get("HX-Request") == "true"


def partial_name(template: str) -> str:
    """Return the partial's file beside a page: `ops/notices.html` -> `ops/_notices.html`."""
    folder, _, name = template.rpartition("/")
    return f"{folder}/_{name}" if folder else f"_{name}"


def render(template: str, page: Any = None, *, partial: str | None = None, status: int = 200) -> Response:
    """Answer with the page, or with its partial when htmx asks, both from the same context `page`.

    `page` is a frozen dataclass made for this page, never a model object: a template cannot show a field that it was
    not given. `partial` names the fragment when it is not `_name.html` beside the page.
    """
    page = NoContext() if page is None else page
    if not is_dataclass(page):
        raise TypeError("the context of a page is a dataclass made for it")
    name = (partial or partial_name(template)) if wants_partial() else template
    response = make_response(render_template(name, page=page), status)
    response.vary.add("HX-Request")
    return response


def invalid(template: str, page: Any, *, partial: str | None = None) -> Response:
    """Answer 422: the form again with what was entered, a summary that takes the focus, a message beside each field."""
    return render(template, page, partial=partial, status=422)


def stale(template: str, page: Any, *, partial: str | None = None) -> Response:
    """Answer 409: somebody changed the thing meanwhile; the page shows what changed."""
    return render(template, page, partial=partial, status=409)


def see_other(address: str) -> Response:
    """Send the browser on after a POST: 303, or HX-Redirect for htmx, which would otherwise swap in the next page."""
    if wants_partial():
        response = make_response("", 200)
        response.headers["HX-Redirect"] = address
    else:
        response = redirect(address, code=303)
    response.vary.add("HX-Request")
    return response


def _in_english() -> bool:
    return get_locale().language == "en"


def day(value: date | datetime | None) -> str:
    """Return a date as 2026年11月23日(月) or Mon 23 November 2026; a datetime is taken to Japan first."""
    if value is None:
        return ""
    value = in_japan(value) if isinstance(value, datetime) else value
    if _in_english():
        return f"{DAYS[value.weekday()]} {value.day} {MONTHS[value.month - 1]} {value.year}"
    return f"{value.year}年{value.month}月{value.day}日({WEEKDAYS[value.weekday()]})"


def moment(value: datetime | None) -> str:
    """Return a time as 11/23 14:05 or 23 Nov 14:05, in Japan; aware datetimes only."""
    if value is None:
        return ""
    value = in_japan(value)
    if _in_english():
        return f"{value.day} {MONTHS[value.month - 1][:3]} {value:%H:%M}"
    return f"{value.month}/{value.day} {value:%H:%M}"


def full_moment(value: datetime | None) -> str:
    """Return a day with its time: 2026年11月23日(月) 14:05."""
    return "" if value is None else f"{day(value)} {in_japan(value):%H:%M}"


def in_japan(value: datetime) -> datetime:
    """Return an aware datetime in Japanese time; ValueError for one that does not say its zone."""
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(JST)


def iso(value: date | datetime | None) -> str:
    """Return the machine's form for `<time datetime>`: UTC to the second."""
    if isinstance(value, datetime):
        return in_japan(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return "" if value is None else value.isoformat()


def grouped(value: str | None) -> Markup:
    """Return an id in groups of four (1234 5678 9012 34) that copies without blanks: the gaps are drawn, not typed."""
    value = value or ""
    first, *rest = [value[at : at + 4] for at in range(0, len(value), 4)] or [""]
    groups = Markup("").join(Markup("<i>{}</i>").format(group) for group in rest)
    return Markup('<span class="id">{}{}</span>').format(escape(first), groups)


def count(value: int) -> str:
    """Return a number with its thousands apart: 23,104."""
    return f"{value:,}"


def init_app(app: Flask) -> None:
    """Give templates the filters of this file."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(day=day, moment=moment, full_moment=full_moment, iso=iso, grouped=grouped, count=count)
