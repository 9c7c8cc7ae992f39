"""Exports by the worker as it is run: soon ready, and whole after the worker was killed while it wrote."""

import time
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from db.models import Affiliation, Business, ExportRequest, Technician
from tests import cast
from tests.processes import worker
from tests.servers.postfix import free_port
from webapp.domain.accounts import first_access
from webapp.domain.accounts.accounts import BusinessRole
from webapp.domain.exports import requests
from webapp.domain.exports.requests import ExportOrder, Format

PEOPLE = 3_000
LIST = "business_technicians.index"
LEASE_SECONDS = 2


@pytest.fixture
def firm(database, kept, now):
    """A business of three thousand."""
    kept("three thousand people", lambda: _people_of_a_firm(database, now))
    return Business.get()


def _people_of_a_firm(database, now) -> None:
    firm = cast.business(now)
    first, bound = cast.technician(now), None
    bound = cast.affiliate(first, firm, now)
    people = [Technician.select().where(Technician.id == first.id).dicts().get() for _ in range(PEOPLE - 1)]
    ties = [Affiliation.select().where(Affiliation.id == bound.id).dicts().get() for _ in range(PEOPLE - 1)]
    for n, (person, tie) in enumerate(zip(people, ties, strict=True), 1):
        person |= {"id": first.id + n, "technician_id": f"{80_000_000_000_000 + n}", "name": f"人 {n}"}
        tie |= {"id": bound.id + n, "technician": first.id + n}
    with database.atomic():
        for begin in range(0, PEOPLE - 1, 500):
            Technician.insert_many(people[begin : begin + 500]).execute()
            Affiliation.insert_many(ties[begin : begin + 500]).execute()


def until(seen, seconds: float = 60) -> float:
    """Wait until something is seen and return how long it took."""
    begun = time.monotonic()
    while not seen():
        assert time.monotonic() - begun < seconds
        time.sleep(0.01)
    return time.monotonic() - begun


def ask(firm, now) -> ExportRequest:
    account = first_access.new_business_user(firm, "tanaka", "田中", BusinessRole.VIEWER, now)
    return requests.ask(account.id, ExportOrder(LIST, "/business/technicians", Format.XLSX, "ja"), "", now)


def state_of(row: ExportRequest) -> str:
    return ExportRequest.get_by_id(row.id).state


def written(folder: Path) -> int:
    """How many bytes the files in the making have."""
    return sum(path.stat().st_size for path in folder.glob(".*/*") if path.is_file())


def test_a_file_of_three_thousand_survives_kills_of_the_worker(database_url, database, firm, tmp_path, now):
    env = worker.environment(database_url, tmp_path / "state", free_port())
    row, folder = ask(firm, now), requests.folder_of(tmp_path / "state")
    moments = [lambda: state_of(row) == "writing", lambda: written(folder) > 0 or state_of(row) == "ready"]
    for moment in moments:
        process = worker.start(env, LEASE_SECONDS)
        until(moment)
        process.kill()
        process.communicate()
    process = worker.start(env, LEASE_SECONDS)
    until(lambda: state_of(row) == "ready")
    until(lambda: len(list(folder.iterdir())) == 1)  # what the killed ones left goes
    process.terminate()
    process.communicate()
    done = ExportRequest.get_by_id(row.id)
    cells = CalamineWorkbook.from_path(str(folder / done.file)).get_sheet_by_index(0).to_python()
    assert done.done == PEOPLE == len({line[2] for line in cells[1:]}) and len(cells) == PEOPLE + 1
    assert requests.claim(now) is None


def test_three_thousand_people_are_ready_within_seconds_of_asking(database_url, database, firm, tmp_path, now):
    env = worker.environment(database_url, tmp_path / "state", free_port())
    process = worker.start(env, 60)
    assert process.stdout.readline().strip() == "working"
    row = ask(firm, now)
    seconds = until(lambda: state_of(row) == "ready")
    process.terminate()
    process.communicate()
    print(f"\n{PEOPLE:,} people ready {seconds:.1f} s after asking")
