"""How many people a business's user may open since the last proof of identity, whether at once or one by one.

Opening much does much harm in a stranger's hands. What counts is how many people it reaches, not which form says so:
all, a list of them, or a closing of many that is taken back.
"""

import datetime as dt

from db.database import transaction
from db.fields import to_microseconds
from db.models import SignInSession
from webapp.domain.core import daily_limits
from webapp.domain.core.daily_limits import LimitReached

MOST = 10


def may_open(session: SignInSession, people: int, now: dt.datetime) -> bool:
    """Return whether this session may open so many people more before its person proves again who they are."""
    return people <= daily_limits.used_today(_key(session), MOST, now).left


def count(session: SignInSession, people: int, now: dt.datetime) -> bool:
    """Count people who are about to be opened; False, and nothing is counted, when they are too many."""
    try:
        with transaction():
            daily_limits.take(_key(session), people, MOST, now)
    except LimitReached:
        return False
    return True


def _key(session: SignInSession) -> str:
    # With each proof the count begins anew.
    proved = session.reauthenticated_at
    return f"opened:{session.id}:{to_microseconds(proved) if proved else 0}"
