"""A request that breaks off half-way is not carried out (RFC 9112 section 8): with the server of `todoke web`."""

import json

import pytest

from db.models import IdempotentRequest, ImportRun, Inquiry, InquiryEntry, Message, Registration
from tests import cast
from tests.domain.cards.test_projection import card_of
from tests.processes import web
from tests.web.conftest import operator
from tests.web.live import FORM, break_off, exchange, form_of, head, status_of
from tests.web.machines.test_api import ITEM, PLACE
from tests.web.ops.test_inquiries import opened
from webapp.domain.accounts import api_keys
from webapp.domain.accounts.accounts import OperatorRole
from webapp.web.clock import utc_now


@pytest.fixture
def now():
    """The clock of the server's process is a real one."""
    return utc_now()


@pytest.fixture
def admin(app, now):
    return operator(app, OperatorRole.ADMINISTRATOR, now)


CUTS = (1, 2, 30, 200)  # bytes that are missing at the end


def cut_requests(path: str, client, body: bytes, content_type: str, **headers) -> list[bytes]:
    """The request in the ways in which a line breaks: too few bytes, chunks without their end, within a chunk."""
    started = head(path, client, Content_Type=content_type, Content_Length=len(body), **headers)
    chunked = head(path, client, Content_Type=content_type, Transfer_Encoding="chunked", **headers)
    size = f"{len(body):x}\r\n".encode()
    cuts = [started + body[:-missing] for missing in CUTS if missing < len(body)]
    return [*cuts, started, chunked + size + body + b"\r\n", chunked + size + body, chunked + size + body[:-5]]


def multipart(name: str, content: bytes, **fields: str) -> tuple[bytes, str]:
    """A form with a file, and its content type."""
    parts = [f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n' for key, value in fields.items()]
    file = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
    return "".join([*parts, file]).encode() + content + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def test_a_call_that_is_noted_only_half_is_not_noted(serve, admin, settings):
    port = serve()
    text = "カードが届きません。" * 30
    values = {"channel": "phone", "caller": "family", "topic": "card", "check": "none", "text": text}
    body = form_of(admin, "/ops/inquiries/new", values)
    for request in cut_requests("/ops/inquiries", admin, body, FORM):
        break_off(port, request)
    assert status_of(exchange(port, head("/healthz", method="GET"))) == 200
    assert Inquiry.select().count() == 0
    log = web.log_of(settings).read_text("utf-8")
    assert log.count('"fault": "cut_off"') == len([cut for cut in CUTS if cut < len(body)]) + 1
    assert log.count('"fault": "no_length"') == 3
    assert (
        status_of(exchange(port, head("/ops/inquiries", admin, Content_Type=FORM, Content_Length=len(body)) + body))
        == 303
    )
    assert Inquiry.select().count() == 1


def test_an_answer_that_broke_off_is_neither_kept_nor_mailed(serve, admin, now):
    registration = card_of(now).registration
    cast.email(registration.technician, "sato@mobile.example", now)
    address = opened(admin, application_number=registration.application_number, check="called_back")
    port = serve()
    forms = {
        "answer": form_of(admin, address, {"role": "technician", "answer": "お調べしています。" * 20}),
        "notes": form_of(admin, address, {"kind": "note", "text": "郵便局に確かめました。" * 20}),
    }
    before = (Inquiry.get().version, InquiryEntry.select().count(), Message.select().count())
    for action, body in forms.items():
        for request in cut_requests(f"{address}/{action}", admin, body, FORM):
            break_off(port, request)
    answer = forms["answer"]
    whole = head(f"{address}/answer", admin, Content_Type=FORM, Content_Length=len(answer)) + answer
    assert (Inquiry.get().version, InquiryEntry.select().count(), Message.select().count()) == before
    assert status_of(exchange(port, whole)) == 303
    assert Message.select().count() == before[2] + 1


def test_a_batch_of_a_program_that_broke_off_registers_nobody(serve, app, now):
    key = api_keys.add("registration system", now)
    port = serve()
    body = json.dumps([ITEM | {"application_number": f"A-{number}"} for number in range(20)]).encode()
    rights = {"Authorization": f"Bearer {key}", "Idempotency_Key": "once"}
    for request in cut_requests(PLACE, None, body, "application/json", **rights):
        break_off(port, request)
    whole = head(PLACE, None, Content_Type="application/json", Content_Length=len(body), **rights) + body
    assert (Registration.select().count(), IdempotentRequest.select().count()) == (0, 0)
    assert status_of(exchange(port, whole)) in (200, 207)
    assert Registration.select().count() == 20


def test_a_body_in_chunks_is_asked_for_its_length(serve, app, now):
    key = api_keys.add("registration system", now)
    port = serve()
    body = json.dumps([ITEM]).encode()
    chunks = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    rights = {"Authorization": f"Bearer {key}", "Content_Type": "application/json", "Accept_Language": "en"}
    answer = exchange(port, head(PLACE, None, Transfer_Encoding="chunked", **rights) + chunks)
    assert status_of(answer) == 411 and b"application/problem+json" in answer and b"Content-Length" in answer
    assert Registration.select().count() == 0


def test_a_key_that_is_no_ascii_is_refused_and_not_taken_for_none(serve, app, now):
    """The server leaves such a header out: a repeat would then be carried out as another request."""
    key = api_keys.add("registration system", now)
    port = serve()
    body = json.dumps([ITEM]).encode()
    rights = {"Authorization": f"Bearer {key}", "Content_Type": "application/json", "Content_Length": len(body)}
    for value in ("é".encode("latin-1"), "一回だけ".encode(), b"\xff"):
        request = head(PLACE, None, Idempotency_Key="KEY", **rights).replace(b"KEY", value) + body
        assert status_of(exchange(port, request)) == 400
    assert Registration.select().count() == 0


def test_a_file_that_broke_off_is_not_read(serve, admin):
    port = serve()
    admin.get("/ops/imports")
    rows = "申請番号,技能者ID,氏名\r\n" + "A-1,12345678901234,架空 太郎\r\n" * 50
    body, content_type = multipart("list.csv", rows.encode(), csrf_token=admin.token, kind="registrations")
    for request in cut_requests("/ops/imports", admin, body, content_type):
        break_off(port, request)
    assert status_of(exchange(port, head("/healthz", method="GET"))) == 200
    assert ImportRun.select().count() == 0
    whole = head("/ops/imports", admin, Content_Type=content_type, Content_Length=len(body)) + body
    assert status_of(exchange(port, whole)) == 303
    assert ImportRun.select().count() == 1
