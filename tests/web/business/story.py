"""A business with people, its users, another business and its user, signed in: what the tests of their pages share."""

import datetime as dt
import itertools

from db.database import transaction
from db.ids import encode
from db.models import Account, Affiliation, Business, Card, Technician
from tests import cast
from tests.web.conftest import CheckedClient
from webapp.domain.accounts import accounts
from webapp.domain.accounts.accounts import AccountKind, BusinessRole
from webapp.domain.disclosure.policy import Group as G
from webapp.domain.disclosure.policy import mask

_names = itertools.count(1)


def user(business: Business, role: BusinessRole, now: dt.datetime) -> Account:
    """A user of a business."""
    n = next(_names)
    return Account.create(
        kind=AccountKind.BUSINESS_USER,
        login_key=f"business:{business.business_id}:{n}",
        display_name=f"利用者{n}",
        role=role,
        business=business,
        created_at=now,
    )


def technician_account(person: Technician, now: dt.datetime) -> Account:
    """The account of a technician."""
    return Account.create(
        kind=AccountKind.TECHNICIAN,
        login_key=f"technician:{person.technician_id}",
        display_name=person.name,
        role="",
        technician=person,
        created_at=now,
    )


def signed_in(app, account: Account, now: dt.datetime) -> CheckedClient:
    """A browser in which somebody has signed in."""
    with transaction():
        token = accounts.open_session(account, now, "127.0.0.1", "test")
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = token, True
    client.token = None
    return client


def member(
    employer: Business, now: dt.datetime, ours: int = 0, theirs: int = 0, **values
) -> tuple[Technician, Affiliation]:
    """A technician of a business with keys: `ours` the business's, `theirs` the technician's."""
    person = cast.technician(now, **values)
    bound = cast.affiliate(person, employer, now, business_keys=ours, technician_keys=theirs)
    return person, bound


def card(person: Technician, now: dt.datetime, state: str, **values) -> Card:
    """A card of a technician in some state."""
    application = cast.registration(person, now)
    return Card.create(
        registration=application, technician=person, state=state, known=state, ordered_at=now, changed_at=now, **values
    )


def address(row, tail: str = "") -> str:
    """The address of a technician's page."""
    return f"/business/technicians/{encode(row.id)}{tail}"


ALL = mask(G)
