"""What the API answers with: the models from which the answers are written and the OpenAPI document is made."""

from typing import Annotated

from pydantic import BaseModel, Field

from webapp.domain.intake.outcomes import RowOutcome


class ItemFinding(BaseModel):
    """What is wrong or doubtful in a body, and where."""

    pointer: Annotated[str, Field(json_schema_extra={"format": "json-pointer"}, description="RFC 6901")]
    message: str


class ItemAnswer(BaseModel):
    """What became of one registration of a request."""

    status: RowOutcome
    application_number: str
    registration: str | None
    technician_id: str | None
    errors: list[ItemFinding]
    warnings: list[ItemFinding]


class ItemsAnswer(BaseModel):
    """At least one registration is in: a result for each, in order."""

    results: list[ItemAnswer]


class NoticeAnswer(BaseModel):
    """A mail with the technician ID: to whom, how far it is, why it did not arrive."""

    role: str
    state: str
    reason: str | None


class PostcardAnswer(BaseModel):
    """A postcard and why there is one."""

    state: str
    cause: str


class CardAnswer(BaseModel):
    """A card on its way."""

    state: str


class RegistrationAnswer(BaseModel):
    """How far a registration's notices, postcards and cards are."""

    registration: str
    application_number: str
    technician_id: str
    completed_at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    first: bool = Field(description="whether it is the first registration of this person")
    notices: list[NoticeAnswer]
    postcards: list[PostcardAnswer]
    cards: list[CardAnswer]
