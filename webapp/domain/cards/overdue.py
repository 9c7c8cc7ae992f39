"""What ops must be told of a card: pure rules over its facts and the moment."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from webapp.domain.cards.states import CardState, CardStatus
from webapp.domain.core.calendar import WorkingCalendar, jst_day
from webapp.domain.core.language import N_


class Attention(StrEnum):
    """Why a card needs a person."""

    NOT_POSTED = "not_posted"
    SILENT = "silent"
    KEPT_NEAR_END = "kept_near_end"
    KEPT_OVER = "kept_over"
    RETURNED = "returned"
    UNKNOWN_LABEL = "unknown_label"
    CONTRADICTORY = "contradictory"


@dataclass(frozen=True)
class AlarmLimits:
    """When to raise an alarm. `not_posted` and `silent` are working days, `near_end` calendar days."""

    not_posted: int = 10
    silent: int = 5
    near_end: int = 2

    def __post_init__(self) -> None:
        if min(self.not_posted, self.silent) < 1 or self.near_end < 0:
            raise ValueError("alarm limits are counted in whole days: at least 1 working day, at least 0 calendar days")


@dataclass(frozen=True)
class CardFacts:
    """What the rules look at. `posted_on` is the acceptance date (引受日) as imported, None before posting."""

    registered_at: datetime
    standing: CardStatus
    posted_on: date | None = None
    posted_again: bool = False


@dataclass(frozen=True)
class CardAlarm:
    """An alarm: its kind, the JST day since which it holds, a Japanese sentence and its parameters."""

    kind: Attention
    since: date
    sentence: str
    parameters: dict[str, str | int]


IN_POST = (CardState.POSTED, CardState.OUT_FOR_DELIVERY, CardState.ABSENT, CardState.KEPT)


def not_posted(facts: CardFacts, now: datetime, limits: AlarmLimits, calendar: WorkingCalendar) -> CardAlarm | None:
    """A card that is not posted `limits.not_posted` working days after the registration."""
    if facts.posted_on or facts.standing.known not in (CardState.ORDERED, CardState.MADE):
        return None
    due = calendar.add_working_days(jst_day(facts.registered_at), limits.not_posted)
    if jst_day(now) <= due:
        return None
    return CardAlarm(
        Attention.NOT_POSTED,
        due + timedelta(days=1),
        N_("登録から%(days)s営業日を過ぎましたが、カードが発送されていません。製造の状況を確かめてください。"),
        {"days": limits.not_posted},
    )


def silent(facts: CardFacts, now: datetime, limits: AlarmLimits, calendar: WorkingCalendar) -> CardAlarm | None:
    """A posted card of which nothing was reported for `limits.silent` working days; a kept one is allowed its time."""
    if facts.standing.known not in IN_POST and not (
        facts.posted_on and facts.standing.known in (CardState.ORDERED, CardState.MADE)
    ):
        return None
    if facts.standing.kept_until and jst_day(now) <= facts.standing.kept_until:
        return None
    heard = max((day for day in (facts.standing.last_word_on, facts.posted_on) if day), default=None)
    if heard is None:
        return None
    due = calendar.add_working_days(heard, limits.silent)
    if jst_day(now) <= due:
        return None
    return CardAlarm(
        Attention.SILENT,
        due + timedelta(days=1),
        N_("発送したカードの追跡が%(days)s営業日のあいだ更新されていません。郵便局に調査を依頼してください。"),
        {"days": limits.silent},
    )


def kept_near_end(facts: CardFacts, now: datetime, limits: AlarmLimits) -> CardAlarm | None:
    """A kept card that goes back in `limits.near_end` days or less, or whose time is over without a word."""
    until = facts.standing.kept_until
    if until is None:
        return None
    today = jst_day(now)
    if today > until:
        return CardAlarm(
            Attention.KEPT_OVER,
            until + timedelta(days=1),
            N_(
                "カードの保管期限（%(until)s）が過ぎました。差出人に返送された可能性があります。追跡を確かめてください。"
            ),
            {"until": until.isoformat()},
        )
    if (until - today).days > limits.near_end:
        return None
    return CardAlarm(
        Attention.KEPT_NEAR_END,
        until - timedelta(days=limits.near_end),
        N_(
            "カードは%(until)sを過ぎると差出人へ返送されます。本人と所属事業者が受け取りの手続きをしたか確かめてください。"
        ),
        {"until": until.isoformat()},
    )


def returned(facts: CardFacts, now: datetime) -> CardAlarm | None:
    """A card that came back and was not posted again."""
    if facts.standing.known is not CardState.RETURNED or facts.posted_again:
        return None
    return CardAlarm(
        Attention.RETURNED,
        _day_of(facts.standing, now),
        N_("カードが返送されました。住所を確かめ、所属事業者に問い合わせて、もう一度発送してください。"),
        {},
    )


def unknown_label(facts: CardFacts, now: datetime) -> CardAlarm | None:
    """A word of the post that is in no table."""
    if not facts.standing.unknown_labels:
        return None
    return CardAlarm(
        Attention.UNKNOWN_LABEL,
        facts.standing.last_word_on or jst_day(now),
        N_("対応表にない追跡の状態があります（%(labels)s）。意味を確かめて、対応表に加えてください。"),
        {"labels": "、".join(facts.standing.unknown_labels)},
    )


def contradictory(facts: CardFacts, now: datetime) -> CardAlarm | None:
    """Reports that cannot all be true: a movement after the delivery, or both a delivery and a return."""
    if not facts.standing.contradictory:
        return None
    return CardAlarm(
        Attention.CONTRADICTORY,
        facts.standing.last_word_on or jst_day(now),
        N_("追跡の記録が食い違っています。郵便局に確かめてください。"),
        {},
    )


def alarms(facts: CardFacts, now: datetime, limits: AlarmLimits, calendar: WorkingCalendar) -> tuple[CardAlarm, ...]:
    """Every alarm of a card at `now` (aware), in the order in which ops should look at them."""
    found = (
        returned(facts, now),
        kept_near_end(facts, now, limits),
        contradictory(facts, now),
        unknown_label(facts, now),
        silent(facts, now, limits, calendar),
        not_posted(facts, now, limits, calendar),
    )
    return tuple(alarm for alarm in found if alarm)


def _day_of(standing: CardStatus, now: datetime) -> date:
    return jst_day(now) if standing.since is None else jst_day(standing.since)
