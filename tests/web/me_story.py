"""A technician with an employer, a notice, a card and people who looked; everything invented."""

import datetime as dt
from dataclasses import dataclass

from db.database import transaction
from db.models import Account, Affiliation, Business, Card, Registration, Technician
from tests import cast
from webapp.domain import first_access
from webapp.domain.access_log import Look, ViewKind, looked
from webapp.domain.accounts import BusinessRole
from webapp.domain.disclosure import ALL_GROUPS, Group, Side, facts_of, viewer_of
from webapp.domain.disclosure_keys import set_key


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
