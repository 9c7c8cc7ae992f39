"""A form acts once: a second sending from the same page waits for the first and gets its answer.

A page's masked CSRF token is random, so that with address and content it names one sending. What was answered is kept
sealed for some minutes: it may show what only the sender may see.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable

from peewee import IntegrityError

from db.database import transaction
from db.models import FormSubmission

# Longer than a slow line takes to send again by itself, shorter than a person takes to mean it anew.
KEPT_FOR = dt.timedelta(minutes=10)
# A sending that has not ended after this long died with its process; the next one takes its place.
IN_FLIGHT_FOR = dt.timedelta(minutes=2)


def digest_of(parts: Iterable[str]) -> str:
    """Return what names a sending: a digest of its token, address and content, in their order."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(raw) + raw)
    return digest.hexdigest()


def begin(digest: str, now: dt.datetime) -> FormSubmission | str | None:
    """Begin a sending: a row to `finish`, the sealed answer that the first one got, or None while that is at work."""
    try:
        with transaction():
            row = FormSubmission.get_or_none(FormSubmission.digest == digest)
            if row is None:
                return FormSubmission.create(digest=digest, created_at=now, expires_at=now + KEPT_FOR)
            over = row.expires_at <= now
            if row.answer is not None and not over:
                return str(row.answer)
            if not over and now - row.created_at < IN_FLIGHT_FOR:
                return None
            mine = (FormSubmission.id == row.id) & (FormSubmission.created_at == row.created_at)
            values = {"answer": None, "created_at": now, "expires_at": now + KEPT_FOR}
            if not FormSubmission.update(values).where(mine).execute():
                return None
            row.created_at = now
            return row
    except IntegrityError:  # the same sending at the same moment
        return None


def finish(row: FormSubmission, answer: str) -> None:
    """Keep the sealed answer; nothing if another sending has taken this one's place."""
    FormSubmission.update(answer=answer).where(_mine(row)).execute()


def forget(row: FormSubmission) -> None:
    """Let the form be sent again: nothing was done, or what came of it may be asked for anew."""
    FormSubmission.delete().where(_mine(row) & FormSubmission.answer.is_null()).execute()


def _mine(row: FormSubmission):
    return (FormSubmission.id == row.id) & (FormSubmission.created_at == row.created_at)
