"""The dashboard: every number that is a link equals the list it leads to; page, refresh and figures agree."""

import datetime as dt
import re

import brotli
import plotly.graph_objects as go
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web import ops_story
from webapp.domain import metrics
from webapp.domain.bounce.model import Reason
from webapp.settings import load

REASONS = (Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.USERUNKNOWN, Reason.NOTACCEPT)


@pytest.fixture
def past(app, settings, now):
    object.__setattr__(settings, "figures_least", 4)
    for number in range(40):
        at = now - dt.timedelta(days=number % 9)
        if number % 4:
            ops_story.sent(at, email=f"p{number}@docomo.ne.jp")
        else:
            ops_story.bounced(at, reason=REASONS[number // 4 % 4], email=f"p{number}@au.example")


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
    for chart in ("bounce-rate", "volume", "failures", "reasons", "destinations", "postcards", "causes", "cards"):
        links = table(page, chart)
        assert links, chart
        for address, number in links[:6]:
            assert rows(ops_viewer, address) == number, (chart, address)
            looked += 1
    assert looked > 12


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
    assert page.count('class="nothing"') == page.count('class="chart"') == 9 and "<svg" not in page


def test_plotly_takes_each_figure_and_its_values_are_those_of_the_table(past, ops_viewer):
    page = ops_viewer.get("/ops/dashboard?length=30").text
    addresses = [address.replace("&amp;", "&") for address in re.findall(r'data-figure="([^"]+)"', page)]
    assert len(addresses) == 9
    for address in addresses:
        figure = ops_viewer.get(address).get_json()
        go.Figure(figure)  # raises for what plotly does not know
    failures = ops_viewer.get(next(a for a in addresses if "chart=failures" in a)).get_json()
    drawn = {(a, v) for one in failures["data"] for a, v in zip(one["customdata"], one["y"], strict=True) if v}
    assert drawn == set(table(page, "failures"))
    assert ops_viewer.get("/ops/dashboard/figure?chart=nonsense").status_code == 404


def test_the_page_is_light(past, ops_viewer):
    answer = ops_viewer.get("/ops/dashboard?length=90")
    assert len(brotli.compress(answer.data, quality=5)) < 20_000


def test_prometheus_needs_the_token_always(app, client, settings, past, now):
    assert client.get("/metrics").status_code == 404
    token = "prometheus " * 4
    object.__setattr__(settings, "metrics_token", token)
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    assert client.get("/metrics", headers={"Authorization": token}).status_code == 404
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}
    dead = {s.labels["class"]: s.value for s in found["todoke_notices_failed_week"].samples}
    week = metrics.day_of(now) - dt.timedelta(days=6)
    assert dead["dead"] == sum((now - dt.timedelta(days=n % 9)).date() >= week for n in range(0, 40, 4))
    assert found["todoke_postcards"].samples and "docomo" not in answer.text and "佐藤" not in answer.text


def test_a_short_token_stops_the_start():
    needed = {"DATABASE_URL": "sqlite:///x.db", "SECRET_KEY": "test " * 8, "RETURN_KEYS": "a:" + "test " * 8}
    environ = {f"TODOKE_{name}": value for name, value in needed.items()} | {"TODOKE_MODE": "test"}
    assert load(environ, dotenv=None).metrics_token == ""
    with pytest.raises(ValueError, match="METRICS_TOKEN"):
        load(environ | {"TODOKE_METRICS_TOKEN": "short"}, dotenv=None)
