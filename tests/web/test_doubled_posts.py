"""A form that is sent six times at once acts once: on the real server, whose threads are beside each other."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from db.models import Account, ExportRequest, Inquiry, Message
from tests import cast
from tests.web.conftest import business_user, operator, technician_user
from tests.web.live import FORM, exchange, head, status_of
from tests.web.test_form_submissions import CASE
from webapp.domain.accounts.accounts import OperatorRole
from webapp.web.clock import utc_now


@pytest.fixture
def now():
    """The clock of the server's process is a real one."""
    return utc_now()


def parallel(port: int, client, page: str, address: str, values: dict[str, str]) -> list[bytes]:
    """The same form of the same page, six times at once."""
    text = client.get(page).text
    version = re.search(r'name="version" value="([^"]+)"', text)
    fields = {"csrf_token": client.token} | ({"version": version[1]} if version else {}) | values
    body = urlencode(fields).encode()
    request = head(address, client, Content_Type=FORM, Content_Length=len(body)) + body
    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(exchange, [port] * 6, [request] * 6))


def location_of(answer: bytes) -> bytes:
    found = re.search(rb"(?im)^location: *(\S+)", answer)
    return found[1] if found else b""


def test_a_form_sent_six_times_at_once_acts_once_on_the_real_server(serve, app, now):
    firm = cast.business(now)
    person = cast.technician(now)
    cast.email(person, "sato@mobile.example", now)
    admin = operator(app, OperatorRole.ADMINISTRATOR, now)
    clerk = business_user(app, now, firm=firm)
    technician = technician_user(app, now, person)
    port = serve()
    cases = [
        (admin, "/ops/inquiries/new", "/ops/inquiries", CASE, Inquiry),
        (
            clerk,
            "/business/users",
            "/business/users",
            {"user_name": "suzuki", "display_name": "鈴木", "email": "suzuki@firm.example", "role": "viewer"},
            Account,
        ),
        (clerk, "/business/technicians", "/exports", {"of": "/business/technicians", "as": "csv"}, ExportRequest),
        (technician, "/me/contact", "/me/contact/email", {"email": "new@mobile.example"}, Message),
    ]
    for client, page, address, values, made in cases:
        before = made.select().count()
        answers = parallel(port, client, page, address, values)
        assert {status_of(answer) for answer in answers} == {303}, (address, answers[0][:400])
        assert len({location_of(answer) for answer in answers}) == 1, address
        assert made.select().count() - before == 1, (address, made.__name__)
