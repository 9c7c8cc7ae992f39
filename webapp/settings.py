"""Every setting: its name, default and help; a bad value stops the start with one clear sentence.

A setting `name` is read from `TODOKE_NAME`, else from the file that `TODOKE_NAME_FILE` names, else from `.env`
in the working directory, else the default stands. Demo and test mode bring their own values for what production must
be told.
"""

import datetime as dt
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from webapp.setting_values import choice as _choice
from webapp.setting_values import database as _database
from webapp.setting_values import days as _days
from webapp.setting_values import domain as _domain
from webapp.setting_values import empty_or as _empty_or
from webapp.setting_values import flag as _flag
from webapp.setting_values import keys as _keys
from webapp.setting_values import line as _line
from webapp.setting_values import mailbox as _mailbox
from webapp.setting_values import number as _number
from webapp.setting_values import relays as _relays
from webapp.setting_values import secret as _secret
from webapp.setting_values import text as _text
from webapp.setting_values import time_of_day as _time_of_day
from webapp.setting_values import token as _token
from webapp.setting_values import url as _url
from webapp.setting_values import words as _words
from webapp.setting_values import year_end as _year_end

PREFIX = "TODOKE_"
MODES = ("production", "demo", "test")


class SettingsError(ValueError):
    """A setting is missing or bad; the message is one sentence for the person who starts the product."""


def setting(read: Callable[[str], object], help: str, default=MISSING, *, demo=MISSING, secret: bool = False):
    """Declare a setting: how its text is read, its default, what demo and test mode use, whether it is hidden."""
    meta = {"read": read, "help": help, "demo": demo, "secret": secret}
    return field(default=default, metadata=meta, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one process; made by `load`."""

    mode: str = setting(_choice(*MODES), "what this process may touch: production, demo or test", "production")
    database_url: str = setting(_database, "where the data are", demo="sqlite:///var/demo.db")
    secret_key: str = setting(_secret, "signs cookies and codes; 32 characters or more", secret=True)
    public_url: str = setting(_url, "the address under which people reach the pages", demo="http://127.0.0.1:8000")
    state_dir: str = setting(_text, "the directory for files that are not in the database", "var")
    host: str = setting(_text, "the address that the web server listens on", "127.0.0.1")
    port: int = setting(_number(1, 65535), "its port", 8000)
    web_workers: int = setting(_number(1, 64), "web processes", 2)
    web_threads: int = setting(_number(1, 256), "threads in each web process", 8)
    trusted_proxies: int = setting(_number(0, 5), "how many proxies stand in front and set X-Forwarded-For", 0)
    database_connections: int = setting(_number(2, 500), "connections a process may hold", 32)
    log_level: str = setting(_choice("debug", "info", "warning", "error"), "what is written to the log", "info")

    service_name: str = setting(_text, "the name on the pages and in mails", "とどけ")
    contact_telephone: str = setting(_text, "the contact centre's telephone number", demo="00-0000-0000")
    contact_email: str = setting(_mailbox, "the contact centre's e-mail address", demo="contact@todoke.example")
    contact_homepage: str = setting(_url, "the operator's homepage", demo="https://todoke.example")
    contact_opens: int = setting(_number(0, 23), "the hour when the contact centre opens", demo=9)
    contact_closes: int = setting(_number(1, 24), "the hour when it closes", demo=17)
    contact_year_end: tuple[tuple[int, int], tuple[int, int]] = setting(
        _year_end, "first and last day of the year-end closure, as 12-29/01-03", ((12, 29), (1, 3))
    )
    contact_closed_days: tuple[dt.date, ...] = setting(
        _days, "single days on which it is closed besides, as YYYY-MM-DD,…", ()
    )

    sender_address: str = setting(_mailbox, "From of every mail", demo="oshirase@mail.todoke.example")
    sender_name: str = setting(_text, "the name beside it", "とどけ")
    return_domain: str = setting(
        _domain, "the domain whose mail comes to our LMTP listener", demo="return.todoke.example"
    )
    return_keys: tuple[tuple[str, str], ...] = setting(
        _keys, "id:secret pairs that sign return addresses, newest first", secret=True
    )
    relays: tuple[str, ...] = setting(
        _relays, "mail relays in order of preference", demo=("smtp://127.0.0.1:8025",), secret=True
    )
    relay_verifies_recipients: bool = setting(
        _flag, "whether a relay's own refusal of a recipient is the recipient's fault", False
    )
    success_reports: bool = setting(
        _flag, "whether a report is asked for each mail that arrives (much more returned mail)", False, demo=True
    )
    domain_per_minute: int = setting(_number(1, 1_000_000), "mails a minute to one destination domain", 6000)
    lmtp_host: str = setting(_text, "the address that the LMTP listener is bound to", "127.0.0.1")
    lmtp_port: int = setting(_number(1, 65535), "its port", 8024)
    returned_mail_bytes: int = setting(_number(10_000, 50_000_000), "the largest returned mail that is read", 2_000_000)
    unmatched_mails: int = setting(_number(100, 10_000_000), "how many unmatched mails are kept", 20_000)
    postcard_classes: tuple[str, ...] = setting(
        _words("dead", "refused", "temporary"), "failures after which a postcard goes", ("dead", "refused", "temporary")
    )
    retry_days: int = setting(_number(1, 14), "days over which refused and temporary failures are tried again", 3)
    ours_days: int = setting(_number(1, 30), "days after which our own failures become a work item", 5)
    presumed_hours: int = setting(_number(24, 720), "hours without word after which a mail is presumed delivered", 72)
    same_address_limit: int = setting(
        _number(2, 1000), "technicians on one dead address after which ops look before postcards are made", 5
    )
    card_not_posted_days: int = setting(
        _number(1, 365), "working days after which a card that is not posted raises an alarm", 10
    )
    card_silent_days: int = setting(
        _number(1, 365), "working days without a report after which a posted card raises an alarm", 5
    )
    card_near_end_days: int = setting(
        _number(0, 7), "calendar days before a kept card goes back when the alarm begins", 2
    )
    card_wrong_pairs: int = setting(
        _number(1, 1_000_000), "wrong pairs an hour on the public card form before it answers by mail only", 100
    )
    postcard_sender_name: str = setting(_line, "who sends postcards, as printed", demo="とどけ登録機構")
    postcard_sender_postal_code: str = setting(_line, "the sender's postal code", demo="105-0001")
    postcard_sender_address: str = setting(
        _line,
        "the sender's address: cards that cannot be delivered come back here",
        demo="東京都港区虎ノ門9-9-9　とどけビル8階",
    )
    postcard_sender_telephone: str = setting(_line, "the sender's telephone number", demo="00-0000-0000")
    postcard_post_office: str = setting(_line, "the post office named in the mark 料金後納郵便", demo="銀座郵便局")
    postcard_contact: str = setting(
        _line,
        "the contact centre's lines inside the card, with | between them",
        demo="お問い合わせセンター|電話 00-0000-0000（9時から17時）|土曜・日曜・祝日・年末年始は休みです",
    )
    postcard_cost: int = setting(_number(0, 100_000), "yen that a postcard costs, printing and postage", demo=120)
    postcard_daily_at: str = setting(_time_of_day, "when a batch is made each day (HH:MM in Japan), empty: never", "")
    postcard_marks: bool = setting(_flag, "whether crop marks and the fold's mark stand in the bleed", True)
    postcard_presumed_days: int = setting(
        _number(1, 60), "days after mailing when a postcard is presumed delivered", 10
    )
    postcard_code_days: int = setting(_number(1, 365), "days for which the code of a mailed postcard is good", 60)
    postcard_file_days: int = setting(_number(1, 365), "days after mailing when the printer's files are removed", 14)
    alarm_window: int = setting(_number(20, 100_000), "the last attempts among which the alarms look for failures", 500)
    alarm_least: int = setting(_number(5, 100_000), "attempts in that window below which no rate raises an alarm", 50)
    alarm_bounce_percent: int = setting(
        _number(1, 100), "percent of those attempts that fail hard at which the alarm of the bounce rate opens", 5
    )
    alarm_destination_percent: int = setting(
        _number(1, 100), "percent of the attempts to one domain that fail in any way at which its alarm opens", 50
    )
    alarm_clear_percent: int = setting(
        _number(1, 100), "percent of its threshold below which such an alarm closes again", 70
    )
    alarm_queue_minutes: int = setting(
        _number(1, 10_000), "minutes for which a notice may be due and unsent before an alarm opens", 60
    )
    alarm_worker_minutes: int = setting(_number(1, 1_000), "minutes without a worker's sign of life before an alarm", 5)
    alarm_unmailed_days: int = setting(
        _number(1, 60), "working days on which no postcard is handed in although some wait, before an alarm opens", 3
    )
    alarm_returned_percent: int = setting(
        _number(1, 100), "percent of the cards whose way has ended that came back at which an alarm opens", 8
    )
    alarm_returned_days: int = setting(_number(1, 90), "the last days in which these cards arrived or came back", 14)
    alarm_returned_least: int = setting(_number(5, 100_000), "such cards below which no alarm opens", 50)
    alarm_unmatched_mails: int = setting(
        _number(1, 1_000_000), "returned mails that match nothing at which an alarm opens", 20
    )
    alarm_unmatched_hours: int = setting(_number(1, 720), "the last hours in which these came", 24)
    ops_mailbox: str = setting(
        _empty_or(_mailbox), "a shared mailbox to which alarms are mailed beside the operators' own; empty: none", ""
    )
    figures_least: int = setting(_number(1, 10_000), "notices below which the dashboard shows no rate", 20)
    metrics_token: str = setting(
        _token, "the bearer token of /metrics, 32 characters or more; empty: /metrics answers nobody", "", secret=True
    )
    import_bytes: int = setting(_number(100_000, 2_000_000_000), "the largest file that is imported", 200_000_000)
    api_per_minute: int = setting(_number(1, 1_000_000), "API requests a minute and key", 600)
    api_bytes: int = setting(_number(10_000, 100_000_000), "the largest API request", 5_000_000)

    look_ups_per_user_day: int = setting(
        _number(1, 1_000_000), "technicians of other businesses that a user may look up in a day", 200
    )
    look_ups_per_business_day: int = setting(
        _number(1, 1_000_000), "technicians of other businesses that all users of a business may look up in a day", 1000
    )
    invitations_per_day: int = setting(_number(1, 100_000), "technicians that a business may invite in a day", 100)
    export_rows: int = setting(_number(100, 1_000_000), "rows that an exported file takes at most", 100_000)
    keep_export_days: int = setting(_number(1, 365), "days for which an exported file can be fetched", 7)
    keep_access_days: int = setting(_number(365, 36_500), "days for which is kept who looked at whom", 1827)
    keep_audit_days: int = setting(_number(365, 36_500), "days for which the audit log is kept", 3653)
    keep_audit_words_days: int = setting(_number(30, 36_500), "days for which its personal part is kept", 3653)
    keep_returned_mail_days: int = setting(_number(1, 3_650), "days for which the bytes of returned mail are kept", 90)
    keep_unmatched_days: int = setting(_number(1, 3_650), "days for which unmatched mail is kept", 30)
    keep_import_days: int = setting(_number(1, 36_500), "days for which imported files and rejected rows are kept", 365)

    def __post_init__(self):
        if self.mode == "demo":
            _check_demo(self)
        if self.contact_closes <= self.contact_opens:
            raise SettingsError(f"{PREFIX}CONTACT_CLOSES must be later than {PREFIX}CONTACT_OPENS")


@dataclass(frozen=True)
class Origin:
    """Where a value came from: `environment`, `file`, `.env`, `default` or `mode`."""

    name: str
    value: Any
    source: str
    help: str
    secret: bool


def _check_demo(settings: Settings) -> None:
    """Keep the demo away from the world: its own database, loopback only."""
    if not re.fullmatch(r"sqlite:///(.*/)?demo\.db", settings.database_url):
        raise SettingsError("demo mode uses its own database var/demo.db and no other")
    for name, host in [
        ("TODOKE_HOST", settings.host),
        ("TODOKE_LMTP_HOST", settings.lmtp_host),
        *(("TODOKE_RELAYS", urlsplit(relay).hostname) for relay in settings.relays),
    ]:
        try:
            loopback = ipaddress.ip_address(host or "").is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise SettingsError(f"{name} must be a loopback address in demo mode")


def load(environ: Mapping[str, str] | None = None, dotenv: str | Path | None = ".env") -> Settings:
    """Return the settings; SettingsError in one sentence when one is missing or bad, or its name is unknown."""
    return load_with_origins(environ, dotenv)[0]


def load_with_origins(
    environ: Mapping[str, str] | None = None, dotenv: str | Path | None = ".env"
) -> tuple[Settings, list[Origin]]:
    """Return the settings and where each value came from."""
    environ = os.environ if environ is None else environ
    # The demo takes nothing from a file that may be production's.
    read_file = dotenv and environ.get(PREFIX + "MODE") != "demo"
    from_file = {k: v for k, v in (dotenv_values(dotenv) if read_file else {}).items() if v is not None}
    known = {PREFIX + f.name.upper() for f in fields(Settings)}
    for name in [*environ, *from_file]:
        if name.startswith(PREFIX) and name not in known and name.removesuffix("_FILE") not in known:
            raise SettingsError(f"{name} is no setting: `todoke settings` lists them")
    mode = environ.get(PREFIX + "MODE") or from_file.get(PREFIX + "MODE") or "production"
    origins = [_resolve(f, environ, from_file, mode) for f in fields(Settings)]
    return Settings(**{origin.name: origin.value for origin in origins}), origins


def _resolve(f, environ: Mapping[str, str], from_file: Mapping[str, str], mode: str) -> Origin:
    name, secret = PREFIX + f.name.upper(), f.metadata["secret"]

    def origin(value, source):
        return Origin(f.name, value, source, f.metadata["help"], secret)

    for source, values in (("environment", environ), (".env", from_file)):
        if name in values and name + "_FILE" in values:
            raise SettingsError(f"{name} and {name}_FILE are both set: remove one")
        if name in values:
            return origin(_read(f, name, values[name]), source)
        if name + "_FILE" in values:
            return origin(_read(f, name, _content(name + "_FILE", values[name + "_FILE"])), "file")
    # A test that forgot to name its database must not find the demo's.
    invented = f.metadata["demo"] is not MISSING and not (mode == "test" and f.name == "database_url")
    if mode in ("demo", "test") and invented:
        return origin(f.metadata["demo"], "mode")
    if f.default is not MISSING:
        return origin(f.default, "default")
    raise SettingsError(f"{name} is not set: {f.metadata['help']}")


def _read(f, name: str, text: str):
    try:
        return f.metadata["read"](text.strip())
    except ValueError as error:
        shown = "" if f.metadata["secret"] else f" (it is {text.strip()[:80]!r})"
        raise SettingsError(f"{name} {error}{shown}") from None


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: the file cannot be read ({type(error).__name__})") from None


def without_password(url: str) -> str:
    """Return a database address that can be shown."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:(hidden)@", url)
