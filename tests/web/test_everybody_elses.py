"""One sweep over the whole site: every route that names an object, tried by everybody whose object it is not."""

import pytest

from db.models import (
    AccessRow,
    Account,
    Affiliation,
    AffiliationInvitation,
    BulkChange,
    ExportRequest,
    SecondFactor,
    SignInSession,
    Technician,
)
from tests.web.conftest import business_user, operator, technician_user
from tests.web.me.story import begin
from webapp.domain.accounts.accounts import BusinessRole, OperatorRole
from webapp.domain.affiliations import membership
from webapp.domain.disclosure.bulk import begin_bulk
from webapp.domain.disclosure.policy import viewer_of

SECRETS = ("極秘 太郎", "ゴクヒ タロウ", "090-9999-0000", "70000000999999")


@pytest.fixture
def story(app, now):
    """A technician with closed keys, the employer's users, and one object of each kind that an address names."""
    story = begin(now, name=SECRETS[0], name_kana=SECRETS[1], technician_id=SECRETS[3])
    Technician.update(telephone=SECRETS[2]).where(Technician.id == story.person.id).execute()
    technician_user(app, now, story.person)
    begin_bulk(viewer_of(story.employer_user), None, 1, False, now)
    membership.invite(viewer_of(story.other_user), SECRETS[3], story.person.birth_date, 10, now)
    account = Account.get(Account.technician == story.person)
    SecondFactor.create(account=account, kind="totp", secret="x", created_at=now, confirmed_at=now)
    row = {"source": "me_access_log.index", "address": "/me/access-log", "format": "xlsx", "state": "ready"}
    ExportRequest.create(account=account, language="ja", asked_at=now, file="x", size=1, **row)
    return story


def ids_of(story) -> dict[str, list[int]]:
    """Each parameter of an address with the ids that it could name; the names of operators' pages need no entry."""
    account = Account.get(Account.technician == story.person)
    return {
        "technician": [story.person.id],
        "number": [story.affiliation.id, AffiliationInvitation.get().id],
        "user": [story.employer_user.id],
        "change": [BulkChange.get().id],
        "export": [ExportRequest.get().id],
        "session": [SignInSession.get(SignInSession.account == account).id],
        "factor": [SecondFactor.get().id],
    }


def addresses(app, story) -> list[tuple[str, str, str]]:
    """(endpoint, method, address) of every route that names an object by its id."""
    known, found = ids_of(story), []
    for rule in app.url_map.iter_rules():
        if "<oid:" not in rule.rule:
            continue
        desk = rule.rule.startswith("/ops/")
        (name,) = [part for part in rule.arguments if desk or part in known][:1] or [None]
        assert name, f"{rule.rule}: say in ids_of which objects this names"
        for number in [story.registration.id] if desk else known[name]:
            values = {part: number if f"<oid:{part}>" in rule.rule else "technician" for part in rule.arguments}
            for method in rule.methods & {"GET", "POST"}:
                address = app.url_map.bind("localhost").build(rule.endpoint, values, method=method)
                found.append((rule.endpoint, method, address))
    assert len(found) > 60
    return found


def state() -> list:
    models = (Affiliation, AffiliationInvitation, BulkChange, ExportRequest, SecondFactor, Account, AccessRow)
    return [list(model.select().order_by(model.id).tuples()) for model in models]


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "partial"])
@pytest.mark.parametrize("who", ["another technician", "administrator elsewhere", "viewer elsewhere", "operator"])
def test_nobody_reaches_an_object_that_is_not_theirs(app, now, story, who, htmx):
    client = {
        "another technician": lambda: technician_user(app, now),
        "administrator elsewhere": lambda: business_user(app, now, BusinessRole.ADMINISTRATOR, name="suzuki"),
        "viewer elsewhere": lambda: business_user(app, now, BusinessRole.VIEWER, name="honda"),
        "operator": lambda: operator(app, OperatorRole.OPERATOR, now),
    }[who]()
    client.get("/me/sessions")  # for the token of a form
    before = state()
    for endpoint, method, address in addresses(app, story):
        if who == "operator" and address.startswith("/ops/"):
            continue
        fields = {"open": "1-0", "groups": "1", "version": "0", "role": "viewer", "words": "x"}
        if method == "POST":
            answer = client.submit(address, fields, htmx=htmx)
        else:
            answer = client.partial(address) if htmx else client.get(address)
        assert answer.status_code in (403, 404), (endpoint, method, address, answer.status_code)
        assert not any(secret in answer.get_data(as_text=True) for secret in SECRETS), endpoint
    assert state() == before, "and nothing has changed, nor counts as a look"
