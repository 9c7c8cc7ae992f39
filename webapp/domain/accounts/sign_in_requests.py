"""What a page takes down and the worker answers: sealed, and the same work whoever is meant and whether they exist."""

import datetime as dt
import json
from enum import StrEnum

from db.fields import dump_json
from db.models import SignInRequest
from webapp.domain.core import secret_box

KEEP = dt.timedelta(days=1)
_PURPOSE = "sign-in-request"


class UsedUp(StrEnum):
    """Whose tries are used up, so that the person is to be told."""

    PASSWORD = "password"
    CODE = "code"  # of the second factor: whoever tried knows the password


def take_down(wanted: dict[str, str], secret: str, now: dt.datetime) -> None:
    """Write down in the running transaction what is wanted: `{"way": …}` and what was typed."""
    text = dump_json({name: value[:100] for name, value in wanted.items()})
    SignInRequest.create(requested_at=now, content=secret_box.seal(secret, _PURPOSE, text), expires_at=now + KEEP)


def note_used_up(kind: UsedUp, login_key: str, secret: str, now: dt.datetime) -> None:
    """Let the worker tell whoever has this sign-in, if there is one, that somebody has used up the tries."""
    take_down({"way": "used_up", "kind": kind, "login_key": login_key}, secret, now)


def read(request: SignInRequest, secret: str) -> dict[str, str]:
    """Return what was taken down."""
    wanted: dict[str, str] = json.loads(secret_box.unseal(secret, _PURPOSE, request.content))
    return wanted
