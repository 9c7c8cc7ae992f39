"""A menu: where one may go from any page of a role; the page at hand is marked by its topic."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import current_app, request, url_for
from flask_login import current_user

from webapp.domain.core.language import N_
from webapp.web.access_table import ACCESS
from webapp.web.language import say

# The operators' daily places; all others are one step further, on /ops.
OPERATORS = (
    ("ops_home.index", N_("運用")),
    ("ops_dashboard.index", N_("ダッシュボード")),
    ("ops_registrations.index", N_("登録申請")),
    ("ops_messages.index", N_("メール")),
    ("ops_postcards.index", N_("はがき")),
    ("ops_cards.index", N_("カード")),
    ("ops_inquiry_list.index", N_("お問い合わせの対応")),
    ("ops_work_items.index", N_("対応事項")),
    ("ops_alarms.index", N_("警報")),
)


@dataclass(frozen=True)
class MenuItem:
    """A page of a menu."""

    address: str
    words: str
    here: bool


def menu_of(places: Iterable[tuple[str, str]]) -> list[MenuItem]:
    """Return the menu of `places`, (endpoint, words) each, without those that this user may not use."""
    topic = (request.endpoint or "").split(".")[0]
    return [
        MenuItem(url_for(endpoint), say(words), endpoint.split(".")[0] == topic)
        for endpoint, words in places
        if endpoint in current_app.view_functions and ACCESS[endpoint].allows(current_user)
    ]
