"""Operators' looks: each page that shows a person writes one, the person reads them all, no typed way is a reason."""

import datetime as dt
import html
from urllib.parse import quote

import pytest

from db import ids
from db.models import AccessRow, Account, Card, EmailAddress, Inquiry, Postcard, Technician, WorkItem
from tests.web.conftest import operator, technician_user
from tests.web.ops.story import EMAIL, bounced, way_to
from webapp.domain.accounts.accounts import OperatorRole
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.disclosure import operator_views
from webapp.domain.disclosure.operator_views import Via, ViewOrigin
from webapp.domain.disclosure.policy import viewer_of
from webapp.domain.inquiries import cases
from webapp.domain.self_service.data_export import own_data

# What belongs to the person alone. A row of a list of work shows name, technician ID and application number.
PRIVATE = ("1985-04-12", "1985/04/12", "1985/4/12", "09012345678", "千代田一番町", EMAIL)
NAMES = ("極秘 太郎", "ゴクヒ タロウ", "70000000999999")
# Pages without ids that show names and numbers of many, as work: a look would say that a list was leafed through.
LISTS = {
    *("ops_addresses.index", "ops_address_letters.index", "ops_cards.index", "ops_dashboard.entered"),
    *("ops_holds.index", "ops_inquiry_list.index", "ops_messages.index", "ops_postcards.index"),
    *("ops_registrations.index", "ops_returned_mail.index", "ops_shipments.index", "ops_work_items.index"),
    *("ops_home.index", "ops_holds.addresses", "ops_returned_postcards.index"),
}
# What else an address of the operators names: nothing of it shows a person, but the printer's files (an administrator
# says why before each) and the letters to businesses.
OTHERS = {"alarm", "batch", "file", "run", "code"}
# Their rows show more than that, so each person on them is looked at.
LISTS_OF_ADDRESSES = {"ops_addresses.index", "ops_holds.addresses"}


@pytest.fixture
def story(app, now):
    story = bounced(now)
    Technician.update(
        name=NAMES[0],
        name_kana=NAMES[1],
        technician_id=NAMES[2],
        birth_date=dt.date(1985, 4, 12),
        telephone="09012345678",
        postal_code="1000001",
        address="東京都千代田区千代田一番町",
    ).where(Technician.id == story.person.id).execute()
    story.person = Technician.get_by_id(story.person.id)
    return story


@pytest.fixture
def things(app, story, now) -> dict[str, list[int]]:
    """Each parameter of an operators' address, with the objects of the person that it can name."""
    technician_user(app, now, story.person)
    subjects = (
        ("record_correction", "technician", story.person.id),
        ("send_postcard", "registration", story.registration.id),
    )
    for kind, subject, number in subjects:
        row = {"subject_kind": subject, "subject_id": number, "reason": "", "state": "open", "opened_at": now}
        WorkItem.create(kind=kind, **row)
    kinds = (cases.Topic, cases.Channel, cases.Caller, cases.IdentityCheck)
    words = {"registration_id": story.registration.id, "text": "x", "language": "ja", "account_id": None}
    cases.open_inquiry(*(next(iter(kind)) for kind in kinds), now, **words)
    return {
        "registration": [story.registration.id],
        "message": [story.message.id],
        "mail": [story.mail.id],
        "item": [item.id for item in WorkItem.select().where(WorkItem.kind != WorkItemKind.BUSINESS_ADDRESS)],
        "address": [address.id for address in EmailAddress.select().where(EmailAddress.owner_id == story.person.id)],
        "card": [Card.get().id],
        "postcard": [Postcard.get().id],
        "inquiry": [Inquiry.get().id],
        "account": [Account.get(Account.technician == story.person).id],
    }


def pages(app, things) -> list[tuple[str, str]]:
    """(endpoint, address) of every page of the operators that shows something, by GET."""
    found, bound = [], app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/ops") or "GET" not in rule.methods:
            continue
        (name,) = [part for part in rule.arguments if part != "role"][:1] or [""]
        assert not name or name in things or name in OTHERS, f"{rule.rule}: say in things whom this shows"
        for number in things.get(name, []) if name else [None]:
            values = {name: number} if name else {}
            values |= {"role": "technician"} if "role" in rule.arguments else {}
            found.append((rule.endpoint, bound.build(rule.endpoint, values)))
    return found


def looks(story) -> int:
    return AccessRow.select().where(AccessRow.technician_id == story.person.id).count()


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "partial"])
def test_every_page_that_shows_a_person_writes_a_look(app, story, things, ops_admin, htmx):
    fetch = ops_admin.partial if htmx else ops_admin.get
    ops_admin.get(way_to(ops_admin, story.registration))  # the forms of a record belong to who has opened it
    seen, silent = set(), []
    for endpoint, address in pages(app, things):
        before = looks(story)
        answer = fetch(address)
        text = html.unescape(answer.get_data(as_text=True)) if answer.mimetype == "text/html" else ""
        of_a_list = endpoint in LISTS - LISTS_OF_ADDRESSES
        shows = [word for word in (PRIVATE if of_a_list else PRIVATE + NAMES) if word in text]
        shows += ["a picture"] if answer.mimetype == "image/png" else []
        if shows and answer.status_code == 200:
            seen.add(endpoint)
            if looks(story) == before:
                silent.append((endpoint, address, shows))
    assert silent == []
    wanted = {"ops_record.show", "ops_record.address_form", "ops_actions.postcard_form", "ops_actions.cancel_form"}
    wanted |= {"ops_actions.again_form", "ops_addresses.restore_form", "ops_cards.show", "ops_postcard.show"}
    wanted |= {"ops_postcard.picture", "ops_holds.form", "ops_returned_mail.show", "ops_work_items.show"}
    wanted |= {"ops_sign_ins.show", "ops_addresses.index"}
    assert wanted <= seen, wanted - seen


def test_the_person_reads_each_look_with_its_reason_and_nobodys_name(app, now, story):
    staff = operator(app, OperatorRole.VIEWER, now)
    staff.get(way_to(staff, story.registration, "/ops/messages?state=failed"))
    staff.get(f"/ops/cards/{ids.encode(Card.get().id)}")
    record = f"/ops/registrations/{ids.encode(story.registration.id)}"
    assert staff.submit(f"{record}/reason", {"reason": "inquiry", "note": "電話 山田さん"}).status_code == 303
    own = technician_user(app, now, story.person)
    for page in (own.get("/me/access-log").text, own.partial("/me/access-log").text):
        assert page.count("運営</td>") == 3
        for why in ("お知らせの送付の確認", "カードの処理", "問い合わせへの回答"):
            assert page.count(why) == 1, why
        assert "山田さん" not in page and Account.get(Account.kind == "operator").display_name not in page
    looks_of = own_data(viewer_of(Account.get(Account.technician == story.person)), now)["looks"]
    assert [look["reason"] for look in looks_of] == ["inquiry", "cards", "messages"]


def test_a_way_of_coming_is_good_for_its_reader_its_record_and_its_day(
    app, now, story, ops_viewer, ops_operator, clock
):
    other = bounced(now, email="other@docomo.ne.jp")
    way = way_to(ops_viewer, story.registration)
    there, token = way.split("?via=")
    elsewhere = f"/ops/registrations/{ids.encode(other.registration.id)}?via={token}"
    assert "閲覧の理由" in ops_viewer.get(elsewhere).text, "another record"
    assert "閲覧の理由" in ops_operator.get(way).text, "another operator"
    via, of, day, mac = token.split(".")
    for forged in (
        "messages",
        "registrations",
        "work-item",
        f"messages.{of}.{day}.{mac}",
        f"{via}.{of}.{int(day) + 1}.{mac}",
        f"{via}.{of}.{day}.",
        "...",
        "é",
        "",
        f"{via}.{of}.{day}.{'0' * 32}",
    ):
        assert "閲覧の理由" in ops_viewer.get(f"{there}?via={quote(forged)}").text, forged
    assert looks(story) == 0
    assert story.person.name in ops_viewer.get(way).text
    assert looks(story) == 1


def test_a_token_ends_the_day_after_and_needs_its_work(app, now, story):
    given = {"account_id": 1, "registration_id": 2, "secret": "s"}
    lists, item = ViewOrigin(Via.MESSAGES), ViewOrigin(Via.WORK_ITEM, 12345)
    token = operator_views.token_of(lists, **given, now=now)
    day = dt.timedelta(days=1)
    assert operator_views.origin(token, **given, now=now + day) == lists
    assert operator_views.origin(token, **given, now=now + 2 * day) is None
    assert operator_views.origin(token, **given, now=now - day) is None
    assert operator_views.origin(operator_views.token_of(item, **given, now=now), **given, now=now) is None, (
        "no such item"
    )


def test_operators_read_all_looks_at_a_person_with_names(app, now, story, ops_viewer, ops_operator):
    there = f"/ops/registrations/{ids.encode(story.registration.id)}/looks"
    assert ops_viewer.get(there).location == there.removesuffix("/looks"), "asked why first"
    assert looks(story) == 0
    ops_operator.get(way_to(ops_operator, story.registration))
    record = ops_viewer.get(way_to(ops_viewer, story.registration)).text
    assert f'href="{there}"' in record
    names = [row.display_name for row in Account.select().where(Account.kind == "operator")]
    for n, fetch in enumerate((ops_viewer.get, ops_viewer.partial)):
        page = fetch(there).text.split("<tbody>")[1]
        assert page.count("<tr>") == 3 + n and all(name in page for name in names) and len(names) == 2
        assert page.count("登録の処理") == 3 + n, "of the same hour: the reason that was given"
