"""What a file holds is what its page shows on either engine: every list of the operators and of a business."""

import pytest

from db.models import Card, Shipment
from tests import cast
from tests.web.business.story import member, signed_in, user
from tests.web.ops import story
from tests.web.ops.test_exports import LISTS, shown
from tests.web.taking_away import taken
from webapp.domain.accounts.accounts import BusinessRole
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.settings import load


@pytest.fixture
def settings(database_url, tmp_path):
    """Settings as other tests of pages have them, on the engine at hand."""
    return load(
        {
            "TODOKE_MODE": "test",
            "TODOKE_STATE_DIR": str(tmp_path),
            "TODOKE_DATABASE_URL": database_url,
            "TODOKE_SECRET_KEY": "test " * 8,
            "TODOKE_RETURN_KEYS": "a:" + "test " * 8,
        },
        dotenv=None,
    )


def test_lists_are_taken_away_whole_on_both_engines(app, now, ops_viewer):
    for number in range(5):
        story.bounced(now, name=f"人 {number}", email=f"p{number}@au.example")
    story.business_bounced(now)
    open_alarm(AlarmKind.OUR_FAILURE, "a.example", now)
    Shipment.create(card=Card.select().first(), n=1, number="12345678905", accepted_on=now.date(), created_at=now)
    there = ops_viewer.submit("/ops/registrations/search", {"term": "佐藤"}).location
    for address in [*LISTS, there]:
        assert len(taken(app, ops_viewer, address)) - 1 == len(shown(ops_viewer, address)), address
    assert len(taken(app, ops_viewer, "/ops/dashboard?length=30")) > 1
    firm = cast.business(now)
    for number in range(3):
        member(firm, now, theirs=number % 2, name=f"神田 {number}", name_kana=f"カンダ{number}")
    boss = signed_in(app, user(firm, BusinessRole.VIEWER, now), now)
    found = boss.submit("/business/technicians/search", {"term": "神田", "state": "closed", "notice": "none"}).location
    assert [row[0] for row in taken(app, boss, found)[1:]] == ["神田 0", "神田 2"]
    assert len(taken(app, boss, "/business/access-log")) == 1
