"""Retention: each rule takes what is just over its age and leaves what is under it; nothing else deletes by age."""

import ast
import datetime as dt
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from db.ids import encode, new_id
from db.models import (
    Account,
    AffiliationInvitation,
    ApiKey,
    AuditDetail,
    BulkChange,
    CardQuestion,
    EmailAddress,
    EmailChange,
    ExportRequest,
    FormSubmission,
    IdempotentRequest,
    ImportOriginal,
    ImportReject,
    ImportRun,
    KeptForm,
    PostcardBatch,
    PostcardFile,
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
from tests import ROOT, cast
from tests.domain.audit.test_seals import look, note
from webapp.domain.audit import seals
from webapp.domain.exports import requests
from webapp.domain.intake import runs
from webapp.domain.maintenance import retention
from webapp.domain.postcard import office
from webapp.settings import load

SECOND = dt.timedelta(seconds=1)
SETTINGS = [rule.setting for rule in retention.RULES if rule.setting]
PEOPLE_SINCE = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)

Stays = Callable[[], bool]


def stays(row) -> Stays:
    return lambda: type(row).select().where(type(row).id == row.id).exists()


def person() -> Account:
    key = encode(new_id())
    return Account.create(kind="operator", login_key=key, display_name=key, role="operator", created_at=PEOPLE_SINCE)


def sealed(stream: str, write: Callable[[dt.datetime], object]) -> Callable[[dt.datetime, Path], Stays]:
    def begin(moment: dt.datetime, _folder: Path) -> Stays:
        write(moment)
        seals.seal(moment)
        row = Seal.select().where(Seal.stream == stream).order_by(Seal.n.desc()).get()
        return lambda: Seal.get_by_id(row.id).retired_at is None

    return begin


def audit_words(moment, _folder):
    note(moment)
    seals.seal(moment)
    return stays(AuditDetail.select().order_by(AuditDetail.id.desc()).get())


def returned(state: str, moment) -> ReturnedMail:
    return ReturnedMail.create(
        received_at=moment, source="lmtp", digest="x", size=1, state=state, kind="x", token_state="x", judgement={}
    )


def returned_source(moment, _folder):
    return stays(ReturnedMailSource.create(returned_mail=returned("applied", moment), content=b"x"))


def imported(moment, folder):
    run = ImportRun.create(
        kind="registrations", state="done", file_name="a.csv", file_digest="x", size=1, created_at=PEOPLE_SINCE,
        finished_at=moment,
    )  # fmt: skip
    file = runs.rejects_path(run, folder)
    file.parent.mkdir(exist_ok=True)
    file.write_text("佐藤 健一")
    rows = [
        ImportOriginal.create(run=run, content=b"x"),
        ImportReject.create(run=run, line=1, cells={}, problems=[]),
    ]
    kept = [*map(stays, rows), file.exists]

    def all_or_none() -> bool:
        answers = {answer() for answer in kept}
        assert len(answers) == 1, "the original, the rejected rows and the file of them go together"
        return answers.pop()

    return all_or_none


def printed(moment, folder):
    batch = PostcardBatch.create(
        number=encode(new_id()), state="mailed", made_at=PEOPLE_SINCE, card_cost=1, mailed_at=moment
    )
    file = folder / office.FOLDER / f"{batch.number}.pdf"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"x")
    PostcardFile.create(batch=batch, name=file.name, kind="cover", size=1, sha256="x", cards=1, made_at=PEOPLE_SINCE)
    return file.exists


def half_printed(moment, folder):
    file = folder / office.FOLDER / f".{encode(new_id())}"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"x")
    os.utime(file, (moment.timestamp(), moment.timestamp()))
    return file.exists


def exported(moment, folder):
    row = ExportRequest.create(
        account=person(), source="x", address="/x", format="csv", language="ja", state="ready", asked_at=PEOPLE_SINCE,
        finished_at=PEOPLE_SINCE, expires_at=moment,
    )  # fmt: skip
    row.file = f"{encode(row.id)}.1.csv"
    row.save()
    file = requests.folder_of(folder) / row.file
    file.write_text("x")
    return file.exists


def invitation(moment, _folder):
    row = AffiliationInvitation.create(
        business=cast.business(PEOPLE_SINCE), technician=cast.technician(PEOPLE_SINCE), invited_at=PEOPLE_SINCE,
        expires_at=moment, state="open",
    )  # fmt: skip
    return lambda: AffiliationInvitation.get_by_id(row.id).state == "open"


def bulk(moment, _folder):
    return stays(
        BulkChange.create(
            business=cast.business(PEOPLE_SINCE),
            account=person(),
            groups=1,
            opens=True,
            state="done",
            total=0,
            created_at=moment,
        )
    )


def change(moment, _folder):
    address = EmailAddress.create(
        owner_kind="technician", owner_id=new_id(), version=1, value="a@mail.example", value_key="a",
        state="unknown", given_by="self", valid_from=PEOPLE_SINCE,
    )  # fmt: skip
    return stays(
        EmailChange.create(
            technician=cast.technician(PEOPLE_SINCE),
            account=person(),
            address=address,
            asked_at=PEOPLE_SINCE,
            expires_at=moment,
            ended_at=PEOPLE_SINCE,
        )
    )


def own_end(create: Callable[[dt.datetime, str], object]) -> Callable[[dt.datetime, Path], Stays]:
    return lambda moment, _folder: stays(create(moment, encode(new_id())))


# For each rule: begin something whose age counts from a moment, and say how one sees that it is still there.
BEGIN: dict[str, Callable[[dt.datetime, Path], Stays]] = {
    "access_row": sealed("access_row", look),
    "audit_detail": audit_words,
    "audit_row": sealed("audit_row", note),
    "returned_mail_source": returned_source,
    "unmatched_mail": lambda moment, _folder: stays(returned("unmatched", moment)),
    "import_original": imported,
    "postcard_file": printed,
    "postcard_leftover": half_printed,
    "export_request": exported,
    "throttle": own_end(lambda at, key: Throttle.create(key=key, window_start=PEOPLE_SINCE, expires_at=at)),
    "search_request": own_end(
        lambda at, key: SearchRequest.create(token_hash=key, account=person(), page="x", terms={}, expires_at=at)
    ),
    "form_submission": own_end(
        lambda at, key: FormSubmission.create(digest=key, created_at=PEOPLE_SINCE, expires_at=at)
    ),
    "idempotent_request": own_end(
        lambda at, key: IdempotentRequest.create(
            api_key=ApiKey.create(name=key, key_hash=key, hint="x", created_at=PEOPLE_SINCE),
            key=key,
            body_digest="x",
            created_at=PEOPLE_SINCE,
            expires_at=at,
        )
    ),
    "sign_in_session": own_end(
        lambda at, key: SignInSession.create(
            account=person(), token_hash=key, created_at=PEOPLE_SINCE, seen_at=PEOPLE_SINCE, expires_at=at
        )
    ),
    "kept_form": own_end(
        lambda at, key: KeptForm.create(token_hash=key, account=person(), page="x", content="x", expires_at=at)
    ),
    "sign_in_request": own_end(
        lambda at, key: SignInRequest.create(requested_at=PEOPLE_SINCE, content=key, expires_at=at)
    ),
    "sign_in_link": own_end(
        lambda at, key: SignInLink.create(purpose="forgotten", created_at=PEOPLE_SINCE, expires_at=at)
    ),
    "worker_beat": own_end(lambda at, key: WorkerBeat.create(host=key, pid=1, started_at=PEOPLE_SINCE, seen_at=at)),
    "card_question": own_end(lambda at, key: CardQuestion.create(at=at, answered="page", told_at=PEOPLE_SINCE)),
    "email_change": change,
    "affiliation_invitation": invitation,
    "bulk_change": bulk,
}


def settings_of(folder: Path, days: int) -> SimpleNamespace:
    return SimpleNamespace(state_dir=str(folder), **dict.fromkeys(SETTINGS, days))


def test_every_rule_stands_in_this_test():
    assert [rule.name for rule in retention.RULES] == list(dict.fromkeys(rule.name for rule in retention.RULES))
    assert {rule.name for rule in retention.RULES} == set(BEGIN)


@pytest.mark.parametrize("days", [3, 45, 3650])
def test_each_rule_takes_what_is_just_over_its_age_and_nothing_that_is_under(database, now, tmp_path, days):
    """Whatever the settings say; all rules at once, so that one which takes another's rows is seen too."""
    watched = {}
    for rule in retention.RULES:
        age = dt.timedelta(days=days) if rule.setting else rule.after
        over, under = now - age - SECOND, now - age + SECOND
        watched[rule.name] = (BEGIN[rule.name](over, tmp_path), BEGIN[rule.name](under, tmp_path))
    settings = settings_of(tmp_path, days)
    for _ in range(5):
        retention.remove_expired(settings, now)
    assert {name: (old(), young()) for name, (old, young) in watched.items()} == dict.fromkeys(watched, (False, True))


def test_a_session_that_has_just_ended_stays_as_long_as_a_form_of_it_can_be_kept(sqlite, now, tmp_path):
    there = BEGIN["sign_in_session"](now - dt.timedelta(minutes=29), tmp_path)
    retention.remove_expired(settings_of(tmp_path, 3), now)
    assert there()


def test_a_question_that_nobody_was_told_of_stays_until_it_is(sqlite, now, tmp_path):
    question = CardQuestion.create(at=now - dt.timedelta(days=90), answered="page")
    retention.remove_expired(settings_of(tmp_path, 3), now)
    assert stays(question)()


def test_one_rule_alone_can_be_applied(sqlite, now, tmp_path):
    export, limit = (BEGIN[name](now - SECOND, tmp_path) for name in ("export_request", "throttle"))
    assert retention.apply("export_request", settings_of(tmp_path, 3), now) == 1
    assert (export(), limit()) == (False, True)


def test_every_setting_that_keeps_something_has_a_rule_or_stands_in_its_rows():
    keys = {"TODOKE_MODE": "test", "TODOKE_DATABASE_URL": "sqlite:///x", "TODOKE_SECRET_KEY": "s" * 40}
    settings = load({**keys, "TODOKE_RETURN_KEYS": "a:" + "k" * 40}, None)
    keeps = {name for name in vars(type(settings))["__dataclass_fields__"] if name.startswith("keep_")}
    # An export's days are written into its row when it is there: `expires_at`.
    assert keeps - set(SETTINGS) == {"keep_export_days"}
    assert all(isinstance(getattr(settings, name), int) for name in SETTINGS)


# Nothing else deletes by age ------------------------------------------------------------------------------------------

# What takes more than a DELETE stands with its topic, and only a rule calls it.
CALLED_BY_RULES = {
    "webapp/domain/exports/requests.py:remove_expired",
    "webapp/domain/postcard/delivery.py:remove_files",
    "webapp/domain/postcard/production.py:leftovers",
    "webapp/domain/self_service/email_change.py:forget",
}
_TIMES = ("_at", "_until", "st_mtime")


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted((ROOT / "webapp").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.name}", node


def deletes(function: ast.FunctionDef) -> bool:
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("delete", "delete_instance", "unlink", "rmtree"))
        or (isinstance(node, ast.Constant) and isinstance(node.value, str) and "DELETE FROM" in node.value)
        for node in ast.walk(function)
    )


def asks_for_age(function: ast.FunctionDef) -> bool:
    """Whether a column of a model, or the time of a file, is held against a moment."""
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE)
        and any(
            isinstance(part, ast.Attribute)
            and (part.attr == "at" or part.attr.endswith(_TIMES))
            and (part.attr == "st_mtime" or (isinstance(part.value, ast.Name) and part.value.id[0].isupper()))
            for part in ast.walk(node)
        )
        for node in ast.walk(function)
    )


def test_nothing_but_the_rules_of_retention_deletes_by_age():
    found = {name for name, node in functions() if deletes(node) and asks_for_age(node)}
    assert {name for name in found if not name.startswith("webapp/domain/maintenance/retention.py")} == CALLED_BY_RULES


def test_what_deletes_by_age_is_called_by_the_rules_alone():
    callers = {}
    for name in CALLED_BY_RULES:
        path, _, function = name.partition(":")
        module = Path(path).stem
        callers[name] = {
            str(file.relative_to(ROOT))
            for file in (ROOT / "webapp").rglob("*.py")
            if f"{module}.{function}(" in (text := file.read_text("utf-8"))
            or (f"{module} import" in text and f"{function}(" in text and str(file.relative_to(ROOT)) != path)
        }
    assert callers == {name: {"webapp/domain/maintenance/retention.py"} for name in CALLED_BY_RULES}
