"""The loop beside the web: sending, returned mail, imports, exports, reminders, seals."""

from webapp.worker.worker import TickFileError, Worker

__all__ = ["TickFileError", "Worker"]
