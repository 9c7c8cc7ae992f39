"""`todoke alarms`: the rules that open alarms, and when one would have opened its alarm in the past."""

import datetime as dt
import os
from collections.abc import Callable, Iterator

import click

from webapp.commands.context import load_settings, now, opened
from webapp.domain.core.calendar import JST
from webapp.domain.core.language import LANGUAGES, N_
from webapp.domain.monitoring.readings import Bounds, Reading
from webapp.domain.monitoring.replay import Episode, episodes
from webapp.domain.monitoring.rules import RULES, UNITS, AlarmRule, Unit, rule_of

Say = Callable[..., str]
_language = click.option("--language", type=click.Choice(LANGUAGES), help="ja or en; without it as LANG says.")


@click.group()
def alarms() -> None:
    """The rules that open alarms."""


@alarms.command("list")
@_language
def list_rules(language: str | None) -> None:
    """List the rules, their bounds as the settings say, and how many of their alarms are open."""
    from db.models import Alarm

    settings, say = load_settings(), _speaker(language)
    with opened(settings):
        for rule in RULES:
            n = Alarm.open().where(Alarm.kind == rule.kind).count()
            click.echo(f"{rule.kind}\n  {say(rule.opens)}")
            if rule.settings:
                click.echo(f"  {_bounds(rule, rule.bounds(settings), say)}")
            if not rule.past:
                click.echo("  " + say(N_("過去で試せません: %(why)s"), {"why": say(rule.caveat)}))
            click.echo("  " + say(N_("いま開いている警報: %(n)s件"), {"n": n}))


@alarms.command("try")
@click.argument("rule", type=click.Choice([rule.kind.value for rule in RULES]))
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True, help="How far back to look.")
@click.option("--threshold", type=click.FloatRange(0, min_open=True), help="Instead of the setting.")
@click.option("--window", type=click.IntRange(1), help="Instead of the setting.")
@click.option("--least", type=click.IntRange(1), help="Instead of the setting.")
@_language
def try_rule(rule: str, days: int, language: str | None, **instead: float | None) -> None:
    """Say when RULE would have opened its alarm in the last days, by what the database has kept."""
    settings, say, chosen = load_settings(), _speaker(language), rule_of(rule)
    until = now()
    since = until - dt.timedelta(days=days)
    click.echo(say(chosen.opens))
    if chosen.past is None:
        click.echo(say(N_("過去で試せません: %(why)s"), {"why": say(chosen.caveat)}))
        return
    bounds = chosen.bounds(settings, **instead)
    click.echo(_bounds(chosen, bounds, say))
    with opened(settings):
        found = episodes(chosen.past(since, until, bounds), bounds, since)
    when = {"since": _moment(since), "until": _moment(until), "n": len(found)}
    if found:
        click.echo(say(N_("%(since)sから%(until)sまでに、この警報は%(n)s回出ていました。"), when))
    else:
        click.echo(say(N_("%(since)sから%(until)sまでに、この警報は一度も出ていません。"), when))
    for episode in found:
        click.echo(f"  {_episode(episode, chosen, say)}")
    if chosen.caveat:
        click.echo(say(chosen.caveat))


def _speaker(language: str | None) -> Say:
    from webapp.translations import speaker

    return speaker(language or ("ja" if os.environ.get("LANG", "").startswith("ja") else "en"))


def _bounds(rule: AlarmRule, bounds: Bounds, say: Say) -> str:
    unit = say(UNITS[rule.unit])
    parts = [say(N_("基準 %(threshold)s%(unit)s"), {"threshold": f"{bounds.threshold:g}", "unit": unit})]
    if rule.window:
        parts.append(say(rule.window_of, {"n": bounds.window}))
    if rule.least:
        parts.append(say(N_("%(least)s件以上のとき"), {"least": bounds.least}))
    if rule.hovers:
        parts.append(say(N_("%(clear)s%(unit)s未満で終わる"), {"clear": f"{bounds.clear:g}", "unit": unit}))
    return " / ".join(parts)


def _episode(episode: Episode, rule: AlarmRule, say: Say) -> str:
    when = {"began": _moment(episode.began)}
    if episode.ended is None:
        line = say(N_("%(began)s からいまも続く"), when)
    else:
        when |= {"ended": _moment(episode.ended), "length": _length(episode.ended - episode.began, say)}
        line = say(N_("%(began)s から %(ended)s まで（%(length)s）"), when)
    numbers = {"first": _number(episode.first, rule, say), "worst": _number(episode.worst, rule, say)}
    return f"{line}  {episode.subject}  " + say(N_("最初 %(first)s、最大 %(worst)s"), numbers)


def _number(reading: Reading, rule: AlarmRule, say: Say) -> str:
    shown = f"{reading.value:.1f}" if rule.unit == Unit.PERCENT else f"{reading.value:.0f}"
    unit = say(UNITS[rule.unit])
    return f"{shown}{'' if rule.unit == Unit.PERCENT else ' '}{unit}" + (f" (n={reading.out_of})" if rule.least else "")


def _length(span: dt.timedelta, say: Say) -> str:
    def parts() -> Iterator[str]:
        minutes = round(span / dt.timedelta(minutes=1))
        if minutes >= 1440:
            yield say(N_("%(days)s日"), {"days": minutes // 1440})
        if minutes % 1440 >= 60:
            yield say(N_("%(hours)s時間"), {"hours": minutes % 1440 // 60})
        if minutes < 1440 and minutes % 60:
            yield say(N_("%(minutes)s分"), {"minutes": minutes % 60})

    return " ".join(parts())


def _moment(at: dt.datetime) -> str:
    return f"{at.astimezone(JST):%Y-%m-%d %H:%M}"
