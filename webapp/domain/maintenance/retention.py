"""What is removed when its time is over: one rule a table, each with the setting that says how long.

Sealed rows go by whole seals, so that the chain stays verifiable: the seal keeps its hash, and an audit row of the
removal, itself sealed, says up to when.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from db.database import database, is_sqlite, transaction
from db.fields import to_microseconds
from db.models import (
    AuditDetail,
    AuditRow,
    BulkChange,
    IdempotentRequest,
    ImportOriginal,
    ImportReject,
    ImportRun,
    KeptForm,
    ReturnedMail,
    ReturnedMailSource,
    Seal,
    SearchRequest,
    SignInLink,
    SignInRequest,
    SignInSession,
    Throttle,
)
from webapp.domain.accounts.saved_forms import KEEP
from webapp.domain.affiliations.membership import expire_invitations
from webapp.domain.audit.log import audit
from webapp.domain.audit.seals import unpack
from webapp.domain.core.events import EventName
from webapp.domain.self_service import email_change

# At most so many rows a rule and run: the job never holds the database for long; the next run goes on.
BATCH = 2000
# How long one can still see that a link was sent, after it has ended.
LINKS_FOR = dt.timedelta(days=30)


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """A table (or part of one), the setting in days or None for rows that carry their own end, and what removes."""

    name: str
    setting: str | None
    remove: Callable[[dt.datetime, dt.datetime], int]  # (older than this, now) → rows removed


# What keeps print files adds its own remover here: (mailed before, now) → files removed.
PRINT_FILES: list[Callable[[dt.datetime, dt.datetime], int]] = []


def _in_batches(model, condition) -> int:
    ids = [row[0] for row in model.select(model.id).where(condition).limit(BATCH).tuples()]
    if not ids:
        return 0
    with transaction():
        return model.delete().where(model.id.in_(ids)).execute()


def _sealed(stream: str) -> Callable[[dt.datetime, dt.datetime], int]:
    def remove(older: dt.datetime, now: dt.datetime) -> int:
        due = Seal.select().where((Seal.stream == stream) & Seal.retired_at.is_null() & (Seal.newest_at < older))
        # Whole seals; at least one, however large.
        total = 0
        for row in due.order_by(Seal.n).limit(50):
            if total and total + row.count > BATCH:
                break
            total += _retire(row, now)
        if total:
            _note(stream, older, now)
        return total

    return remove


def _retire(row: Seal, now: dt.datetime) -> int:
    mark = "?" if is_sqlite() else "%s"
    ids = [(leaf.id,) for leaf in unpack(row.leaves)]
    with transaction():
        if row.stream == "audit_row":
            database.cursor().executemany(f"DELETE FROM audit_detail WHERE audit_id = {mark}", ids)
        database.cursor().executemany(f"DELETE FROM {row.stream} WHERE id = {mark}", ids)
        Seal.update(retired_at=now, leaves=None).where(Seal.id == row.id).execute()
    return len(ids)


def _words(older: dt.datetime, now: dt.datetime) -> int:
    old = AuditRow.select(AuditRow.id).where(AuditRow.at < older)
    removed = _in_batches(AuditDetail, AuditDetail.audit.in_(old))
    if removed:
        _note("audit_detail", older, now)
    return removed


def _note(table: str, older: dt.datetime, now: dt.datetime) -> None:
    # The moment stands in the number column, so that it is sealed with the row.
    audit(EventName.RETENTION_RULE_REMOVED, now, None, table, to_microseconds(older))


def _returned_mail(older: dt.datetime, now: dt.datetime) -> int:
    old = ReturnedMail.select(ReturnedMail.id).where(ReturnedMail.received_at < older)
    return _in_batches(ReturnedMailSource, ReturnedMailSource.returned_mail.in_(old))


def _unmatched(older: dt.datetime, now: dt.datetime) -> int:
    return _in_batches(ReturnedMail, (ReturnedMail.state == "unmatched") & (ReturnedMail.received_at < older))


def _imports(older: dt.datetime, now: dt.datetime) -> int:
    old = ImportRun.select(ImportRun.id).where(ImportRun.finished_at < older)
    return _in_batches(ImportOriginal, ImportOriginal.run.in_(old)) + _in_batches(
        ImportReject, ImportReject.run.in_(old)
    )


def _print_files(older: dt.datetime, now: dt.datetime) -> int:
    return sum(remove(older, now) for remove in PRINT_FILES)


def _expired(model) -> Callable[[dt.datetime, dt.datetime], int]:
    return lambda older, now: _in_batches(model, model.expires_at <= now)


def _bulk_changes(older: dt.datetime, now: dt.datetime) -> int:
    return _in_batches(BulkChange, BulkChange.created_at < now - dt.timedelta(days=7))


def _sessions(older: dt.datetime, now: dt.datetime) -> int:
    # A form that is sent after the longest time of its session is still kept for its owner.
    return _in_batches(SignInSession, SignInSession.expires_at <= now - KEEP)


RULES = (
    RetentionRule("access_row", "keep_access_days", _sealed("access_row")),
    RetentionRule("audit_detail", "keep_audit_words_days", _words),
    RetentionRule("audit_row", "keep_audit_days", _sealed("audit_row")),
    RetentionRule("returned_mail_source", "keep_returned_mail_days", _returned_mail),
    RetentionRule("unmatched_mail", "keep_unmatched_days", _unmatched),
    RetentionRule("import_original", "keep_import_days", _imports),
    RetentionRule("print_file", "keep_print_days", _print_files),
    RetentionRule("throttle", None, _expired(Throttle)),
    RetentionRule("search_request", None, _expired(SearchRequest)),
    RetentionRule("idempotent_request", None, _expired(IdempotentRequest)),
    # A form that is sent after the longest time of its session is still kept for its owner.
    RetentionRule(
        "sign_in_session", None, lambda older, now: _in_batches(SignInSession, SignInSession.expires_at <= now - KEEP)
    ),
    RetentionRule("email_change", None, lambda older, now: email_change.forget(now)),
    RetentionRule("kept_form", None, _expired(KeptForm)),
    RetentionRule("sign_in_request", None, _expired(SignInRequest)),
    RetentionRule(
        "sign_in_link", None, lambda older, now: _in_batches(SignInLink, SignInLink.expires_at <= now - LINKS_FOR)
    ),
    RetentionRule("affiliation_invitation", None, lambda older, now: expire_invitations(now)),
    RetentionRule("bulk_change", None, _bulk_changes),
)


def remove_expired(settings, now: dt.datetime) -> dict[str, int]:
    """Apply every rule once and return how many rows each removed (at most about `BATCH`, then call again).

    `settings` has the fields that the rules name. Called by the worker each hour, again while something was removed.
    """
    removed = {}
    for rule in RULES:
        days = getattr(settings, rule.setting) if rule.setting else 0
        removed[rule.name] = rule.remove(now - dt.timedelta(days=days), now)
    return removed
