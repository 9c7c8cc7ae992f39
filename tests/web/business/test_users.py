"""The users of a business: who sees them, who changes them, and what may never happen."""

import pytest

from db.ids import encode
from db.models import Account, Message, SignInLink
from tests import cast
from tests.web.conftest import business_user
from webapp.domain.accounts.accounts import BusinessRole

WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
INVITE = {"user_name": "suzuki", "display_name": "鈴木 一", "email": "suzuki@example.jp", "role": "viewer"}


@pytest.fixture
def firm(app, now):
    return cast.business(now)


@pytest.fixture
def admin(app, now, firm):
    client = business_user(app, now, firm=firm)
    client.get("/business/users")
    return client


def user(name: str) -> Account:
    return Account.get(Account.login_key.endswith(f":{name}"))


def address(name: str, step: str) -> str:
    return f"/business/users/{encode(user(name).id)}/{step}"


@WAYS
def test_an_administrator_invites_and_the_user_comes_in_by_the_mail(app, admin, firm, settings, now, htmx):
    answer = admin.submit("/business/users", INVITE, htmx=htmx)
    assert answer.headers.get("HX-Redirect", answer.location) == "/business/users"
    assert "招待中" in (admin.partial if htmx else admin.get)("/business/users").text
    message = Message.get()
    assert (message.kind, message.content) == ("invitation", {"user_name": "suzuki"})
    token = cast.link_of(message, settings.secret_key, now)
    new = app.test_client()
    assert 'name="user_name"' not in new.get(f"/first-access?link={token}").text
    form = {"link": token, "proof": firm.business_id, "password": "a quite different one"}
    assert new.submit("/first-access/link", form).status_code == 303
    assert new.get("/business/users").status_code == 403, "a viewer may know the page but not use it"


@WAYS
@pytest.mark.parametrize(
    "change, wrong",
    [
        ({"user_name": "Suzuki Ichiro"}, "user_name"),
        ({"user_name": "tanaka"}, "user_name"),
        ({"email": "nowhere"}, "email"),
        ({"email": "a@example.jp, b@example.jp"}, "email"),
    ],
)
def test_a_wrong_invitation_comes_back_with_what_was_typed(admin, change, wrong, htmx):
    answer = admin.submit("/business/users", INVITE | change, htmx=htmx)
    assert answer.status_code == 422 and f'id="{wrong}-error"' in answer.text and 'value="鈴木 一"' in answer.text
    assert not Message.select().exists()


def test_the_last_administrator_stays_and_others_change_at_once(app, admin, firm, now):
    other = business_user(app, now, firm=firm, name="ito")
    other.get("/business/users")
    assert other.submit(address("tanaka", "role"), {"role": "viewer"}).status_code == 303
    assert admin.get("/business/users").status_code == 403, "at once"
    assert other.submit(address("ito", "disable")).status_code == 422
    assert other.submit(address("ito", "role"), {"role": "viewer"}).status_code == 422
    assert other.submit(address("tanaka", "disable")).status_code == 303
    assert admin.get("/me/sessions").status_code == 303, "a disabled user is signed out at once"
    assert other.submit(address("tanaka", "enable")).status_code == 303
    assert user("tanaka").active


def test_an_invitation_goes_out_again_three_times_a_day_at_most(admin):
    admin.submit("/business/users", INVITE)
    for _ in range(4):
        admin.submit(address("suzuki", "invite-again"))
    assert Message.select().count() == SignInLink.select().count() == 3


@pytest.mark.parametrize("step", ["role", "disable", "enable", "invite-again"])
@pytest.mark.parametrize("who", ["other business", "viewer", "technician", "operator", "nobody"])
def test_nobody_else_changes_a_user(app, admin, firm, now, technician, ops_admin, client, who, step):
    admin.submit("/business/users", INVITE)
    asking, expected = {
        "other business": (business_user(app, now, name="other"), 404),
        "viewer": (business_user(app, now, BusinessRole.VIEWER, firm, "viewer"), 403),
        "technician": (technician, 404),
        "operator": (ops_admin, 404),
        "nobody": (client, 303),
    }[who]
    asking.get("/")
    before = Message.select().count()
    assert asking.submit(address("suzuki", step), {"role": "administrator"}).status_code == expected
    assert (user("suzuki").role, user("suzuki").active, Message.select().count()) == ("viewer", True, before)


def test_an_operator_does_not_become_a_business_by_its_key(admin, firm):
    """A user name cannot reach into another kind's keys."""
    for name in ("a:b", "operator:x", "x\n", "", "é", "x" * 41):
        assert admin.submit("/business/users", INVITE | {"user_name": name}).status_code == 422, name
