"""All tables, by topic."""

from db.models.accounts import (
    Account,
    ApiKey,
    FormSubmission,
    IdempotentRequest,
    SearchRequest,
    SignInSession,
    Throttle,
)
from db.models.base import Row
from db.models.cards import (
    Card,
    CardReminder,
    Shipment,
    TrackingEvent,
    TrackingImport,
    TrackingLabel,
    TrackingSighting,
    TrackingSource,
)
from db.models.disclosure import AccessRow, AffiliationInvitation, BulkChange, BulkChangeRow, Seal
from db.models.email_change import EmailChange
from db.models.exports import ExportRequest
from db.models.inquiries import CardQuestion, Inquiry, InquiryEntry
from db.models.messages import Attempt, Message, ReturnedMail, ReturnedMailSource
from db.models.operations import Alarm, AuditDetail, AuditRow, Counter, Event, Fact, Switch, WorkerBeat, WorkItem
from db.models.people import Affiliation, Business, EmailAddress, RecordItem, RecordVersion, Technician
from db.models.postcards import Postcard, PostcardBatch, PostcardFile, PostcardPrint, PostcardReturn
from db.models.registrations import ImportOriginal, ImportReject, ImportRun, Registration
from db.models.sign_in import (
    ActivationCode,
    KeptForm,
    LostFactor,
    RecoveryCode,
    SecondFactor,
    SignInLink,
    SignInRequest,
)

__all__ = [
    "AccessRow",
    "Account",
    "ActivationCode",
    "Affiliation",
    "AffiliationInvitation",
    "Alarm",
    "ApiKey",
    "Attempt",
    "AuditDetail",
    "AuditRow",
    "BulkChange",
    "BulkChangeRow",
    "Business",
    "Card",
    "CardQuestion",
    "CardReminder",
    "Counter",
    "EmailAddress",
    "EmailChange",
    "Event",
    "ExportRequest",
    "Fact",
    "FormSubmission",
    "IdempotentRequest",
    "ImportOriginal",
    "ImportReject",
    "ImportRun",
    "Inquiry",
    "InquiryEntry",
    "KeptForm",
    "LostFactor",
    "Message",
    "Postcard",
    "PostcardBatch",
    "PostcardFile",
    "PostcardPrint",
    "PostcardReturn",
    "RecordItem",
    "RecordVersion",
    "RecoveryCode",
    "Registration",
    "ReturnedMail",
    "ReturnedMailSource",
    "Row",
    "Seal",
    "SearchRequest",
    "SecondFactor",
    "Shipment",
    "SignInLink",
    "SignInRequest",
    "SignInSession",
    "Switch",
    "Technician",
    "Throttle",
    "TrackingEvent",
    "TrackingImport",
    "TrackingLabel",
    "TrackingSighting",
    "TrackingSource",
    "WorkItem",
    "WorkerBeat",
]
