"""What a user of a business may fetch: its own current technicians and its own changes of many keys."""

from flask import abort
from flask_login import current_user

from webapp.domain.affiliations import roster
from webapp.domain.affiliations.roster import Member
from webapp.domain.disclosure import bulk
from webapp.domain.disclosure.bulk import BulkProgress
from webapp.domain.disclosure.policy import Viewer, viewer_of


def viewer() -> Viewer:
    """Return who is asking, as the rule of disclosure knows them."""
    return viewer_of(current_user.account)


def get_member_for(viewer: Viewer, technician_id: int, *, change: bool = False) -> Member:
    """Return a current technician of the business by row id; 404 for everybody else, 403 for who only looks."""
    member = roster.member_of(viewer, technician_id)
    if member is None:
        abort(404)
    if change and not viewer.may_change:
        abort(403)
    return member


def get_bulk_change_for(viewer: Viewer, bulk_id: int, *, change: bool = False) -> BulkProgress:
    """Return how far a change of many keys of the business is; 404 for another's, 403 for who only looks."""
    progress = bulk.progress(viewer, bulk_id)
    if progress is None:
        abort(404)
    if change and not viewer.may_change:
        abort(403)
    return progress
