"""Every link of every page says only what its target reads: a filter that no route reads shows another list."""

import html
import random
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from werkzeug.datastructures import ImmutableMultiDict

from tests.web.conftest import business_user, operator, technician_user
from tests.web.me.story import begin, fill
from tests.web.ops.story import bounced, business_bounced, held, returned
from webapp.demo.build import build
from webapp.demo.cards import stories
from webapp.domain.accounts.accounts import OperatorRole
from webapp.domain.cards import monitor
from webapp.domain.cards.monitor import Thresholds
from webapp.domain.core.alarms import AlarmKind, open_alarm

LINK = re.compile(r'<(?:a|button|form|div|tr|td|section)\b[^>]*?\b(?:href|hx-get)="(/[^"]*)"')
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.S)
FIELD = re.compile(r'<(?:input|select|textarea|button)\b[^>]*?\bname="([^"]+)"(?:[^>]*?\bvalue="([^"]*)")?')
# Addresses of one route with the same parameters are alike; so many of them are opened.
ALIKE = 2


@dataclass
class Reads:
    """Which parameters of its address the route at hand has asked for."""

    names: set[str] = field(default_factory=set)


@pytest.fixture
def reads(app) -> Reads:
    """What the last request read of its address."""
    found = Reads()

    class Watched(ImmutableMultiDict):
        def get(self, key, *args, **kwargs):
            found.names.add(key)
            return super().get(key, *args, **kwargs)

        def getlist(self, key, *args, **kwargs):
            found.names.add(key)
            return super().getlist(key, *args, **kwargs)

        def __getitem__(self, key):
            found.names.add(key)
            return super().__getitem__(key)

        def __contains__(self, key):
            found.names.add(key)
            return super().__contains__(key)

    app.request_class = type("WatchedRequest", (app.request_class,), {"parameter_storage_class": Watched})
    return found


def links_of(text: str) -> list[str]:
    """Return the addresses that a page leads to, those of its search forms with every field that they send."""
    found = [html.unescape(address) for address in LINK.findall(text)]
    for attributes, content in FORM.findall(text):
        if 'method="get"' in attributes:
            action = html.unescape(re.search(r'action="([^"]*)"', attributes)[1])
            found.append(f"{action}?{urlencode(dict(FIELD.findall(content)))}")
    return found


def unread(app, client, reads: Reads, start: str) -> tuple[dict[tuple[str, str], str], Counter]:
    """Follow all links from a page; return what says a (endpoint, parameter) that is not read, and what was opened."""
    routes = app.url_map.bind("localhost")
    waiting, opened, wrong = deque([(start, "")]), Counter(), {}
    while waiting:
        address, page = waiting.popleft()
        parts = urlsplit(address)
        if not routes.test(parts.path, method="GET"):
            wrong[parts.path, ""] = page
            continue
        endpoint, _ = routes.match(parts.path, method="GET")
        names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        alike = endpoint, tuple(sorted(names))
        if opened[alike] >= ALIKE:
            continue
        opened[alike] += 1
        reads.names.clear()
        answer = client.get(address)
        assert answer.status_code < 500, address
        if answer.status_code in (200, 303):
            wrong |= {(endpoint, name): f"{address} on {page}" for name in names - reads.names}
        if answer.mimetype == "text/html" and answer.status_code == 200:
            waiting.extend((link, address) for link in links_of(answer.text))
    return wrong, opened


@pytest.fixture
def everything(app, now):
    """A little of everything that pages can show, and an alarm of each kind."""
    build("test", now, random.Random(1), count=40, large=0)
    stories(now, random.Random(2))
    business_bounced(now)
    held(now)
    story = bounced(now)
    returned(story, now, "unmatched")
    monitor.look(now, Thresholds.of(app.extensions["settings"]))
    for kind in AlarmKind:
        open_alarm(kind, "docomo.ne.jp", now)


def test_the_links_of_the_operators_say_what_their_targets_read(app, now, everything, reads):
    wrong, opened = unread(app, operator(app, OperatorRole.ADMINISTRATOR, now), reads, "/ops")
    assert wrong == {}
    assert any("needs" in names for _, names in opened) and len({endpoint for endpoint, _ in opened}) > 40


def test_the_links_of_everybody_else_say_what_their_targets_read(app, now, reads, client):
    story = begin(now)
    fill(story, now)
    for someone, start in (
        (technician_user(app, now, story.person), "/me"),
        (business_user(app, now, firm=story.employer, name="suzuki"), "/business/technicians"),
        (client, "/"),
    ):
        wrong, opened = unread(app, someone, reads, start)
        assert wrong == {} and len(opened) > 5, start
