"""What a technician changes without asking ops: the language and the telephone number."""

import datetime as dt

from db.database import transaction
from db.ids import new_id
from db.models import Account, RecordVersion, Technician
from webapp.domain.audit.log import audit
from webapp.domain.core.errors import Stale
from webapp.domain.core.events import EventName, record
from webapp.domain.disclosure.policy import Viewer


def set_language(viewer: Viewer, language: str, now: dt.datetime) -> None:
    """Speak this language to the technician from now on, in mails and pages."""
    with transaction():
        mine = Technician.id == viewer.technician_id
        changed = Technician.update(language=language).where(mine & (Technician.language != language)).execute()
        Account.update(language=language).where(Account.id == viewer.account_id).execute()
        if changed:
            _note(viewer, "language", now)


def set_telephone(viewer: Viewer, telephone: str, version: int, now: dt.datetime) -> bool:
    """Change the telephone number; the record before is kept. False when nothing changed.

    `version` is that of the record as the page showed it; Stale when it is another by now.
    """
    with transaction():
        person = Technician.get_by_id(viewer.technician_id)
        if person.version != version:
            raise Stale
        if person.telephone == telephone:
            return False
        RecordVersion.insert(
            id=new_id(),
            subject_kind="technician",
            subject_id=person.id,
            version=person.version,
            replaced_at=now,
            cause="technician",
            content={"telephone": person.telephone},
        ).execute()
        written = (
            Technician.update(telephone=telephone, version=version + 1, updated_at=now)
            .where((Technician.id == person.id) & (Technician.version == version))
            .execute()
        )
        if not written:
            raise Stale
        _note(viewer, "telephone", now, {"before": person.telephone, "after": telephone})
        return True


def _note(viewer: Viewer, section: str, now: dt.datetime, detail: dict | None = None) -> None:
    name, ids = EventName.RECORD_TECHNICIAN_CHANGED, {"technician_id": viewer.technician_id}
    record(name, now, account_id=viewer.account_id, data={"changed": section}, **ids)
    audit(name, now, viewer.account_id, "technician", viewer.technician_id, {"changed": section} | (detail or {}))
