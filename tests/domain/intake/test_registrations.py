"""A completed application becomes everything that follows from it, and the table of decisions holds."""

import datetime as dt

import pytest

from db.database import transaction
from db.models import (
    Affiliation,
    Card,
    Counter,
    EmailAddress,
    Event,
    Message,
    Postcard,
    RecordItem,
    RecordVersion,
    Registration,
    Technician,
    WorkItem,
)
from tests import cast
from webapp.domain.email_addresses.versions import AddressState, OwnerKind, current, mark_invalid
from webapp.domain.intake.known import Known
from webapp.domain.intake.outcomes import RowOrigin, RowOutcome
from webapp.domain.intake.registrations import register
from webapp.domain.intake.rows import clean_registration
from webapp.domain.notices import messages
from webapp.domain.notices.messages import MessageKind, Role
from webapp.domain.postcard import fallback

CELLS = {
    "申請番号": "A-1",
    "登録完了日時": "2026/11/17 10:02",
    "技能者ID": "",
    "氏名": "\ufa19\ufa10 \ufa1b太郎",
    "氏名カナ": "カミツカ フクタロウ",
    "生年月日": "1980/4/1",
    "郵便番号": "100-0001",
    "住所": "東京都千代田区千代田1-1",
    "メールアドレス": "taro@example.jp",
}


def row(line=2, /, **cells):
    cleaned = clean_registration(line, CELLS | cells, cast_now)
    assert not isinstance(cleaned, list), cleaned
    return cleaned


cast_now = dt.datetime(2026, 11, 18, 1, 2, 3, tzinfo=dt.UTC)


def take(*rows, now=cast_now, **more):
    with transaction():
        return register(rows, now, **more)


def one(*rows, **more):
    (result,) = take(*rows, **more)
    return result


def sentences(result):
    return [(p.column, p.in_japanese()) for p in result.problems]


@pytest.fixture
def employer(now):
    business = cast.business(now, business_id="10000000000001")
    cast.email(business, "office@yamada.example", now)
    return business


def test_a_first_registration_brings_person_notices_card_and_events(database, now, employer):
    proxy = cast.business(now, business_id="10000000000002", name="行政書士田中事務所")
    cast.email(proxy, "tanaka@proxy.example", now)
    result = one(row(所属事業者ID="10000000000001", 代行申請事業者ID="10000000000002", 職種="とび;型枠", 資格="玉掛け"))
    person = Technician.get()
    assert result.outcome is RowOutcome.ACCEPTED
    assert result.technician_id == person.technician_id
    assert len(person.technician_id) == 14 and person.technician_id.isdigit()
    assert (person.name, person.birth_date) == ("\ufa19\ufa10 \ufa1b太郎", dt.date(1980, 4, 1))
    assert [(i.kind, i.position, i.value) for i in person.items.order_by(RecordItem.kind, RecordItem.position)] == [
        ("occupation", 0, "とび"),
        ("occupation", 1, "型枠"),
        ("qualification", 0, "玉掛け"),
    ]
    registration = Registration.get()
    assert (registration.id, registration.first) == (result.registration_id, True)
    affiliation = Affiliation.get()
    assert (affiliation.business, affiliation.current) == (employer, True)
    assert (affiliation.technician_keys, affiliation.business_keys) == (0, 0)
    assert affiliation.sort_key == person.kana_key
    assert [(m.role, m.business_id, m.address.value) for m in Message.select().order_by(Message.id)] == [
        ("technician", None, "taro@example.jp"),
        ("business", employer.id, "office@yamada.example"),
        ("proxy", proxy.id, "tanaka@proxy.example"),
    ]
    assert Card.get().registration == registration
    assert not Postcard.select().exists()
    assert [event.name for event in Event.select().order_by(Event.id)] == [
        "registration:import:completed",
        "address:import:given",
        "affiliation:import:began",
        "card:import:ordered",
        "notice:email:queued",
        "notice:email:queued",
        "notice:email:queued",
    ]
    assert {(c.figure, c.a): c.n for c in Counter.select()} == {
        ("registrations", "affiliated"): 1,
        ("cards", "ordered"): 1,
        ("funnel", "registered"): 1,
    }


def test_a_business_that_employs_and_applies_gets_one_mail(sqlite, now, employer):
    one(row(所属事業者ID="10000000000001", 代行申請事業者ID="10000000000001"))
    assert [m.role for m in Message.select().order_by(Message.id)] == ["technician", "business"]


def test_messages_have_the_columns_and_meaning_of_a_single_new_message(database, now):
    one(row())
    written = Message.get()
    Message.delete().execute()
    event = Event.get(Event.name == "notice:email:queued")
    with transaction():
        single = messages.new_message(
            MessageKind.ID_NOTICE,
            Role.TECHNICIAN,
            written.address,
            "ja",
            now,
            registration=written.registration,
            technician=written.technician,
        )
    single = Message.get_by_id(single.id)
    assert written.__data__ | {"id": 0} == single.__data__ | {"id": 0}
    twin = Event.select().where(Event.name == "notice:email:queued").order_by(Event.id.desc()).get()
    assert event.__data__ | {"id": 0, "subject_id": 0} == twin.__data__ | {"id": 0, "subject_id": 0}


@pytest.mark.parametrize("address", ["東京都千代田区千代田1-1", ""])
def test_a_postcard_has_the_columns_and_meaning_of_a_single_one(database, now, address):
    one(row(メールアドレス="", 住所=address))

    def state():
        card = Postcard.get()
        events = (
            Event.select().where(Event.name.startswith("postcard") | Event.name.startswith("work")).order_by(Event.id)
        )
        counters = Counter.select().where(Counter.figure == "postcards").order_by(Counter.a)
        items = [item.__data__ | {"id": 0} for item in WorkItem.select()]
        return (
            card.__data__ | {"id": 0},
            [e.__data__ | {"id": 0, "subject_id": 0} for e in events],
            [c.__data__ for c in counters],
            items,
        )

    written = state()
    for table in (Postcard, Event, Counter, WorkItem):
        table.delete().execute()
    with transaction():
        fallback.queue(Registration.get(), fallback.NO_EMAIL, now)
    assert written == state()
    assert written[0]["state"] == ("queued" if address else "on_hold")


def test_the_same_application_again_changes_nothing(database, now):
    first = one(row())
    again = one(row(9))
    assert again.outcome is RowOutcome.UNCHANGED
    assert (again.registration_id, again.technician_id) == (first.registration_id, first.technician_id)
    filled_in = one(row(技能者ID=first.technician_id))
    assert filled_in.outcome is RowOutcome.UNCHANGED
    assert (Registration.select().count(), Message.select().count(), Card.select().count()) == (1, 1, 1)


def test_other_content_under_the_same_number_is_refused_with_both_values(database, now):
    take(row())
    result = one(row(5, 生年月日="1981/4/1", 職種="とび"))
    assert result.outcome is RowOutcome.REJECTED
    assert sentences(result) == [
        (
            "生年月日",
            "申請番号 A-1 はすでに登録されていて、生年月日が違います"
            "（登録済み: 1980-04-01、このファイル: 1981-04-01）。どちらが正しいか確かめてください。",
        ),
        (
            "職種",
            "申請番号 A-1 はすでに登録されていて、職種が違います"
            "（登録済み: —、このファイル: とび）。どちらが正しいか確かめてください。",
        ),
    ]
    assert Technician.get().birth_date == dt.date(1980, 4, 1)


def test_a_new_registration_of_a_known_person_keeps_what_stood_before(database, now):
    person = one(row(職種="とび", 電話番号="03-1111-2222")).technician_id
    later = now + dt.timedelta(days=1)
    again = row(3, 申請番号="A-2", 技能者ID=person, 氏名="山田 太郎", 氏名カナ="ｶﾐﾂｶ ﾌｸﾀﾛｳ", 職種="型枠", 資格="玉掛け",
                メールアドレス="new@example.jp", 郵便番号="", 住所="")  # fmt: skip
    result = one(again, now=later)
    assert (result.outcome, result.technician_id) == (RowOutcome.UPDATED, person)
    stored = Technician.get()
    assert (stored.name, stored.version, stored.telephone) == ("山田 太郎", 2, "03-1111-2222")
    assert stored.address == "東京都千代田区千代田1-1"
    before = RecordVersion.get()
    assert (before.subject_kind, before.version, before.replaced_at) == ("technician", 1, later)
    assert before.content["name"] == "\ufa19\ufa10 \ufa1b太郎"
    assert before.content["occupation"] == ["とび"]
    assert "telephone" not in before.content
    assert {(i.kind, i.value) for i in RecordItem.select()} == {("occupation", "型枠"), ("qualification", "玉掛け")}
    versions = list(EmailAddress.select().order_by(EmailAddress.version))
    assert [(v.value, v.valid_to) for v in versions] == [("taro@example.jp", later), ("new@example.jp", None)]
    notices = Message.select().where(Message.kind == "id_notice").order_by(Message.id.desc())
    assert notices.get().address == versions[1]
    told = Message.get(Message.kind == "confirm")
    assert (told.address, set(told.content)) == (versions[0], {"email_given_on"})
    assert Card.select().count() == 1
    assert Registration.get(Registration.application_number == "A-2").first is False


def test_a_known_person_gets_a_second_card_only_when_asked(database, now):
    person = one(row()).technician_id
    take(row(申請番号="A-2", 技能者ID=person))
    assert Card.select().count() == 1
    take(row(申請番号="A-3", 技能者ID=person, カード="1"))
    assert Card.select().count() == 2


@pytest.mark.parametrize(
    "before, after",
    (
        ("グエン ヴァン・アン", "グエン　ヴァン　アン"),
        ("シヨウジ", "ショウジ"),
        ("オーノ タロウ", "オオノ タロウ"),
        ("オオノ", "おーの"),
    ),
)
def test_the_ways_of_writing_kana_are_one_person(database, now, before, after):
    (first,) = take(row(氏名カナ=before))
    issued = Technician.get().technician_id
    again = one(row(申請番号="A-2", 技能者ID=issued, 氏名カナ=after))
    assert (first.outcome, again.outcome) == (RowOutcome.ACCEPTED, RowOutcome.UPDATED)
    other = one(row(申請番号="A-3", 技能者ID=issued, 氏名カナ="ヤマダ"))
    assert other.outcome is RowOutcome.REJECTED


def test_what_encodings_make_of_a_sign_is_the_same_content(database, now):
    address = "千葉県千葉市稲毛区緑町3−30−8〜2‖A—B"
    one(row(住所=address, 職種="とび;型枠"))
    same = one(row(住所=address.translate(str.maketrans("−〜‖", "－～∥")), 職種="とび、型枠"))
    assert same.outcome is RowOutcome.UNCHANGED
    assert one(row(住所=address + "1")).outcome is RowOutcome.REJECTED


def test_another_birth_date_or_kana_is_refused_without_saying_what_is_registered(database, now):
    person = one(row()).technician_id
    result = one(row(申請番号="A-2", 技能者ID=person, 生年月日="1990/1/1", 氏名カナ="スズキ"))
    assert result.outcome is RowOutcome.REJECTED
    assert [column for column, _ in sentences(result)] == ["生年月日", "氏名カナ"]
    assert "1980" not in str(sentences(result))
    assert Registration.select().count() == 1


def test_unknown_businesses_are_refused(database, now):
    result = one(row(所属事業者ID="404", 代行申請事業者ID="405"))
    assert [(p.column, p.value) for p in result.problems] == [("所属事業者ID", "404"), ("代行申請事業者ID", "405")]
    assert not Technician.select().exists()


def test_a_person_affiliated_elsewhere_is_never_moved(database, now, employer):
    cast.business(now, business_id="10000000000003", name="別の会社")
    person = one(row(所属事業者ID="10000000000001")).technician_id
    result = one(row(申請番号="A-2", 技能者ID=person, 所属事業者ID="10000000000003"))
    assert (result.outcome, result.problems[0].column) == (RowOutcome.REJECTED, "所属事業者ID")
    kept = one(row(申請番号="A-3", 技能者ID=person))
    assert kept.outcome is RowOutcome.UPDATED
    assert Affiliation.get().business == employer
    assert Affiliation.select().count() == 1


def test_without_an_email_address_the_postcard_is_queued_at_once(database, now):
    take(row(メールアドレス=""), row(3, 申請番号="A-2", メールアドレス="", 住所=""))
    ready, held = Postcard.select().order_by(Postcard.id)
    assert (ready.state, ready.cause, ready.message_id) == ("queued", "no_email", None)
    assert (held.state, held.hold_reason) == ("on_hold", "no_usable_address")
    assert [(w.kind, w.subject_id) for w in WorkItem.select()] == [("postcard_on_hold", held.registration_id)]
    assert not Message.select().exists()


@pytest.mark.parametrize("given", ["taro@example.jp", "TARO@example.jp", ""])
def test_an_address_known_to_be_dead_is_not_mailed_again(database, now, given):
    person = one(row()).technician_id
    mark_invalid(EmailAddress.get(), "userunknown", now)
    take(row(申請番号="A-2", 技能者ID=person, メールアドレス=given))
    assert Message.select().count() == 1
    assert Postcard.get().cause == "userunknown"
    assert EmailAddress.select().count() == 1


def test_going_back_to_ones_own_dead_address_does_not_revive_it(database, now):
    person = one(row()).technician_id
    mark_invalid(EmailAddress.get(), "userunknown", now)
    take(row(申請番号="A-2", 技能者ID=person, メールアドレス="good@example.jp"))
    take(row(申請番号="A-3", 技能者ID=person, メールアドレス="taro@example.jp"))
    assert Postcard.get().cause == "userunknown"
    newest = current(OwnerKind.TECHNICIAN, Technician.get().id)
    assert (newest.version, newest.state) == (3, AddressState.INVALID)
    assert Message.select().where(Message.kind == "id_notice").count() == 2


def test_a_value_that_is_dead_for_somebody_else_is_mailed_as_suspect(database, now):
    cast.email(cast.technician(now), "Taro@example.jp", now)
    mark_invalid(EmailAddress.get(), "userunknown", now)
    take(row())
    mailed = Message.get().address
    assert (mailed.state, mailed.reason) == (AddressState.SUSPECT, "userunknown")


def test_a_business_without_a_valid_address_is_work_for_ops_once(database, now):
    silent = cast.business(now, business_id="1")
    dead = cast.business(now, business_id="2")
    mark_invalid(cast.email(dead, "x@dead.example", now), "hostunknown", now)
    take(row(所属事業者ID="1", 代行申請事業者ID="2"), row(3, 申請番号="A-2", 所属事業者ID="1"))
    take(row(申請番号="A-3", 所属事業者ID="1"))
    assert {(w.kind, w.subject_id, w.reason) for w in WorkItem.select()} == {
        ("business_address", silent.id, "no_email"),
        ("business_address", dead.id, "hostunknown"),
    }
    assert WorkItem.select().count() == 2
    assert {m.role for m in Message.select()} == {"technician"}
    assert not Postcard.select().exists()


def test_technician_ids_are_not_sequential_and_pass_over_those_in_use(database, now, monkeypatch):
    cast.technician(now, technician_id="10000000000007")
    drawn = iter([7, 8, *range(9, 600)])
    monkeypatch.setattr("webapp.domain.intake.registrations.secrets.randbelow", lambda _: next(drawn))
    taken = row(技能者ID="10000000000008", 申請番号="A-0")
    results = take(*(row(申請番号=f"B-{n}") for n in range(3)), taken)
    issued = {result.technician_id for result in results}
    assert len(issued) == 4
    assert "10000000000007" not in issued


def test_a_check_writes_nothing_and_decides_the_same(database, now, employer):
    rows = [
        row(2, 技能者ID="20000000000001", 所属事業者ID="10000000000001"),
        row(3, 申請番号="A-2", 技能者ID="20000000000001"),
        row(4),
        row(5, 氏名="別人"),
        row(6, 申請番号="A-3", 所属事業者ID="404"),
    ]
    known = Known()
    checked = [result for r in rows for result in take(r, known=known, check=True)]
    assert not Registration.select().exists() and not Technician.select().exists()
    written = take(*rows)
    assert [(r.outcome, r.problems) for r in checked] == [(r.outcome, r.problems) for r in written]
    assert {r.outcome for r in written} == {RowOutcome.ACCEPTED, RowOutcome.UPDATED, RowOutcome.REJECTED}


def test_where_a_row_came_from_is_kept(sqlite, now):
    take(row(17), origin=RowOrigin())
    assert Registration.get().import_line is None
