"""The switch that stops sending, by kind of message. What is stopped stays where it is and loses nothing."""

import datetime as dt

from db.database import transaction
from db.models import Account, Switch
from webapp.domain.audit.log import audit
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.core.events import EventName, record
from webapp.domain.notices.messages import MessageKind

_PREFIX = "sending:"


def stop(kind: MessageKind, account: Account | None, now: dt.datetime, note: str = "") -> bool:
    """Stop sending a kind; workers notice before their next claim. False if it was stopped already."""
    return _turn(kind, False, account, now, note)


def start(kind: MessageKind, account: Account | None, now: dt.datetime, note: str = "") -> bool:
    """Send a kind again, everything that has waited included. False if it was not stopped."""
    return _turn(kind, True, account, now, note)


def stopped_kinds() -> frozenset[MessageKind]:
    """Return the kinds that are not sent at present."""
    rows = Switch.select(Switch.name, Switch.value).where(Switch.name.startswith(_PREFIX)).tuples()
    return frozenset(MessageKind(name.removeprefix(_PREFIX)) for name, on in rows if not on)


def _turn(kind: MessageKind, on: bool, account: Account | None, now: dt.datetime, note: str) -> bool:
    kind = MessageKind(kind)
    with transaction():
        if (kind not in stopped_kinds()) is on:
            return False
        account_id = account.id if account is not None else None
        values = {"value": on, "changed_at": now, "changed_by": account_id}
        name = _PREFIX + kind
        if not Switch.update(values).where(Switch.name == name).execute():
            Switch.insert(name=name, **values).execute()
        data = {"switch": name, "on": on}
        record(EventName.SWITCH_OPS_CHANGED, now, account_id=account_id, data=data)
        audit(EventName.SWITCH_OPS_CHANGED, now, account_id, "switch", detail=data | {"note": note})
        if on:
            close_alarm(AlarmKind.SENDING_STOPPED, kind, now)
        else:
            open_alarm(AlarmKind.SENDING_STOPPED, kind, now)
        return True
