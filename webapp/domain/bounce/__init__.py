"""A returned mail → whom it concerns, why, dead or not: `judge(mail)`, `judge_reply(…)`, `explain(judgement)`."""

from webapp.domain.bounce.advice import advice
from webapp.domain.bounce.explain import explain
from webapp.domain.bounce.judge import judge, judge_reply
from webapp.domain.bounce.model import Failure, Judgement, JudgementStep, MailKind, Reason, ReasonClass, Stage, is_hard

__all__ = [
    "Failure",
    "Judgement",
    "JudgementStep",
    "MailKind",
    "Reason",
    "ReasonClass",
    "Stage",
    "advice",
    "explain",
    "is_hard",
    "judge",
    "judge_reply",
]
