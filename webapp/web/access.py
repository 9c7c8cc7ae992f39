"""Who is asking, and the objects that they may see: authorisation is fetching.

A route asks `get_…_for(viewer, id)` and gets the object, or the request ends: 404 for what does not exist or is not the
viewer's, 403 for what the viewer may look at but not change.
"""

from dataclasses import dataclass
from typing import TypeVar

from flask import abort, current_app
from flask_login import current_user
from peewee import Model

from db.models import (
    Account,
    Alarm,
    EmailAddress,
    ExportRequest,
    Message,
    Postcard,
    PostcardBatch,
    PostcardFile,
    PostcardReturn,
    Registration,
    ReturnedMail,
    Technician,
    WorkItem,
)
from webapp.domain.accounts.accounts import AccountKind, OperatorRole
from webapp.domain.disclosure import policy

Found = TypeVar("Found", bound=Model)


@dataclass(frozen=True)
class Operator:
    """The person behind the request at hand."""

    account_id: int
    kind: AccountKind
    role: str

    @property
    def is_operator(self) -> bool:
        """Whether this is somebody of the operator's."""
        return self.kind == AccountKind.OPERATOR

    @property
    def may_act(self) -> bool:
        """Whether this operator may change things; a viewer looks, and sees e-mail addresses masked."""
        return self.is_operator and self.role in (OperatorRole.OPERATOR, OperatorRole.ADMINISTRATOR)

    @property
    def may_administer(self) -> bool:
        """Whether this operator is an administrator."""
        return self.is_operator and self.role == OperatorRole.ADMINISTRATOR


def viewer() -> Operator:
    """Return who is asking; only for routes that the access table closes to those who are not signed in."""
    return Operator(current_user.account.id, current_user.kind, current_user.role)


def looker() -> policy.Viewer:
    """Return who is asking as the rule of disclosure knows them: whose record, whose business."""
    return policy.viewer_of(current_user.account)


def get_registration_for(viewer: Operator, number: int, *, change: bool = False) -> Registration:
    """Return a registration with its person."""
    _allow(viewer, change)
    query = Registration.select(Registration, Technician).join(Technician).where(Registration.id == number)
    return _found(query.get_or_none())


def get_message_for(viewer: Operator, number: int, *, change: bool = False) -> Message:
    """Return a message."""
    return _get(Message, viewer, number, change)


def get_returned_mail_for(viewer: Operator, number: int, *, change: bool = False) -> ReturnedMail:
    """Return a returned mail."""
    return _get(ReturnedMail, viewer, number, change)


def get_work_item_for(viewer: Operator, number: int, *, change: bool = False) -> WorkItem:
    """Return a work item."""
    return _get(WorkItem, viewer, number, change)


def get_alarm_for(viewer: Operator, number: int, *, change: bool = False) -> Alarm:
    """Return an alarm."""
    return _get(Alarm, viewer, number, change)


def get_operator_for(viewer: Operator, number: int) -> Account:
    """Return an operator's account, for an administrator."""
    if not viewer.may_administer:
        abort(403 if viewer.is_operator else 404)
    return _found(Account.get_or_none((Account.id == number) & (Account.kind == AccountKind.OPERATOR)))


def get_postcard_batch_for(viewer: Operator, number: int, *, change: bool = False) -> PostcardBatch:
    """Return a batch of postcards."""
    return _get(PostcardBatch, viewer, number, change)


def get_postcard_file_for(viewer: Operator, number: int) -> PostcardFile:
    """Return a printer's file of a batch, for an administrator."""
    if not viewer.may_administer:
        abort(403 if viewer.is_operator else 404)
    return _get(PostcardFile, viewer, number, False)


def get_postcard_return_for(viewer: Operator, number: int) -> PostcardReturn:
    """Return a scan of a returned postcard, for the one who made it."""
    row = _get(PostcardReturn, viewer, number, True)
    return _found(row if row.account_id == viewer.account_id else None)


def get_postcard_for(viewer: Operator, number: int, *, change: bool = False) -> Postcard:
    """Return a postcard."""
    return _get(Postcard, viewer, number, change)


def get_address_for(viewer: Operator, number: int, *, change: bool = False) -> EmailAddress:
    """Return a version of an e-mail address."""
    return _get(EmailAddress, viewer, number, change)


def get_export_for(viewer: Operator, number: int) -> ExportRequest:
    """Return an export for the one who asked for it, as long as the list itself would open for that account."""
    row = ExportRequest.get_or_none((ExportRequest.id == number) & (ExportRequest.account == viewer.account_id))
    rule = current_app.extensions["access_table"].get(row.source) if row else None
    return _found(row if rule is not None and rule.allows(current_user) else None)


def _get(model: type[Found], viewer: Operator, number: int, change: bool) -> Found:
    _allow(viewer, change)
    return _found(model.get_or_none(model.id == number))


def _allow(viewer: Operator, change: bool) -> None:
    if not viewer.is_operator:
        abort(404)
    if change and not viewer.may_act:
        abort(403)


def _found(row: Found | None) -> Found:
    if row is None:
        abort(404)
    return row
