"""What is removed when its time is over: one rule a table, each with the setting or the span that says how long.

Nothing else in the product deletes by age. What takes more than a DELETE (files, an event) stands with its topic and is
called from here. Sealed rows go by whole seals, so that the chain stays verifiable: the seal keeps its hash, and an
audit row of the removal, itself sealed, says up to when.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from db.database import transaction
from db.fields import to_microseconds
from db.models import (
    AuditDetail,
    AuditRow,
    BulkChange,
    CardQuestion,
    FormSubmission,
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
    WorkerBeat,
)
from db.rows import change_many
from webapp.domain.accounts import saved_forms
from webapp.domain.affiliations.membership import expire_invitations
from webapp.domain.audit.log import audit
from webapp.domain.audit.seals import unpack
from webapp.domain.core.events import EventName
from webapp.domain.exports import requests
from webapp.domain.intake import runs
from webapp.domain.mail.inbound import ReturnedState
from webapp.domain.postcard import delivery, office, production
from webapp.domain.self_service import email_change

# At most so many rows a rule and run: the job never holds the database for long; the next run goes on.
BATCH = 2000
_NONE, _DAY = dt.timedelta(0), dt.timedelta(days=1)

# (what is as old as this, now, the state directory) → how many rows or files were removed
Remove = Callable[[dt.datetime, dt.datetime, Path], int]


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """A table (or part of one) or a directory, how long it is kept, and what removes.

    `setting` says the days; without one `after` counts, from the moment that `remove` compares: mostly a row's own end.
    """

    name: str
    setting: str | None
    remove: Remove
    after: dt.timedelta = _NONE


def _in_batches(model, condition) -> int:
    ids = [row[0] for row in model.select(model.id).where(condition).limit(BATCH).tuples()]
    if not ids:
        return 0
    with transaction():
        # Asked again: a row may have got another end in between.
        return model.delete().where(model.id.in_(ids) & condition).execute()


def _rows(moment, condition=None) -> Remove:
    """Return what removes the rows of a column's table whose moment is as old, where `condition` holds."""

    def remove(older: dt.datetime, _now: dt.datetime, _state: Path) -> int:
        old = moment <= older
        return _in_batches(moment.model, old if condition is None else old & condition)

    return remove


def _sealed(stream: str) -> Remove:
    def remove(older: dt.datetime, now: dt.datetime, _state: Path) -> int:
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
    ids = [(leaf.id,) for leaf in unpack(row.leaves)]
    with transaction():
        if row.stream == "audit_row":
            change_many("DELETE FROM audit_detail WHERE audit_id = ?", ids)
        change_many(f"DELETE FROM {row.stream} WHERE id = ?", ids)
        Seal.update(retired_at=now, leaves=None).where(Seal.id == row.id).execute()
    return len(ids)


def _words(older: dt.datetime, now: dt.datetime, _state: Path) -> int:
    old = AuditRow.select(AuditRow.id).where(AuditRow.at < older)
    removed = _in_batches(AuditDetail, AuditDetail.audit.in_(old))
    if removed:
        _note("audit_detail", older, now)
    return removed


def _note(table: str, older: dt.datetime, now: dt.datetime) -> None:
    # The moment stands in the number column, so that it is sealed with the row.
    audit(EventName.RETENTION_RULE_REMOVED, now, None, table, to_microseconds(older))


def _sources(older: dt.datetime, _now: dt.datetime, _state: Path) -> int:
    old = ReturnedMail.select(ReturnedMail.id).where(ReturnedMail.received_at <= older)
    return _in_batches(ReturnedMailSource, ReturnedMailSource.returned_mail.in_(old))


def _imports(older: dt.datetime, _now: dt.datetime, state: Path) -> int:
    """Remove what came in files: their bytes, the rows that stayed outside, and the file in which these are offered."""
    old = ImportRun.finished_at <= older
    with_bytes = list(ImportRun.select().join(ImportOriginal).where(old).limit(BATCH))
    # The file goes first: once the bytes are gone, nobody looks for it any more.
    for run in with_bytes:
        runs.rejects_path(run, state).unlink(missing_ok=True)
        ImportOriginal.delete().where(ImportOriginal.run == run).execute()
    ended = ImportRun.select(ImportRun.id).where(old)
    return len(with_bytes) + _in_batches(ImportReject, ImportReject.run.in_(ended))


RULES = (
    RetentionRule("access_row", "keep_access_days", _sealed("access_row")),
    RetentionRule("audit_detail", "keep_audit_words_days", _words),
    RetentionRule("audit_row", "keep_audit_days", _sealed("audit_row")),
    RetentionRule("returned_mail_source", "keep_returned_mail_days", _sources),
    RetentionRule(
        "unmatched_mail",
        "keep_unmatched_days",
        _rows(ReturnedMail.received_at, ReturnedMail.state == ReturnedState.UNMATCHED),
    ),
    RetentionRule("import_original", "keep_import_days", _imports),
    RetentionRule(
        "postcard_file",
        "postcard_file_days",
        lambda older, now, state: delivery.remove_files(state / office.FOLDER, older, now),
    ),
    RetentionRule(
        "postcard_leftover",
        None,
        lambda older, now, state: production.leftovers(state / office.FOLDER, older),
        after=dt.timedelta(hours=1),
    ),
    RetentionRule(
        "export_request", None, lambda older, now, state: requests.remove_expired(requests.folder_of(state), now)
    ),
    RetentionRule("throttle", None, _rows(Throttle.expires_at)),
    RetentionRule("search_request", None, _rows(SearchRequest.expires_at)),
    RetentionRule("form_submission", None, _rows(FormSubmission.expires_at)),
    RetentionRule("idempotent_request", None, _rows(IdempotentRequest.expires_at)),
    # A form that is sent after the longest time of its session is still kept for its owner.
    RetentionRule("sign_in_session", None, _rows(SignInSession.expires_at), after=saved_forms.KEEP),
    RetentionRule("kept_form", None, _rows(KeptForm.expires_at)),
    RetentionRule("sign_in_request", None, _rows(SignInRequest.expires_at)),
    # One can still see that a link was sent after it has ended.
    RetentionRule("sign_in_link", None, _rows(SignInLink.expires_at), after=30 * _DAY),
    RetentionRule("worker_beat", None, _rows(WorkerBeat.seen_at), after=_DAY),
    RetentionRule("card_question", None, _rows(CardQuestion.at, CardQuestion.told_at.is_null(False)), after=30 * _DAY),
    RetentionRule(
        "email_change", None, lambda older, now, state: email_change.forget(older), after=email_change.KEPT_FOR
    ),
    RetentionRule("affiliation_invitation", None, lambda older, now, state: expire_invitations(now)),
    RetentionRule("bulk_change", None, _rows(BulkChange.created_at), after=7 * _DAY),
)


def remove_expired(settings, now: dt.datetime) -> dict[str, int]:
    """Apply every rule once and return how many rows or files each removed (at most about `BATCH`, then call again).

    `settings` has the fields that the rules name, and `state_dir`. The worker's job, every ten minutes, again while
    something was removed.
    """
    return {rule.name: _apply(rule, settings, now) for rule in RULES}


def apply(name: str, settings, now: dt.datetime) -> int:
    """Apply one rule once, for what is looked at more often; KeyError for a rule that is not there."""
    return _apply({rule.name: rule for rule in RULES}[name], settings, now)


def _apply(rule: RetentionRule, settings, now: dt.datetime) -> int:
    age = dt.timedelta(days=getattr(settings, rule.setting)) if rule.setting else rule.after
    return rule.remove(now - age, now, Path(settings.state_dir))
