"""Rules that open and close alarms by themselves: one table, which the worker, the replay, the pages and the docs read.

A rule reads numbers, one `Reading` a subject, and `holds` decides about each, knowing nothing but the reading and
whether the alarm is open. The worker reads what is (`readings`), `todoke alarms try` what was (`replay`);
both ask the same function. An alarm opens at its threshold and, where a number can hover, closes only clearly below
it, so that a rate at the edge does not open and close it again and again.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from db.models import Alarm, ReturnedMail
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.core.language import N_
from webapp.domain.mail.inbound import ReturnedState
from webapp.domain.monitoring import replay
from webapp.domain.monitoring.readings import (
    NOTHING,
    Bounds,
    Reading,
    bounce_rate,
    cards_returned,
    destinations,
    holds,
    postcards_not_mailed,
    queue_age,
    silent_workers,
    unmatched_mails,
)


class Unit(StrEnum):
    """In what the threshold of a rule and its readings are counted."""

    PERCENT = "percent"
    MINUTES = "minutes"
    WORKING_DAYS = "working_days"
    ITEMS = "items"


UNITS: dict[str, str] = {
    Unit.PERCENT: "%",
    Unit.MINUTES: N_("分"),
    Unit.WORKING_DAYS: N_("営業日"),
    Unit.ITEMS: N_("件"),
}


@dataclass(frozen=True)
class AlarmRule:
    """A rule: what opens it, the settings that bound it, how its numbers are read now and for a past.

    `window_of` says over what it looks. Without `read` another job looks, since it costs more than a look a minute.
    Without `past` the rule cannot be tried on what was, and `caveat` says why; with it, what a replay cannot know.
    """

    kind: AlarmKind
    opens: str
    unit: Unit
    threshold: str = ""
    window: str = ""
    least: str = ""
    window_of: str = ""
    hovers: bool = True
    read: Callable[[dt.datetime, Bounds], Mapping[str, Reading]] | None = None
    past: Callable[[dt.datetime, dt.datetime, Bounds], Iterator[replay.Moment]] | None = None
    caveat: str = ""

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings that bound the rule."""
        hysteresis = "alarm_clear_percent" if self.hovers else ""
        return tuple(name for name in (self.threshold, self.window, self.least, hysteresis) if name)

    def bounds(self, settings, **instead: float | None) -> Bounds:
        """Return the bounds as the settings say, with `threshold`, `window` or `least` replaced where given."""
        bounds = Bounds(
            threshold=getattr(settings, self.threshold) if self.threshold else 1,
            clear_percent=settings.alarm_clear_percent if self.hovers else 100,
            window=getattr(settings, self.window) if self.window else 0,
            least=getattr(settings, self.least) if self.least else 0,
            settings=settings,
        )
        return replace(bounds, **{name: value for name, value in instead.items() if value is not None})


_ATTEMPTS = N_("対象は直近の%(n)s件")
_NOTHING_KEPT = N_("過去の値が残りません。")

RULES: tuple[AlarmRule, ...] = (
    AlarmRule(
        AlarmKind.BOUNCE_RATE,
        N_("直近の送信のうち、アドレスが無効で失敗した割合が基準に達したとき"),
        Unit.PERCENT,
        "alarm_bounce_percent",
        "alarm_window",
        "alarm_least",
        _ATTEMPTS,
        read=bounce_rate,
        past=replay.bounce_rate,
        caveat=N_("あとから変えた判定は、いまの判定で数えます。"),
    ),
    AlarmRule(
        AlarmKind.DESTINATION_FAILING,
        N_("一つの宛先ドメインへの直近の送信のうち、理由を問わず失敗した割合が基準に達したとき"),
        Unit.PERCENT,
        "alarm_destination_percent",
        "alarm_window",
        "alarm_least",
        _ATTEMPTS,
        read=destinations,
        past=replay.destinations,
        caveat=N_("あとから変えた判定は、いまの判定で数えます。"),
    ),
    AlarmRule(
        AlarmKind.QUEUE_AGE,
        N_("予定の時刻を過ぎたお知らせが、送られないまま基準の時間待ったとき"),
        Unit.MINUTES,
        "alarm_queue_minutes",
        hovers=False,
        read=queue_age,
        past=replay.queue_age,
        caveat=N_("再送の予定の時刻は残らないため、最初の送信までの待ち時間だけで試します。"),
    ),
    AlarmRule(
        AlarmKind.WORKER_SILENT,
        N_("終了の記録がないまま、処理（worker）の応答が基準の時間途絶えたとき"),
        Unit.MINUTES,
        "alarm_worker_minutes",
        hovers=False,
        read=silent_workers,
        caveat=_NOTHING_KEPT,
    ),
    AlarmRule(
        AlarmKind.POSTCARDS_NOT_MAILED,
        N_("差し出しを待つはがきがあるのに、基準の営業日のあいだ一通も差し出していないとき"),
        Unit.WORKING_DAYS,
        "alarm_unmailed_days",
        hovers=False,
        read=postcards_not_mailed,
        past=replay.postcards_not_mailed,
    ),
    AlarmRule(
        AlarmKind.CARD_RETURN_RATE,
        N_("直近の日数で届いたか返送されたカードのうち、返送の割合が基準に達したとき"),
        Unit.PERCENT,
        "alarm_returned_percent",
        "alarm_returned_days",
        "alarm_returned_least",
        N_("対象は直近の%(n)s日"),
        read=cards_returned,
        past=replay.cards_returned,
    ),
    AlarmRule(
        AlarmKind.UNMATCHED_RISING,
        N_("照合できない戻りメールが、直近の時間で基準の件数に達したとき"),
        Unit.ITEMS,
        "alarm_unmatched_mails",
        "alarm_unmatched_hours",
        window_of=N_("対象は直近の%(n)s時間"),
        read=unmatched_mails,
        past=replay.unmatched_mails,
        caveat=N_("照合できないメールは設定の日数で消えるため、それより前は試せません。"),
    ),
    AlarmRule(
        AlarmKind.COUNTER_DIFFERENCE,
        N_("毎晩の数え直しで、集計が元の記録と合わないとき"),
        Unit.ITEMS,
        hovers=False,
        caveat=_NOTHING_KEPT,
    ),
    AlarmRule(
        AlarmKind.SEAL_BROKEN,
        N_("監査と閲覧の記録の封印を順に確かめて、合わないものがあるとき"),
        Unit.ITEMS,
        hovers=False,
        caveat=_NOTHING_KEPT,
    ),
)


# Nobody has been refused, and nothing given up, for a day: the cause is gone, or nothing goes that way any more.
_QUIET = dt.timedelta(days=1)
_PASSING = (AlarmKind.OUR_FAILURE, AlarmKind.ALARM_MAIL_FAILED, AlarmKind.WORK_GIVEN_UP)


def rule_of(kind: str) -> AlarmRule:
    """Return the rule of a kind of alarm; KeyError for one that no rule opens."""
    return {rule.kind: rule for rule in RULES}[AlarmKind(kind)]


def watch(now: dt.datetime, settings) -> None:
    """Open the alarms whose rules hold and close those that are over. The worker's job."""
    for rule in RULES:
        if rule.read is not None:
            look(rule, now, settings)
    close_quiet(now, settings.unmatched_mails)


def close_quiet(now: dt.datetime, unmatched_mails: int) -> None:
    """Close what is opened where it happens and has stopped by itself: refusals, work given up, no room for mail.

    `unmatched_mails` is how many are kept.
    """
    for alarm in list(Alarm.open().where(Alarm.kind.in_(_PASSING) & (Alarm.seen_at <= now - _QUIET))):
        close_alarm(AlarmKind(alarm.kind), alarm.subject, now)
    for alarm in list(Alarm.open().where(Alarm.kind == AlarmKind.UNMATCHED_MAIL)):
        if ReturnedMail.select().where(ReturnedMail.state == ReturnedState.UNMATCHED).count() < unmatched_mails:
            close_alarm(AlarmKind.UNMATCHED_MAIL, alarm.subject, now)


def look(rule: AlarmRule, now: dt.datetime, settings) -> None:
    """Read what one rule reads, then open, note the newest numbers, or close."""
    bounds = rule.bounds(settings)
    readings = rule.read(now, bounds)
    held = {alarm.subject: alarm for alarm in Alarm.open().where(Alarm.kind == rule.kind)}
    for subject in sorted(readings.keys() | held.keys()):
        reading, alarm = readings.get(subject, NOTHING), held.get(subject)
        if not holds(alarm is not None, reading, bounds):
            if alarm is not None:
                close_alarm(rule.kind, subject, now)
        elif alarm is None:
            open_alarm(rule.kind, subject, now, reading.data)
        elif alarm.data != reading.data:
            # Its newest numbers; not an event a minute for what has not changed.
            Alarm.update(data=reading.data, seen_at=now).where(Alarm.id == alarm.id).execute()
