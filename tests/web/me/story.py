"""A technician with an employer, a notice, a card and people who looked; everything invented."""

import datetime as dt
from dataclasses import dataclass

from db.database import transaction
from db.models import Account, Affiliation, Business, Card, RecordItem, Registration, Technician
from tests import cast
from webapp.domain.accounts import first_access
from webapp.domain.accounts.accounts import BusinessRole
from webapp.domain.affiliations import membership
from webapp.domain.disclosure.access_log import Look, ViewKind, looked
from webapp.domain.disclosure.keys import set_key
from webapp.domain.disclosure.policy import ALL_GROUPS, Group, Side, facts_of, viewer_of


@dataclass
class Story:
    """Who the tests speak of."""

    person: Technician
    employer: Business
    other: Business
    affiliation: Affiliation
    registration: Registration
    employer_user: Account
    other_user: Account

    def employer_opens(self, now: dt.datetime, bits: int = ALL_GROUPS) -> None:
        """The business turns its key."""
        version = Affiliation.get_by_id(self.affiliation.id).business_keys_version
        set_key(Side.BUSINESS, self.affiliation.id, bits, True, viewer_of(self.employer_user), now, version)

    def looked_at(self, now: dt.datetime, by: Account | None = None, bits: int = Group.PERSON.bit) -> None:
        """Somebody of another business, or `by`, looks at the person."""
        with transaction():
            look = Look(facts_of([self.person.id])[self.person.id], bits)
            looked(viewer_of(by or self.other_user), [look], ViewKind.RECORD, now)


def begin(now: dt.datetime, **values) -> Story:
    """A technician with everything closed, whose notice has been sent and whose card is ordered."""
    person = cast.technician(now, telephone="090-1234-5678", **values)
    employer, other = cast.business(now), cast.business(now, name="株式会社他社建設")
    affiliation = cast.affiliate(person, employer, now)
    address = cast.email(person, f"k-sato-{person.id}@docomo.ne.jp", now)
    registration = cast.registration(person, now, affiliated_business=employer)
    cast.sent_notice(registration, address, now)
    Card.create(registration=registration, technician=person, state="ordered", ordered_at=now, changed_at=now)
    users = [
        first_access.new_business_user(firm, "tanaka", "田中 一郎", BusinessRole.ADMINISTRATOR, now)
        for firm in (employer, other)
    ]
    return Story(person, employer, other, affiliation, registration, *users)


def fill(story: Story, now: dt.datetime) -> None:
    """Give the person a record with something in each group, keys in different states, a card that waits, looks."""
    values = [
        ("occupation", "型枠大工"),
        ("occupation", "とび工"),
        ("qualification", "玉掛け技能講習"),
        ("qualification", "足場の組立て等作業主任者"),
        ("training", "安全衛生責任者教育"),
        ("work_history", "2024年4月-2026年10月 霞が関ビル新築工事 型枠大工 412日"),
    ]
    for position, (kind, value) in enumerate(values):
        RecordItem.create(technician=story.person, kind=kind, position=position, value=value, value_key=value)
    Technician.update(days_worked=1234, level=3, social_insurance="健康保険・厚生年金・雇用保険").execute()
    story.employer_opens(now, 0b00111)
    me = viewer_of(first_access.technician_account(story.person, now))
    set_key(Side.TECHNICIAN, story.affiliation.id, 0b01011, True, me, now, 0)
    for _ in range(3):
        story.looked_at(now)
    story.looked_at(now, story.employer_user, ALL_GROUPS)
    until = now.date() + dt.timedelta(days=7)
    Card.update(state="kept", known="kept", kept_until=until).where(Card.technician == story.person).execute()
    membership.invite(viewer_of(story.other_user), story.person.technician_id, story.person.birth_date, 10, now)
