"""The demo's employers show every state, and somebody has looked."""

import random

import pytest

from db.database import transaction
from db.models import AccessRow, Affiliation, AffiliationInvitation
from tests import cast
from tests.web.business.story import user
from webapp.demo.build import Cast
from webapp.demo.disclosure import stories
from webapp.domain.accounts.accounts import BusinessRole
from webapp.domain.affiliations import roster
from webapp.domain.disclosure.policy import viewer_of


@pytest.fixture
def firms(sqlite, now):
    firms = Cast(*(cast.business(now, name=name) for name in ("雇用", "大手", "他社", "代行")))
    for firm, people in ((firms.employer, 12), (firms.large_employer, 30)):
        for _ in range(people):
            cast.affiliate(cast.technician(now), firm, now)
    return firms


def test_each_employer_has_people_in_each_state_and_another_business_has_looked(firms, now):
    with transaction():
        bosses = {
            name: user(getattr(firms, name), BusinessRole.ADMINISTRATOR, now)
            for name in ("employer", "large_employer", "other_business")
        }
        told = stories(firms, now, random.Random(1))
    for name in ("employer", "large_employer"):
        assert all(roster.counts_by_state(viewer_of(bosses[name])).values())
    assert told["looks"] == AccessRow.select().count() > 2
    assert AffiliationInvitation.select().count() == told["invited"] == 1
    assert Affiliation.select().where(~Affiliation.current).count() == told["ended"] == 1


def test_without_accounts_nothing_is_told(firms, now):
    with pytest.raises(LookupError):
        stories(firms, now, random.Random(1))
