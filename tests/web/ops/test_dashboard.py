"""The dashboard: every number that is a link equals the list it leads to; page, refresh and figures agree."""

import datetime as dt
import random
import re

import brotli
import plotly.graph_objects as go
import pytest
from prometheus_client.parser import text_string_to_metric_families

from db.models import Card, Counter, Message, Shipment
from tests.web.ops import story
from webapp.commands import demo
from webapp.demo.year import write_year
from webapp.domain.bounce.model import Reason
from webapp.domain.cards.outcomes import Missed
from webapp.domain.core import counters, latency
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.domain.core.counters import Figure
from webapp.domain.core.progress import Reached
from webapp.domain.postcard.towns import PREFECTURES
from webapp.domain.reporting import reconcile
from webapp.domain.reporting.periods import Grain
from webapp.settings import load

# Charts whose every number is a count that its list has, with this past.
COUNTS = (
    *("bounce-rate", "volume", "failures", "reasons", "destinations", "funnel", "cohorts", "postcards", "causes"),
    "cards",
)
REASONS = (Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.USERUNKNOWN, Reason.NOTACCEPT)


@pytest.fixture
def past(app, settings, now):
    object.__setattr__(settings, "figures_least", 4)
    for number in range(40):
        at = now - dt.timedelta(days=number % 9)
        if number % 4:
            story.sent(at, email=f"p{number}@docomo.ne.jp")
        else:
            story.bounced(at, reason=REASONS[number // 4 % 4], email=f"p{number}@au.example")


def table(page: str, chart: str) -> list[tuple[str, int]]:
    """Addresses and numbers of the links of a chart's table."""
    part = page.split(f'id="chart-{chart}"')[1].split("</table>")[0].split("<table>")[1]
    links = re.findall(r'<td class="n"><a href="([^"]+)">([^<]+)</a>', part)
    return [(address.replace("&amp;", "&"), number_in(words)) for address, words in links]


def number_in(words: str) -> int:
    """The cases of a cell: 12, or 4.1% (12/290), or 4.1% (12)."""
    inner = words.split("(")[-1].rstrip(")").split("/")[0]
    return int(inner.replace(",", ""))


def rows(client, address: str) -> int:
    count = 0
    while address:
        page = client.get(address).text
        count += page.count('<th scope="row">')
        following = re.search(r'<a href="([^"]+)" rel="next"', page)
        address = following[1].replace("&amp;", "&") if following else ""
    return count


@pytest.mark.parametrize("query", ["?length=7", "?length=30&by=week", "?length=90&by=month&role=technician"])
def test_every_number_of_every_table_is_the_length_of_its_list(past, ops_viewer, query):
    page = ops_viewer.get(f"/ops/dashboard{query}").text
    looked = 0
    for chart in COUNTS:
        links = table(page, chart)
        assert links, chart
        for address, number in links[:6]:
            assert rows(ops_viewer, address) == number, (chart, address)
            looked += 1
    assert looked > 12


def test_the_numbers_of_a_fresh_demo_are_right_and_lead_to_as_many_rows(
    app, settings, now, ops_viewer, tmp_path, monkeypatch
):
    monkeypatch.setattr(demo, "STATE", tmp_path)
    monkeypatch.setattr(demo, "now", lambda: now)
    demo._make(settings)
    list(write_year("test", now, random.Random(1), 90, 300))
    assert {checked.figure: checked.differences for checked in reconcile.check()} == {figure: {} for figure in Figure}
    page = ops_viewer.get("/ops/dashboard?length=30&by=week").text
    links = {link for chart in COUNTS for link in table(page, chart)}
    assert len(links) > 60
    assert {address: (n, rows(ops_viewer, address)) for address, n in links if rows(ops_viewer, address) != n} == {}


def test_bars_lead_where_the_table_leads(past, ops_viewer):
    page = ops_viewer.get("/ops/dashboard?length=30").text
    part = page.split('id="chart-failures"')[1].split("</svg>")[0]
    bars = [address.replace("&amp;", "&") for address in re.findall(r'<a href="([^"]+)" tabindex="-1"><rect', part)]
    assert sorted(bars) == sorted(address for address, _ in table(page, "failures"))


def test_the_refresh_is_the_tiles_alone_with_their_own_time(past, ops_viewer, clock, now):
    clock.at = now + dt.timedelta(minutes=7)
    partial = ops_viewer.partial("/ops/dashboard?length=30").text
    assert partial.lstrip().startswith('<section id="tiles"') and "chart-" not in partial
    assert "11/18 10:09 時点" in partial and 'data-address="/ops/dashboard?length=30"' in partial


def test_the_address_holds_the_state_and_nonsense_is_the_usual_view(past, ops_viewer):
    page = ops_viewer.get("/ops/dashboard?since=2026-11-01&until=2026-11-10&by=week&role=business").text
    assert "2026-11-01 – 2026-11-10" in page and 'href="/ops/dashboard?by=week&amp;role=business&amp;length=7"' in page
    usual = ops_viewer.get("/ops/dashboard?length=9&by=hour&role=king&since=tomorrow").text
    assert "2026-10-20 – 2026-11-18" in usual
    for wrong in (
        "since=2026-11-10&until=2026-11-01",
        "since=1926-01-01&until=2026-11-01",
        "since=2026-11-01&until=2027-01-01",
    ):
        assert "2026-10-20 – 2026-11-18" in ops_viewer.get(f"/ops/dashboard?{wrong}").text


def test_an_empty_database_says_so_in_each_chart(app, ops_viewer):
    page = ops_viewer.get("/ops/dashboard").text
    assert page.count('class="nothing"') == page.count('class="chart"') == 13 and "<svg" not in page


def test_plotly_takes_each_figure_and_its_values_are_those_of_the_table(past, ops_viewer):
    page = ops_viewer.get("/ops/dashboard?length=30").text
    addresses = [address.replace("&amp;", "&") for address in re.findall(r'data-figure="([^"]+)"', page)]
    assert len(addresses) == 13
    for address in addresses:
        figure = ops_viewer.get(address).get_json()
        go.Figure(figure)  # raises for what plotly does not know
    failures = ops_viewer.get(next(a for a in addresses if "chart=failures" in a)).get_json()
    drawn = {(a, v) for one in failures["data"] for a, v in zip(one["customdata"], one["y"], strict=True) if v}
    assert drawn == set(table(page, "failures"))
    assert ops_viewer.get("/ops/dashboard/figure?chart=nonsense").status_code == 404


def busy(now: dt.datetime, days: int) -> None:
    """Counters as a country's years leave them: large, uneven numbers in every figure on every day."""
    chance, today = random.Random(7), counters.day_of(now)
    n = chance.randrange
    for ago in range(days):
        day, counts = today - dt.timedelta(days=ago), {}

        def count(figure: Figure, most: int, *key: str, day=day, counts=counts) -> None:
            counts[counters.key(figure, day, *key)] = n(1, most)

        for role in ("technician", "business"):
            who = f"id_notice/{role}"
            count(Figure.NOTICES, 9000, who, "delivered", "presumed")
            for reason in (*Reason,):
                count(Figure.NOTICES, 90, who, "failed", f"{reason.reason_class}/{reason}")
            for number in range(12):
                count(Figure.NOTICES_BY_DESTINATION, 900, who, f"carrier-{number}.ne.jp", "delivered")
                count(Figure.NOTICES_BY_DESTINATION, 90, who, f"carrier-{number}.ne.jp", "dead")
            count(Figure.SENT_AFTER, 900, who, str(n(40)))
        for state in ("queued", "batched", "printed", "mailed", "returned"):
            for cause in ("userunknown", "no_email", "filtered", "mailboxfull", "requested"):
                count(Figure.POSTCARDS, 300, state, cause)
        for taken in range(2, 12):
            count(Figure.POSTCARD_RETURNS, 20, str(taken))
            count(Figure.CARD_DAYS, 2000, str(taken))
        for step in Reached:
            count(Figure.FUNNEL, 9000, step)
        for prefecture in PREFECTURES:
            for missed in Missed:
                count(Figure.SHIPMENTS, 300, prefecture, missed)
        counters.add(counts)


COLD = 40_000


def test_the_whole_dashboard_is_light_for_every_period_however_it_is_cut(app, ops_viewer, now):
    """Cold: the page with its stylesheet inside, and every other file that it names, as they go over the line."""
    busy(now, 730)
    for length in (7, 30, 90, 365):
        for grain in Grain:
            page = ops_viewer.get(f"/ops/dashboard?length={length}&by={grain}").text
            assert "<style>" in page and page.count('<svg viewBox="') == 12  # no card is open: one chart says so
            files = re.findall(r'<(?:script|link)[^>]+(?:src|href)="(/static/[^"]+)"', page)
            assert len(files) >= 2 and not any("/static/site." in name for name in files)
            sizes = [len(brotli.compress(page.encode(), quality=app.config["COMPRESS_BR_LEVEL"]))]
            sizes += [len(brotli.compress(ops_viewer.get(name).data, quality=11)) for name in files]
            assert sum(sizes) <= COLD, (length, grain, sizes)


def test_a_year_of_days_is_outlined_and_each_chart_has_a_page_with_its_bars_and_table(app, ops_viewer, now):
    busy(now, 400)
    page = ops_viewer.get("/ops/dashboard?length=365&by=day").text
    part = page.split('id="chart-failures"')[1].split("</section>")[0]
    assert part.count('<path class="area') == 8 and "<rect" not in part and "<table" not in part  # 4, and 4 hollow
    address = re.search(r'<a href="([^"]+)">棒ごとの事例と表', part)[1].replace("&amp;", "&")
    alone = ops_viewer.get(address).text
    assert alone.count('class="chart"') == 1 and "<rect" in alone
    assert len({address for address, _ in table(alone, "failures")}) == 365 * 4
    assert 'href="/ops/dashboard?length=365&amp;by=day"' in alone


def test_a_year_is_cut_into_weeks_unless_days_are_asked_for(past, ops_viewer):
    page = ops_viewer.get("/ops/dashboard?length=365").text
    part = page.split('id="chart-failures"')[1].split("</section>")[0]
    assert "<rect" in part and part.count('<th scope="row">') in (53, 54)
    assert 'href="/ops/dashboard?length=30"' in page and 'href="/ops/dashboard?length=365&amp;by=day"' in page
    assert 'href="/ops/dashboard?length=365"' in ops_viewer.get("/ops/dashboard?length=30").text


def test_a_heading_says_what_was_found_and_little_is_not_called_a_rate(app, settings, ops_viewer, now):
    object.__setattr__(settings, "figures_least", 4)
    today = counters.day_of(now)
    for ago, dead in ((0, 6), (7, 2)):
        day = today - dt.timedelta(days=ago)
        who = ("id_notice/technician", "delivered", "presumed")
        counters.add({counters.key(Figure.NOTICES, day, *who): 100 - dead})
        counters.add({counters.key(Figure.NOTICES, day, who[0], "failed", "dead/userunknown"): dead})
    object.__setattr__(settings, "alarm_bounce_percent", 50)
    page = ops_viewer.get("/ops/dashboard?length=7").text
    assert "不達率は前の期間の3.0倍です" in page and "送信したお知らせは前の期間とほとんど変わりません" in page
    assert "届かなかったお知らせの100%は「アドレスが無効」です" in page and "前の期間 2件" in page
    object.__setattr__(settings, "alarm_bounce_percent", 5)
    assert "不達率が警報の基準を超えた時期があります（最大 11/18 の 6.0%）" in ops_viewer.get("/ops/dashboard").text
    object.__setattr__(settings, "figures_least", 101)
    page = ops_viewer.get("/ops/dashboard?length=7").text
    part = page.split('id="chart-bounce-rate"')[1].split("</section>")[0]
    assert "101件に満たないため" in part and "– (6/100)" in part and "<svg" not in part and "play" not in part


def test_what_is_not_over_is_hollow_and_what_is_provisional_says_how_much_is_open(past, ops_viewer, now):
    page = ops_viewer.get("/ops/dashboard?length=7").text
    volume = page.split('id="chart-volume"')[1].split("</section>")[0]
    assert volume.count('class="a hollow"') == 1 and "まだ終わっていない" in volume
    rate = page.split('id="chart-bounce-rate"')[1].split("</section>")[0]
    assert re.search(r"白抜きは暫定: [0-9]+件中[0-9]+件が未確定", rate)


def test_the_lists_behind_the_new_figures_say_what_they_are_narrowed_to(past, ops_viewer, now):
    card = Card.select().first()
    Card.update(state="delivered", posted_on=counters.day_of(now), since_on=counters.day_of(now)).where(
        Card.id == card.id
    ).execute()
    Shipment.create(
        card=card, n=1, number="12345678905", accepted_on=counters.day_of(now), prefecture="東京都", missed="kept",
        created_at=now,
    )  # fmt: skip
    day = f"since={counters.day_of(now)}&until={counters.day_of(now)}"
    for address, n in (
        (f"/ops/cards/posted?{day}&prefecture=東京都&missed=kept", 1),
        (f"/ops/cards/posted?{day}&prefecture=-", 0),
        (f"/ops/cards/posted?{day}&missed=returned", 0),
        (f"/ops/cards?state=delivered&{day}", 1),
        (f"/ops/registrations?reached=card_delivered&{day}", 1),
        ("/ops/messages?unsent=1", 0),
        (f"/ops/messages?{day}&slow=40", 0),
    ):
        assert rows(ops_viewer, address) == n, address
    assert "郵便局で保管" in ops_viewer.partial(f"/ops/cards/posted?{day}").text
    assert "約41分以上かかった" in ops_viewer.get(f"/ops/messages?{day}&slow=40").text
    assert "一度も送れていない" in ops_viewer.get("/ops/messages?unsent=1").text


def test_the_tile_of_the_95th_percentile_leads_to_the_slow_ones(past, ops_viewer, now):
    found = {"since": counters.day_of(now), "id": "id_notice/technician"}
    Message.update(first_sent_at=now + dt.timedelta(minutes=90)).execute()
    Counter.delete().where(Counter.figure == Figure.SENT_AFTER).execute()
    took = str(latency.class_of(dt.timedelta(minutes=90)))
    counters.add({counters.key(Figure.SENT_AFTER, found["since"], found["id"], took): 10})
    tiles = ops_viewer.partial("/ops/dashboard?length=7").text
    minutes = latency.minutes(int(took))
    assert (
        abs(minutes - 90) <= 4.5
        and f"約{minutes:.0f}分" in tiles
        and "10件のうち10件がこれ以上" in tiles
        and f"slow={took}" in tiles
    )


def test_prometheus_needs_the_token_always(app, client, settings, past, now):
    assert client.get("/metrics").status_code == 404
    token = "prometheus " * 4
    object.__setattr__(settings, "metrics_token", token)
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": token}).status_code == 404
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}
    dead = {s.labels["class"]: s.value for s in found["todoke_notices_failed_week"].samples}
    week = counters.day_of(now) - dt.timedelta(days=6)
    assert dead["dead"] == sum((now - dt.timedelta(days=n % 9)).date() >= week for n in range(0, 40, 4))
    assert found["todoke_postcards"].samples and "docomo" not in answer.text and "佐藤" not in answer.text


def test_a_short_token_stops_the_start():
    needed = {"DATABASE_URL": "sqlite:///x.db", "SECRET_KEY": "test " * 8, "RETURN_KEYS": "a:" + "test " * 8}
    environ = {f"TODOKE_{name}": value for name, value in needed.items()} | {"TODOKE_MODE": "test"}
    assert load(environ, dotenv=None).metrics_token == ""
    with pytest.raises(ValueError, match="METRICS_TOKEN"):
        load(environ | {"TODOKE_METRICS_TOKEN": "short"}, dotenv=None)


def test_an_open_alarm_says_in_words_what_it_is_about(ops_viewer, now):
    open_alarm(AlarmKind.CARD_RETURNED, "cards", now)
    open_alarm(AlarmKind.DESTINATION_FAILING, "docomo.ne.jp", now)
    for page in (ops_viewer.get("/ops/dashboard").text, ops_viewer.partial("/ops/dashboard").text):
        alarms = page.split('<div class="note bad">')[1].split("</div>")[0]
        assert "</span> カード</li>" in alarms and "</span> docomo.ne.jp</li>" in alarms
