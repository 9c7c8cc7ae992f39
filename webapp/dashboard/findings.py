"""What a chart found, in a short sentence: a comparison with the period before where both have enough to say one."""

from flask_babel import gettext as _

# Below this change a sentence would speak of chance.
NOTABLE = 0.2


def percent(rate: float | None) -> str:
    """Return a share in words: 2.1%, or – where no rate is shown."""
    return "–" if rate is None else f"{rate * 100:.1f}%"


def minutes_words(minutes: float | None) -> str:
    """Return a time as exactly as it is known: about so many minutes, hours or days; – where there is none."""
    if minutes is None:
        return "–"
    if minutes < 1:
        return _("1分未満")
    if minutes < 100:
        return _("約%(n)s分", n=f"{minutes:.0f}")
    if minutes < 48 * 60:
        return _("約%(n)s時間", n=f"{minutes / 60:.1f}")
    return _("約%(n)s日", n=f"{minutes / 60 / 24:.1f}")


def points(rate: float | None, before: float | None) -> str:
    """Return the change between two rates in points, with its sign; "" where one of them is not shown."""
    return "" if rate is None or before is None else f"{(rate - before) * 100:+.1f}"


def rate_changed(topic: str, rate: float | None, before: float | None) -> str:
    """Return how a rate compares with the period before; "" where one of them is not shown."""
    if rate is None or before is None:
        return ""
    if before and rate >= before * 1.5:
        return _("%(topic)sは前の期間の%(times)s倍です", topic=topic, times=f"{rate / before:.1f}")
    if rate > before * (1 + NOTABLE):
        return _("%(topic)sは前の期間より上がりました", topic=topic)
    if rate < before * (1 - NOTABLE):
        return _("%(topic)sは前の期間より下がりました", topic=topic)
    return _("%(topic)sは前の期間とほとんど変わりません", topic=topic)


def volume_changed(topic: str, n: int, before: int, least: int) -> str:
    """Return by how much a volume has risen or fallen; "" below the least volume."""
    if min(n, before) < max(1, least):
        return ""
    change = n / before - 1
    if abs(change) < NOTABLE:
        return _("%(topic)sは前の期間とほとんど変わりません", topic=topic)
    words = f"{abs(change) * 100:.0f}%"
    if change > 0:
        return _("%(topic)sは前の期間より%(change)s増えました", topic=topic, change=words)
    return _("%(topic)sは前の期間より%(change)s減りました", topic=topic, change=words)
