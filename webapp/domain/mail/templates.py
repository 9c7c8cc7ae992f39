"""The words of our mails: one text file a kind, role and language, whose variables are declared here and checked.

A file is a `Subject:` line, a blank line and the body. `{name}` is a variable; the lines between `{#name}` and `{/}`
stand when the variable has a value, those between `{^name}` and `{/}` when it has none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from webapp.domain.core.language import LANGUAGES
from webapp.domain.notices import address_changes
from webapp.domain.notices.messages import MessageKind, Role

TEXTS = Path(__file__).with_name("mail_texts")

_VARIABLE = re.compile(r"\{([a-z_]+)\}")
_SECTION = re.compile(r"\{([#^])([a-z_]+)\}")


# What every text may use: it comes from the settings (Identity in compose.py).
COMMON = frozenset(
    {"operator", "mail_domain", "site_url", "contact_phone", "contact_hours", "contact_email", "homepage"}
)


@dataclass(frozen=True, slots=True)
class Variables:
    """What a text needs to be given, and what it may be given."""

    required: frozenset[str]
    optional: frozenset[str] = frozenset()


_ID_NOTICE = frozenset({"name", "technician_id", "application_number"})

_CARD = frozenset({"name", "application_number", "tracking_number"})
_CARD_KEPT = frozenset({"kept_until", "last", "returned"})
# The paragraphs of an operator's answer: a value is one line of the text.
_ANSWER = frozenset({"answer_a", "answer_b", "answer_c", "answer_d"})
# Somebody asked for the card; what the page did not say is said here, a section a state.
_ASKED = frozenset({"inquiry_number", "asked_on", "kept_until"}) | {
    f"card_{state}" for state in ("waiting", "moving", "kept", "delivered", "returned", "checking")
}

# What changed in how somebody signs in, and in an affiliation: a section each (account_mails, affiliation_mails).
_SIGN_IN_CHANGES = frozenset({"factor_lost_until"}) | {
    f"{change}_on"
    for change in (
        *("password_changed", "app_added", "passkey_added", "factor_removed", "codes_made", "code_used"),
        *("tries_used_up", "codes_used_up"),
    )
}
# An administrator has lost the phone: to the person and to all colleagues.
_OF_ADMINISTRATORS = frozenset({"factor_lost_asked_on", "colleague_lost_asked_on", "colleague_lost_until", "colleague"})
# To technicians, who may never have signed in.
_CODES = frozenset({"code_dead_on", "postcard_not_sent_on"})
_ADDRESS_CHANGES = address_changes.SECTIONS | {"not_mine_url"}
_AFFILIATION = frozenset(f"{change}_on" for change in ("joined", "left", "ended", "annulled", "disputed"))

# A kind of mail is a row here and a file for each language.
VARIABLES: dict[tuple[MessageKind, Role], Variables] = {
    (MessageKind.ID_NOTICE, Role.TECHNICIAN): Variables(_ID_NOTICE, frozenset({"sign_in_url"})),
    (MessageKind.ID_NOTICE, Role.BUSINESS): Variables(_ID_NOTICE | {"business_name"}),
    (MessageKind.ID_NOTICE, Role.PROXY): Variables(_ID_NOTICE | {"business_name"}),
    (MessageKind.OPS_ALARM, Role.OPERATOR): Variables(
        frozenset({"alarm", "opened_at", "place", "alarms_url"}), frozenset({"what_to_do", "closed_at"})
    ),
    (MessageKind.CARD_REMINDER, Role.TECHNICIAN): Variables(_CARD, _CARD_KEPT),
    (MessageKind.CARD_REMINDER, Role.BUSINESS): Variables(_CARD | {"business_name"}, _CARD_KEPT | {"unreachable"}),
    (MessageKind.INQUIRY, Role.TECHNICIAN): Variables(frozenset({"name"}), _ANSWER | _ASKED),
    (MessageKind.INQUIRY, Role.BUSINESS): Variables(
        frozenset({"business_name", "inquiry_number", "answer_a"}), _ANSWER - {"answer_a"}
    ),
    (MessageKind.SIGN_IN, Role.TECHNICIAN): Variables(frozenset({"name", "sign_in_url"})),
    (MessageKind.SIGN_IN, Role.BUSINESS): Variables(frozenset({"business_name", "user_name", "sign_in_url"})),
    (MessageKind.INVITATION, Role.BUSINESS): Variables(
        frozenset({"business_name", "sign_in_url"}), frozenset({"user_name"})
    ),
    (MessageKind.CONFIRM, Role.TECHNICIAN): Variables(
        frozenset({"name"}),
        _SIGN_IN_CHANGES | _CODES | _AFFILIATION | _ADDRESS_CHANGES | {"business_name", "confirm_code"},
    ),
    (MessageKind.CONFIRM, Role.BUSINESS): Variables(
        frozenset({"business_name"}), _SIGN_IN_CHANGES | _AFFILIATION | {"user_name", "name", "technician_id"}
    ),
    (MessageKind.CONFIRM, Role.OPERATOR): Variables(
        frozenset({"user_name"}), _SIGN_IN_CHANGES | _OF_ADMINISTRATORS | {"confirm_code"}
    ),
}


class TextError(ValueError):
    """A text file that does not fit its row in VARIABLES."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text ready to be filled: the body as (only when this variable is set / not set, format string) blocks."""

    subject: str
    blocks: tuple[tuple[str | None, bool, str], ...]

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the body; a variable without a value is empty."""
        return "".join(
            block.format_map(values)
            for variable, wanted, block in self.blocks
            if variable is None or bool(values.get(variable)) is wanted
        )


def compile_text(source: str, variables: Variables, name: str = "text") -> Text:
    """Read one text file. Raises TextError for an unknown or an unused variable or a malformed section."""
    subject_line, _, body = source.partition("\n\n")
    if not subject_line.startswith("Subject: ") or "\n" in subject_line or not body.strip():
        raise TextError(f"{name}: a text begins with one Subject: line, a blank line and the body")
    subject = subject_line.removeprefix("Subject: ")
    if "{" in subject:
        raise TextError(f"{name}: a subject holds no variable, since it is shown on locked screens")
    allowed = variables.required | variables.optional | COMMON
    blocks: list[tuple[str | None, bool, str]] = []
    used: set[str] = set()
    condition: tuple[str | None, bool] = (None, True)
    lines: list[str] = []
    for line in [*body.strip("\n").split("\n"), None]:
        section = _SECTION.fullmatch(line) if line is not None else None
        if section or line == "{/}" or line is None:
            inside = condition[0] is not None
            if inside is (section is not None or line is None):
                raise TextError(f"{name}: sections are closed by {{/}} and do not nest")
            blocks.append((*condition, "".join(lines)))
            lines = []
            condition = (section.group(2), section.group(1) == "#") if section else (None, True)
            used.update({section.group(2)} if section else ())
            continue
        found = _VARIABLE.findall(line)
        if _VARIABLE.sub("", line).count("{") or _VARIABLE.sub("", line).count("}"):
            raise TextError(f"{name}: a brace that belongs to no variable in: {line}")
        used.update(found)
        lines.append(line + "\n")
    if unknown := used - allowed:
        raise TextError(f"{name}: unknown variable {', '.join(sorted(unknown))}")
    if unused := (variables.required | variables.optional) - used:
        raise TextError(f"{name}: variable {', '.join(sorted(unused))} is not used")
    return Text(subject, tuple(block for block in blocks if block[2]))


def file_name(kind: MessageKind, role: Role, language: str) -> str:
    """Return the name of the text's file within TEXTS."""
    return f"{kind}.{role}.{language}.txt"


@cache
def text_for(kind: MessageKind, role: Role, language: str) -> Text:
    """Return the text of a kind for a role, compiled once a process. Raises KeyError for a row that does not exist."""
    variables = VARIABLES[(kind, role)]
    if language not in LANGUAGES:
        raise KeyError(language)
    name = file_name(kind, role, language)
    return compile_text((TEXTS / name).read_text("utf-8"), variables, name)
