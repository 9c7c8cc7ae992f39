"""Days at the ends of the calendar, and other values that nobody means, get an answer on every page."""

import pytest

from tests import cast
from tests.web.conftest import business_user, operator, technician_user
from webapp.domain.accounts.accounts import OperatorRole

DAYS = ("0001-01-01", "9999-12-31")
NAMES = ("day", "since", "until", "month", "made", "posted", "due", "after", "before", "page", "length", "days")


@pytest.fixture
def visitors(app, now):
    firm = cast.business(now)
    return [
        technician_user(app, now),
        business_user(app, now, firm=firm),
        operator(app, OperatorRole.ADMINISTRATOR, now),
    ]


def test_every_page_answers_whatever_day_is_asked_for(app, visitors):
    pages = sorted(rule.rule for rule in app.url_map.iter_rules() if "GET" in rule.methods and not rule.arguments)
    assert len(pages) > 60
    asked, failed = 0, []
    for client in visitors:
        for page in pages:
            if client.get(page).status_code != 200 or page.startswith(("/healthz", "/readyz", "/metrics")):
                continue
            for day in DAYS:
                answer = client.get(page, query_string=dict.fromkeys(NAMES, day))
                asked += 1
                failed += [page] * (answer.status_code >= 500)
    assert asked > 100 and failed == []
