"""A worker that only makes batches, as a process to be killed: `python -m tests.processes.postcards DATABASE FOLDER`.

It ends when nothing is to do. Leases are short, so that the next process need not wait for a killed one.
"""

import datetime as dt
import sys
import time
from pathlib import Path

from db import database as db
from db.models import PostcardBatch
from tests.domain.postcard import desk
from webapp.domain.postcard import batches
from webapp.domain.postcard.production import Production
from webapp.domain.postcard.states import BatchState


def run(database_url: str, folder: Path) -> None:
    batches.LEASE = dt.timedelta(seconds=20)
    db.configure(database_url)
    with db.connected():
        production = Production(desk.office(folder), lambda: dt.datetime.now(dt.UTC))
        open_states = [BatchState.GATHERING, BatchState.MAKING]
        while PostcardBatch.select().where(PostcardBatch.state.in_(open_states)).exists():
            if not production.step():
                time.sleep(0.2)  # a killed process still has the lease


if __name__ == "__main__":
    run(sys.argv[1], Path(sys.argv[2]))
