"""What the making of postcards needs of the settings: who sends, what a card costs, where files stand, how long."""

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path

from webapp.domain.core.calendar import JST
from webapp.domain.postcard.sheet import PrintedSender

FOLDER = "print-files"


@dataclass(frozen=True)
class PrintOffice:
    """The settings of postcards; `daily_at` is a time in Japan, None when only people make batches."""

    sender: PrintedSender
    sign_in_url: str
    secret: str
    folder: Path
    marks: bool
    card_cost: int
    daily_at: dt.time | None
    presumed_after: dt.timedelta
    codes_last: dt.timedelta

    @classmethod
    def of(cls, settings) -> "PrintOffice":
        """Return the office that the settings describe."""
        hour, _, minute = settings.postcard_daily_at.partition(":")
        return cls(
            sender=PrintedSender(
                name=settings.postcard_sender_name,
                postal_code=settings.postcard_sender_postal_code,
                address=settings.postcard_sender_address,
                telephone=settings.postcard_sender_telephone,
                post_office=settings.postcard_post_office,
                contact=tuple(line.strip() for line in re.split(r"[|\n]", settings.postcard_contact) if line.strip()),
            ),
            sign_in_url=f"{settings.public_url}/sign-in",
            secret=settings.secret_key,
            folder=Path(settings.state_dir) / FOLDER,
            marks=settings.postcard_marks,
            card_cost=settings.postcard_cost,
            daily_at=dt.time(int(hour), int(minute), tzinfo=JST) if settings.postcard_daily_at else None,
            presumed_after=dt.timedelta(days=settings.postcard_presumed_days),
            codes_last=dt.timedelta(days=settings.postcard_code_days),
        )
