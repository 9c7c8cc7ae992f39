"""Faults that every topic knows: a step that the table does not have, a thing that moved on, work taken by another."""


class StepNotAllowed(RuntimeError):
    """A step that the table of states does not have, or that somebody else was quicker to take."""


class TakenOver(RuntimeError):
    """Another worker goes on with this work now, or whoever asked for it has taken it back."""


class Stale(RuntimeError):
    """Somebody or something else has changed the thing since it was shown (409)."""


class NotAllowed(RuntimeError):
    """The step is not for this person, or not possible now."""
