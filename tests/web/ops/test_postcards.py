"""The operators' pages of postcards: batches, files, one card, holds and returned mail; with htmx and without."""

import datetime as dt
import io

import pytest

from db.ids import encode
from db.models import AuditDetail, Event, Postcard, PostcardBatch, PostcardFile, PostcardPrint, PostcardReturn, WorkItem
from tests.domain.postcard import desk
from tests.web.ops.story import way_to
from webapp.domain.postcard import batches, marking
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.states import BatchState, BatchStep, PostcardState

BATCHES = "/ops/postcards/batches"


@pytest.fixture
def shop(settings):
    return PrintOffice.of(settings)


@pytest.fixture
def ops_operator(ops_operator):
    """The operator has a page before them, and with it a token."""
    ops_operator.get(BATCHES)
    return ops_operator


@pytest.fixture
def ops_admin(ops_admin):
    ops_admin.get(BATCHES)
    return ops_admin


def text(answer) -> str:
    return answer.get_data(as_text=True)


def address(row, *more: str) -> str:
    folder = {PostcardBatch: "/batches", PostcardFile: "/files"}.get(type(row), "")
    return "/".join(["/ops/postcards" + folder, encode(row.id), *more])


@pytest.mark.parametrize("page", [BATCHES, "/ops/postcards/holds", "/ops/postcards/addresses", "/ops/postcards"])
def test_lists_are_there_for_each_operator_while_nothing_is(ops_viewer, page):
    assert ops_viewer.get(page).status_code == 200
    assert ops_viewer.partial(page).status_code == 200


def test_a_viewer_looks_and_changes_nothing(ops_viewer, shop, now):
    (card,) = desk.queued(now)
    batch = desk.made(shop, now)
    card = Postcard.get_by_id(card.id)
    assert "<form id=" not in text(ops_viewer.get(address(batch)))
    assert "<form id=" not in text(ops_viewer.get(address(card)))
    assert ops_viewer.get("/ops/postcards/returned").status_code == 403
    for path in (BATCHES, address(batch, "printed"), address(batch, "mailed"), address(card, "reprint")):
        assert ops_viewer.submit(path).status_code == 403
    assert PostcardBatch.get().state == BatchState.READY


@pytest.mark.parametrize("htmx", [False, True])
def test_an_operator_makes_a_batch_after_seeing_count_and_cost(ops_operator, shop, now, htmx):
    desk.queued(now, 2)
    desk.queued(now, name="佐藤☺")
    page = text(ops_operator.get(BATCHES))
    assert "作成待ち 3件" in page and "はがき 2件、費用は約 240円" in page and "印刷できない文字がある" in page
    answer = ops_operator.submit(BATCHES, htmx=htmx)
    assert (answer.headers["HX-Redirect"] if htmx else answer.location) == address(PostcardBatch.get())
    again = ops_operator.submit(BATCHES, htmx=htmx)
    assert again.status_code == 422 and "別の発送ロット" in text(again)
    desk.produce(shop, now)
    page = text(ops_operator.get(address(PostcardBatch.get())))
    assert "印刷できます" in page and "保留にしたもの 1件" in page and "2026-11-18-1-001.pdf" in page


def test_a_batch_of_nothing_is_not_made(ops_operator, shop):
    answer = ops_operator.submit(BATCHES)
    assert answer.status_code == 422 and "作成を待つはがきがない" in text(answer)
    assert not PostcardBatch.select().exists()


def test_a_batch_in_the_making_shows_how_far_it_is_and_asks_again(ops_viewer, shop, now):
    desk.queued(now)
    batch = batches.begin(shop, now)
    page = text(ops_viewer.get(address(batch)))
    assert 'hx-trigger="load delay:2s"' in page and "集めています" in page
    desk.produce(shop, now)
    assert "hx-trigger" not in text(ops_viewer.partial(address(batch)))


def test_a_batch_that_was_stopped_says_what_lets_it_go_on(ops_viewer, ops_admin, shop, now):
    desk.queued(now)
    batch = batches.begin(shop, now)
    PostcardBatch.update(state=BatchState.STOPPED).execute()
    page = text(ops_viewer.get(address(batch)))
    assert "作成を中止しています" in page and f"todoke postcard resume {batch.number}" in page
    assert "hx-trigger" not in page.partition('id="batch"')[2].partition(">")[0]


@pytest.mark.parametrize("htmx", [False, True])
def test_printed_then_mailed_and_a_second_click_is_stale(ops_operator, shop, now, htmx):
    desk.queued(now)
    batch = desk.made(shop, now)
    assert ops_operator.submit(address(batch, "mailed"), htmx=htmx).status_code == 409
    for step, state in (("printed", BatchState.PRINTED), ("mailed", BatchState.MAILED)):
        assert ops_operator.submit(address(batch, step), htmx=htmx).status_code == (200 if htmx else 303)
        assert PostcardBatch.get().state == state
    assert ops_operator.submit(address(batch, "mailed"), htmx=htmx).status_code == 409
    assert Postcard.get().state == PostcardState.MAILED


def test_only_an_administrator_downloads_with_a_reason_that_is_kept(ops_operator, ops_admin, shop, now):
    desk.queued(now)
    desk.made(shop, now)
    file = PostcardFile.get(PostcardFile.kind == "part")
    assert ops_operator.get(address(file)).status_code == 403
    assert ops_operator.submit(address(file), {"reason": "印刷所への入稿"}).status_code == 403
    assert "確認コードがあります" in text(ops_admin.get(address(file)))
    cover = PostcardFile.get(PostcardFile.kind == "cover")
    assert "確認コードはありません" in text(ops_admin.get(address(cover)))
    assert ops_admin.submit(address(file), {"reason": "x"}).status_code == 422
    answer = ops_admin.submit(address(file), {"reason": "印刷所への入稿"})
    assert answer.status_code == 200 and answer.data == (shop.folder / file.name).read_bytes()
    assert answer.headers["Cache-Control"] == "no-store"
    assert Event.select().where(Event.name == "postcard-file:ops:downloaded").count() == 1
    assert AuditDetail.select().order_by(AuditDetail.id.desc()).get().content["reason"] == "印刷所への入稿"


def test_a_download_asks_for_a_new_proof_after_a_while(ops_admin, shop, now, clock):
    desk.queued(now)
    desk.made(shop, now)
    file = PostcardFile.get(PostcardFile.kind == "part")
    clock.at = now + dt.timedelta(minutes=20)
    answer = ops_admin.get(address(file))
    assert answer.status_code == 303 and address(file).replace("/", "%2F") in answer.location.replace("/", "%2F")


def test_files_that_were_removed_cannot_be_fetched(ops_admin, shop, now):
    desk.queued(now)
    batch = desk.made(shop, now)
    file = PostcardFile.get(PostcardFile.kind == "part")
    PostcardBatch.update(files_removed_at=now).execute()
    assert ops_admin.submit(address(file), {"reason": "もう一度"}).status_code == 404
    assert "削除しました" in text(ops_admin.get(address(batch)))


def test_a_postcard_is_shown_as_pictures_without_its_code(ops_viewer, shop, now, monkeypatch):
    (card,) = desk.queued(now)
    page = text(ops_viewer.get(address(card)))
    assert page.count("<img ") == 3
    seen = []
    from webapp.blueprints.ops import postcard

    def look(card, sender, side, **more):
        seen.append((card, side, more))
        return preview(card, sender, side, **more)

    preview = postcard.preview
    monkeypatch.setattr(postcard, "preview", look)
    for side in ("address", "inside"):
        answer = ops_viewer.get(address(card, "picture") + f"?side={side}")
        assert answer.mimetype == "image/png" and answer.data.startswith(b"\x89PNG")
    assert ops_viewer.get(address(card, "picture") + "?side=elsewhere").status_code == 404
    # Not even the masked picture was made from a real code.
    assert {card.activation_code for card, *_ in seen} == {"0000000000"}
    assert all(more.get("mask_code", True) for *_, more in seen)


def test_a_card_that_cannot_be_printed_has_no_picture(ops_viewer, now):
    (card,) = desk.queued(now, name="佐藤☺")
    assert "<img " not in text(ops_viewer.get(address(card)))
    assert ops_viewer.get(address(card, "picture")).status_code == 404


def test_each_look_at_a_card_is_audited(ops_viewer, now):
    (card,) = desk.queued(now)
    ops_viewer.get(address(card))
    detail = AuditDetail.select().order_by(AuditDetail.id.desc()).get().content
    assert detail == {"registration": card.registration_id, "via": "postcards", "of": None}


def test_a_reprint_asks_for_a_reason(ops_operator, shop, now):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    assert ops_operator.submit(address(card, "reprint"), {"reason": ""}).status_code == 422
    assert ops_operator.submit(address(card, "reprint"), {"reason": "not_arrived"}).status_code == 303
    assert ops_operator.submit(address(card, "reprint"), {"reason": "not_arrived"}).status_code == 409
    assert Postcard.get().state == PostcardState.QUEUED


def test_a_waiting_card_is_cancelled_with_a_reason(ops_operator, now):
    (card,) = desk.queued(now)
    assert ops_operator.submit(address(card, "cancel")).status_code == 422
    assert ops_operator.submit(address(card, "cancel"), {"cancel_note": "二重登録"}).status_code == 303
    assert Postcard.get().state == PostcardState.CANCELLED


def test_holds_are_counted_by_reason_and_lead_to_their_fix(ops_operator, shop, now):
    desk.queued(now, 2, postal_code="")
    (card,) = desk.queued(now, name="佐藤☺")
    desk.made(shop, now)
    page = text(ops_operator.get("/ops/postcards/holds?reason=no_usable_address"))
    assert "郵送できる住所がない <b>2</b>" in page and page.count(">宛先を直す<") == 2
    page = text(ops_operator.partial("/ops/postcards/holds?reason=missing_glyph"))
    assert address(card, "mend") in page and page.count(">宛先を直す<") == 1


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ({"name": "佐藤☺"}, "印刷できない文字「☺」があります"),
        ({"name": "長" * 120}, "文字が多く、はがきに入りません"),
        ({"address": "大阪府大阪市北区梅田9-9"}, "郵便番号と住所が一致しません"),
        ({"postal_code": ""}, "郵便番号がありません"),
    ],
)
def test_the_form_that_mends_says_once_what_is_wrong(ops_operator, shop, now, person, why):
    (card,) = desk.queued(now, **person)
    desk.queued(now)
    desk.made(shop, now)
    page = text(ops_operator.get(address(card, "mend")))
    assert page.count(why) == 1 and page.count('class="note warn"') == 1 and 'class="note"' not in page


@pytest.mark.parametrize("htmx", [False, True])
def test_an_address_is_mended_from_the_proposed_code(ops_operator, shop, now, htmx):
    (card,) = desk.queued(now, postal_code="9999999", address="千葉県千葉市稲毛区緑町1丁目99-8")
    page = text(ops_operator.get("/ops/postcards/addresses"))
    assert "2630023" in page and "バーコードは付きません" in page
    page = text(ops_operator.get(address(card, "mend") + "?code=2630023"))
    assert 'value="2630023"' in page
    bad = {"version": "1", "postal_code": "2630023", "address": "", "print_name": ""}
    answer = ops_operator.submit(address(card, "mend"), bad, htmx=htmx)
    assert answer.status_code == 422 and "郵送できる住所がありません" in text(answer)
    good = bad | {"address": "千葉県千葉市稲毛区緑町1丁目99-8"}
    answer = ops_operator.submit(address(card, "mend"), good, htmx=htmx)
    assert answer.status_code == (200 if htmx else 303)
    assert Postcard.get().technician.postal_code == "2630023"
    stale = ops_operator.submit(address(card, "mend"), good | {"address": "千葉市稲毛区緑町2"}, htmx=htmx)
    assert stale.status_code == 409


def number() -> str:
    return PostcardPrint.get().management_number


def test_a_scanner_adds_by_enter_and_the_field_is_ready_for_the_next(ops_operator, shop, now):
    desk.queued(now)
    desk.mailed(shop, now)
    page = text(ops_operator.get("/ops/postcards/returned"))
    assert "autofocus" in page and 'id="number"' in page
    answer = ops_operator.submit("/ops/postcards/returned", {"number": number()}, htmx=True)
    page = text(answer)
    # The swap brings the list, which has grown; the field is no part of it, and keeps the focus and what is typed.
    assert 'id="number"' not in page and 'id="numbers"' not in page
    assert page.count("返送にしました") == 2 and "<tbody>" in page
    assert Postcard.get().state == PostcardState.RETURNED


def test_a_scan_that_is_sent_again_under_its_key_is_one_scan(ops_operator, shop, now):
    desk.queued(now, 2)
    desk.mailed(shop, now)
    first, second = (row.management_number for row in PostcardPrint.select())
    for _ in range(2):
        scans = {"number": [first, second, second], "key": ["a", "b", "c"]}
        page = text(ops_operator.submit("/ops/postcards/returned", scans, htmx=True))
    assert [row.outcome for row in PostcardReturn.select().order_by(PostcardReturn.id)] == [
        *("returned", "returned", "repeated"),
    ]
    assert page.count("<tr>") == 4 and WorkItem.open().count() == 2


def test_without_script_a_scan_leads_back_to_the_field(ops_operator, shop, now):
    answer = ops_operator.submit("/ops/postcards/returned", {"number": "AAAAA-AAAAA"})
    assert (answer.status_code, answer.location) == (303, "/ops/postcards/returned")
    assert "この管理番号のはがきはありません" in text(ops_operator.get("/ops/postcards/returned"))
    assert ops_operator.submit("/ops/postcards/returned", {"number": " "}).status_code == 422


@pytest.mark.parametrize("htmx", [False, True])
def test_a_scan_is_undone_by_the_one_who_made_it(ops_operator, ops_admin, shop, now, htmx):
    desk.queued(now)
    desk.mailed(shop, now)
    ops_operator.submit("/ops/postcards/returned", {"number": number()})
    undo = f"/ops/postcards/returned/{encode(PostcardReturn.get().id)}/undo"
    assert ops_admin.submit(undo).status_code == 404
    assert ops_operator.submit(undo, htmx=htmx).status_code == (200 if htmx else 303)
    assert Postcard.get().state == PostcardState.MAILED
    assert ops_operator.submit(undo, htmx=htmx).status_code == 409


def test_many_come_from_a_list_and_from_a_file(ops_operator, shop, now):
    desk.queued(now, 2)
    desk.mailed(shop, now)
    first, second = (row.management_number for row in PostcardPrint.select())
    data = {"numbers": first, "file": (io.BytesIO(f"{second},x\r\nnothing\r\n".encode("cp932")), "scans.csv")}
    answer = ops_operator.submit("/ops/postcards/returned/many", data, content_type="multipart/form-data")
    assert "返送にしました: 2件" in text(answer) and "この管理番号のはがきはありません: 1件" in text(answer)
    assert WorkItem.open().count() == 2
    assert ops_operator.submit("/ops/postcards/returned/many", {"numbers": " "}).status_code == 422


@pytest.mark.parametrize(
    ("what", "state", "open_items"), [("send-again", "queued", 0), ("ask", "returned", 1), ("close", "returned", 0)]
)
def test_a_returned_card_is_sent_again_asked_about_or_closed(ops_operator, shop, now, what, state, open_items):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    ops_operator.submit("/ops/postcards/returned", {"number": number()})
    page = text(ops_operator.get(address(card)))
    assert "返送されました" in page and 'id="reprint"' not in page
    assert ops_operator.submit(address(card, "returned"), {"what": "close"}).status_code == 422
    answer = ops_operator.submit(address(card, "returned"), {"what": what, "note": "転居先不明"})
    assert answer.status_code == 303
    assert (Postcard.get().state, WorkItem.open().count()) == (state, open_items)
    if what == "ask":
        assert "確認を頼みました" in text(ops_operator.get(address(card)))


def test_unknown_cards_batches_and_files_do_not_exist(ops_admin, now):
    for path in ("", "/batches", "/files"):
        assert ops_admin.get(f"/ops/postcards{path}/{encode(12345)}").status_code == 404


def test_a_registration_shows_its_postcard(app, ops_viewer, shop, now):
    from webapp.pages.postcards import postcard_panel

    (card,) = desk.queued(now)
    batch = desk.made(shop, now)
    marking.advance(batch, BatchStep.PRINT, shop, now, None)
    with app.test_request_context():
        panel = postcard_panel(card.registration_id)
    assert [(one.batch, one.position, one.address) for one in panel.cards] == [(batch.number, 1, address(card))]
    assert panel.picture == address(card, "picture") + "?side=address"
    page = text(ops_viewer.get(way_to(ops_viewer, card.registration, "/ops/registrations?postcard=any")))
    assert "発送ロット 2026-11-18-1 の1通目" in page and panel.picture in page


def test_cards_held_after_a_restore_are_released_together(ops_operator, ops_viewer, now):
    from webapp.domain.mail import restore

    desk.queued(now, 2)
    restore.recover(now, "by_hand")
    for item in WorkItem.open():
        assert ops_operator.get(f"/ops/work-items/{encode(item.id)}").status_code == 200
    assert 'id="release"' not in text(ops_viewer.get("/ops/postcards/holds?reason=restored"))
    page = text(ops_operator.get("/ops/postcards/holds?reason=restored"))
    assert 'id="release"' in page and "復元後の確認待ち <b>2</b>" in page
    assert ops_operator.submit("/ops/postcards/holds/release", {"note": "控えと照合"}).status_code == 303
    assert {card.state for card in Postcard.select()} == {PostcardState.QUEUED}


def test_the_work_of_a_returned_card_leads_to_its_registration(ops_operator, shop, now):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    ops_operator.submit("/ops/postcards/returned", {"number": number()})
    page = text(ops_operator.get(f"/ops/work-items/{encode(WorkItem.open().get().id)}"))
    assert "返送されたはがき" in page and f"/ops/registrations/{encode(card.registration_id)}" in page
    record = text(ops_operator.get(way_to(ops_operator, card.registration, "/ops/registrations?postcard=any")))
    for words in ("はがき発送ロット入り", "はがき差出", "はがき返送", "発送ロット 2026-11-18-1 の1通目"):
        assert words in record
