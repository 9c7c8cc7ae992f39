"""Send again, cancel, send a postcard instead: each says what will happen, and only does what was seen."""

import pytest

from db import ids
from db.models import AuditRow, Message, Postcard, WorkItem
from tests.web.ops.story import EMAIL, bounced, sent, way_to
from webapp.domain.bounce.model import Reason
from webapp.domain.email_addresses import versions
from webapp.domain.notices.messages import MessageState


def act(story, what: str) -> str:
    return f"/ops/messages/{ids.encode(story.message.id)}/{what}"


def postcard(story) -> str:
    return f"/ops/registrations/{ids.encode(story.registration.id)}/postcard"


def seen(page) -> str:
    return page.text.split('name="seen" value="')[1].split('"')[0]


def ours(now):
    """A notice that we gave up after days of failures of our own: no postcard, a work item instead."""
    story = sent(now)
    Message.update(state="failed", failure_class="ours", reason="blocked").where(
        Message.id == story.message.id
    ).execute()
    return story


@pytest.mark.parametrize("htmx", [False, True])
def test_a_failed_notice_goes_again_to_the_same_address(app, now, ops_operator, htmx):
    story = ours(now)
    page = ops_operator.get(act(story, "again"))
    assert EMAIL in page.text and "送信元のIPアドレスが拒否されました" in page.text
    answer = ops_operator.submit(act(story, "again"), {"seen": seen(page)}, htmx=htmx)
    assert answer.status_code == (200 if htmx else 303)
    message = Message.get_by_id(story.message.id)
    assert (message.state, message.address_id, message.reason) == ("queued", story.message.address_id, None)


def test_a_dead_address_is_not_mailed_again_before_it_is_restored(app, now, ops_operator):
    story = bounced(now)
    page = ops_operator.get(act(story, "again"))
    assert ops_operator.submit(act(story, "again"), {"seen": seen(page)}).status_code == 409
    assert Message.get_by_id(story.message.id).state == "failed"
    versions.restore(story.attempt.address, now, None, "the person called")
    assert ops_operator.submit(act(story, "again"), {"seen": seen(page)}).status_code == 303


def test_what_has_moved_on_is_shown_and_not_done(app, now, ops_operator):
    story = ours(now)
    stale = seen(ops_operator.get(act(story, "again")))
    Message.update(state="queued", due_at=now).where(Message.id == story.message.id).execute()
    answer = ops_operator.submit(act(story, "again"), {"seen": stale})
    assert answer.status_code == 409 and "今回の操作は行っていません" in answer.text


def test_a_waiting_notice_is_cancelled_and_can_go_again(app, now, ops_operator):
    story = sent(now)
    Message.update(state="queued", due_at=now).where(Message.id == story.message.id).execute()
    assert (
        ops_operator.submit(act(story, "cancel"), {"seen": seen(ops_operator.get(act(story, "cancel")))}).status_code
        == 303
    )
    message = Message.get_by_id(story.message.id)
    assert (message.state, message.due_at) == (MessageState.CANCELLED, None)
    assert AuditRow.select().where(AuditRow.action == "notice:email:cancelled").count() == 1
    assert (
        ops_operator.submit(act(story, "again"), {"seen": seen(ops_operator.get(act(story, "again")))}).status_code
        == 303
    )


def test_what_was_sent_cannot_be_cancelled(app, now, ops_operator):
    story = sent(now)
    answer = ops_operator.submit(act(story, "cancel"), {"seen": seen(ops_operator.get(act(story, "cancel")))})
    assert answer.status_code == 409 and Message.get_by_id(story.message.id).state == "sent"


def test_a_postcard_takes_the_place_of_a_mail_that_we_cannot_deliver(app, now, ops_operator):
    story = ours(now)
    item = WorkItem.create(
        kind="send_postcard",
        subject_kind="registration",
        subject_id=story.registration.id,
        reason="blocked",
        state="open",
        opened_at=now,
    )
    assert ops_operator.get(postcard(story)).location.endswith(ids.encode(story.registration.id)), "asked why"
    ops_operator.get(way_to(ops_operator, story.registration))
    page = ops_operator.get(postcard(story))
    assert story.person.address in page.text
    assert ops_operator.submit(postcard(story)).status_code == 303
    assert [(row.state, row.cause, row.n) for row in Postcard.select()] == [("queued", "blocked", 1)]
    assert WorkItem.get_by_id(item.id).state == "done"
    assert ops_operator.submit(postcard(story)).status_code == 409, "one postcard a registration"


def test_no_postcard_while_the_mail_is_under_way(app, now, ops_operator):
    assert ops_operator.submit(postcard(sent(now))).status_code == 409
    assert Postcard.select().count() == 0


def test_a_postcard_without_a_postal_address_waits_for_a_person(app, now, ops_operator):
    story = sent(now, postal_code="", address="")
    Message.update(state="failed", failure_class="ours", reason=Reason.BLOCKED).execute()
    assert ops_operator.submit(postcard(story)).status_code == 303
    assert Postcard.get().state == "on_hold"


def test_only_a_notice_of_a_registration_is_repeated_here(app, now, ops_operator):
    story = sent(now)
    Message.update(kind="sign_in").where(Message.id == story.message.id).execute()
    assert ops_operator.get(act(story, "again")).status_code == 404
